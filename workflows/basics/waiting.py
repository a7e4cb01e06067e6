"""Waiting: for somebody's consent, for a value that somebody gives, or for time to pass.

The execution stands still and holds no process meanwhile. In the console the node has a button; with
``FlyteRemote`` it is ``remote.approve(...)`` and ``remote.set_signal(...)``. Run locally, flytekit asks in
the terminal.
"""

from datetime import timedelta

from flytekit import approve, sleep, task, wait_for_input, workflow


@task
def propose(topic: str) -> str:
    """What is to be approved."""
    return f"A report about {topic}"


@task
def publish(report: str, title: str) -> str:
    """Both are there by now."""
    return f"{title}: {report}"


@workflow
def waiting_wf(topic: str = "taxis") -> str:
    """Wait a moment, for a title, and for the approval of the report.

    :param topic: of the report.
    :return: the published report.
    """
    report = propose(topic=topic)
    pause = sleep(timedelta(seconds=1))
    title = wait_for_input("title", timeout=timedelta(hours=1), expected_type=str)
    approved = approve(report, "approve-report", timeout=timedelta(hours=1))
    report >> pause >> title
    return publish(report=approved, title=title)

"""The smallest workflow that is more than one task: make a greeting, then say it.

A task is a function that runs in a process (on a cluster, a pod) of its own; a workflow says which output
goes to which input, and runs nothing itself. Types are the contract between them, and Flyte checks them.
"""

from flytekit import task, workflow


@task
def greet(name: str) -> str:
    """A greeting for somebody."""
    return f"Hello, {name}!"


@task
def say(greeting: str) -> str:
    """Print the greeting, so that there is a log to look at, and hand it on."""
    print(greeting)  # noqa: T201 - the task's log is what this task is about
    return greeting


@workflow
def hello_wf(name: str = "world") -> str:
    """Greet somebody.

    Registering a workflow also makes a launch plan of the same name, ``basics.hello_world.hello_wf``. That is
    the name to give to an Airflow operator.

    :param name: whom to greet.
    :return: the greeting.
    """
    return say(greeting=greet(name=name))

"""Scripts, queries and plain commands: tasks that flytekit runs in a container like any other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flyteidl.core.execution_pb2 import WorkflowExecution
from flytekit.remote import FlyteRemote, FlyteWorkflowExecution

from .launching import Tasks


def run(remote: FlyteRemote, plan: str, **inputs: Any) -> FlyteWorkflowExecution:
    launch_plan = remote.fetch_launch_plan(name=f"examples.{plan}", version="v1")
    execution = remote.execute(launch_plan, inputs=inputs)
    ended = remote.wait(execution, timeout=timedelta(seconds=90), poll_interval=timedelta(seconds=0.1))
    return remote.sync(ended, sync_nodes=True)


def test_a_shell_task_with_files_in_and_out(remote: FlyteRemote, registered: str) -> None:
    ended = run(remote, "shells.shout")
    assert ended.closure.phase == WorkflowExecution.SUCCEEDED, ended.error
    assert ended.outputs["o0"] == "ONE\nTWO\n2"


def test_a_shell_task_that_fails_says_what_its_script_said(remote: FlyteRemote, registered: str) -> None:
    ended = run(remote, "shells.failing")
    assert ended.closure.phase == WorkflowExecution.FAILED
    assert "Failed to Execute Script, return-code 3" in ended.error.message
    assert "to stderr" in ended.error.message


def test_a_query_of_sqlite_that_is_rendered_from_its_template(remote: FlyteRemote, registered: str) -> None:
    """A shim task: its process gets the task's template as a file."""
    ended = run(remote, "shells.songs", year=2000)
    assert ended.closure.phase == WorkflowExecution.SUCCEEDED, ended.error
    assert ended.outputs["o0"] == ["a", "b"]


def test_a_plain_command_knows_where_everything_is(tasks: Tasks) -> None:
    script = 'ls "$1" "$2" && echo "$3 $4 $FLYTE_ATTEMPT_NUMBER" && pwd && python -c "print(40 + 2)"'
    places = ("{{.input}}", "{{.taskTemplatePath}}", "{{.inputs.word}}", "{{.perRetryUniqueKey}}")
    ended = tasks.run("bash", "-c", script, "bash", *places, inputs={"word": "said"})
    assert ended.phase == "SUCCEEDED", ended.error
    lines = ended.log().splitlines()
    folder = ended.folder()
    assert lines[:2] == [str(folder / "inputs.pb"), str(folder / "task.pb")]
    assert lines[2].startswith("said ")
    assert lines[2].endswith(" 0")
    assert lines[3:] == [str(folder / "work/cwd"), "42"]

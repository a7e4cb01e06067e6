"""Requests and limits of tasks in the three modes, with real processes."""

from __future__ import annotations

import pytest
from flyteidl.admin import project_domain_attributes_pb2
from flyteidl.core import tasks_pb2

from flyte_sandbox.runner.machine import this_machine
from flyte_sandbox.runner.template import processes

from ..waiting import eventually
from .launching import DOMAIN, PROJECT, Launched

CPUS = this_machine().cpu_millis // 1000
_NAMES = {"cpu": tasks_pb2.Resources.CPU, "mem": tasks_pb2.Resources.MEMORY, "gpu": tasks_pb2.Resources.GPU}


def asking(eager: bool = False, **requests: str):
    """Changes a template so that it asks for this."""

    def change(template: tasks_pb2.TaskTemplate) -> None:
        for name, value in requests.items():
            template.container.resources.requests.add(name=_NAMES[name], value=value)
        template.metadata.is_eager = eager

    return change


def gate(folder, key: str) -> str:
    """The code of a task that tells it runs, and waits to be let go."""
    return f"""
import pathlib, threading
pathlib.Path({str(folder / key)!r}).touch()
while not pathlib.Path({str(folder / key) + "-go"!r}).exists():
    threading.Event().wait(0.01)
"""


def let_go(folder, *keys: str) -> None:
    for key in keys:
        (folder / f"{key}-go").touch()


def launch(tasks, folder, key, **requests) -> Launched:
    return tasks.launch("python", "-c", gate(folder, key), change=asking(**requests))


@pytest.mark.parametrize("mode", ["clamp", "enforce"])
def test_a_task_waits_for_another_that_has_what_it_asks_for(make_tasks, tmp_path, mode):
    tasks = make_tasks(resources=mode)
    first = launch(tasks, tmp_path, "first", cpu=str(CPUS))
    eventually((tmp_path / "first").exists)
    second = launch(tasks, tmp_path, "second", cpu="100m")
    waiting = ["WAITING_FOR_RESOURCES"] if mode == "enforce" else ["QUEUED"]
    eventually(lambda: second.phases() == waiting)
    if mode == "enforce":
        assert second.reasons()[-1] == "Unschedulable: waiting for cpu 100m, memory 1Gi"
    assert not (tmp_path / "second").exists()
    let_go(tmp_path, "first", "second")
    assert (first.wait().phase, second.wait().phase) == ("SUCCEEDED", "SUCCEEDED")


def test_one_that_waits_can_be_aborted(make_tasks, tmp_path):
    tasks = make_tasks(resources="enforce")
    launch(tasks, tmp_path, "first", cpu=str(CPUS))
    eventually((tmp_path / "first").exists)
    second = launch(tasks, tmp_path, "second")
    eventually(lambda: second.phases() == ["WAITING_FOR_RESOURCES"])
    second.terminate()
    assert second.wait().phase == "ABORTED"
    assert not (tmp_path / "second").exists()


def test_an_eager_parent_holds_nothing(make_tasks, tmp_path):
    tasks = make_tasks(resources="clamp")
    parents = [launch(tasks, tmp_path, f"parent-{n}", eager=True, cpu=str(CPUS)) for n in range(3)]
    for number in range(3):
        eventually((tmp_path / f"parent-{number}").exists)
    child = launch(tasks, tmp_path, "child", cpu=str(CPUS))
    eventually((tmp_path / "child").exists)
    let_go(tmp_path, "child", *(f"parent-{number}" for number in range(3)))
    assert {each.wait().phase for each in (child, *parents)} == {"SUCCEEDED"}


def test_clamp_gives_what_there_is_and_notes_it(make_tasks):
    tasks = make_tasks(resources="clamp")
    ended = tasks.run("true", change=asking(cpu="1000", mem="100Ti", gpu="8"))
    assert ended.phase == "SUCCEEDED"
    notes = [reason for reason in ended.reasons() if "requested" in reason]
    assert notes[0] == f"CPU 1000 was requested; the task ran with this machine's {CPUS}."
    assert notes[1].startswith("Memory 100Ti was requested; the task ran with this machine's ")
    assert notes[2].startswith("8 GPUs were requested; the task ran without")


def test_enforce_refuses_what_is_impossible(make_tasks):
    ended = make_tasks(resources="enforce").run("true", change=asking(cpu="1000"))
    assert (ended.phase, ended.error.code) == ("FAILED", "ResourceRequestsExceedLimits")
    assert f"cpu 1000 of {CPUS}" in ended.error.message
    assert len(ended.attempts()) == 1


def test_attributes_of_the_project_give_defaults(make_tasks):
    tasks = make_tasks(resources="enforce")
    attributes = project_domain_attributes_pb2.ProjectDomainAttributes(project=PROJECT, domain=DOMAIN)
    attributes.matching_attributes.task_resource_attributes.defaults.cpu = "1000"
    update = project_domain_attributes_pb2.ProjectDomainAttributesUpdateRequest(attributes=attributes)
    tasks.admin.UpdateProjectDomainAttributes(update)
    assert tasks.run("true").error.code == "ResourceRequestsExceedLimits"
    assert tasks.run("true", change=asking(cpu="100m")).phase == "SUCCEEDED"


def test_off_looks_at_nothing(make_tasks):
    ended = make_tasks(resources="off").run("true", change=asking(cpu="1000", mem="100Ti"))
    assert ended.phase == "SUCCEEDED"


HUNGRY = """
    import subprocess, sys, threading
    eat = "import sys, time; x = bytearray(sys.stdin.buffer.read(1)) * (300 << 20); time.sleep(300)"
    child = subprocess.Popen([sys.executable, "-c", eat], stdin=subprocess.PIPE, start_new_session=True)
    child.stdin.write(b"x")
    child.stdin.close()
    print("child", child.pid, flush=True)
    threading.Event().wait()
"""


def test_the_memory_of_all_its_processes_is_limited(make_tasks):
    """A child in a session of its own counts, and ends with the others."""
    tasks = make_tasks(resources="enforce")
    ended = tasks.python(HUNGRY, change=asking(mem="200Mi"))
    assert ended.phase == "FAILED"
    assert ended.error.code == "RetriesExhausted|OOMKilled"
    assert "terminated with exit code (137). Reason [OOMKilled]" in ended.error.message
    child = int(ended.log().split("child ")[1].split()[0])
    assert processes.identity(child) is None


def test_what_is_shared_with_the_template_does_not_count(make_tasks):
    """A forked task has flytekit's memory, but does not pay for it."""
    tasks = make_tasks(resources="enforce")
    eventually(lambda: tasks.sandbox.runner.ready(30) is None)
    code = "import time; time.sleep(0.6)"
    ended = tasks.run("python", "-c", code, change=asking(mem="60Mi"))
    assert ended.phase == "SUCCEEDED", ended.error


def test_clamp_kills_nobody_for_memory(make_tasks):
    code = "x = bytearray(100 << 20); import time; time.sleep(0.6)"
    ended = make_tasks(resources="clamp").run("python", "-c", code, change=asking(mem="50Mi"))
    assert ended.phase == "SUCCEEDED", ended.error

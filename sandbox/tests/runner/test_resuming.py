"""kill -9 of the server, of a template, of a task, at any time: every attempt runs once and has one end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from flyte_sandbox.runner.template import processes

HOST = Path(__file__).with_name("host.py")


class Host:
    """A server in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HOST), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def order(self, do, **details):
        self._process.stdin.write(json.dumps({"do": do, **details}) + "\n")
        self._process.stdin.flush()

    def start(self, spec):
        self.order("start", **describe(spec))

    def wait_for(self, event, key):
        for line in self._process.stdout:
            found = json.loads(line)
            if (found["event"], found["key"]) == (event, key):
                return found
        raise AssertionError("the host has ended")

    def kill(self):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


def describe(spec):
    return {"key": spec.key, "folder": str(spec.folder), "argv": spec.argv, "env": dict(spec.env)}


@pytest.fixture
def host(tmp_path):
    host = Host(tmp_path)
    yield host
    host.kill()


GATED = """
    import os, pathlib, threading
    notes = pathlib.Path(NOTES)
    with (notes / "runs").open("a") as runs:
        runs.write(f"{os.getpid()}\\n")
    while not (notes / "go").exists():
        threading.Event().wait(0.01)
    print("went")
"""


class Gated:
    """A task that notes each of its runs and goes on when it is told to."""

    def __init__(self, harness, key, cold=False, **env):
        self.notes = harness.folder / f"{key}-notes"
        self.notes.mkdir()
        if cold:
            env["OMP_NUM_THREADS"] = "1"
        self.spec = harness.task(key, GATED.replace("NOTES", repr(str(self.notes))), **env)
        self.key = key

    def is_running(self):
        return (self.notes / "runs").exists() and (self.notes / "runs").read_text().endswith("\n")

    @property
    def runs(self):
        return (self.notes / "runs").read_text().split()

    def go(self):
        (self.notes / "go").touch()


def leave_running(host, eventually, *tasks):
    """Start them, and kill the server once they run."""
    for task in tasks:
        host.start(task.spec)
        eventually(task.is_running, "the task")
    host.kill()


@pytest.mark.parametrize("cold", [False, True], ids=["warm", "cold"])
def test_a_running_attempt_is_adopted_after_kill_9_of_the_server(make_harness, host, eventually, cold):
    after = make_harness()
    task = Gated(after, "a", cold=cold)
    leave_running(host, eventually, task)
    after.runner.resume([task.spec])
    after.wait_for_start("a")
    task.go()
    ending = after.wait_for_end("a")
    assert (ending.code, ending.lost, len(task.runs)) == (0, False, 1)
    assert ending.started_at == after.started["a"]
    assert ending.log_tail.endswith("went\n")


def test_an_attempt_that_ended_while_no_server_listened_is_reported(make_harness, host, eventually):
    after = make_harness()
    task = Gated(after, "a")
    leave_running(host, eventually, task)
    task.go()
    eventually((task.spec.folder / "exit.json").exists, "its end")
    after.runner.resume([task.spec])
    ending = after.wait_for_end("a")
    assert (ending.code, ending.lost, len(task.runs)) == (0, False, 1)


def test_an_end_that_its_template_did_not_live_to_see_is_reported(make_harness, host, eventually):
    after = make_harness()
    task = Gated(after, "a")
    leave_running(host, eventually, task)
    (template,) = after.templates()
    template.suspend()  # as one that has been killed but is not dead yet
    task.go()
    process = psutil.Process(int(task.runs[0]))
    eventually(lambda: process.status() == psutil.STATUS_ZOMBIE, "its end")
    template.kill()
    after.runner.resume([task.spec])
    ending = after.wait_for_end("a")
    assert (ending.code, ending.lost, len(task.runs)) == (0, False, 1)
    eventually(lambda: not (task.spec.folder / "work").exists(), "the work folder to go")


def test_an_attempt_that_was_never_claimed_is_started(make_harness):
    after = make_harness()
    after.runner.resume([after.spec("a", "sh", "-c", "echo ran")])
    assert after.wait_for_end("a").code == 0
    assert after.log("a") == "ran\n"


def test_an_attempt_of_which_nothing_is_left_is_lost(make_harness, host, eventually):
    after = make_harness()
    task = Gated(after, "a")
    leave_running(host, eventually, task)
    for template in after.templates():
        template.kill()
    os.kill(int(task.runs[0]), signal.SIGKILL)
    eventually(lambda: after.living(task.spec) == set(), "its process to go")
    after.runner.resume([task.spec])
    ending = after.wait_for_end("a")
    assert (ending.code, ending.signal, ending.lost, len(task.runs)) == (None, None, True, 1)


def test_attempts_nobody_asks_for_are_stopped(make_harness, host, eventually):
    after = make_harness()
    wanted, stranger = Gated(after, "wanted"), Gated(after, "stranger")
    leave_running(host, eventually, wanted, stranger)
    after.runner.resume([wanted.spec])
    eventually(lambda: after.living(stranger.spec) == set(), "the stranger to go")
    assert after.living(wanted.spec) != set()
    wanted.go()
    assert after.wait_for_end("wanted").code == 0
    assert after.endings("stranger") == []


def test_an_adopted_attempt_can_be_stopped(make_harness, host, eventually):
    after = make_harness()
    task = Gated(after, "a")
    leave_running(host, eventually, task)
    after.runner.resume([task.spec])
    after.runner.stop("a")
    assert after.wait_for_end("a").signal == signal.SIGTERM
    assert after.living(task.spec) == set()


def test_a_task_killed_from_outside_ends_by_that_signal(make_harness, eventually):
    harness = make_harness()
    task = Gated(harness, "a")
    harness.runner.start(task.spec)
    eventually(task.is_running, "the task")
    os.kill(int(task.runs[0]), signal.SIGKILL)
    ending = harness.wait_for_end("a")
    assert (ending.code, ending.signal, ending.lost) == (None, signal.SIGKILL, False)


def test_a_forked_attempt_survives_its_template_and_tells_its_own_end(make_harness, eventually):
    harness = make_harness()
    task = Gated(harness, "a")
    harness.runner.start(task.spec)
    eventually(task.is_running, "the task")
    for template in harness.templates():
        template.kill()
    eventually(lambda: harness.templates() == [], "the template to go")
    assert harness.endings("a") == []
    task.go()
    ending = harness.wait_for_end("a")
    assert (ending.code, ending.lost, len(task.runs)) == (0, False, 1)
    eventually(lambda: not (task.spec.folder / "work").exists(), "the work folder to go")


def test_a_cold_attempt_whose_template_was_killed_is_lost_when_it_ends(make_harness, eventually):
    harness = make_harness()
    task = Gated(harness, "a", cold=True)
    harness.runner.start(task.spec)
    eventually(task.is_running, "the task")
    for template in harness.templates():
        template.kill()
    task.go()
    ending = harness.wait_for_end("a")
    assert (ending.code, ending.signal, ending.lost) == (None, None, True)


def test_an_orphan_that_ignores_sigterm_is_killed_with_all_that_it_started(make_harness, eventually):
    harness = make_harness()
    body = """
        import os, pathlib, signal, subprocess, threading
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
        pathlib.Path(NOTE).touch()
        threading.Event().wait()
    """
    note = harness.folder / "note"
    spec = harness.task("a", body.replace("NOTE", repr(str(note))))
    harness.runner.start(spec)
    eventually(note.exists, "the task")
    for template in harness.templates():
        template.kill()
    eventually(lambda: harness.templates() == [], "the template to go")
    harness.runner.stop("a")
    assert harness.wait_for_end("a").lost
    eventually(lambda: harness.living(spec) == set(), "all its processes to go")


def test_what_an_orphan_started_ends_with_it(make_harness, eventually):
    """Also in a session of its own and without the mark; the dead template cannot inherit it any more."""
    harness = make_harness()
    gated = Gated(harness, "k")
    start = """
    import subprocess, sys
    child = subprocess.Popen(["sleep", "300"], env={}, start_new_session=True)
    print("child", child.pid, flush=True)
    """
    module = harness.folder / "code/k/user_tasks.py"
    module.write_text(module.read_text().replace("def t():\n", "def t():\n" + start, 1))
    harness.runner.start(gated.spec)
    eventually(gated.is_running, "the task to run")
    child = int(harness.log("k").split("child ")[1].split()[0])
    harness.templates()[0].kill()
    eventually(lambda: child in harness.living(gated.spec), "the server to look")
    seen = harness.runner._dispatcher._attempts["k"]
    eventually(lambda: seen.orphan is not None and child in seen.orphan._family, "the server to see it")
    gated.go()
    assert harness.wait_for_end("k").code == 0
    eventually(lambda: processes.identity(child) is None, "its child to end")


def test_attempts_after_the_death_of_a_template_get_a_new_one(make_harness):
    harness = make_harness()
    assert harness.run(harness.spec("before", "true")).code == 0
    for template in harness.templates():
        template.kill()
    specs = [harness.spec(f"after-{number}", "true") for number in range(5)]
    for spec in specs:
        harness.runner.start(spec)
    assert [harness.wait_for_end(spec.key).code for spec in specs] == [0] * 5


@pytest.mark.parametrize("reached", [0, 3, 25])
def test_kill_9_of_the_template_in_the_middle_of_many_starts_runs_none_twice(make_harness, reached):
    harness = make_harness()
    harness.runner.ready(30)
    runs = harness.folder / "runs"
    runs.mkdir()
    specs = [harness.spec(f"a{n}", "sh", "-c", f"mktemp {runs}/a{n}.XXXXXX") for n in range(60)]
    for spec in specs[:30]:
        harness.runner.start(spec)
    harness.wait_for_start(f"a{reached}")
    for template in harness.templates():
        template.kill()
    for spec in specs[30:]:
        harness.runner.start(spec)
    endings = [harness.wait_for_end(spec.key) for spec in specs]
    ran = [path.name.partition(".")[0] for path in runs.iterdir()]
    assert len(ran) == len(set(ran))
    assert {ending.key for ending in endings if not ending.lost} <= set(ran)
    assert all(ending.code == 0 for ending in endings if not ending.lost)


def test_kill_9_of_the_server_in_the_middle_of_many_starts_runs_each_once(make_harness, host):
    after = make_harness()
    runs = after.folder / "runs"
    runs.mkdir()
    specs = [after.spec(f"a{n}", "sh", "-c", f"mktemp {runs}/a{n}.XXXXXX") for n in range(60)]
    for spec in specs:
        host.start(spec)
    host.wait_for("ended", "a5")
    host.kill()
    after.runner.resume(specs)
    assert [after.wait_for_end(spec.key).code for spec in specs] == [0] * 60
    assert sorted(path.name.partition(".")[0] for path in runs.iterdir()) == sorted(
        spec.key for spec in specs
    )


def test_attempts_go_on_when_the_server_closes_without_stopping_them(make_harness, eventually):
    before = make_harness()
    task = Gated(before, "a")
    before.runner.start(task.spec)
    eventually(task.is_running, "the task")
    before.runner.close(stop_attempts=False)
    assert before.ends == []
    after = make_harness()
    after.runner.resume([task.spec])
    after.wait_for_start("a")
    task.go()
    assert after.wait_for_end("a").code == 0
    assert len(task.runs) == 1


def test_a_restarted_server_uses_the_template_that_is_there(make_harness):
    before = make_harness()
    before.runner.ready(30)
    (template,) = before.templates()
    before.runner.close(stop_attempts=False)
    after = make_harness()
    after.runner.ready(30)
    assert after.run(after.spec("a", "true")).code == 0
    assert after.templates() == [template]

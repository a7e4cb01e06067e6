"""Attempts whose code is loaded before they may begin: nothing of a task runs without the word."""

from __future__ import annotations

import dataclasses
import json

import psutil
import pytest

from flyte_sandbox.runner.attempts import Secrets

COUNTS = """
    import os, pathlib
    from flytekit import task

    def note(line):
        with open(os.environ["NOTES"], "a") as file:
            file.write(line + chr(10))

    note(f"imported {os.getpid()}")

    @task
    def t():
        note(f"ran {os.getpid()}")
"""


@pytest.fixture
def harness(make_harness):
    made = make_harness()
    made.runner.ready(60)
    return made


def counting(harness, key, source=COUNTS):
    return harness.module(key, source, NOTES=str(harness.folder / f"{key}.notes"))


def notes(harness, key):
    path = harness.folder / f"{key}.notes"
    return path.read_text().splitlines() if path.exists() else []


def prepare(harness, spec, eventually):
    harness.runner.prepare(spec)
    eventually(lambda: notes(harness, spec.key), f"{spec.key} to be imported")
    return int(notes(harness, spec.key)[0].split()[1])


def claim(harness, key):
    return json.loads((harness.attempt_folder(key) / "claim").read_text())


def test_the_process_that_has_imported_runs_the_task(harness, eventually):
    spec = counting(harness, "a")
    pid = prepare(harness, spec, eventually)
    assert not (harness.attempt_folder("a") / "claim").exists()
    assert harness.run(spec).code == 0
    assert notes(harness, "a") == [f"imported {pid}", f"ran {pid}"]
    assert claim(harness, "a")["pid"] == pid


def test_it_has_begun_when_it_got_the_word_and_not_when_it_was_forked(harness, eventually):
    spec = counting(harness, "a")
    pid = prepare(harness, spec, eventually)
    forked_at = psutil.Process(pid).create_time()
    ending = harness.run(spec)
    assert ending.started_at == harness.started["a"]
    assert ending.started_at.timestamp() > forked_at


def test_the_thread_that_fetches_its_inputs_waits_with_it(harness, eventually):
    pid = prepare(harness, counting(harness, "a"), eventually)
    eventually(lambda: psutil.Process(pid).num_threads() == 2, "the thread")


def test_an_order_right_behind_is_taken_by_it(harness):
    spec = counting(harness, "a")
    harness.runner.prepare(spec)
    assert harness.run(spec).code == 0
    assert [line.split()[0] for line in notes(harness, "a")] == ["imported", "ran"]


def test_without_the_word_nothing_runs_and_little_is_left(harness, eventually):
    pid = prepare(harness, counting(harness, "a"), eventually)
    harness.runner.close(stop_attempts=True)
    eventually(lambda: not psutil.pid_exists(pid), "the process to end")
    assert notes(harness, "a") == [f"imported {pid}"]
    assert not (harness.attempt_folder("a") / "work").exists()
    assert not (harness.attempt_folder("a") / "log").exists()


def test_the_latest_few_are_kept(harness, eventually):
    pids = [prepare(harness, counting(harness, key), eventually) for key in ("a", "b", "c")]
    eventually(lambda: not psutil.pid_exists(pids[0]), "the first to make room")
    assert psutil.pid_exists(pids[1])
    assert psutil.pid_exists(pids[2])


def test_what_is_ordered_otherwise_is_forked_anew(harness, eventually):
    spec = counting(harness, "a")
    pid = prepare(harness, spec, eventually)
    spec.env["MORE"] = "1"
    assert harness.run(spec).code == 0
    lines = notes(harness, "a")
    assert [line.split()[0] for line in lines] == ["imported", "imported", "ran"]
    assert f"ran {pid}" not in lines


def test_code_that_could_not_be_loaded_yet_is_loaded_again(harness, eventually):
    late = COUNTS + "    raise_if_early = (pathlib.Path(os.environ['NOTES'] + '.late').stat())\n"
    spec = counting(harness, "a", late)
    pid = prepare(harness, spec, eventually)
    eventually(lambda: not psutil.pid_exists(pid), "the process to fail")
    (harness.folder / "a.notes.late").touch()
    assert harness.run(spec).code == 0
    assert not (harness.attempt_folder("a") / "outputs/error.pb").exists()
    assert notes(harness, "a")[-1].startswith("ran")


def test_whatever_its_imports_left_is_removed(harness, eventually):
    source = COUNTS.replace("import os", "import os, sys", 1).replace(
        "@task", "os.makedirs(sys.argv[4] + '/folder/more', exist_ok=True)\n    @task", 1
    )
    spec = counting(harness, "a", source)
    prepare(harness, spec, eventually)
    folder = harness.attempt_folder("a") / "outputs/folder"
    assert folder.is_dir()
    harness.runner.prepare(counting(harness, "b"))
    harness.runner.prepare(counting(harness, "c"))  # the latest two are kept
    eventually(lambda: not folder.exists(), "its folder to go")
    assert not (harness.attempt_folder("a") / "work").exists()


def test_it_ends_with_its_template(harness, eventually):
    pid = prepare(harness, counting(harness, "a"), eventually)
    [template] = harness.templates()
    template.kill()
    eventually(lambda: not psutil.pid_exists(pid), "the process to end")
    assert len(notes(harness, "a")) == 1


def test_others_hold_nothing_of_it(harness, eventually):
    body = """
        import os
        print(len(os.listdir("/proc/self/fd")))
    """
    assert harness.run(harness.task("before", body)).code == 0
    prepare(harness, counting(harness, "a"), eventually)
    assert harness.run(harness.task("after", body)).code == 0
    assert harness.log("after") == harness.log("before")


def test_secrets_are_not_kept_for_later(harness, eventually):
    spec = dataclasses.replace(counting(harness, "a"), secrets=Secrets(env={"TOKEN": "x"}))
    harness.runner.prepare(spec)
    prepare(harness, counting(harness, "b"), eventually)
    assert notes(harness, "a") == []
    assert harness.run(spec).code == 0


def test_another_command_waits_before_it_begins(harness, eventually):
    spec = harness.python("a", "print('ran')")
    harness.runner.prepare(spec)
    eventually(lambda: (harness.attempt_folder("a") / "log").exists(), "the process to be forked")
    assert harness.log("a") == ""
    assert harness.run(spec).code == 0
    assert harness.log("a") == "ran\n"

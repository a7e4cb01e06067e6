"""Stopping an attempt ends all of its processes, wherever they have gone, and nothing else."""

from __future__ import annotations

import signal
import time

STUBBORN = """
    import os, pathlib, signal, subprocess, sys, threading
    notes = pathlib.Path(NOTES)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            (notes / "grandchild").touch()
            threading.Event().wait()
        os._exit(0)
    (notes / "task").touch()
    threading.Event().wait()
"""


def stubborn(harness, key):
    notes = harness.folder / f"{key}-notes"
    notes.mkdir()
    return harness.task(key, STUBBORN.replace("NOTES", repr(str(notes)))), notes


def waiting(harness, key):
    """An attempt that waits for SIGTERM, and how to see that it does."""
    notes = harness.folder / f"{key}-notes"
    notes.mkdir()
    body = "import pathlib, threading\npathlib.Path(NOTES, 'waits').touch()\nthreading.Event().wait()"
    return harness.task(key, body.replace("NOTES", repr(str(notes)))), notes / "waits"


def test_a_task_that_does_not_mind_ends_by_sigterm_at_once(either, key, eventually):
    spec, waits = waiting(either, key)
    either.runner.start(spec)
    eventually(waits.exists, "the task to wait")
    before = time.monotonic()
    either.runner.stop(key)
    ending = either.wait_for_end(key)
    assert (ending.code, ending.signal, ending.lost) == (None, signal.SIGTERM, False)
    assert time.monotonic() - before < 1.0


def test_a_task_that_ignores_sigterm_is_killed_with_all_that_it_started(either, key, eventually):
    spec, notes = stubborn(either, key)
    either.runner.start(spec)
    eventually(lambda: len(list(notes.iterdir())) == 2, "task and grandchild")
    eventually(lambda: len(either.living(spec)) >= 3, "three processes")
    before = time.monotonic()
    either.runner.stop(key)
    ending = either.wait_for_end(key)
    assert ending.signal == signal.SIGKILL
    assert 0.9 < time.monotonic() - before < 4.0
    assert either.living(spec) == set()


def test_a_task_may_clean_up_and_choose_its_code(either, key, eventually):
    body = """
        import pathlib, signal, sys, threading
        gone = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: (print("cleaned up"), sys.exit(42)))
        pathlib.Path(NOTE).touch()
        while True:
            signal.pause()
    """
    note = either.folder / f"{key}-note"
    spec = either.task(key, body.replace("NOTE", repr(str(note))))
    either.runner.start(spec)
    eventually(note.exists, "the handler")
    either.runner.stop(key)
    ending = either.wait_for_end(key)
    assert (ending.code, ending.signal) == (42, None)
    assert "cleaned up" in ending.log_tail


def test_others_go_on_when_one_is_stopped(either, key, eventually):
    pairs = [waiting(either, f"{key}-{number}") for number in range(2)]
    for spec, _ in pairs:
        either.runner.start(spec)
    for _, waits in pairs:
        eventually(waits.exists, "the task to wait")
    either.runner.stop(pairs[0][0].key)
    either.wait_for_end(pairs[0][0].key)
    assert either.living(pairs[1][0]) != set()
    assert either.endings(pairs[1][0].key) == []
    either.runner.stop(pairs[1][0].key)
    either.wait_for_end(pairs[1][0].key)


def test_stopping_twice_or_nothing_changes_nothing(either, key, eventually):
    spec, waits = waiting(either, key)
    either.runner.stop("never-heard-of")
    either.runner.start(spec)
    eventually(waits.exists, "the task to wait")
    for _ in range(3):
        either.runner.stop(key)
    assert either.wait_for_end(key).signal == signal.SIGTERM
    either.runner.stop(key)
    assert either.run(either.spec(key + "-next", "true")).code == 0
    assert len(either.endings(key)) == 1


def test_an_attempt_stopped_before_it_was_ordered_never_runs(make_harness):
    harness = make_harness()
    spec = harness.spec("early", "sh", "-c", "echo ran")
    harness.runner.start(spec)
    harness.runner.stop("early")
    ending = harness.wait_for_end("early")
    assert (ending.code, ending.signal, ending.started_at) == (None, signal.SIGTERM, None)
    harness.runner.ready(30)
    again = make_harness()
    again.runner.resume([spec])
    assert again.wait_for_end("early") == ending
    assert harness.started == again.started == {}
    assert not (spec.folder / "log").exists()


def test_an_attempt_stopped_while_it_is_being_forked_ends_once(either, key):
    specs = [either.spec(f"{key}-{number}", "sleep", "1000") for number in range(20)]
    for spec in specs:
        either.runner.start(spec)
        either.runner.stop(spec.key)
    for spec in specs:
        ending = either.wait_for_end(spec.key)
        assert (ending.code, ending.signal) == (None, signal.SIGTERM)
        assert either.living(spec) == set()


def test_closing_stops_attempts_and_templates(make_harness, eventually):
    harness = make_harness()
    calm, waits = waiting(harness, "calm")
    wild, notes = stubborn(harness, "wild")
    for spec in (calm, wild):
        harness.runner.start(spec)
    eventually(lambda: waits.exists() and len(list(notes.iterdir())) == 2, "both tasks")
    harness.runner.close(stop_attempts=True)
    assert {ending.key: ending.signal for ending in harness.ends} == {"calm": 15, "wild": 9}
    assert harness.living(calm) | harness.living(wild) == set()
    assert harness.templates() == []
    assert [path.name for path in (harness.folder / "templates/default").glob("process-*")] == []


def test_nothing_is_called_back_after_closing(make_harness):
    harness = make_harness()
    harness.runner.close(stop_attempts=True)
    harness.runner.start(harness.spec("late", "true"))
    harness.runner.close(stop_attempts=True)
    assert (harness.started, harness.ends) == ({}, [])

"""Steps are numbered lines with a clock; a failing one explains itself."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest

from airflyte.errors import AirflyteError
from airflyte.steps import Steps, last_lines


class Clock:
    """Goes on by a second and a half each time it is asked."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.5
        return self.now


class Lines(io.StringIO):
    """A stream that a test can wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def write(self, text: str) -> int:
        count = super().write(text)
        self.written.set()
        return count


def test_a_step_is_one_line_with_number_name_result_and_clock() -> None:
    stream = io.StringIO()
    steps = Steps(6, stream=stream, is_live=False, clock=Clock())
    with steps.step("doctor") as step:
        step.say("looking")
        step.say("12 checks ok")
    line = stream.getvalue()
    assert line.startswith("[1/6] doctor      12 checks ok  ")
    assert line.endswith(" 1.5 s\n")


def test_steps_align_and_count() -> None:
    stream = io.StringIO()
    steps = Steps(2, stream=stream, is_live=False, clock=Clock())
    for name in ("airflow", "flyte"):
        with steps.step(name) as step:
            step.say("ready")
    first, second = stream.getvalue().splitlines()
    assert first.startswith("[1/2]")
    assert second.startswith("[2/2]")
    assert first.index("ready") == second.index("ready")
    assert len(first) == len(second)


def test_a_step_that_only_sets_something_going_claims_no_time() -> None:
    stream = io.StringIO()
    with Steps(1, stream=stream, is_live=False).step("airflow") as step:
        step.has_clock = False
        step.say("starting (in the background)")
    assert stream.getvalue() == "[1/1] airflow     starting (in the background)\n"


def test_a_long_step_says_now_and_then_what_it_does() -> None:
    stream = Lines()
    with Steps(1, stream=stream, is_live=False, note_seconds=0.01).step("flyte") as step:
        step.say("waiting for the first answer")
        assert stream.written.wait(10)
        step.say("ready")
    lines = stream.getvalue().splitlines()
    assert lines[0] == "[1/1] flyte       … waiting for the first answer"
    assert lines[-1].startswith("[1/1] flyte       ready")


def test_a_failing_step_shows_the_end_of_its_log_the_cause_and_a_command(tmp_path: Path) -> None:
    log = tmp_path / "flyte.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    stream = io.StringIO()
    steps = Steps(1, stream=stream, is_live=False)
    error = AirflyteError("Flyte did not start.", cause="no memory", command="make doctor")
    error.log = log
    with pytest.raises(AirflyteError), steps.step("flyte"):
        raise error
    text = stream.getvalue()
    assert "[1/1] flyte       failed: Flyte did not start." in text
    assert "| line 80\n" in text
    assert "| line 99\n" in text
    assert "| line 79\n" not in text
    assert "Likely cause: no memory\n" in text
    assert "Try: make doctor\n" in text
    assert error.is_shown


def test_an_unforeseen_error_also_fails_its_step() -> None:
    stream = io.StringIO()
    with pytest.raises(ZeroDivisionError), Steps(1, stream=stream, is_live=False).step("flyte"):
        _ = 1 / 0
    assert "failed: ZeroDivisionError: division by zero" in stream.getvalue()


def test_an_interrupted_step_says_so_without_a_log(tmp_path: Path) -> None:
    stream = io.StringIO()
    with pytest.raises(KeyboardInterrupt), Steps(1, stream=stream, is_live=False).step("flyte"):
        raise KeyboardInterrupt
    assert "interrupted" in stream.getvalue()


def test_on_a_terminal_the_last_line_stays_and_is_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with Steps(1, stream=stream, note_seconds=60).step("venvs") as step:
        step.advance(3, 7, "downloading")
        step.say("locked, unchanged")
    text = stream.getvalue()
    assert "\x1b[" in text
    assert "locked, unchanged" in text.splitlines()[-1]


def test_saying_something_else_ends_the_bar() -> None:
    with Steps(1, stream=io.StringIO(), is_live=False).step("venvs") as step:
        step.advance(3, 7, "downloading")
        assert (step.text, step.done, step.total) == ("downloading", 3, 7)
        step.advance(4, 7)
        assert (step.text, step.done) == ("downloading", 4)
        step.say("compiling")
        assert step.done is None


def test_the_end_of_a_long_log_is_read_without_reading_it_all(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * 1_000_000 + b"\nlast \xff\n")
    assert last_lines(log, 1) == ["last \ufffd"]
    assert last_lines(tmp_path / "none") == []

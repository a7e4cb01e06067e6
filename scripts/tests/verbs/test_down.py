"""``down`` ends all that carries the mark, and finds nothing to do when nothing runs."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from airflyte.processes import marks
from airflyte.settings import Settings
from airflyte.state import MARK
from airflyte.verbs import down

STUBBORN = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if len(sys.argv) < 2:
    subprocess.Popen([sys.executable, "-c", os.environ["CODE"], "child"], start_new_session=True)
else:
    print("both run", flush=True)
signal.pause()
"""


def run(settings: Settings) -> int:
    return down.run(argparse.Namespace(wait=False), settings)


def test_a_task_that_ignores_sigterm_leaves_nothing(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(checkout)
    settings.folder.prepare()
    environment = {**os.environ, MARK: settings.folder.stack_id, "CODE": STUBBORN}
    command = [sys.executable, "-c", STUBBORN]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        started = time.monotonic()
        assert run(settings) == 0
        assert time.monotonic() - started < 6
    assert marks.find_marked(settings.folder.stack_id) == set()
    assert "2 processes ended, ports free" in capsys.readouterr().out


def test_nothing_to_stop_is_no_failure(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(checkout)
    assert run(settings) == 0
    settings.folder.prepare()
    assert run(settings) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Nothing is running: no stack was ever started here.",
        "Nothing is running.",
    ]

"""A task that fills the disk ends, its end is told at once, and the record follows when there is room."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..small_disks import fill, small_disk
from .conftest import Harness


@pytest.fixture
def disk(tmp_path: Path):
    with small_disk(tmp_path / "disk", megabytes=16) as folder:
        yield folder


@pytest.fixture
def harness(disk: Path):
    harness = Harness(disk)
    yield harness
    harness.runner.close(stop_attempts=True)


FILL = """
import os
descriptor = os.open(os.environ["PLACE"], os.O_WRONLY | os.O_CREAT)
try:
    while os.write(descriptor, bytes(1 << 16)):
        pass
except OSError:
    pass
"""


def test_a_task_that_fills_its_own_folder_fails_and_frees_it(harness, key, eventually):
    """It cannot write its error either: flytekit ends without one, and the server is told the code."""
    spec = harness.task(key, FILL + "raise ValueError('no room')", PLACE="filling")
    ending = harness.run(spec)
    assert (ending.code != 0, ending.lost) == (True, False)
    eventually(lambda: not (harness.attempt_folder(key) / "work").exists(), "its work folder to go")
    eventually(lambda: (harness.attempt_folder(key) / "exit.json").exists(), "the record to be written")
    assert json.loads((harness.attempt_folder(key) / "exit.json").read_text())["code"] == ending.code
    assert harness.run(harness.task(f"{key}-next", "print('room again')")).code == 0


def test_the_record_of_an_end_follows_when_there_is_room(harness, key, disk, eventually):
    big = disk / "big"
    spec = harness.python(key, FILL + "raise SystemExit(5)", PLACE=str(big))
    ending = harness.run(spec)
    assert (ending.code, ending.lost) == (5, False)
    record = harness.attempt_folder(key) / "exit.json"
    assert not record.exists()
    big.unlink()
    eventually(record.exists, "the record")
    assert json.loads(record.read_text())["code"] == 5


def test_what_begins_on_a_full_disk_ends_with_a_reason_and_not_twice(harness, key, disk, eventually):
    assert harness.run(harness.python(f"{key}-first", "pass")).code == 0
    fill(disk / "big")
    ending = harness.run(harness.python(key, "print('ran')"))
    assert (ending.code, ending.started_at) == (127, None)
    assert "could not be started 3 times" in ending.log_tail
    assert len(harness.endings(key)) == 1
    (disk / "big").unlink()
    assert harness.run(harness.python(f"{key}-next", "pass")).code == 0

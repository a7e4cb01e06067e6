"""What an attempt's folder says after an orderly stop of the server."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from flyte_sandbox.blobs.store import Store
from flyte_sandbox.engine.tasks.attempts import AttemptPlanner
from flyte_sandbox.environments import Environments

KEY = "p.d.e.n0.0"


@pytest.fixture
def planner(tmp_path: Path) -> AttemptPlanner:
    (tmp_path / KEY / "outputs").mkdir(parents=True)
    return AttemptPlanner(tmp_path, Store(tmp_path / "buckets"), {}, Environments({}))


def write_exit(folder: Path, code: int | None, ended_at: float) -> None:
    (folder / KEY / "exit.json").write_text(json.dumps({"code": code, "ended_at": ended_at}))


def test_an_attempt_without_the_mark_was_not_interrupted(planner: AttemptPlanner) -> None:
    assert not planner.was_interrupted(KEY)


def test_one_that_the_stop_killed_was(planner: AttemptPlanner, tmp_path: Path) -> None:
    planner.mark_interrupted(KEY)
    assert planner.was_interrupted(KEY)
    write_exit(tmp_path, None, time.time() + 1)
    assert planner.was_interrupted(KEY)


def test_one_that_had_ended_before_was_not(planner: AttemptPlanner, tmp_path: Path) -> None:
    write_exit(tmp_path, 1, time.time() - 1)
    planner.mark_interrupted(KEY)
    assert not planner.was_interrupted(KEY)


def test_one_that_still_brought_its_outputs_home_was_not(planner: AttemptPlanner, tmp_path: Path) -> None:
    planner.mark_interrupted(KEY)
    write_exit(tmp_path, 0, time.time() + 1)
    assert planner.was_interrupted(KEY)
    (planner.outputs_folder(KEY) / "outputs.pb").touch()
    assert not planner.was_interrupted(KEY)

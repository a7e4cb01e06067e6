"""Skipping the time of a server in another process, over kills and restarts."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from flyte_sandbox.errors import StartupError
from flyte_sandbox.testing.control import ClockControl, SkipError, check_unskipped, kept_clock, skip

DAY = timedelta(days=1)


@pytest.fixture
def control(tmp_path: Path) -> Iterator[ClockControl]:
    control = ClockControl(kept_clock(tmp_path), tmp_path)
    control.start()
    yield control
    control.close()


def test_the_server_goes_on_from_the_later_time(control: ClockControl, tmp_path: Path) -> None:
    before = control.clock.now()
    assert skip(tmp_path, DAY) - before >= DAY
    assert control.clock.now() - before >= DAY


def test_what_was_skipped_stays_skipped_after_a_kill(control: ClockControl, tmp_path: Path) -> None:
    later = skip(tmp_path, DAY)
    # Nothing is closed: this is all that a killed server leaves.
    assert kept_clock(tmp_path).now() > later


def test_time_does_not_go_back_in_a_folder(control: ClockControl, tmp_path: Path) -> None:
    check_unskipped(tmp_path)
    skip(tmp_path, DAY)
    with pytest.raises(StartupError, match=r"1 day, 0:00:00.*--skippable-clock"):
        check_unskipped(tmp_path)


def test_a_skip_below_zero_is_refused_and_the_next_one_works(control: ClockControl, tmp_path: Path) -> None:
    with pytest.raises(SkipError, match="does not go back"):
        skip(tmp_path, -DAY)
    assert skip(tmp_path, DAY) > datetime.now(timezone.utc)


def test_only_the_owner_reaches_the_socket(control: ClockControl, tmp_path: Path) -> None:
    path = Path(json.loads((tmp_path / "clock.json").read_text())["socket"])
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_server_without_the_option_cannot_be_skipped(tmp_path: Path) -> None:
    with pytest.raises(SkipError, match="--skippable-clock"):
        skip(tmp_path, DAY)


def test_a_server_that_is_gone_is_said_to_be_gone(tmp_path: Path) -> None:
    (tmp_path / "clock.json").write_text(json.dumps({"skipped_seconds": 0, "socket": str(tmp_path / "gone")}))
    with pytest.raises(SkipError, match="is it running"):
        skip(tmp_path, DAY)


def test_serving_a_folder_of_a_later_time_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "clock.json").write_text(json.dumps({"skipped_seconds": 86400, "socket": None}))
    command = [sys.executable, "-m", "flyte_sandbox", "serve", "--port", "0", "--state", str(tmp_path)]
    done = subprocess.run([*command, "--python", sys.executable], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("flyte-sandbox: A test has moved the time of the state folder")

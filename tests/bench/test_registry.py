"""The table of figures is whole, and a row is measured by the command that users type."""

from __future__ import annotations

import json
import subprocess
import sys

from .registry import LATER, ROWS

PROMISED = (
    *("stack.ready.warm", "stack.ready.first", "stack.memory", "stack.processes"),
    *("stack.download", "stack.disk", "stack.down"),
    *("sandbox.ready", "sandbox.ready.full", "sandbox.memory", "sandbox.hello", "sandbox.tasks"),
    "sandbox.edit",
    *("sandbox.templates", "sandbox.orchestration.fanout", "sandbox.orchestration.wide"),
    *("sandbox.orchestration.chain", "sandbox.orchestration.swarm", "sandbox.orchestration.held"),
    *("sandbox.curve.static", "sandbox.curve.dynamic", "sandbox.burst"),
    *("sandbox.pima", "sandbox.rpc.get", "sandbox.rpc.list", "sandbox.s3.list"),
    *("provider.parse.cpu", "provider.parse.memory", "provider.await.rpc", "provider.await.cpu"),
    *("provider.cancel.deferred", "provider.cancel.sync", "provider.overhead", "demo.pima"),
)


def test_every_promised_row_is_measured_or_says_why_not() -> None:
    assert [row.name for row in ROWS] == [name for name in PROMISED if name not in LATER]
    assert set(LATER) <= set(PROMISED)
    assert all(LATER.values())


def test_every_row_has_unit_and_goal() -> None:
    for row in ROWS:
        assert row.unit, row.name
        assert row.goal.value or row.goal.ratio, row.name
        assert row.what, row.name


def test_the_command_prints_one_json_object_per_row() -> None:
    done = _bench("sandbox.ready")
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    found = json.loads(line)
    assert found["name"] == "sandbox.ready"
    assert found["unit"] == "s"
    assert found["goal"] == "<= 0.6"
    assert 0 < found["value"] < 60


def test_an_unknown_row_is_refused_with_the_names_of_all() -> None:
    done = _bench("sandbox.redy")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "sandbox.ready" in done.stderr


def _bench(name: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "airflyte", "bench", name]
    return subprocess.run(command, capture_output=True, text=True, check=False)

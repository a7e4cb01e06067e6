"""Puts whole folders of tests into the middle ring: those whose tests mostly start servers or interpreters.

``make check`` runs before every commit and has two minutes; ``make test`` runs these too.
"""

from __future__ import annotations

from pathlib import Path

import pytest

_ROOT = Path(__file__).parent
_PROCESSES = (
    "provider/tests/decorators",
    "provider/tests/plugins",
    "provider/tests/sandbox",
    "provider/tests/system",
    "provider/tests/test_dag_runs.py",
    "sandbox/tests/cli",
    "sandbox/tests/conformance",
    "sandbox/tests/db",
    "sandbox/tests/durability",
    "sandbox/tests/images",
    "sandbox/tests/runner",
    "sandbox/tests/tasks",
    "sandbox/tests/testing",
    "scripts/tests/environments",
    "scripts/tests/postgres",
    "scripts/tests/processes",
    "scripts/tests/readiness",
    "scripts/tests/registration",
    "scripts/tests/stack",
    "tests/bench",
    "workflows/tests",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folders = [_ROOT / name for name in _PROCESSES]
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in folders):
            item.add_marker(pytest.mark.processes)

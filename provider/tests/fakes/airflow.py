"""Stand-ins for what Airflow hands to a task, with the attributes that both Airflow 2.11 and 3.x have."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest


class FakeStateStore:
    """Airflow 3.3's ``task_state_store``."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        return self.values.get(key)

    def set(self, key: str, value: Any) -> None:
        self.values[key] = value


@dataclass
class FakeTaskInstance:
    """A task instance that keeps its XComs, and says of itself what a test wants."""

    dag_id: str = "dag"
    task_id: str = "task"
    run_id: str = "run"
    map_index: int = -1
    try_number: int = 1
    max_tries: int = 0
    state: str = "running"
    xcoms: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value

    def xcom_pull(self, task_ids: Any, key: str, map_indexes: Any = None) -> list[Any]:
        assert (task_ids, map_indexes) == ([self.task_id], [self.map_index])
        return [self.xcoms.get(key)]

    def get_first_reschedule_date(self, context: Any) -> None:
        return None

    def get_task_states(self, dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, Any]:
        key = self.task_id if self.map_index < 0 else f"{self.task_id}_{self.map_index}"
        return {self.run_id: {key: self.state}}


def make_context(task: Any, ti: FakeTaskInstance | None = None, **dag_run: Any) -> dict[str, Any]:
    """Return a context for ``task``.

    :param dag_run: attributes of the Dag run, beside a start now and no clear
    """
    ti = ti or FakeTaskInstance(task_id=task.task_id)
    run = {"start_date": datetime.now(timezone.utc), "clear_number": 0, "run_id": ti.run_id} | dag_run
    return {"ti": ti, "task_instance": ti, "task": task, "dag_run": SimpleNamespace(**run)}


def make_connection(monkeypatch: pytest.MonkeyPatch, port: int, **extra: Any) -> str:
    """Put a connection to 127.0.0.1 into the environment and return its id."""
    settings = {"insecure": True, "project": "flytesnacks", "domain": "development", "timeout": 10} | extra
    conn = {"conn_type": "flyte", "host": "127.0.0.1", "port": port, "extra": settings}
    monkeypatch.setenv("AIRFLOW_CONN_FLYTE_TEST", json.dumps(conn))
    return "flyte_test"

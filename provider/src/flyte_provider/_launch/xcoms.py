"""The XComs that operator and sensor leave."""

from __future__ import annotations

from typing import Any

CONSOLE_URL_KEY = "flyte_console_url"
EXECUTION_KEY = "flyte_execution"
OUTPUTS_KEY = "flyte_outputs"
#: In ``flyte_execution`` while it runs: whether it is to end with its task.
CANCELS_KEY = "cancel_on_kill"


def push(context: Any, key: str, value: Any) -> None:
    """Push one XCom; without a task instance (a bare ``execute({})``) do nothing."""
    ti = context.get("ti")
    if ti is not None:
        ti.xcom_push(key=key, value=value)


def nothing_yet(conn_id: str) -> dict[str, Any]:
    """Return what ``flyte_execution`` holds beside names before anybody has looked at the execution."""
    return {"conn_id": conn_id, "phase": "UNDEFINED", "started_at": None, "duration": None}


def pull_execution(context: Any) -> dict[str, Any] | None:
    """Return the ``flyte_execution`` that this task pushed before it deferred, None when there is none."""
    ti = context.get("ti")
    if ti is None:
        return None
    # A list of map indexes gives a list of values: the one form that 2.11 and 3.x share for a mapped task.
    values = ti.xcom_pull(task_ids=[ti.task_id], key=EXECUTION_KEY, map_indexes=[ti.map_index])
    found = [value for value in values or () if isinstance(value, dict) and value.get("name")]
    return found[0] if found else None

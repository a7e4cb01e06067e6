"""Terminates the execution of a task whose worker is lost on its last try, from the process that fails it.

With tries left the next one goes on with the execution. After the last one nobody would: the worker is gone,
and the scheduler (on Airflow 2 the Dag processor, too) only notes that the heartbeat has stayed away. Which
execution it was stands in the XCom ``flyte_execution``, which the operator pushes right after the launch.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from queue import Empty, SimpleQueue
from typing import Any

from airflow.listeners import hookimpl

from flyte_provider import _airflow_private
from flyte_provider._launch.xcoms import CANCELS_KEY, EXECUTION_KEY

log = logging.getLogger(__name__)

_PROGRAM = (sys.executable, "-m", "flyte_provider.plugins._terminating")
_SECONDS = 600
_waiting: SimpleQueue[dict[str, Any]] = SimpleQueue()


@hookimpl
def on_task_instance_failed(previous_state: Any, task_instance: Any, error: Any) -> None:
    """The scheduler gives its reason as text; a worker the exception, and a user's mark no state before."""
    if previous_state is not None and isinstance(error, str) and str(task_instance.state) == "failed":
        settle(task_instance)


def settle(task_instance: Any) -> None:
    """Have the execution terminated that the failed task instance has launched, if it has; return at once.

    :param task_instance: a row of Airflow's database
    """
    pushed = _airflow_private.read_xcom_of_row(task_instance, EXECUTION_KEY)
    if not isinstance(pushed, dict) or not pushed.get(CANCELS_KEY):
        return
    cause = f"Airflow: task {task_instance.dag_id}.{task_instance.task_id} lost its worker on its last try"
    log.warning("Terminating execution %s: %s", pushed["name"], cause)
    _waiting.put({**pushed, "cause": cause})
    _pool().submit(_terminate_waiting)


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    """Return the one thread that runs the program; each run takes all that has come up meanwhile."""
    return ThreadPoolExecutor(1, thread_name_prefix="flyte-lost-worker")


def _terminate_waiting() -> None:
    lost = []
    while True:
        try:
            lost.append(_waiting.get_nowait())
        except Empty:
            break
    if not lost:
        return
    try:
        subprocess.run(_PROGRAM, input=json.dumps(lost), text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        names = ", ".join(str(one["name"]) for one in lost)
        log.exception("cannot terminate executions %s, they may still be running", names)

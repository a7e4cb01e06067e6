"""Terminates the execution of a deferred task that somebody marks in Airflow, from the process that does it.

A triggerer calls the trigger's ``on_kill`` when its task is marked, but only when it has the trigger running:
not in the second before it has picked it up, nor while no triggerer is up. So the API server (the web server
on Airflow 2) asks Flyte as well; whichever comes second finds an execution that is being aborted.

Clearing is not dealt with here: the next try settles with the execution, as ``on_clear`` says.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

from airflow.listeners import hookimpl

from flyte_provider import _airflow_private
from flyte_provider.plugins._terminating import terminate

_TRIGGER = "flyte_provider.triggers.flyte.FlyteExecutionTrigger"
_AT_ONCE = 4


@hookimpl
def on_task_instance_failed(previous_state: Any, task_instance: Any) -> None:
    """A worker or the scheduler names the state before; only a user's mark comes without."""
    if previous_state is None:
        settle(task_instance)


@hookimpl
def on_task_instance_success(previous_state: Any, task_instance: Any) -> None:
    """As :func:`on_task_instance_failed`: a task marked as done needs its execution no more."""
    if previous_state is None:
        settle(task_instance)


@hookimpl
def on_task_instance_skipped(previous_state: Any, task_instance: Any) -> None:
    """As :func:`on_task_instance_failed`; Airflow 3 only."""
    if previous_state is None:
        settle(task_instance)


@hookimpl
def on_dag_run_failed(dag_run: Any, msg: str) -> None:
    """Airflow 3.0 to 3.2 tell of a marked Dag run, without a message, and not of its tasks."""
    if not msg:
        settle_all(dag_run)


@hookimpl
def on_dag_run_success(dag_run: Any, msg: str) -> None:
    """As :func:`on_dag_run_failed`."""
    if not msg:
        settle_all(dag_run)


def settle_all(dag_run: Any) -> None:
    """Settle every task of the run that still has a trigger."""
    for task_instance in _airflow_private.read_tasks_with_trigger(dag_run):
        settle(task_instance)


def settle(task_instance: Any) -> None:
    """Have the execution terminated that this task instance was deferred for, if it was; return at once.

    :param task_instance: a row of Airflow's database, as its servers have it
    """
    found = _airflow_private.read_deferred_trigger(task_instance)
    if found is None:
        return
    classpath, arguments = found
    if classpath == _TRIGGER and arguments.get("cancel_on_kill", True):
        cause = f"Airflow: task {task_instance.dag_id}.{task_instance.task_id} marked by user"
        _pool().submit(terminate, arguments, cause)


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    """Return the threads that talk to Flyte: a request to Airflow does not wait for it."""
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="flyte-terminate")

"""The task that turns a Dag run red when any task failed, although the one that cleans up has succeeded."""

from __future__ import annotations

from airflow.exceptions import AirflowException

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2
    from airflow.decorators import task


@task(trigger_rule="one_failed", retries=0)
def watcher() -> None:
    """Fail; goes downstream of every task of the Dag."""
    raise AirflowException("a task of this Dag failed; the log of the run says which")

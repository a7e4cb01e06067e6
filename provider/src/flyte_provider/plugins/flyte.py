"""FlytePlugin: what this provider adds to Airflow's own processes. Airflow loads it through an entry point.

Loaded by every Airflow process, tasks included, so it imports nothing heavy.
"""

from __future__ import annotations

from typing import Any

from flyte_provider import _airflow_private
from flyte_provider._airflow import AirflowPlugin
from flyte_provider.plugins import _marked_by_hand


class FlytePlugin(AirflowPlugin):
    """Terminates the executions of deferred tasks that a user marks before a triggerer has them."""

    name = "flyte"
    listeners = [_marked_by_hand]  # noqa: RUF012 - Airflow declares it so

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """Watch marking by hand on Airflow 2, whose listeners are not told of it."""
        if not _airflow_private.is_airflow_3():
            _airflow_private.watch_marking_in_database(_marked_by_hand.settle)

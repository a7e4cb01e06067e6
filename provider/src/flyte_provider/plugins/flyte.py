"""FlytePlugin: what this provider adds to Airflow's own processes. Airflow loads it through an entry point.

Loaded by every Airflow process, tasks included, so it imports nothing heavy.
"""

from __future__ import annotations

from typing import Any

from flyte_provider import _airflow_private
from flyte_provider._airflow import AirflowPlugin
from flyte_provider.plugins import _lost_worker, _marked_by_hand

URL_PREFIX = "/flyte"


class LazyApp:
    """The Flyte tab's web app, made when the first request comes: no other process needs FastAPI."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request (ASGI)."""
        if self._app is None:
            from flyte_provider.plugins._tab_app import make_app

            self._app = make_app()
        await self._app(scope, receive, send)


def _views() -> list[dict[str, Any]]:
    page = f"{_airflow_private.api_path()}{URL_PREFIX}/ti/{{DAG_ID}}/{{RUN_ID}}/{{TASK_ID}}/{{MAP_INDEX}}"
    return [{"name": "Flyte", "href": page, "destination": "task_instance", "url_route": "flyte"}]


class FlytePlugin(AirflowPlugin):
    """
    The tab *Flyte* of a task instance, and what terminates executions of tasks that are marked by hand or
    lose their worker on their last try.

    The tab needs Airflow 3.1; older ones have the console link.
    """

    name = "flyte"
    listeners = [_marked_by_hand, _lost_worker]  # noqa: RUF012 - Airflow declares it so
    fastapi_apps = [{"app": LazyApp(), "url_prefix": URL_PREFIX, "name": "Flyte"}]  # noqa: RUF012
    external_views = _views()

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """Watch marking by hand on Airflow 2, whose listeners are not told of it."""
        if not _airflow_private.is_airflow_3():
            _airflow_private.watch_marking_in_database(_marked_by_hand.settle)

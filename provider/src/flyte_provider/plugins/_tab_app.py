"""The Flyte tab's web app: one page per task instance, for those whom Airflow lets see the task instance.

The browser talks to Airflow only; Airflow's API server talks to Flyte. Which execution it is stands in the
XCom ``flyte_execution``, with the connection to ask.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from flyte_provider import _airflow_private
from flyte_provider._launch.xcoms import EXECUTION_KEY
from flyte_provider.exceptions import FlyteEntityNotFoundError, FlyteProviderError
from flyte_provider.plugins import _tab_page

_RPC_SECONDS = 10.0


def make_app() -> FastAPI:
    """Return the app; to be mounted in Airflow's API server."""
    app = FastAPI(title="Flyte", docs_url=None, redoc_url=None, openapi_url=None)
    guards = _airflow_private.guards_of_task_instances()

    @app.get("/ti/{dag_id}/{run_id:path}/{task_id}/{map_index}", dependencies=guards)
    def show_task_instance(dag_id: str, run_id: str, task_id: str, map_index: str) -> HTMLResponse:
        # Airflow leaves the placeholder empty, or as it is, where a task is not mapped.
        index = int(map_index) if map_index.lstrip("-").isdigit() else -1
        pushed = _airflow_private.read_xcom_on_server(dag_id, run_id, task_id, index, EXECUTION_KEY)
        return HTMLResponse(_page(pushed), headers=_tab_page.HEADERS)

    return app


def _page(pushed: Any) -> str:
    if not isinstance(pushed, dict) or not pushed.get("name"):
        text = "This task instance has launched none, or not yet."
        return _tab_page.message_page("No Flyte execution", text, refresh=True)
    try:
        return _execution_page(pushed)
    except FlyteEntityNotFoundError:
        return _tab_page.message_page(
            "Not found", f"Flyte does not know execution {pushed['name']} any more."
        )
    except FlyteProviderError as exc:
        return _tab_page.message_page("Flyte does not answer", str(exc), refresh=True)


def _execution_page(pushed: dict[str, Any]) -> str:
    from dataclasses import replace

    from flyteidl.core.identifier_pb2 import WorkflowExecutionIdentifier

    from flyte_provider._client.admin import FlyteClient
    from flyte_provider.connection import parse_connection
    from flyte_provider.plugins import _tab_facts

    conn_id = str(pushed.get("conn_id") or "flyte_default")
    connection = parse_connection(_airflow_private.get_connection_on_server(conn_id))
    seconds = min(connection.timeout_seconds, _RPC_SECONDS)
    client = FlyteClient(replace(connection, timeout_seconds=seconds), retry_seconds=0)
    place = {key: str(pushed.get(key) or "") for key in ("project", "domain", "name")}
    try:
        execution_id = WorkflowExecutionIdentifier(**place)
        facts = _tab_facts.gather(client, execution_id, str(pushed.get("url") or ""))
    finally:
        client.close()
    return _tab_page.execution_page(facts)

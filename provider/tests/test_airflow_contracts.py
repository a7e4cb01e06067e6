"""What each function of `_airflow_private` relies on is there in the installed Airflow; none is forgotten.

What the functions do with it is tested in `test_airflow_private.py` and where they are used.
"""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import airflow
import pytest
from sqlalchemy.orm import InstrumentedAttribute

from flyte_provider import _airflow, _airflow_private
from flyte_provider._airflow import BaseHook, BaseOperator, BaseSensorOperator, BaseTrigger
from flyte_provider.triggers.flyte import FlyteExecutionEventTrigger

VERSION = tuple(int(part) for part in airflow.__version__.split(".")[:2])
IS_2 = VERSION < (3, 0)


def from_airflow(path: str) -> Any:
    module, _, name = path.rpartition(".")
    with warnings.catch_warnings():
        # What Airflow's modules warn about when they are loaded is Airflow's.
        warnings.simplefilter("ignore")
        return getattr(importlib.import_module(module), name)


def parameters_of(function: Any) -> set[str]:
    return set(inspect.signature(function).parameters)


def fields_of_task_instance() -> set[str]:
    if IS_2:
        return set(dir(from_airflow("airflow.models.taskinstance.TaskInstance")))
    running = from_airflow("airflow.sdk.execution_time.task_runner.RuntimeTaskInstance")
    return set(running.model_fields) | set(dir(running))


def fields_of_dag_run() -> set[str]:
    if IS_2:
        return set(dir(from_airflow("airflow.models.dagrun.DagRun")))
    return set(from_airflow("airflow.sdk.api.datamodels._generated.DagRun").model_fields)


def a_try_has_coordinates() -> None:
    of_try = {"dag_id", "run_id", "task_id", "map_index", "try_number", "max_tries"}
    assert of_try <= fields_of_task_instance()
    assert {"start_date", "clear_number", "id" if IS_2 else "run_after"} <= fields_of_dag_run()


def a_callback_has_coordinates() -> None:
    assert {"dag_id", "run_id", "task_id", "map_index", "try_number"} <= fields_of_task_instance()
    assert {"dag_id", "run_id", "start_date"} <= fields_of_dag_run()


def states_can_be_asked_for() -> None:
    if IS_2:
        rows_are_mapped("state", "dag_id", "run_id", "task_id", "map_index")
    else:
        running = from_airflow("airflow.sdk.execution_time.task_runner.RuntimeTaskInstance")
        assert isinstance(inspect.getattr_static(running, "get_task_states"), staticmethod)
        assert parameters_of(running.get_task_states) >= {"dag_id", "task_ids", "run_ids"}


def tasks_have_a_store() -> None:
    if VERSION >= (3, 3):
        store = from_airflow("airflow.sdk.execution_time.context.TaskStateStoreAccessor")
        assert parameters_of(store.set) >= {"key", "value"}
        assert parameters_of(store.get) >= {"key"}
        assert "task_state_store" in from_airflow("airflow.sdk.Context").__annotations__


def watchers_have_a_store() -> None:
    if VERSION >= (3, 3):
        store = from_airflow("airflow.sdk.execution_time.context.AssetStateStoreAccessors")
        assert inspect.iscoroutinefunction(store.aget)
        assert inspect.iscoroutinefunction(store.aset)
        assert FlyteExecutionEventTrigger().asset_state_store is None


def templates_have_an_environment() -> None:
    assert BaseOperator(task_id="t").get_template_env().from_string("{{ 1 }}").render() == "1"


def pokes_ask_how_long_to_sleep() -> None:
    method = BaseSensorOperator._get_next_poke_interval
    assert list(inspect.signature(method).parameters) == ["self", "started_at", "run_duration", "poke_count"]
    called = "_get_next_poke_interval(started_at, run_duration, poke_count)"
    assert called in inspect.getsource(BaseSensorOperator.execute)


def a_deferral_timeout_says_so() -> None:
    with pytest.raises(Exception, match="Trigger timeout"):
        BaseOperator(task_id="t").resume_execution("__fail__", {"error": "Trigger timeout"}, {})  # type: ignore[arg-type]


def connections_are_looked_up() -> None:
    if VERSION >= (3, 1):
        assert inspect.iscoroutinefunction(BaseHook.aget_connection)
    assert parameters_of(BaseHook.get_connection) == {"conn_id"}


def triggers_are_killed() -> None:
    assert hasattr(BaseTrigger, "on_kill") == (VERSION >= (3, 3))


def metrics_take_tags() -> None:
    stats = _airflow_private._stats()
    assert "tags" in parameters_of(stats.incr)
    assert "tags" in parameters_of(stats.timing)


def traces_can_be_switched() -> None:
    assert _airflow.conf.getboolean("traces", "otel_on", fallback=False) is False
    from_airflow("opentelemetry.trace.get_tracer")


def lineage_has_parents() -> None:
    macros = pytest.importorskip("airflow.providers.openlineage.plugins.macros")
    assert "task_instance" in parameters_of(macros.lineage_parent_id)


def secrets_are_masked() -> None:
    assert "secret" in parameters_of(_airflow.mask_secret)


def rows_are_mapped(*names: str) -> None:
    row = from_airflow("airflow.models.taskinstance.TaskInstance")
    assert all(isinstance(getattr(row, name), InstrumentedAttribute) for name in names)


def rows_point_to_triggers() -> None:
    rows_are_mapped("trigger_id", "state", "dag_id", "run_id")
    trigger = from_airflow("airflow.models.trigger.Trigger")
    assert isinstance(trigger("a.B", {"a": 1}).kwargs, dict)
    assert isinstance(trigger.classpath, InstrumentedAttribute)


def marks_are_seen() -> None:
    rows_are_mapped("state")


def servers_find_connections() -> None:
    connection = from_airflow("airflow.models.connection.Connection")
    assert "conn_id" in parameters_of(connection.get_connection_from_secrets)


def pages_can_be_guarded() -> None:
    if not IS_2:
        guard = from_airflow("airflow.api_fastapi.core_api.security.requires_access_dag")
        assert parameters_of(guard) >= {"method", "access_entity"}
        entities = from_airflow("airflow.api_fastapi.auth.managers.models.resource_details.DagAccessEntity")
        assert {"TASK_INSTANCE", "XCOM"} <= set(entities.__members__)


def xcoms_are_rows() -> None:
    if IS_2:
        of_task = {"key", "task_id", "dag_id", "run_id", "map_index", "session"}
        assert parameters_of(from_airflow("airflow.models.xcom.XCom").get_one) >= of_task
    else:
        row = from_airflow("airflow.models.xcom.XComModel")
        for name in ("dag_id", "run_id", "task_id", "map_index", "key", "value"):
            assert isinstance(getattr(row, name), InstrumentedAttribute)


def servers_have_an_address() -> None:
    assert isinstance(_airflow.conf.get("api", "base_url", fallback=""), str)


CONTRACTS: dict[str, Callable[[], None]] = {
    "is_airflow_3": lambda: None,
    "read_coordinates": a_try_has_coordinates,
    "read_run_coordinates": a_callback_has_coordinates,
    "has_tries_left": a_try_has_coordinates,
    "read_state_of": states_can_be_asked_for,
    "is_running_no_more": states_can_be_asked_for,
    "was_killed_by_user": states_can_be_asked_for,
    "read_task_state": tasks_have_a_store,
    "write_task_state": tasks_have_a_store,
    "read_asset_state": watchers_have_a_store,
    "write_asset_state": watchers_have_a_store,
    "load_text": templates_have_an_environment,
    "InterruptiblePokes": pokes_ask_how_long_to_sleep,
    "is_deferral_timeout": a_deferral_timeout_says_so,
    "get_connection_async": connections_are_looked_up,
    "calls_on_kill_of_triggers": triggers_are_killed,
    "count": metrics_take_tags,
    "report_seconds": metrics_take_tags,
    "record_span": traces_can_be_switched,
    "lineage_parent_id": lineage_has_parents,
    "mask_in_any_thread": secrets_are_masked,
    "read_deferred_trigger": rows_point_to_triggers,
    "read_tasks_with_trigger": rows_point_to_triggers,
    "watch_marking_in_database": marks_are_seen,
    "get_connection_on_server": servers_find_connections,
    "guards_of_task_instances": pages_can_be_guarded,
    "read_xcom_on_server": xcoms_are_rows,
    "read_xcom_of_row": xcoms_are_rows,
    "api_path": servers_have_an_address,
}


@pytest.mark.parametrize("name", CONTRACTS)
def test_airflow_has_what_it_relies_on(name: str) -> None:
    CONTRACTS[name]()


def test_every_function_has_a_contract_and_names_its_fallback() -> None:
    ours = {
        name: found
        for name, found in vars(_airflow_private).items()
        if getattr(found, "__module__", "") == _airflow_private.__name__ and not name.startswith("_")
    }
    assert ours.keys() == CONTRACTS.keys()
    unsaid = [name for name, found in ours.items() if not _says_all(inspect.getdoc(found) or "")]
    assert unsaid == []


def _says_all(text: str) -> bool:
    return "Relies on" in text and "Fallback" in text


def test_nothing_private_is_used_elsewhere() -> None:
    """Modules of Airflow's public interface, and of providers that have one of their own."""
    from pathlib import Path

    public = (
        "airflow.listeners",
        "airflow.providers.",
        "airflow.sdk.definitions.retry_policy",
    )
    source = Path(_airflow_private.__file__).parent
    seams = {source / "_airflow.py", source / "_airflow_private.py"}
    lines = [
        (path.name, line.strip())
        for path in sorted(set(source.rglob("*.py")) - seams)
        for line in path.read_text().splitlines()
        if line.strip().startswith(("from airflow", "import airflow")) or 'import_module("airflow' in line
    ]
    assert [found for found in lines if not any(name in found[1] for name in public)] == []

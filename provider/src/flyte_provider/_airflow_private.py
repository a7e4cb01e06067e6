"""Everything that this provider asks of Airflow beyond its public interface, with what it does where it gets
none.

Each function says what it relies on, in which versions, and its fallback; tests hold each against the
installed Airflow. Public names with changing homes are in :mod:`flyte_provider._airflow`.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

from flyte_provider import _settings
from flyte_provider._launch.identity import Coordinates
from flyte_provider.exceptions import FlyteConfigurationError

log = logging.getLogger(__name__)


def is_airflow_3() -> bool:
    """Whether tasks run under the Task SDK, where a SIGTERM handler returns and the task goes on.

    Relies on ``airflow.__version__`` (all versions). Fallback: none needed.
    """
    import airflow

    return not airflow.__version__.startswith("2.")


# -- the task instance ---------------------------------------------------------------------------------------


def read_coordinates(context: Any) -> Coordinates:
    """Return where in Airflow this is.

    Relies on ``ti.max_tries`` (raised by each clear to the last try's number plus the retries, in all
    versions) and ``dag_run.clear_number`` (in 2.11 it moves for finished runs only). Fallback: every try
    counts from 0. What :func:`_run_key` relies on stands there.

    :raises FlyteConfigurationError: outside an Airflow task, as under Flyte's own Airflow connector
    """
    ti = context.get("ti") or context.get("task_instance")
    task = context.get("task")
    if ti is None or task is None:
        raise FlyteConfigurationError(
            "there is no Airflow task instance to name the execution after; "
            "give execution_name, or run this operator in an Airflow Dag"
        )
    dag_run = context.get("dag_run")
    map_index = getattr(ti, "map_index", None)
    return Coordinates(
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        task_id=ti.task_id,
        map_index=-1 if map_index is None else int(map_index),
        region_id=str(getattr(ti, "region_id", None) or ""),
        namespace=_settings.get_str("name_namespace"),
        try_number=int(ti.try_number),
        epoch=max(0, int(getattr(ti, "max_tries", 0) or 0) - int(task.retries or 0)),
        clear_number=int(getattr(dag_run, "clear_number", 0) or 0),
        run_started_at=_datetime_or_none(getattr(dag_run, "start_date", None)),
        run_key=_run_key(dag_run),
    )


def _run_key(dag_run: Any) -> str:
    """Return what tells a Dag run from an earlier one of the same id, and never changes.

    Relies on ``dag_run.run_after``, which is the time of the trigger for manual runs (3.0 and newer), or on
    the row's id (2.11). A scheduled run that was deleted and made again has the same ``run_after``; for that,
    and without either, an execution's age decides.
    """
    run_after = _datetime_or_none(getattr(dag_run, "run_after", None))
    if run_after is not None:
        return run_after.astimezone(timezone.utc).isoformat()
    row_id = getattr(dag_run, "id", None)
    return "" if row_id is None else str(row_id)


def read_run_coordinates(context: Any) -> Coordinates:
    """Return where a callback is called from: a task instance's try, or a Dag run.

    Relies on ``context["dag_run"]`` and, for a task's callback, ``context["ti"]`` (all versions). Fallback:
    the callback fails, and says so.

    :raises FlyteConfigurationError: when neither is there
    """
    ti = context.get("ti") or context.get("task_instance")
    dag_run = context.get("dag_run") or ti
    if dag_run is None:
        raise FlyteConfigurationError("there is no Dag run to name the execution after")
    map_index = getattr(ti, "map_index", None)
    return Coordinates(
        dag_id=dag_run.dag_id,
        run_id=dag_run.run_id,
        task_id=str(getattr(ti, "task_id", "")),
        map_index=-1 if map_index is None else int(map_index),
        namespace=_settings.get_str("name_namespace"),
        try_number=int(getattr(ti, "try_number", 0) or 0),
        run_started_at=_datetime_or_none(getattr(dag_run, "start_date", None)),
    )


def _datetime_or_none(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else None


def has_tries_left(context: Any) -> bool:
    """Whether Airflow will try again after this try.

    Relies on ``ti.max_tries`` (all versions). Fallback: False, a stopped worker's execution is terminated.
    """
    ti = context["ti"]
    return int(ti.try_number) <= int(getattr(ti, "max_tries", 0) or 0)


def read_state_of(context: Any) -> str | None:
    """Return the state that Airflow has for this task instance now, None when it cannot be asked.

    Relies on ``RuntimeTaskInstance.get_task_states`` (3.0 and newer; private supervisor protocol). A worker
    that shuts down finds ``running``, a user's kill finds something else. Fallback: None, which callers take
    for a kill.
    """
    ti = context.get("ti")
    get_task_states = getattr(ti, "get_task_states", None)
    if get_task_states is None:
        return None
    index = getattr(ti, "map_index", None)
    try:
        states = get_task_states(dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id])
    # Anything may come out of a supervisor that is going down; the answer is then unknown.
    except Exception as exc:  # noqa: BLE001
        log.warning("cannot ask Airflow for the state of this task: %s", exc)
        return None
    key = ti.task_id if index is None or index < 0 else f"{ti.task_id}_{index}"
    state = states.get(ti.run_id, {}).get(key)
    return None if state is None else str(getattr(state, "value", state))


def is_running_no_more(context: Any) -> bool:
    """Whether somebody has marked or cleared this task while it runs.

    Relies on what :func:`read_state_of` does (3.0 and newer) or the database (2.11). Fallback: False.
    """
    if is_airflow_3():
        state = read_state_of(context)
    else:
        try:
            state = _state_from_database(context["ti"])
        # A question too many is no reason to fail.
        except Exception as exc:  # noqa: BLE001
            log.warning("cannot ask Airflow for the state of this task: %s", exc)
            return False
    # Not merely "not running": Dag.test of Airflow 2 runs tasks that its database has as scheduled.
    return state in _ACTED_ON


_ACTED_ON = {"failed", "success", "skipped", "restarting", "removed", "upstream_failed"}


# -- state that outlives a try -------------------------------------------------------------------------------


def read_task_state(context: Any, key: str) -> Any:
    """Return what an earlier try stored.

    Relies on ``context["task_state_store"]`` (3.3 and newer). Fallback: None, names follow from the task.
    """
    store = context.get("task_state_store")
    if store is None:
        return None
    try:
        return store.get(key)
    # A convenience: names can be found without it.
    except Exception as exc:  # noqa: BLE001
        log.warning("cannot read Airflow's task state store: %s", exc)
        return None


def write_task_state(context: Any, key: str, value: Any) -> None:
    """Store a JSON value for later tries.

    Relies on what :func:`read_task_state` does. Fallback: nothing is stored.
    """
    store = context.get("task_state_store")
    if store is None:
        return
    try:
        store.set(key, value)
    # A convenience: names can be found without it.
    except Exception as exc:  # noqa: BLE001
        log.warning("cannot write Airflow's task state store: %s", exc)


async def read_asset_state(trigger: Any, key: str) -> Any:
    """Return what a watcher of one asset stored.

    Relies on ``BaseEventTrigger.asset_state_store`` (3.3 and newer). Fallback: None, watching begins anew.
    """
    store = getattr(trigger, "asset_state_store", None)
    if store is None:
        return None
    try:
        return await store.aget(key)
    # Of several assets the store does not say whose; without an answer watching begins anew.
    except Exception as exc:  # noqa: BLE001
        log.warning("cannot read Airflow's state of the asset, watching from now on: %s", exc)
        return None


async def write_asset_state(trigger: Any, key: str, value: Any) -> None:
    """Store a JSON value for a watcher of one asset.

    Relies on what :func:`read_asset_state` does. Fallback: nothing is stored.
    """
    store = getattr(trigger, "asset_state_store", None)
    if store is None:
        return
    try:
        await store.aset(key, value)
    # The event is told; after a restart it may be told again.
    except Exception as exc:  # noqa: BLE001
        log.warning("cannot write Airflow's state of the asset: %s", exc)


# -- templates -----------------------------------------------------------------------------------------------


def load_text(task: Any, text: str, context: Any) -> Any:
    """Return what a rendered text holds as JSON or YAML; the path of a template is read and rendered first.

    Relies on ``BaseOperator.get_template_env`` (all versions), whose loader knows the Dag's folders.
    Fallback: none, files fail; inputs given as dicts and texts do not need it.

    :raises FlyteConfigurationError: when it is neither, or there is no such template
    """
    # Untyped, and a part of every Airflow.
    yaml: Any = importlib.import_module("yaml")

    if text.strip().endswith((".json", ".yaml", ".yml")):
        text = _render_template(task, text.strip(), context)
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as exc:
        problem = " ".join(str(exc).split())
        raise FlyteConfigurationError(f"inputs: neither JSON nor YAML: {problem}") from exc


def _render_template(task: Any, path: str, context: Any) -> str:
    import jinja2

    try:
        return str(task.get_template_env().get_template(path).render(context))
    except jinja2.TemplateError as exc:
        raise FlyteConfigurationError(f"inputs: template {path!r}: {exc}") from exc


# -- sensors -------------------------------------------------------------------------------------------------


class InterruptiblePokes:
    """For a sensor whose sleeps between pokes must end when its task is killed.

    Relies on ``BaseSensorOperator._get_next_poke_interval``, which every version calls right before it sleeps
    (or reschedules): the sleep is done here, and what is left of it is 0. Fallback, should it vanish: sleeps
    run on, and Airflow ends the process after its grace period.
    """

    def sleep_between_pokes(self, seconds: float, poke_count: int) -> None:
        """Sleep, or raise; to be overridden."""
        raise NotImplementedError

    def _get_next_poke_interval(
        self, started_at: Any, run_duration: Callable[[], float], poke_count: int
    ) -> float:
        sensor: Any = super()
        interval = float(sensor._get_next_poke_interval(started_at, run_duration, poke_count))
        if sensor.reschedule:
            return interval
        self.sleep_between_pokes(interval, poke_count)
        return 0.0


def is_deferral_timeout(error: BaseException) -> bool:
    """Whether a deferred task was resumed because ``defer(timeout=)`` passed.

    Relies on the exception's name (``TaskDeferralTimeout``, 3.0 and newer) or text ("Trigger timeout", 2.11).
    Fallback: the task fails all the same, and its execution is left running.
    """
    return type(error).__name__ == "TaskDeferralTimeout" or "Trigger timeout" in str(error)


# -- triggers ------------------------------------------------------------------------------------------------


async def get_connection_async(conn_id: str) -> Any:
    """Return a connection without blocking the triggerer's event loop.

    Relies on ``BaseHook.aget_connection`` (3.1 and newer). Fallback: the blocking lookup, in a thread.
    """
    from flyte_provider._airflow import BaseHook

    lookup: Any = getattr(BaseHook, "aget_connection", None)
    if lookup is not None:
        return await lookup(conn_id)
    return await asyncio.to_thread(BaseHook.get_connection, conn_id)


def calls_on_kill_of_triggers() -> bool:
    """Whether this Airflow calls ``BaseTrigger.on_kill`` when a user kills a deferred task.

    Relies on that method (3.3 and newer). Fallback: :func:`was_killed_by_user` finds out.
    """
    from flyte_provider._airflow import BaseTrigger

    return hasattr(BaseTrigger, "on_kill")


async def was_killed_by_user(trigger: Any) -> bool:
    """Whether the cancelled trigger's task is no longer deferred: somebody acted on it.

    For versions where :func:`calls_on_kill_of_triggers` is false, which cancel a trigger in the same way when
    it moves to another triggerer. Relies on ``RuntimeTaskInstance.get_task_states`` (3.0 to 3.2) or the
    database (2.11). Fallback: False, the execution runs on.
    """
    ti = trigger.task_instance
    if ti is None:
        return False
    read = _state_from_supervisor if is_airflow_3() else _state_from_database
    try:
        state = await asyncio.to_thread(read, ti)
    # A triggerer that is shutting down may have lost its database.
    except Exception as exc:  # noqa: BLE001
        log.warning("cannot ask Airflow whether the task was killed, leaving the execution: %s", exc)
        return False
    return state is not None and str(state) != "deferred"


def _state_from_supervisor(ti: Any) -> str | None:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    states = RuntimeTaskInstance.get_task_states(dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id])
    index = getattr(ti, "map_index", -1)
    key = ti.task_id if index is None or index < 0 else f"{ti.task_id}_{index}"
    state = states.get(ti.run_id, {}).get(key)
    return None if state is None else str(getattr(state, "value", state))


def _state_from_database(ti: Any) -> str | None:
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    with create_session() as session:
        query = session.query(TaskInstance.state)
        row = query.filter(
            TaskInstance.dag_id == ti.dag_id,
            TaskInstance.run_id == ti.run_id,
            TaskInstance.task_id == ti.task_id,
            TaskInstance.map_index == ti.map_index,
        ).one_or_none()
    return None if row is None else str(row[0])


# -- metrics and traces --------------------------------------------------------------------------------------


def count(name: str, **tags: str) -> None:
    """Count one more of something in Airflow's metrics, as in ``flyte.launches``.

    Relies on ``Stats.incr`` and its homes (all versions). Fallback: nothing is counted.
    """
    _measure("incr", name, tags=tags)


def report_seconds(name: str, seconds: float, **tags: str) -> None:
    """Report how long something took to Airflow's metrics.

    Relies on ``Stats.timing``, which takes milliseconds or a timedelta (all versions). Fallback: none.
    """
    _measure("timing", name, timedelta(seconds=seconds), tags=tags)


_STATS_HOMES = ("airflow.sdk.observability.stats", "airflow.observability.stats", "airflow.stats")


@functools.lru_cache(maxsize=1)
def _stats() -> Any:
    """Return what has ``incr`` and ``timing``: a module on 3.3 and newer, an object before."""
    for home in _STATS_HOMES:
        try:
            module = importlib.import_module(home)
        except ImportError:
            continue
        return module if hasattr(module, "incr") else module.Stats
    return None


def _measure(method: str, *args: Any, tags: dict[str, str]) -> None:
    try:
        getattr(_stats(), method)(*args, tags=tags)
    # No execution is worse for a metric that was not counted.
    except Exception as exc:  # noqa: BLE001
        log.debug("a metric was not reported: %s", exc)


def record_span(name: str, began_at: datetime, ended_at: datetime, attributes: dict[str, str]) -> None:
    """Add a finished span to the trace that the running task is in, where Airflow traces.

    Relies on ``[traces] otel_on`` and on OpenTelemetry's current span (2.10 and newer). Fallback: no span.
    """
    from flyte_provider import _airflow

    try:
        if not _airflow.conf.getboolean("traces", "otel_on", fallback=False):
            return
        from opentelemetry import trace

        nanoseconds = [int(moment.timestamp() * 1e9) for moment in (began_at, ended_at)]
        tracer = trace.get_tracer("flyte_provider")
        span = tracer.start_span(name, start_time=nanoseconds[0], attributes=attributes)
        span.end(end_time=nanoseconds[1])
    # No execution is worse for a span that was not recorded.
    except Exception as exc:  # noqa: BLE001
        log.debug("a span was not recorded: %s", exc)


def lineage_parent_id(context: Any) -> str | None:
    """Return ``namespace/job/run`` of this task for OpenLineage, None where it is not installed.

    Relies on ``airflow.providers.openlineage.plugins.macros.lineage_parent_id`` (a template macro). Fallback:
    None, the execution gets no parent.
    """
    try:
        macros = importlib.import_module("airflow.providers.openlineage.plugins.macros")
    except ImportError:
        return None
    ti = context.get("ti")
    return None if ti is None else str(macros.lineage_parent_id(ti))


# -- secrets -------------------------------------------------------------------------------------------------


def mask_in_any_thread(secret: str) -> None:
    """Have Airflow blot a secret out of logs; may be called from any thread, an event loop's aside.

    Relies on ``mask_secret`` doing its work in this process before it tells a supervisor, which an older
    triggerer's helper thread cannot reach. Fallback: none needed, no token is ever logged by us.
    """
    from flyte_provider import _airflow

    try:
        _airflow.mask_secret(secret)
    # Whatever a supervisor's channel raises in a thread that is not its own.
    except Exception as exc:  # noqa: BLE001
        log.debug("a secret is masked in this process only: %s", exc)


# -- servers -------------------------------------------------------------------------------------------------


def read_deferred_trigger(task_instance: Any) -> tuple[str, dict[str, Any]] | None:
    """Return class path and arguments of the trigger that a task instance's row still points to.

    Relies on ``TaskInstance.trigger_id`` outliving the deferred state until a triggerer cleans up, and on
    ``Trigger.classpath`` and ``Trigger.kwargs`` (all versions). Fallback: None, only the triggerer kills.
    """
    trigger_id = getattr(task_instance, "trigger_id", None)
    if trigger_id is None:
        return None
    from airflow.models.trigger import Trigger
    from sqlalchemy.orm import object_session

    session = object_session(task_instance)
    if session is None:
        return None
    with session.no_autoflush:
        trigger = session.get(Trigger, trigger_id)
    return None if trigger is None else (str(trigger.classpath), dict(trigger.kwargs))


def read_tasks_with_trigger(dag_run: Any) -> list[Any]:
    """Return the rows of a Dag run's task instances that point to a trigger and are not deferred.

    Relies on ``TaskInstance.trigger_id`` (all versions). Fallback: none.
    """
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import select
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None:
        return []
    of_run = (TaskInstance.dag_id == dag_run.dag_id, TaskInstance.run_id == dag_run.run_id)
    query = select(TaskInstance).where(*of_run, TaskInstance.trigger_id.is_not(None))
    return [ti for ti in session.scalars(query) if str(ti.state) != "deferred"]


def watch_marking_in_database(settle: Callable[[Any], None]) -> None:
    """Have ``settle`` called with each task instance that goes from deferred straight to an end.

    For Airflow 2, whose listeners are not told when a user marks a task. Relies on ``TaskInstance.state``
    being set on the mapped object, as ``airflow.api.common.mark_tasks`` does. Fallback: only the triggerer
    kills.
    """
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import event

    def note(task_instance: Any, state: Any, before: Any, initiator: Any) -> None:
        # Skipped is what the scheduler makes of tasks in a Dag run that timed out: not a user's mark.
        if str(before) == "deferred" and str(state) in ("failed", "success"):
            settle(task_instance)

    event.listen(TaskInstance.state, "set", note)


def get_connection_on_server(conn_id: str) -> Any:
    """Return a connection in a process of Airflow that is neither task nor triggerer.

    Relies on ``airflow.models.connection.Connection.get_connection_from_secrets`` (all versions). Fallback:
    none, the tab says what went wrong, and only the triggerer kills.
    """
    from airflow.models.connection import Connection

    return Connection.get_connection_from_secrets(conn_id)


def guards_of_task_instances() -> list[Any]:
    """Return FastAPI dependencies that let in who may read a task instance and its XComs.

    They find the Dag in the route's ``dag_id``. Relies on
    ``airflow.api_fastapi.core_api.security.requires_access_dag`` (3.0 and newer, which alone have plugins
    with FastAPI apps). Fallback: none on purpose: without it the import fails, and the app with it.
    """
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
    from airflow.api_fastapi.core_api.security import requires_access_dag
    from fastapi import Depends

    entities = (DagAccessEntity.TASK_INSTANCE, DagAccessEntity.XCOM)
    return [Depends(requires_access_dag("GET", entity)) for entity in entities]


def read_xcom_on_server(dag_id: str, run_id: str, task_id: str, map_index: int, key: str) -> Any:
    """Return an XCom in a process of Airflow's API, None where there is none.

    Relies on what :func:`_read_xcom` does. Fallback: none, the tab says what went wrong.
    """
    from airflow.utils.session import create_session

    of_task = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index}
    with create_session() as session:
        return _read_xcom(session, key=key, **of_task)


def read_xcom_of_row(task_instance: Any, key: str) -> Any:
    """Return an XCom of a task instance, in the session that its row belongs to; None where there is none.

    Relies on what :func:`_read_xcom` does, and on the row having a session. Fallback: None.
    """
    from sqlalchemy.orm import object_session

    session = object_session(task_instance)
    if session is None:
        return None
    of_task = {name: getattr(task_instance, name) for name in ("dag_id", "run_id", "task_id", "map_index")}
    with session.no_autoflush:
        return _read_xcom(session, key=key, **of_task)


def _read_xcom(session: Any, **wanted: Any) -> Any:
    """Return an XCom's value.

    Relies on ``airflow.models.xcom.XComModel`` and its ``value`` being JSON, as text or read (3.0 and newer),
    or on ``XCom.get_one`` (2.11).
    """
    if not is_airflow_3():
        from airflow.models.xcom import XCom

        return XCom.get_one(session=session, **wanted)
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    value = session.scalars(select(XComModel.value).filter_by(**wanted)).first()
    return json.loads(value) if isinstance(value, str) else value


def api_path() -> str:
    """Return the path below which the API server answers, without a slash at its end.

    Relies on ``[api] base_url`` (3.0 and newer). Fallback: the server's root.
    """
    from flyte_provider import _airflow

    return urlsplit(_airflow.conf.get("api", "base_url", fallback="") or "").path.rstrip("/")

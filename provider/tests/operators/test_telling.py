"""What a task tells while it waits and when it ends: log lines, metrics, a span, lineage."""

from __future__ import annotations

import logging
import sys
from datetime import timedelta
from types import ModuleType, SimpleNamespace
from typing import Any

import grpc
import pytest
from flyteidl.core import types_pb2
from flyteidl.core.execution_pb2 import NodeExecution

from flyte_provider import _airflow_private, _lineage
from flyte_provider._client.codec import encode
from flyte_provider._launch import resumed
from flyte_provider.exceptions import FlyteExecutionUserError, FlyteProviderError
from flyte_provider.operators.flyte import FlyteOperator
from flyte_provider.sensors.flyte import FlyteSensor

from ..fakes.admin import FakeAdmin, Phase, user_error
from ..fakes.airflow import FakeTaskInstance, make_context

QUICK: dict[str, Any] = {"poll_interval": 0.02, "max_poll_interval": 0.02, "deferrable": False}
FILE = types_pb2.LiteralType(blob=types_pb2.BlobType())


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that operators say, wherever this Airflow's logs go."""
    lines: list[str] = []

    class Log:
        def _say(self, text: str, *args: Any) -> None:
            lines.append(text % args)

        info = warning = error = debug = exception = _say

    for cls in (FlyteOperator, FlyteSensor):
        monkeypatch.setattr(cls, "log", Log())
    return lines


def launch(conn_id: str, **kwargs: Any) -> tuple[FlyteOperator, Any]:
    operator = FlyteOperator(task_id="task", flyte_conn_id=conn_id, launchplan_name="lp", **QUICK | kwargs)
    return operator, make_context(operator, FakeTaskInstance(task_id="task"))


# -- progress ------------------------------------------------------------------------------------------------


def test_the_log_tells_how_nodes_fare(admin: FakeAdmin, conn_id: str, said: list[str]) -> None:
    admin.add_launch_plan("lp")
    operator, context = launch(conn_id)
    name = operator._coordinates(context)
    from flyte_provider._launch.identity import execution_name

    admin.set_node(execution_name(name, 1), "n0", NodeExecution.SUCCEEDED, seconds=2)
    operator.execute(context)
    assert "Node n0: SUCCEEDED after 2.0 s" in said


def test_no_news_is_no_failure(admin: FakeAdmin, conn_id: str, said: list[str]) -> None:
    admin.add_launch_plan("lp")
    admin.fail("ListNodeExecutions", grpc.StatusCode.PERMISSION_DENIED)
    operator, context = launch(conn_id)
    operator.execute(context)
    assert any(line.startswith("No news of the nodes") for line in said)


def test_who_does_not_want_progress_costs_nothing(admin: FakeAdmin, conn_id: str) -> None:
    admin.add_launch_plan("lp")
    operator, context = launch(conn_id, log_progress=False)
    operator.execute(context)
    assert admin.count("ListNodeExecutions") == 0


def test_a_sensor_tells_too(admin: FakeAdmin, conn_id: str, said: list[str]) -> None:
    admin.add_execution("e1")
    admin.set_node("e1", "n0", NodeExecution.RUNNING)
    sensor = FlyteSensor(task_id="s", execution_name="e1", flyte_conn_id=conn_id, deferrable=False)
    sensor.execute(make_context(sensor))
    assert "Node n0: RUNNING" in said


@pytest.mark.usefixtures("airflow_database")  # Airflow 2 asks it for earlier reschedules.
def test_a_rescheduled_sensor_does_not_repeat_itself(admin: FakeAdmin, conn_id: str) -> None:
    admin.add_execution("e1")
    sensor = FlyteSensor(
        task_id="s", execution_name="e1", flyte_conn_id=conn_id, mode="reschedule", deferrable=False
    )
    sensor.execute(make_context(sensor))
    assert admin.count("ListNodeExecutions") == 0


# -- the end of the log --------------------------------------------------------------------------------------


@pytest.fixture
def failing(admin: FakeAdmin) -> FakeAdmin:
    assert admin.script is not None
    admin.add_launch_plan("lp")
    admin.script.phase, admin.script.error = Phase.FAILED, user_error("boom")
    return admin


def fail(admin: FakeAdmin, conn_id: str, **kwargs: Any) -> None:
    operator, context = launch(conn_id, **kwargs)
    from flyte_provider._launch.identity import execution_name

    admin.add_failed_node(execution_name(operator._coordinates(context), 1), "n0", "boom")
    with pytest.raises(FlyteExecutionUserError, match="boom"):
        operator.execute(context)


def test_a_failure_shows_the_end_of_the_attempts_log(
    failing: FakeAdmin, conn_id: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resumed, "read_tail", lambda uri, connection: ["almost done", "Killed"])
    fail(failing, conn_id)
    assert said[-1].startswith("The last 2 lines of log http://logs/")
    assert said[-1].endswith("\n  almost done\n  Killed")


def test_a_log_that_cannot_be_read_is_a_link(
    failing: FakeAdmin, conn_id: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resumed, "read_tail", lambda uri, connection: [])
    fail(failing, conn_id)
    assert "  log: http://logs/" in said[-1]


def test_who_does_not_want_progress_gets_no_log(
    failing: FakeAdmin, conn_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resumed, "read_tail", lambda uri, connection: pytest.fail("read"))
    fail(failing, conn_id, log_progress=False)


# -- metrics and spans ---------------------------------------------------------------------------------------


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    stats = SimpleNamespace(
        incr=lambda name, tags: found.append((name, tags)),
        timing=lambda name, duration, tags: found.append((name, duration, tags)),
    )
    monkeypatch.setattr(_airflow_private, "_stats", lambda: stats)
    return found


def test_a_launch_is_counted_and_its_time_taken(
    admin: FakeAdmin, conn_id: str, metrics: list[tuple[Any, ...]]
) -> None:
    admin.add_launch_plan("lp")
    operator, context = launch(conn_id)
    operator.execute(context)
    assert ("flyte.launches", {"how": "created"}) in metrics
    assert ("flyte.time_to_terminal", timedelta(seconds=3), {"phase": "SUCCEEDED"}) in metrics


def test_a_reattachment_and_errors_are_counted(
    admin: FakeAdmin, conn_id: str, metrics: list[tuple[Any, ...]]
) -> None:
    admin.add_launch_plan("lp")
    admin.fail("CreateExecution", after=True)
    admin.fail("GetExecution", times=0)
    operator, context = launch(conn_id)
    operator.execute(context)
    assert ("flyte.reattaches", {"how": "attached"}) in metrics
    admin.add_execution("e1")
    admin.fail("GetExecution")
    sensor = FlyteSensor(task_id="s", execution_name="e1", flyte_conn_id=conn_id, deferrable=False)
    sensor.poke_interval = 0.05
    sensor.execute(make_context(sensor))
    assert ("flyte.poll_errors", {"code": "UNAVAILABLE"}) in metrics


@pytest.mark.skipif(not _airflow_private.is_airflow_3(), reason="Airflow 2 asks its database for the state")
def test_a_cancellation_is_timed(admin: FakeAdmin, conn_id: str, metrics: list[tuple[Any, ...]]) -> None:
    admin.script = None
    admin.add_launch_plan("lp")
    operator, context = launch(conn_id, execution_timeout=timedelta(seconds=1))
    context["ti"].state = "failed"
    operator.deferrable, operator.defer_after = True, 0
    with pytest.raises(FlyteProviderError):
        operator.execute(context)
    assert any(metric[0] == "flyte.cancel_latency" for metric in metrics)


def test_airflows_metrics_take_ours() -> None:
    """The real ones, with whatever backend Airflow has without one: nothing is raised, nothing swallowed."""
    stats = _airflow_private._stats()
    stats.incr("flyte.launches", tags={"how": "created"})
    stats.timing("flyte.time_to_terminal", timedelta(seconds=1), tags={"phase": "SUCCEEDED"})


def test_a_metric_that_cannot_be_reported_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_airflow_private, "_stats", lambda: None)
    _airflow_private.count("flyte.launches")


def test_a_span_is_recorded_where_airflow_traces(
    admin: FakeAdmin, conn_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    admin.add_launch_plan("lp")
    operator, context = launch(conn_id)
    operator.execute(context)
    assert exporter.get_finished_spans() == ()
    monkeypatch.setenv("AIRFLOW__TRACES__OTEL_ON", "True")
    FlyteOperator.execute(*launch(conn_id, execution_name="other"))
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.attributes["flyte.execution"]) == ("flyte execution", "other")
    assert span.end_time - span.start_time == 3_000_000_000


# -- lineage -------------------------------------------------------------------------------------------------


def test_addresses_are_found_however_deep() -> None:
    value = {
        "a": ["s3://bucket/data/x.csv", {"b": "gs://other"}],
        "c": "http://h/",
        "d": 3,
        "e": "s3://bucket/data/x.csv",
    }
    assert _lineage.find_addresses(value) == [("s3://bucket", "data/x.csv"), ("gs://other", "/")]


@pytest.fixture
def openlineage(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two modules that the provider needs of OpenLineage's."""
    facets, extractors = ModuleType("facet"), ModuleType("extractors")
    macros = ModuleType("macros")
    facets.Dataset = facets.ExternalQueryRunFacet = extractors.OperatorLineage = SimpleNamespace  # type: ignore[attr-defined]
    macros.lineage_parent_id = lambda ti: f"airflow/{ti.task_id}/1"  # type: ignore[attr-defined]
    for name, module in {
        "airflow.providers.common.compat.openlineage.facet": facets,
        "airflow.providers.openlineage": ModuleType("openlineage"),
        "airflow.providers.openlineage.extractors": extractors,
        "airflow.providers.openlineage.plugins": ModuleType("plugins"),
        "airflow.providers.openlineage.plugins.macros": macros,
    }.items():
        monkeypatch.setitem(sys.modules, name, module)


def test_openlineage_hears_what_was_read_and_written(
    admin: FakeAdmin, conn_id: str, openlineage: None
) -> None:
    assert admin.script is not None
    admin.add_launch_plan("lp", {"data": FILE})
    admin.script.outputs = {"model": encode("s3://models/m.joblib", FILE)}
    operator, context = launch(conn_id, inputs={"data": "s3://raw/x.csv"}, return_value="outputs")
    began = operator.get_openlineage_facets_on_start()
    assert [(data.namespace, data.name) for data in began.inputs] == [("s3://raw", "x.csv")]
    operator.execute(context)
    ended = operator.get_openlineage_facets_on_complete(context["ti"])
    assert [(data.namespace, data.name) for data in ended.outputs] == [("s3://models", "m.joblib")]
    query = ended.run_facets["externalQuery"]
    assert (query.externalQueryId, query.source) == (
        next(iter(admin.executions)),
        f"flyte://127.0.0.1:{admin.port}",
    )


def test_a_failed_task_has_lineage_too(failing: FakeAdmin, conn_id: str, openlineage: None) -> None:
    operator, context = launch(conn_id)
    with pytest.raises(FlyteExecutionUserError):
        operator.execute(context)
    lineage = operator.get_openlineage_facets_on_failure(context["ti"])
    assert (lineage.outputs, list(lineage.run_facets)) == ([], ["externalQuery"])


def test_a_sensor_has_lineage(admin: FakeAdmin, conn_id: str, openlineage: None) -> None:
    assert admin.script is not None
    admin.script.outputs = {"model": encode("s3://models/m.joblib", FILE)}
    admin.add_execution("e1")
    sensor = FlyteSensor(
        task_id="s", execution_name="e1", flyte_conn_id=conn_id, deferrable=False, push_outputs=True
    )
    sensor.execute(make_context(sensor))
    assert sensor.get_openlineage_facets_on_complete(None).outputs[0].name == "m.joblib"


def test_the_execution_becomes_the_tasks_child(admin: FakeAdmin, conn_id: str, openlineage: None) -> None:
    admin.add_launch_plan("lp")
    operator, context = launch(conn_id, openlineage_inject_parent_job_info=True, envs={"A": "1"})
    operator.execute(context)
    spec = admin.requests["CreateExecution"][0].spec
    assert spec.annotations.values["OPENLINEAGE_PARENT_ID"] == "airflow/task/1"
    assert {pair.key: pair.value for pair in spec.envs.values} == {
        "A": "1",
        "OPENLINEAGE_PARENT_ID": "airflow/task/1",
    }


def test_without_openlineage_nothing_is_told(
    admin: FakeAdmin, conn_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("extractors", "plugins.macros"):
        monkeypatch.setitem(sys.modules, f"airflow.providers.openlineage.{name}", None)
    operator, context = launch(conn_id, openlineage_inject_parent_job_info=True)
    assert operator.get_openlineage_facets_on_start() is None
    assert operator._options(context).envs == {}


def test_logging_is_quiet_by_default(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert _lineage.parent_id({}, None) is None
    assert caplog.records == []

"""Odd values given to each public class: one sentence that names the keyword, and nothing launched."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from flyte_provider._connection_fields import CONN_TYPE
from flyte_provider.assets.flyte import create_asset
from flyte_provider.exceptions import FlyteConfigurationError, FlyteEntityNotFoundError
from flyte_provider.hooks.flyte import FlyteHook
from flyte_provider.operators.flyte import FlyteOperator
from flyte_provider.sensors.flyte import FlyteSensor
from flyte_provider.triggers.flyte import FlyteExecutionEventTrigger

from .fakes.admin import FakeAdmin
from .fakes.airflow import make_context

MAILS = {"recipients_email": ["a@b"]}

OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"project": 5}, "project: expected a text, got int 5"),
    ({"domain": ["d"]}, "domain: expected a text, got list ['d']"),
    ({"launchplan_name": 5}, "launch plan: expected a text, got int 5"),
    ({"version": 20240101}, "version: expected a text, got int 20240101"),
    ({"execution_name": {"name": "e"}}, "execution_name: expected a text, got dict {'name': 'e'}"),
    ({"inputs": [1]}, "inputs: expected a dict keyed by input name, got list"),
    ({"labels": "a"}, "labels: expected a dict, got str"),
    ({"annotations": ["a"]}, "annotations: expected a dict, got list"),
    ({"envs": "A=1"}, "envs: expected a dict, got str"),
    ({"tags": "abc"}, "tags: expected a list of texts, got str 'abc'"),
    ({"tags": [1]}, "tags: expected a list of texts, got list [1]"),
    ({"tags": "x" * 80}, f"tags: expected a list of texts, got str '{'x' * 59}…"),
    ({"max_parallelism": "5"}, "max_parallelism: expected a whole number, 0 or more, got str '5'"),
    ({"max_parallelism": -1}, "max_parallelism: expected a whole number, 0 or more, got int -1"),
    ({"max_parallelism": True}, "max_parallelism: expected a whole number, 0 or more, got bool True"),
    ({"interruptible": "true"}, "interruptible: expected True or False, got str 'true'"),
    ({"overwrite_cache": "yes"}, "overwrite_cache: expected True or False, got str 'yes'"),
    (
        {"raw_output_data_config": {"prefix": "s3://b"}},
        "raw_output_data_config: expected an address, as in s3://bucket/prefix, got dict {'prefix': 's3://b'}",
    ),
    ({"iam_role": ["a"]}, "iam_role: expected a text, got list ['a']"),
    ({"cluster_pool": 5}, "cluster_pool: expected a text, got int 5"),
    ({"oauth2_client": "s3cret"}, "oauth2_client: expected a dict, got str"),
    ({"secrets": {"key": "k"}}, "secrets: expected a list of dicts, got dict {'key': 'k'}"),
    ({"secrets": [{"key": 5}]}, "secrets[0].key: expected a text, got int 5"),
    ({"notifications": "x"}, "notifications: expected a list of dicts, got str 'x'"),
    (
        {"notifications": [{"phases": "FAILED", "email": MAILS}]},
        "notifications[0].phases: expected a list of phases, got str 'FAILED'",
    ),
    (
        {"notifications": [{"phases": ["FAILED"], "email": ["a@b"]}]},
        "notifications[0].email: expected a dict, got list",
    ),
    (
        {"notifications": [{"phases": ["FAILED"], "email": {"recipients_email": "a@b"}}]},
        "notifications[0].email.recipients_email: expected a list of texts, got str 'a@b'",
    ),
    ({"poll_interval": "soon"}, "poll_interval: expected a number of seconds, got str 'soon'"),
    ({"poll_error_timeout": []}, "poll_error_timeout: expected a number of seconds, got list []"),
    ({"xcom_max_bytes": "48k"}, "xcom_max_bytes: expected a whole number, 0 or more, got str '48k'"),
]


def make_and_execute(**given: Any) -> None:
    operator = FlyteOperator(**given)
    operator.execute(make_context(operator))


@pytest.mark.parametrize(("options", "message"), OPTIONS, ids=[str(options)[:40] for options, _ in OPTIONS])
def test_an_operator_refuses(admin: FakeAdmin, conn_id: str, options: dict[str, Any], message: str) -> None:
    admin.add_launch_plan("lp")
    given = {"task_id": "t", "flyte_conn_id": conn_id, "launchplan_name": "lp"} | options
    with pytest.raises(FlyteConfigurationError) as caught:
        make_and_execute(**given)
    assert str(caught.value) == message
    assert admin.count("CreateExecution") == 0


@pytest.mark.parametrize("empty", ["", None])
def test_what_renders_to_nothing_leaves_flytes_default(admin: FakeAdmin, conn_id: str, empty: Any) -> None:
    admin.add_launch_plan("lp")
    names = set(FlyteOperator.template_fields) - {"flyte_conn_id", "launchplan_name"}
    operator = FlyteOperator(task_id="t", flyte_conn_id=conn_id, launchplan_name="lp")
    for name in names:
        setattr(operator, name, empty)
    operator.execute(make_context(operator))
    (created,) = admin.requests["CreateExecution"]
    assert (created.project, created.spec.launch_plan.version) == ("flytesnacks", "v1")
    assert created.spec.labels.values.keys() == {
        f"airflow.apache.org/{key}" for key in ("dag_id", "run_id", "task_id")
    }


def test_a_value_of_another_task_is_no_odd_one() -> None:
    """What it comes to is known, and checked, when the task runs."""
    from airflow import DAG

    with DAG("d", schedule=None, start_date=datetime(2024, 1, 1, tzinfo=timezone.utc)):
        before = FlyteOperator(task_id="before", launchplan_name="lp")
        given = {name: before.output[name] for name in FlyteOperator.template_fields}
        given |= {"task_name": None, "workflow_name": None}
        after = FlyteOperator(task_id="after", **given)
        FlyteSensor(task_id="sensor", execution_name=after.output, project=before.output["project"])
    assert after.upstream_task_ids == {"before"}


@pytest.mark.parametrize("name", [None, "", 5, {}, {"name": ""}, ["a"]])
def test_a_sensor_refuses_what_is_no_execution(conn_id: str, name: Any) -> None:
    sensor = FlyteSensor(task_id="s", flyte_conn_id=conn_id, execution_name=name)
    with pytest.raises(FlyteConfigurationError, match="execution_name: expected a name or a flyte_execution"):
        sensor.execute(make_context(sensor))


def test_a_sensor_refuses_a_place_that_is_none(conn_id: str) -> None:
    sensor = FlyteSensor(task_id="s", flyte_conn_id=conn_id, execution_name={"name": "e", "project": 5})
    with pytest.raises(FlyteConfigurationError, match="project: expected a text, got int 5"):
        sensor.execute(make_context(sensor))


CALLS: list[tuple[Callable[[FlyteHook], object], str]] = [
    (lambda hook: hook.get_execution(None), "execution_name: expected a text, got None"),  # type: ignore[arg-type]
    (lambda hook: hook.terminate("", "cause"), "execution_name: expected a text, got str ''"),
    (lambda hook: hook.trigger_execution("", "lp"), "execution_name: expected a text, got str ''"),
    (lambda hook: hook.recover("e1", ""), "new_name: expected a text, got str ''"),
    (
        lambda hook: hook.list_executions(phases="RUNNING"),
        "phases: expected a list of texts, got str 'RUNNING'",
    ),
    (lambda hook: hook.list_executions(limit=0), "limit: expected a whole number above 0, got int 0"),
]


@pytest.mark.parametrize(("call", "message"), CALLS, ids=[message[:30] for _, message in CALLS])
def test_a_hook_refuses(
    admin: FakeAdmin, conn_id: str, call: Callable[[FlyteHook], object], message: str
) -> None:
    admin.add_launch_plan("lp")
    with pytest.raises(FlyteConfigurationError) as caught:
        call(FlyteHook(conn_id))
    assert str(caught.value) == message
    assert admin.count("CreateExecution") == admin.count("RecoverExecution") == 0


@pytest.mark.parametrize(
    ("phases", "message"),
    [
        ("SUCCEEDED", "phases: expected a list of texts, got str 'SUCCEEDED'"),
        (["RUNNING"], "phases: expected some of SUCCEEDED, FAILED, ABORTED, TIMED_OUT, got str 'RUNNING'"),
    ],
)
def test_a_watcher_refuses_phases_that_never_come(phases: Any, message: str) -> None:
    with pytest.raises(FlyteConfigurationError) as caught:
        FlyteExecutionEventTrigger(phases=phases)
    assert str(caught.value) == message


@pytest.mark.parametrize("part", [None, "", "a/b"])
def test_an_asset_refuses_what_is_no_part_of_an_address(part: Any) -> None:
    with pytest.raises(FlyteConfigurationError, match="launchplan: expected a text without slashes"):
        create_asset(host="h", project="p", domain="d", launchplan=part)


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        ('{"conn_type": "%s", "host": "h:99999"}', "port 99999 does not exist, expected 1 to 65535"),
        ('{"conn_type": "%s", "host": "h:0"}', "port 0 does not exist, expected 1 to 65535"),
        ('{"conn_type": "%s", "host": "h", "extra": {"timeout": "inf"}}', "expected a number of seconds"),
    ],
)
def test_a_connection_is_refused(monkeypatch: pytest.MonkeyPatch, connection: str, words: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ODD", connection % CONN_TYPE)
    worked, text = FlyteHook("odd").test_connection()
    assert (worked, text.startswith("Flyte connection 'odd': "), words in text) == (False, True, True)


def test_a_name_in_other_letters_is_recognised(admin: FakeAdmin, conn_id: str) -> None:
    admin.add_launch_plan("scoring.Train")
    with pytest.raises(FlyteEntityNotFoundError, match=r"did you mean 'scoring\.Train'\?"):
        FlyteHook(conn_id).trigger_execution("e", "Scoring.train")


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ("{", r"inputs: neither JSON nor YAML: while parsing a flow node .* line 1, column 2"),
        ("missing.yaml", r"inputs: template 'missing\.yaml': .*not found"),
    ],
)
def test_a_text_that_is_no_inputs_is_refused(conn_id: str, inputs: str, words: str) -> None:
    from airflow import DAG

    with DAG("d", schedule=None, start_date=datetime(2024, 1, 1, tzinfo=timezone.utc)):
        operator = FlyteOperator(task_id="t", flyte_conn_id=conn_id, launchplan_name="lp", inputs=inputs)
    with pytest.raises(FlyteConfigurationError, match=words) as caught:
        operator.execute(make_context(operator))
    assert "\n" not in str(caught.value)

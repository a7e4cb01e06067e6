"""``@task.flyte`` in whole Dag runs: what a function returns reaches Flyte."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl.core import types_pb2

from flyte_provider._client.codec import decode_map, encode
from flyte_provider.decorators.flyte import flyte_task
from flyte_provider.exceptions import FlyteConfigurationError

from ..fakes.admin import FakeAdmin
from ..fakes.airflow import make_context
from ..test_dag_runs import mode, run, xcom

INT = types_pb2.LiteralType(simple=types_pb2.INTEGER)
KEYWORDS: dict[str, Any] = {"launchplan_name": "lp", "flyte_conn_id": "flyte_test", "deferrable": False}


@pytest.fixture(autouse=True)
def launch_plan(admin: FakeAdmin, conn_id: str) -> None:
    admin.add_launch_plan("lp", {"x": INT, "y": INT})
    admin.add_launch_plan(
        "basics.hello_world.hello_wf", {"name": types_pb2.LiteralType(simple=types_pb2.STRING)}
    )


@pytest.mark.usefixtures("airflow_database")
@pytest.mark.parametrize("dag_id", ["decorated", "decorated_and_deferred"])
def test_the_function_gives_the_inputs(admin: FakeAdmin, dag_id: str) -> None:
    assert admin.script is not None
    admin.script.looks = 2
    admin.script.outputs = {"o0": encode("hello", types_pb2.LiteralType(simple=types_pb2.STRING))}
    states = run(mode(dag_id))
    assert states["greet"] == "success"
    (created,) = admin.requests["CreateExecution"]
    assert decode_map(created.inputs) == {"name": "Ada of decorated" if dag_id == "decorated" else "Ada"}
    assert xcom(states[""], "greet") == {"o0": "hello"}


@pytest.mark.usefixtures("airflow_database")
def test_a_mapped_function_launches_for_each(admin: FakeAdmin) -> None:
    states = run(mode("decorated_and_mapped"))
    assert states["greet"] == "success"
    names = {decode_map(created.inputs)["name"] for created in admin.requests["CreateExecution"]}
    assert names == {"Ada", "Grace", "Edsger"}


def make(function: Any, **kwargs: Any) -> Any:
    return flyte_task(function, **KEYWORDS | kwargs)().operator


def test_nothing_returned_means_no_inputs(admin: FakeAdmin) -> None:
    def nothing() -> None:
        return None

    operator = make(nothing)
    operator.execute(make_context(operator))
    assert decode_map(admin.requests["CreateExecution"][0].inputs) == {}


def test_anything_but_a_dict_is_refused(admin: FakeAdmin) -> None:
    def wrong() -> list[int]:
        return [1]

    operator = make(wrong)
    with pytest.raises(
        FlyteConfigurationError, match="expected a dict of inputs from the function, got list"
    ):
        operator.execute(make_context(operator))
    assert admin.calls == []


def _empty() -> dict[str, int]:
    return {}


def test_inputs_have_one_origin() -> None:
    with pytest.raises(FlyteConfigurationError, match="takes them from what the function returns"):
        make(_empty, inputs={"x": 1})


def test_a_functions_annotation_says_nothing_about_outputs() -> None:
    def annotated() -> dict[str, int]:
        return {}

    assert make(annotated).multiple_outputs is False
    assert make(annotated, multiple_outputs=True).multiple_outputs is True

"""Whatever airflow-provider-flyte 0.0.5 offered is here, under the same names, with the same
defaults, and does what its users meant.

``interface_0_0_5.json`` was read from the package of the index; the slow test reads it again.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from flyteidl.core import security_pb2, types_pb2

from flyte_provider._client.codec import decode_map

from ..fakes.admin import FakeAdmin, Phase, user_error
from ..fakes.airflow import FakeTaskInstance, make_context
from ..test_dag_runs import load, run, xcom
from .environments import uv
from .old_interface import REQUIRED, read_interface

HERE = Path(__file__).parent
OLD: dict[str, dict[str, Any]] = json.loads((HERE / "interface_0_0_5.json").read_text())
DAGS = HERE / "dags" / "written_for_0_0_5.py"

FUNCTIONS = {name: entry["parameters"] for name, entry in OLD.items() if entry["kind"] == "function"}
VALUES = {name: entry["value"] for name, entry in OLD.items() if entry["kind"] == "value"}
# Airflow hands this one over by its name; 0.0.5 took it by position as well.
BY_NAME_ONLY = {"ti_key"}


def find(path: str) -> Any:
    """Return what a dotted path of 0.0.5 leads to here."""
    words = path.split(".")
    for length in range(len(words), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(words[:length]))
        except ModuleNotFoundError:
            continue
        for word in words[length:]:
            found = getattr(found, word)
        return found
    raise AssertionError(f"{path} leads nowhere")


@pytest.mark.parametrize("path", OLD)
def test_every_public_name_exists(path: str) -> None:
    assert find(path) is not None


@pytest.mark.parametrize("path", FUNCTIONS)
def test_every_parameter_exists_with_its_default(path: str) -> None:
    ours = inspect.signature(find(path)).parameters
    for name, default in FUNCTIONS[path].items():
        assert name in ours, f"{path} has no {name}"
        if default == REQUIRED:
            continue
        # Mutable defaults are None here; test_none_means_what_an_empty_dict_meant says that it is the same.
        assert ours[name].default == (None if default == {} else default), f"{path}({name}=…)"


@pytest.mark.parametrize("path", [path for path in FUNCTIONS if ".FlyteHook." in path])
def test_parameters_of_the_hook_keep_their_order(path: str) -> None:
    """Operators take keywords only, in every Airflow; the hook may be called by position."""
    names = [name for name in inspect.signature(find(path)).parameters if name != "self"]
    old = [name for name in FUNCTIONS[path] if name not in BY_NAME_ONLY]
    assert names[: len(old)] == old


@pytest.mark.parametrize(("path", "value"), VALUES.items())
def test_every_value_is_what_it_was(path: str, value: Any) -> None:
    ours = find(path)
    if path.endswith("template_fields"):
        assert set(value) <= set(ours)
    elif "WorkflowExecutionPhase" in str(value):
        assert ours == getattr(Phase, value.rpartition(".")[2])
    else:
        assert ours == value


def test_nothing_new_is_required() -> None:
    for path, old in FUNCTIONS.items():
        for name, parameter in inspect.signature(find(path)).parameters.items():
            is_new = name not in {"self", *old} and parameter.kind not in (
                inspect.Parameter.VAR_KEYWORD,
                inspect.Parameter.VAR_POSITIONAL,
            )
            assert not is_new or parameter.default is not inspect.Parameter.empty, f"{path} requires {name}"


# -- what it means -------------------------------------------------------------------------------------------

FLOAT = types_pb2.LiteralType(simple=types_pb2.FLOAT)
INT = types_pb2.LiteralType(simple=types_pb2.INTEGER)


@pytest.fixture
def flyte(admin: FakeAdmin, conn_id: str) -> FakeAdmin:
    admin.add_launch_plan("scoring.train", {"ratio": FLOAT, "seed": INT})
    admin.add_launch_plan("scoring.nothing")
    admin.add_task("scoring.square", {"x": INT})
    return admin


@pytest.mark.processes
@pytest.mark.usefixtures("airflow_database")
class TestDagsWrittenForIt:
    def test_every_keyword_reaches_flyte(self, flyte: FakeAdmin) -> None:
        states = run(load(DAGS, "launches_a_plan_and_awaits_it"))
        assert (states["launch"], states["wait"]) == ("success", "success")
        (request,) = flyte.requests["CreateExecution"]
        spec = request.spec
        assert xcom(states[""], "launch") == request.name
        assert decode_map(request.inputs) == {"ratio": 0.5, "seed": 7}
        assert (spec.launch_plan.name, spec.launch_plan.version) == ("scoring.train", "v1")
        assert spec.max_parallelism == 4
        assert spec.raw_output_data_config.output_location_prefix == "s3://flyte/raw"
        identity = spec.security_context.run_as
        assert identity.k8s_service_account == "trainer"
        assert identity.oauth2_client.client_secret.key == "name_of_a_secret"
        secret = security_pb2.Secret(group="warehouse", group_version="v2", key="password")
        assert list(spec.security_context.secrets) == [secret]
        assert spec.labels.values["team"] == "risk"
        assert spec.annotations.values["ticket"] == "42"
        (notification,) = spec.notifications.notifications
        assert list(notification.email.recipients_email) == ["risk@example.com"]

    def test_a_task_is_launched(self, flyte: FakeAdmin) -> None:
        assert run(load(DAGS, "launches_a_task"))["launch"] == "success"
        (request,) = flyte.requests["CreateExecution"]
        assert request.spec.launch_plan.name == "scoring.square"
        assert decode_map(request.inputs) == {"x": 3}

    def test_none_means_what_an_empty_dict_meant(self, flyte: FakeAdmin) -> None:
        from flyte_provider.operators.flyte import FlyteOperator

        assert run(load(DAGS, "launches_without_inputs"))["launch"] == "success"
        unsaid = FlyteOperator(task_id="t", flyte_conn_id="flyte_test", launchplan_name="scoring.nothing")
        unsaid.execute(make_context(unsaid, FakeTaskInstance(task_id="t")))
        empty, none = flyte.requests["CreateExecution"]
        assert empty.inputs == none.inputs
        assert set(empty.spec.labels.values) == set(none.spec.labels.values)

    def test_the_hook_launches_and_looks(self, flyte: FakeAdmin) -> None:
        states = run(load(DAGS, "uses_the_hook"))
        assert states["launch"] == "success"
        assert xcom(states[""], "launch") is True


@pytest.mark.parametrize(
    ("phase", "word"), [(Phase.FAILED, "failed"), (Phase.TIMED_OUT, "timedout"), (Phase.ABORTED, "aborted")]
)
def test_the_sensor_fails_in_the_old_words(flyte: FakeAdmin, phase: int, word: str) -> None:
    """Somebody greps their logs for them."""
    from airflow.exceptions import AirflowException

    from flyte_provider.sensors.flyte import FlyteSensor

    flyte.add_execution("f1")
    flyte.end("f1", phase, error=user_error("boom"))
    sensor = FlyteSensor(task_id="t", execution_name="f1", flyte_conn_id="flyte_test")
    with pytest.raises(AirflowException, match=f"^Execution f1 {word}"):
        sensor.poke(make_context(sensor))


@pytest.mark.slow
def test_the_interface_is_that_of_the_package_on_the_index(tmp_path: Path) -> None:
    target = ("--target", tmp_path, "--python", sys.executable)
    uv("pip", "install", "--quiet", "--no-deps", *target, "airflow-provider-flyte==0.0.5")
    read = json.loads(json.dumps(read_interface(tmp_path / "flyte_provider")))
    assert read == OLD

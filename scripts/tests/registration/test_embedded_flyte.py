"""The workflows of this repository, registered with the embedded Flyte, run there as they run here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from program_run import Register

from flyte_sandbox.testing import Sandbox, running_sandbox

if TYPE_CHECKING:
    from flytekit.remote import FlyteRemote

WORKFLOWS = Path(__file__).parents[3] / "workflows"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def registered(register: Register, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The version of the workflows in the sandbox."""
    plan = tmp_path_factory.getbasetemp() / "embedded-plan.json"
    return register("--endpoint", address_of(sandbox), "--plan-file", plan, root=WORKFLOWS).version


@pytest.fixture
def remote(sandbox: Sandbox, home: Path, monkeypatch: pytest.MonkeyPatch) -> FlyteRemote:
    from flytekit.configuration import Config, PlatformConfig
    from flytekit.remote import FlyteRemote

    monkeypatch.setenv("HOME", str(home))
    platform = PlatformConfig(endpoint=address_of(sandbox), insecure=True)
    return FlyteRemote(Config(platform=platform), "flytesnacks", "development")


def address_of(sandbox: Sandbox) -> str:
    return f"localhost:{sandbox.port}"


def launch(remote: FlyteRemote, name: str, **inputs: object) -> dict[str, Any]:
    """The outputs of an execution of the active launch plan of this name."""
    execution = remote.execute(remote.fetch_active_launchplan(name=name), inputs=inputs)
    execution = remote.wait(
        execution, timeout=timedelta(seconds=90), poll_interval=timedelta(milliseconds=50)
    )
    assert execution.error is None, execution.error
    return dict(execution.outputs.literals)


def test_a_repeat_finds_everything_and_force_finds_it_identical(
    register: Register, sandbox: Sandbox, registered: str, tmp_path: Path
) -> None:
    endpoint = ("--endpoint", address_of(sandbox), "--plan-file", tmp_path / "plan.json")
    for more in ((), ("--force",), ()):
        done = register(*endpoint, *more, root=WORKFLOWS).done
        assert done == {"kind": "done", "version": registered, "created": 0, "activated": 0}


def test_hello_world_greets(registered: str, remote: FlyteRemote) -> None:
    outputs = launch(remote, "basics.hello_world.hello_wf")
    assert outputs["o0"].scalar.primitive.string_value == "Hello, world!"


def test_launch_plans_launch_launch_plans(registered: str, remote: FlyteRemote) -> None:
    outputs = launch(remote, "basics.launch_plans.rally_wf")
    assert [outputs[name].scalar.primitive.string_value for name in ("o0", "o1")] == ["hip hip!", "hooray."]


def test_the_model_is_trained_on_the_uploaded_table_without_any_input(
    registered: str, remote: FlyteRemote
) -> None:
    results = [
        launch(remote, name, seed=seed)
        for name, seed in (
            ("ml_training.pima_diabetes.diabetes.diabetes_xgboost_model", 7),
            ("pima_diabetes.diabetes.diabetes_xgboost_model", 7),
            ("pima_diabetes.diabetes.diabetes_xgboost_model", 8),
        )
    ]
    accuracies = [result["accuracy"].scalar.primitive.float_value for result in results]
    assert accuracies[0] == accuracies[1] != accuracies[2]
    assert all(accuracy > 500 / 768 for accuracy in accuracies)
    assert results[0]["model"].scalar.blob.uri.endswith("model.joblib")

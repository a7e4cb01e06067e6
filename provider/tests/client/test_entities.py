"""Which version is launched, and what is said when there is none."""

from __future__ import annotations

import grpc
import pytest
from flyteidl.core import identifier_pb2, types_pb2

from flyte_provider._client.admin import FlyteClient
from flyte_provider._client.entities import Entity, find_entity
from flyte_provider._launch.target import Target, choose_target
from flyte_provider.connection import FlyteConnection
from flyte_provider.exceptions import FlyteConfigurationError, FlyteEntityNotFoundError

from ..fakes.admin import DOMAIN, PROJECT, FakeAdmin

INT = types_pb2.LiteralType(simple=types_pb2.INTEGER)


@pytest.fixture
def client(admin: FakeAdmin) -> FlyteClient:
    connection = FlyteConnection("c", f"127.0.0.1:{admin.port}", insecure=True)
    return FlyteClient(connection, retry_seconds=0)


def find(client: FlyteClient, kind: str, name: str, version: str | None = None) -> Entity:
    return find_entity(client, Target(kind, name, version), PROJECT, DOMAIN)


def test_the_active_launch_plan_wins_over_newer_ones(admin: FakeAdmin, client: FlyteClient) -> None:
    admin.add_launch_plan("lp", version="v1")
    admin.add_launch_plan("lp", version="v2", is_active=False)
    entity = find(client, "launch plan", "lp")
    assert entity.id.version == "v1"
    assert entity.id.resource_type == identifier_pb2.LAUNCH_PLAN
    assert admin.calls == ["GetActiveLaunchPlan"]


def test_without_an_active_one_the_newest_is_taken(admin: FakeAdmin, client: FlyteClient) -> None:
    admin.add_launch_plan("lp", version="v1", is_active=False)
    admin.add_launch_plan("lp", version="v2", is_active=False)
    assert find(client, "launch plan", "lp").id.version == "v2"


def test_latest_is_the_newest_even_beside_an_active_one(admin: FakeAdmin, client: FlyteClient) -> None:
    admin.add_launch_plan("lp", version="v1")
    admin.add_launch_plan("lp", version="v2", is_active=False)
    assert find(client, "launch plan", "lp", "latest").id.version == "v2"


def test_a_version_is_taken_as_it_is(admin: FakeAdmin, client: FlyteClient) -> None:
    admin.add_launch_plan("lp", version="v1", is_active=False)
    admin.add_launch_plan("lp", version="v2")
    assert find(client, "launch plan", "lp", "v1").id.version == "v1"


def test_a_workflow_means_its_default_launch_plan(admin: FakeAdmin, client: FlyteClient) -> None:
    admin.add_launch_plan("wf")
    entity = find(client, "workflow", "wf")
    assert entity.id.resource_type == identifier_pb2.LAUNCH_PLAN
    assert entity.interface.entity == "workflow 'wf'"


@pytest.mark.parametrize("version", [None, "latest"])
def test_a_task_is_taken_in_its_newest_version(
    admin: FakeAdmin, client: FlyteClient, version: str | None
) -> None:
    admin.add_task("t", {"x": INT}, version="v1")
    admin.add_task("t", {"x": INT}, version="v2")
    entity = find(client, "task", "t", version)
    assert (entity.id.version, entity.id.resource_type) == ("v2", identifier_pb2.TASK)
    assert entity.interface.required == {"x"}


def test_a_tasks_version_is_taken_as_it_is(admin: FakeAdmin, client: FlyteClient) -> None:
    admin.add_task("t", {}, version="v1")
    admin.add_task("t", {}, version="v2")
    assert find(client, "task", "t", "v1").id.version == "v1"


def test_the_interface_tells_required_defaulted_and_fixed(admin: FakeAdmin, client: FlyteClient) -> None:
    admin.add_launch_plan("lp", {"a": INT, "b": INT}, required=("a",), fixed=("c",))
    interface = find(client, "launch plan", "lp").interface
    assert dict(interface.types) == {"a": INT, "b": INT}
    assert (interface.required, interface.fixed) == ({"a"}, {"c"})


def refusal(client: FlyteClient, kind: str, name: str, version: str | None = None) -> str:
    with pytest.raises(FlyteEntityNotFoundError) as caught:
        find(client, kind, name, version)
    return str(caught.value).replace(client.connection.endpoint, "HERE")


def test_a_misspelt_launch_plan_is_guessed(admin: FakeAdmin, client: FlyteClient) -> None:
    admin.add_launch_plan("ml_training.pima_diabetes.diabetes.diabetes_xgboost_model")
    admin.add_launch_plan("basics.hello_world.hello_wf")
    assert refusal(client, "launch plan", "pima_diabetes.diabetes.diabetes_xgboost_modl") == (
        "launch plan 'pima_diabetes.diabetes.diabetes_xgboost_modl' not found in "
        "flytesnacks/development at HERE; did you mean "
        "'ml_training.pima_diabetes.diabetes.diabetes_xgboost_model'?"
    )


def test_a_missing_version_says_that_others_exist(admin: FakeAdmin, client: FlyteClient) -> None:
    admin.add_launch_plan("lp", version="v1")
    assert refusal(client, "launch plan", "lp", "v9").endswith(
        "launch plan 'lp' version 'v9' not found in flytesnacks/development at HERE; other versions exist"
    )
    admin.add_task("t", {}, version="v1")
    assert refusal(client, "task", "t", "v9").endswith("; other versions exist")


def test_an_empty_project_says_so(client: FlyteClient) -> None:
    assert refusal(client, "task", "t").endswith("at HERE; no task is registered there")
    assert refusal(client, "workflow", "w").endswith("at HERE; no launch plan is registered there")


def test_generated_names_are_no_guess(admin: FakeAdmin, client: FlyteClient) -> None:
    admin.add_launch_plan(".flytegen.my_task")
    admin.add_launch_plan("other")
    assert refusal(client, "launch plan", "flytegen.my_task").endswith("at HERE")


def test_a_server_that_does_not_list_leaves_the_guess_out(admin: FakeAdmin, client: FlyteClient) -> None:
    admin.fail("ListLaunchPlanIds", grpc.StatusCode.PERMISSION_DENIED)
    assert refusal(client, "launch plan", "lp").endswith("not found in flytesnacks/development at HERE")


def test_exactly_one_target_is_chosen() -> None:
    assert choose_target("lp", None, "", None) == Target("launch plan", "lp", None)
    assert choose_target(None, "t", None, "") == Target("task", "t", None)
    assert choose_target(None, None, "w", "v1") == Target("workflow", "w", "v1")
    with pytest.raises(FlyteConfigurationError, match="exactly one; got none"):
        choose_target(None, None, None, None)
    with pytest.raises(FlyteConfigurationError, match="got launch plan 'a' and task 'b'"):
        choose_target("a", "b", None, None)

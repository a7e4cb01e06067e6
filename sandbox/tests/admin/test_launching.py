"""CreateExecution: what it refuses, in which order, and what it stores."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl.admin import common_pb2, execution_pb2, launch_plan_pb2, project_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2, security_pb2
from flyteidl.event import event_pb2

from flyte_sandbox.admin.events.recording import record_node
from flyte_sandbox.admin.rooms import Admin
from flyte_sandbox.db import executions as rows
from flyte_sandbox.db.times import to_timestamp
from flyte_sandbox.errors import AlreadyExists, InvalidArgument, NotFound

from ..conformance.entities import identifier
from .launches import (
    PLAN,
    PROJECT,
    TASK,
    ExecutionId,
    create_request,
    get,
    inputs,
    launch,
    list_names,
    register,
)
from .rooms import Rooms

METADATA = execution_pb2.ExecutionMetadata
LABELS = common_pb2.Labels(values={"team": "ml"})


def resolved(rooms: Rooms, id: ExecutionId) -> execution_pb2.ExecutionSpec:
    """What the engine runs by."""
    with rooms.db.read() as connection:
        row = rows.get(connection, id)
    assert row is not None
    return execution_pb2.ExecutionSpec.FromString(row.resolved_spec)


def start_node(rooms: Rooms, execution: ExecutionId) -> identifier_pb2.NodeExecutionIdentifier:
    """A node execution that can be the parent of a child execution."""
    id = identifier_pb2.NodeExecutionIdentifier(execution_id=execution, node_id="n0")
    phase = core_execution_pb2.NodeExecution.RUNNING
    event = event_pb2.NodeExecutionEvent(id=id, phase=phase, occurred_at=to_timestamp(rooms.clock.now()))
    with rooms.db.write() as connection:
        record_node(connection, event)
    return id


# ---- refusals


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"project": "", "domain": ""}, "missing project"),
        ({"domain": "", "name": "UPPER_case"}, "missing domain"),
        ({"name": "9lives", "project": "nobody"}, "invalid name format: 9lives, does not match regex"),
        ({"name": "x" * 64}, "size of name exceeded length 63"),
        ({"project": "nobody", "spec": None}, r"project \[nobody\] not found"),
        ({"domain": "nowhere", "spec": None}, r"domain \[nowhere\] is unrecognized"),
        ({"spec": None}, "missing spec"),
    ],
)
def test_the_address_is_checked_before_the_spec(admin: Admin, change: dict[str, Any], message: str) -> None:
    request = create_request()
    for name, value in change.items():
        request.ClearField(name) if value is None else setattr(request, name, value)
    with pytest.raises(InvalidArgument, match=message):
        admin.launching.create(request)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"launch_plan": identifier_pb2.Identifier()}, "missing project"),
        ({"launch_plan": identifier(identifier_pb2.WORKFLOW, PROJECT, "a", "")}, "missing version"),
        (
            {"launch_plan": identifier(identifier_pb2.WORKFLOW, PROJECT, "a")},
            r"Invalid reference entity resource type \[WORKFLOW\]",
        ),
        ({"notifications": execution_pb2.NotificationList(notifications=[{}])}, "notification type"),
        ({"labels": common_pb2.Labels(values={"a": "b c"})}, "invalid label value"),
        (
            {"labels": common_pb2.Labels(values={f"l{n}": "" for n in range(17)})},
            "labels map cannot exceed 16 entries",
        ),
    ],
)
def test_the_spec_is_checked_before_anything_is_looked_up(
    admin: Admin, spec: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        launch(admin, **spec)


@pytest.mark.parametrize("kind", ["LAUNCH_PLAN", "TASK"])
def test_what_is_not_registered_is_not_found(admin: Admin, kind: str) -> None:
    id = identifier(identifier_pb2.ResourceType.Value(kind), PROJECT, "nothing")
    with pytest.raises(NotFound, match=f"missing entity of type {kind} with identifier"):
        launch(admin, launch_plan=id)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (inputs(x=1, y=2), "invalid input y"),
        (inputs(), "expected_inputs x missing"),
        (
            literals_pb2.LiteralMap(literals={"x": literals_pb2.Literal()}),
            "missing valid literal in inputs x",
        ),
    ],
)
def test_inputs_have_to_fit(admin: Admin, given: literals_pb2.LiteralMap, message: str) -> None:
    register(admin)
    request = create_request()
    request.inputs.CopyFrom(given)
    with pytest.raises(InvalidArgument, match=message):
        admin.launching.create(request)


def test_a_name_is_used_once_and_keeps_its_case(rooms: Rooms) -> None:
    register(rooms.admin)
    id = launch(rooms.admin, "Training-1")
    assert id.name == "Training-1"
    before = rooms.store.read("s3://my-s3-bucket/metadata/flytesnacks/development/Training-1/inputs")
    again = create_request("Training-1")
    again.inputs.CopyFrom(inputs(x=2))
    with pytest.raises(AlreadyExists, match="value with matching already exists"):
        rooms.admin.launching.create(again)
    after = rooms.store.read("s3://my-s3-bucket/metadata/flytesnacks/development/Training-1/inputs")
    assert before == after
    assert rooms.told == [id]


def test_a_name_is_generated_where_none_is_given(admin: Admin) -> None:
    register(admin)
    name = launch(admin).name
    assert len(name) == 20
    assert set(name[1:]) <= set("bcdfghjklmnpqrstvwxz2456789")
    assert name[0] == "a"


def test_the_console_may_send_inputs_inside_the_spec(admin: Admin) -> None:
    register(admin)
    request = create_request()
    request.spec.inputs.CopyFrom(request.inputs)
    request.ClearField("inputs")
    id = admin.launching.create(request).id
    data = admin.executions.get_data(execution_pb2.WorkflowExecutionGetDataRequest(id=id))
    assert data.full_inputs == inputs(x=1)


# ---- what is stored


def test_only_the_server_says_whose_an_execution_is_and_where_it_runs(admin: Admin) -> None:
    register(admin)
    metadata = METADATA(principal="flyteconsole", artifact_ids=[{"version": "v"}], mode=METADATA.SCHEDULED)
    metadata.system_metadata.execution_cluster = "mine"
    stored = get(admin, launch(admin, metadata=metadata)).spec.metadata
    system = execution_pb2.SystemMetadata(namespace="flytesnacks-development")
    assert stored == METADATA(mode=METADATA.SCHEDULED, system_metadata=system)


def test_what_was_sent_is_shown_as_it_was_sent(admin: Admin) -> None:
    register(admin, launch_plan_pb2.LaunchPlanSpec(labels=common_pb2.Labels(values={"from": "plan"})))
    sent = {
        "labels": LABELS,
        "annotations": common_pb2.Annotations(values={"why": "not"}),
        "envs": common_pb2.Envs(values=[{"key": "A", "value": "b"}]),
        "tags": ["nightly"],
        "interruptible": {"value": True},
        "overwrite_cache": True,
        "cluster_assignment": {"cluster_pool_name": "gpu"},
        "raw_output_data_config": {"output_location_prefix": "s3://my-s3-bucket/mine"},
    }
    stored = get(admin, launch(admin, **sent)).spec
    expected = execution_pb2.ExecutionSpec(**sent)
    for name in sent:
        assert getattr(stored, name) == getattr(expected, name), name
    assert get(admin, launch(admin)).spec.labels == common_pb2.Labels()


def test_the_security_context_and_the_parallelism_are_shown_resolved(admin: Admin) -> None:
    register(admin, launch_plan_pb2.LaunchPlanSpec(max_parallelism=7))
    spec = get(admin, launch(admin)).spec
    assert spec.security_context.HasField("run_as")
    assert spec.security_context.run_as.k8s_service_account == "default"
    assert spec.max_parallelism == 7
    assert get(admin, launch(admin, launch_plan=TASK)).spec.max_parallelism == 0


def test_the_first_closure_says_what_is_known(admin: Admin) -> None:
    register(admin)
    closure = get(admin, launch(admin)).closure
    assert closure.phase == core_execution_pb2.WorkflowExecution.UNDEFINED
    assert closure.created_at == closure.updated_at == closure.state_change_details.occurred_at
    assert closure.workflow_id.name == "a.wf"
    assert not closure.HasField("started_at")
    assert not closure.HasField("duration")


def notification(address: str) -> common_pb2.Notification:
    return common_pb2.Notification(phases=[4], email={"recipients_email": [address]})


@pytest.mark.parametrize(
    ("spec", "address"),
    [
        ({}, "plan@x"),
        ({"notifications": {"notifications": [notification("me@x")]}}, "me@x"),
        ({"disable_all": True}, None),
    ],
)
def test_notifications_are_the_requests_or_the_plans(
    admin: Admin, spec: dict[str, Any], address: str | None
) -> None:
    plan = launch_plan_pb2.LaunchPlanSpec(entity_metadata={"notifications": [notification("plan@x")]})
    register(admin, plan)
    found = get(admin, launch(admin, **spec)).closure.notifications
    assert list(found) == ([notification(address)] if address else [])


def test_labels_and_tags_can_be_searched_for(admin: Admin) -> None:
    register(admin)
    launch(admin, "both", labels=LABELS, tags=["nightly"])
    launch(admin, "neither")
    launch(admin, "single", labels=LABELS, launch_plan=TASK)
    assert list_names(admin, filters="eq(execution_tag.key,team)+eq(execution_tag.value,ml)") == ["both"]
    assert list_names(admin, filters="eq(admin_tag.name,nightly)") == ["both"]
    assert list_names(admin, filters="eq(execution_tag.key,nightly)+eq(execution_tag.value,ml)") == []


# ---- what the engine runs by


def test_the_request_wins_over_the_plan_and_both_over_the_platform(rooms: Rooms) -> None:
    plan = launch_plan_pb2.LaunchPlanSpec(
        labels=LABELS, envs=common_pb2.Envs(values=[{"key": "A"}]), overwrite_cache=True, max_parallelism=3
    )
    plan.interruptible.value = True
    register(rooms.admin, plan)
    quiet = resolved(rooms, launch(rooms.admin))
    assert (quiet.labels, quiet.envs, quiet.overwrite_cache) == (plan.labels, plan.envs, True)
    assert quiet.interruptible.value
    assert (quiet.max_parallelism, quiet.raw_output_data_config.output_location_prefix) == (
        3,
        "s3://my-s3-bucket/data",
    )
    loud = common_pb2.Labels(values={"other": "label"})
    said = resolved(
        rooms, launch(rooms.admin, labels=loud, max_parallelism=9, interruptible={"value": False})
    )
    assert (said.labels, said.max_parallelism, said.interruptible.value) == (loud, 9, False)
    assert said.HasField("interruptible")
    assert said.overwrite_cache


@pytest.mark.parametrize(
    ("spec", "plan", "account"),
    [
        ({"security_context": {"run_as": {"k8s_service_account": "asked"}}}, {}, "asked"),
        ({"security_context": {"secrets": [{"group": "g"}]}}, {}, "default"),
        ({"auth_role": {"kubernetes_service_account": "old"}}, {"role": "arn"}, "old"),
        ({}, {"auth_role": {"kubernetes_service_account": "old"}}, "old"),
        ({}, {"auth": {"kubernetes_service_account": "older"}}, "older"),
        (
            {"auth_role": {"kubernetes_service_account": "old"}},
            {"security_context": {"run_as": {"k8s_service_account": "plan"}}},
            "plan",
        ),
    ],
)
def test_old_roles_count_only_where_no_security_context_names_anybody(
    admin: Admin, spec: dict[str, Any], plan: dict[str, Any], account: str
) -> None:
    register(admin, launch_plan_pb2.LaunchPlanSpec(**plan))
    found = get(admin, launch(admin, **spec)).spec.security_context
    assert found == security_pb2.SecurityContext(run_as={"k8s_service_account": account})


def test_the_oldest_role_is_an_iam_role(admin: Admin) -> None:
    register(admin, launch_plan_pb2.LaunchPlanSpec(role="arn"))
    assert get(admin, launch(admin)).spec.security_context.run_as.iam_role == "arn"


def test_labels_of_the_project_are_added_and_override_nothing(rooms: Rooms) -> None:
    register(rooms.admin)
    labels = common_pb2.Labels(values={"team": "platform", "cost": "7"})
    rooms.admin.projects.update(project_pb2.Project(id=PROJECT, labels=labels))
    id = launch(rooms.admin, labels=LABELS)
    assert dict(resolved(rooms, id).labels.values) == {"team": "ml", "cost": "7"}
    assert get(rooms.admin, id).spec.labels == LABELS


# ---- children


def test_a_child_counts_one_level_deeper(rooms: Rooms) -> None:
    register(rooms.admin)
    label = execution_pb2.ExecutionSpec(execution_cluster_label={"value": "gpu"}).execution_cluster_label
    parent = launch(rooms.admin, execution_cluster_label=label)
    node = start_node(rooms, parent)
    metadata = METADATA(mode=METADATA.CHILD_WORKFLOW, parent_node_execution=node, nesting=40)
    child = get(rooms.admin, launch(rooms.admin, metadata=metadata))
    assert child.spec.metadata.nesting == 1
    assert child.spec.metadata.parent_node_execution == node
    assert child.spec.execution_cluster_label == label


def test_a_child_of_nothing_is_not_found_and_leaves_no_trace(rooms: Rooms) -> None:
    register(rooms.admin)
    id = ExecutionId(project=PROJECT, domain="development", name="gone")
    node = identifier_pb2.NodeExecutionIdentifier(execution_id=id, node_id="n0")
    with pytest.raises(NotFound, match="missing entity of type node execution"):
        launch(rooms.admin, "child", metadata=METADATA(parent_node_execution=node))
    assert list_names(rooms.admin) == []
    assert not rooms.store.exists("s3://my-s3-bucket/metadata/flytesnacks/development/child/inputs")


# ---- concurrency


def test_a_plan_that_allows_one_execution_skips_the_second(rooms: Rooms) -> None:
    skip = launch_plan_pb2.CONCURRENCY_LIMIT_BEHAVIOR_SKIP
    register(rooms.admin, launch_plan_pb2.LaunchPlanSpec(concurrency_policy={"max": 1, "behavior": skip}))
    first = launch(rooms.admin)
    with pytest.raises(AlreadyExists, match=r"concurrency limit \(1\) reached for launch plan a.plan"):
        launch(rooms.admin)
    with rooms.db.write() as connection:
        row = rows.get(connection, first)
        assert row is not None
        rows.update_row(connection, rows.executions, row.id, phase="SUCCEEDED")
    assert launch(rooms.admin) != PLAN

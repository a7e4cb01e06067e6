"""Matchable attributes: set, read and deleted per scope; the most specific ones count at the launch."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl.admin import (
    execution_pb2,
    matchable_resource_pb2,
    project_attributes_pb2,
    project_domain_attributes_pb2,
    project_pb2,
    workflow_attributes_pb2,
)

from flyte_sandbox.admin.rooms import Admin
from flyte_sandbox.db import executions as rows
from flyte_sandbox.errors import InvalidArgument, NotFound

from .launches import PROJECT, launch, register
from .rooms import Rooms

Matching = matchable_resource_pb2.MatchingAttributes
CONFIG = matchable_resource_pb2.WORKFLOW_EXECUTION_CONFIG
TASK_RESOURCE = matchable_resource_pb2.TASK_RESOURCE
PLUGINS = matchable_resource_pb2.PLUGIN_OVERRIDE
QUEUE = Matching(execution_queue_attributes={"tags": ["critical"]})
SCOPES = {
    "project": {"project": PROJECT},
    "project_domain": {"project": PROJECT, "domain": "development"},
    "workflow": {"project": PROJECT, "domain": "development", "workflow": "a.wf"},
}
MODULES: dict[str, Any] = {
    "project": (project_attributes_pb2, "ProjectAttributes"),
    "project_domain": (project_domain_attributes_pb2, "ProjectDomainAttributes"),
    "workflow": (workflow_attributes_pb2, "WorkflowAttributes"),
}


def call(admin: Admin, verb: str, kind: str, **fields: Any) -> Any:
    module, name = MODULES[kind]
    request = getattr(module, f"{name}{verb.title()}Request")(**fields)
    return getattr(admin.attributes, f"{verb}_{kind}")(request)


def update(admin: Admin, kind: str, matching: Matching | None, **scope: str) -> None:
    fields: dict[str, Any] = {**SCOPES[kind], **scope}
    if matching is not None:
        fields["matching_attributes"] = matching
    call(admin, "update", kind, attributes=fields)


def get(admin: Admin, kind: str, resource_type: int, **scope: str) -> Matching:
    found = call(admin, "get", kind, resource_type=resource_type, **{**SCOPES[kind], **scope}).attributes
    for name, value in SCOPES[kind].items():
        assert getattr(found, name) == value
    return found.matching_attributes


def delete(admin: Admin, kind: str, resource_type: int) -> None:
    call(admin, "delete", kind, resource_type=resource_type, **SCOPES[kind])


def config(**fields: Any) -> Matching:
    return Matching(workflow_execution_config=fields)


def resolved(rooms: Rooms, **spec: Any) -> execution_pb2.ExecutionSpec:
    with rooms.db.read() as connection:
        row = rows.get(connection, launch(rooms.admin, **spec))
    assert row is not None
    return execution_pb2.ExecutionSpec.FromString(row.resolved_spec)


@pytest.mark.parametrize("kind", SCOPES)
@pytest.mark.parametrize(
    ("resource_type", "matching"),
    [
        (TASK_RESOURCE, Matching(task_resource_attributes={"defaults": {"cpu": "1"}})),
        (
            matchable_resource_pb2.CLUSTER_RESOURCE,
            Matching(cluster_resource_attributes={"attributes": {"a": "b"}}),
        ),
        (matchable_resource_pb2.EXECUTION_QUEUE, QUEUE),
        (matchable_resource_pb2.EXECUTION_CLUSTER_LABEL, Matching(execution_cluster_label={"value": "gpu"})),
        (PLUGINS, Matching(plugin_overrides={"overrides": [{"task_type": "spark", "plugin_id": ["x"]}]})),
        (matchable_resource_pb2.CLUSTER_ASSIGNMENT, Matching(cluster_assignment={"cluster_pool_name": "p"})),
    ],
)
def test_what_is_set_is_read_back_until_it_is_deleted(
    admin: Admin, kind: str, resource_type: int, matching: Matching
) -> None:
    with pytest.raises(NotFound, match=rf"Resource \[{{Project:{PROJECT} .*\] not found"):
        get(admin, kind, resource_type)
    update(admin, kind, matching)
    assert get(admin, kind, resource_type) == matching
    delete(admin, kind, resource_type)
    delete(admin, kind, resource_type)
    with pytest.raises(NotFound):
        get(admin, kind, resource_type)


def test_setting_again_replaces_but_plugin_overrides_merge_by_task_type(admin: Admin) -> None:
    update(admin, "project", QUEUE)
    newer = Matching(execution_queue_attributes={"tags": ["slow"]})
    update(admin, "project", newer)
    assert get(admin, "project", matchable_resource_pb2.EXECUTION_QUEUE) == newer
    for task_type, plugin in (("spark", "a"), ("ray", "b"), ("spark", "c")):
        one = {"task_type": task_type, "plugin_id": [plugin]}
        update(admin, "workflow", Matching(plugin_overrides={"overrides": [one]}))
    merged = get(admin, "workflow", PLUGINS).plugin_overrides.overrides
    assert [(one.task_type, list(one.plugin_id)) for one in merged] == [("spark", ["c"]), ("ray", ["b"])]


def test_the_execution_config_of_a_project_is_never_missing(admin: Admin) -> None:
    found = get(admin, "project", CONFIG).workflow_execution_config
    assert found.max_parallelism == 25
    assert found.security_context.run_as.k8s_service_account == "default"
    update(admin, "project", config(max_parallelism=3))
    found = get(admin, "project", CONFIG).workflow_execution_config
    assert (found.max_parallelism, found.security_context.run_as.k8s_service_account) == (3, "default")
    for kind in ("project_domain", "workflow"):
        with pytest.raises(NotFound):
            get(admin, kind, CONFIG)


def test_everything_of_one_type_is_listed(admin: Admin) -> None:
    for kind in SCOPES:
        update(admin, kind, config(max_parallelism=4))
    update(admin, "project", QUEUE)
    request = matchable_resource_pb2.ListMatchableAttributesRequest(resource_type=CONFIG)
    found = admin.attributes.list(request).configurations
    assert [(one.project, one.domain, one.workflow) for one in found] == [
        (PROJECT, "", ""),
        (PROJECT, "development", ""),
        (PROJECT, "development", "a.wf"),
    ]
    assert all(one.attributes == config(max_parallelism=4) for one in found)


# ---- refusals


@pytest.mark.parametrize("verb", ["update", "get", "delete"])
@pytest.mark.parametrize(
    ("kind", "scope", "message"),
    [
        ("project", {"project": "nobody"}, r"project \[nobody\] (is registered|exists), err: \[project"),
        ("project_domain", {"project": "nobody"}, r"and domain \[development\] are registered, err"),
        ("project_domain", {"domain": "nowhere"}, r"domain \[nowhere\] is unrecognized by system"),
        ("workflow", {"workflow": ""}, "missing name"),
    ],
)
def test_the_scope_has_to_exist(
    admin: Admin, verb: str, kind: str, scope: dict[str, str], message: str
) -> None:
    named = {**SCOPES[kind], **scope}
    fields: dict[str, Any] = {"resource_type": CONFIG, **named}
    if verb == "update":
        fields = {"attributes": {**named, "matching_attributes": QUEUE}}
    with pytest.raises(InvalidArgument, match=message):
        call(admin, verb, kind, **fields)


@pytest.mark.parametrize("kind", SCOPES)
def test_an_update_has_to_set_something_that_is_known(admin: Admin, kind: str) -> None:
    with pytest.raises(InvalidArgument, match="missing attributes"):
        call(admin, "update", kind)
    with pytest.raises(InvalidArgument, match="missing matching_attributes"):
        update(admin, kind, None)
    name = "-".join(SCOPES[kind].values())
    for matching in (Matching(), Matching(quality_of_service={"tier": 1})):
        with pytest.raises(
            InvalidArgument, match=f"Unrecognized matching attributes type for request {name}"
        ):
            update(admin, kind, matching)


def test_an_archived_project_can_be_read_as_a_project_only(admin: Admin) -> None:
    admin.projects.update(project_pb2.Project(id=PROJECT, state=project_pb2.Project.ARCHIVED))
    assert get(admin, "project", CONFIG).workflow_execution_config.max_parallelism == 25
    for kind in SCOPES:
        with pytest.raises(InvalidArgument, match="is not active"):
            update(admin, kind, QUEUE)
        with pytest.raises(InvalidArgument, match="is not active"):
            delete(admin, kind, CONFIG)
    with pytest.raises(InvalidArgument, match="is not active"):
        get(admin, "project_domain", CONFIG)


def test_an_unknown_resource_type_is_refused(admin: Admin) -> None:
    with pytest.raises(InvalidArgument, match="invalid value for resource_type"):
        admin.attributes.list(matchable_resource_pb2.ListMatchableAttributesRequest(resource_type=99))
    with pytest.raises(InvalidArgument, match="invalid value for resource_type"):
        get(admin, "project", 99)


# ---- at the launch


def test_the_most_specific_config_wins_and_the_project_fills_its_gaps(rooms: Rooms) -> None:
    register(rooms.admin)
    update(
        rooms.admin,
        "project",
        config(max_parallelism=5, overwrite_cache=True, envs={"values": [{"key": "P"}]}),
    )
    update(rooms.admin, "project_domain", config(max_parallelism=6, labels={"values": {"level": "domain"}}))
    spec = resolved(rooms)
    assert (spec.max_parallelism, spec.overwrite_cache, spec.envs.values[0].key) == (6, True, "P")
    assert spec.labels.values["level"] == "domain"
    update(rooms.admin, "workflow", config(max_parallelism=7))
    spec = resolved(rooms)
    assert (spec.max_parallelism, spec.overwrite_cache, spec.envs.values[0].key) == (7, True, "P")
    assert "level" not in spec.labels.values
    assert resolved(rooms, max_parallelism=8).max_parallelism == 8


def test_other_workflows_and_domains_do_not_count(rooms: Rooms) -> None:
    register(rooms.admin)
    update(rooms.admin, "workflow", config(max_parallelism=7), workflow="other.wf")
    update(rooms.admin, "project_domain", config(max_parallelism=6), domain="staging")
    assert resolved(rooms).max_parallelism == 25


def test_other_attributes_are_kept_with_the_execution(rooms: Rooms) -> None:
    register(rooms.admin)
    update(rooms.admin, "project", Matching(task_resource_attributes={"defaults": {"cpu": "1"}}))
    update(rooms.admin, "workflow", Matching(task_resource_attributes={"defaults": {"cpu": "2"}}))
    update(rooms.admin, "workflow", config(max_parallelism=7))
    with rooms.db.read() as connection:
        row = rows.get(connection, launch(rooms.admin))
    assert row is not None
    kept = matchable_resource_pb2.ListMatchableAttributesResponse.FromString(row.launch_attributes)
    (only,) = kept.configurations
    assert only.attributes.task_resource_attributes.defaults.cpu == "2"
    assert only.workflow == "a.wf"


def test_a_project_that_is_given_to_a_pool_runs_nowhere_else(admin: Admin) -> None:
    register(admin)
    update(admin, "project_domain", Matching(cluster_assignment={"cluster_pool_name": "cpu"}))
    launch(admin, cluster_assignment={"cluster_pool_name": "cpu"})
    with pytest.raises(InvalidArgument, match='cannot run on cluster pool "gpu"'):
        launch(admin, cluster_assignment={"cluster_pool_name": "gpu"})

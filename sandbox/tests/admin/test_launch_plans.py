"""Activating launch plans: one version at most is active, whatever happens at once."""

from __future__ import annotations

import pytest
from flyteidl.admin import common_pb2, launch_plan_pb2
from flyteidl.core import identifier_pb2

from flyte_sandbox.admin.rooms import Admin
from flyte_sandbox.errors import InvalidArgument, NotFound

from ..conformance.entities import launch_plan_request
from .launches import PLAN, PROJECT, WORKFLOW, register

ACTIVE, INACTIVE = launch_plan_pb2.ACTIVE, launch_plan_pb2.INACTIVE


def update(admin: Admin, id: identifier_pb2.Identifier, state: int) -> None:
    admin.launch_plans.update(launch_plan_pb2.LaunchPlanUpdateRequest(id=id, state=state))


def get(admin: Admin, id: identifier_pb2.Identifier) -> launch_plan_pb2.LaunchPlan:
    return admin.launch_plans.get(common_pb2.ObjectGetRequest(id=id))


def other_version(admin: Admin) -> identifier_pb2.Identifier:
    request = launch_plan_request(PROJECT, "a.plan", WORKFLOW, "v2")
    admin.launch_plans.create(request)
    return request.id


def test_activating_moves_the_activity_and_leaves_the_time_of_the_change_alone(admin: Admin) -> None:
    register(admin)
    second = other_version(admin)
    before = get(admin, second).closure.updated_at
    for id in (PLAN, second, second):
        update(admin, id, ACTIVE)
    assert (get(admin, PLAN).closure.state, get(admin, second).closure.state) == (INACTIVE, ACTIVE)
    assert get(admin, second).closure.updated_at == before
    update(admin, second, INACTIVE)
    assert get(admin, second).closure.updated_at != before


def test_active_launch_plans_are_listed(admin: Admin) -> None:
    register(admin)
    update(admin, other_version(admin), ACTIVE)
    request = launch_plan_pb2.ActiveLaunchPlanListRequest(project=PROJECT, domain="development", limit=9)
    assert [one.id.version for one in admin.launch_plans.list_active(request).launch_plans] == ["v2"]
    scope = common_pb2.NamedEntityIdentifier(project=PROJECT, domain="development")
    for filters, versions in (
        ("eq(state,1)+eq(workflow.name,a.wf)", ["v2"]),
        ("ne(schedule_type,NONE)", []),
        ("eq(schedule_type,NONE)+eq(state,0)", ["v1"]),
        ("eq(launch_condition_type,SCHED)", []),
    ):
        listed = admin.launch_plans.list(common_pb2.ResourceListRequest(id=scope, limit=9, filters=filters))
        assert [one.id.version for one in listed.launch_plans] == versions, filters


def test_what_is_refused(admin: Admin) -> None:
    register(admin)
    with pytest.raises(InvalidArgument, match="Unrecognized launch plan state 7 for update"):
        update(admin, PLAN, 7)
    with pytest.raises(InvalidArgument, match="unexpected resource type workflow"):
        update(admin, WORKFLOW, ACTIVE)
    missing = identifier_pb2.Identifier()
    missing.CopyFrom(PLAN)
    missing.version = "v9"
    with pytest.raises(NotFound, match="missing entity of type LAUNCH_PLAN"):
        update(admin, missing, ACTIVE)


def test_the_workflow_is_looked_up_before_anything_else(admin: Admin) -> None:
    request = launch_plan_request(PROJECT, "", WORKFLOW)
    with pytest.raises(NotFound, match="missing entity of type WORKFLOW"):
        admin.launch_plans.create(request)
    register(admin)
    with pytest.raises(InvalidArgument, match="missing name"):
        admin.launch_plans.create(request)

"""Relaunch and recover: the same spec and inputs once more, and what is different about it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flyteidl.admin import common_pb2, execution_pb2, project_pb2
from flyteidl.core import identifier_pb2

from flyte_sandbox.admin.rooms import Admin
from flyte_sandbox.db import executions as rows
from flyte_sandbox.errors import AlreadyExists, InvalidArgument, NotFound

from .launches import PROJECT, ExecutionId, get, inputs, launch, list_names, register
from .rooms import Rooms
from .test_launching import start_node

METADATA = execution_pb2.ExecutionMetadata
Again = Callable[..., execution_pb2.Execution]


def relaunch(admin: Admin, id: ExecutionId, **fields: object) -> execution_pb2.Execution:
    request = execution_pb2.ExecutionRelaunchRequest(id=id, **fields)
    return get(admin, admin.relaunching.relaunch(request).id)


def recover(admin: Admin, id: ExecutionId, **fields: object) -> execution_pb2.Execution:
    request = execution_pb2.ExecutionRecoverRequest(id=id, **fields)
    return get(admin, admin.relaunching.recover(request).id)


def read_inputs(admin: Admin, id: ExecutionId) -> object:
    return admin.executions.get_data(execution_pb2.WorkflowExecutionGetDataRequest(id=id)).full_inputs


@pytest.mark.parametrize(("again", "mode"), [(relaunch, METADATA.RELAUNCH), (recover, METADATA.RECOVERED)])
def test_another_execution_has_the_same_spec_and_inputs(rooms: Rooms, again: Again, mode: int) -> None:
    register(rooms.admin)
    first = launch(
        rooms.admin, tags=["a"], labels=common_pb2.Labels(values={"k": "v"}), overwrite_cache=False
    )
    other = again(rooms.admin, first, name="again")
    assert other.id.name == "again"
    assert other.spec.metadata.mode == mode
    assert other.spec.metadata.reference_execution == first
    assert read_inputs(rooms.admin, other.id) == inputs(x=1)
    one, two = get(rooms.admin, first).spec, other.spec
    for spec in (one, two):
        spec.ClearField("metadata")
    assert one == two
    with rooms.db.read() as connection:
        source, new = rows.get(connection, first), rows.get(connection, other.id)
    assert source is not None
    assert new is not None
    assert new.source_execution_id == source.id
    assert list_names(rooms.admin, filters=f"eq(mode,{mode})") == ["again"]
    assert rooms.told[-1] == other.id


@pytest.mark.parametrize("was", [True, False])
def test_a_relaunch_says_itself_whether_the_cache_is_overwritten(admin: Admin, was: bool) -> None:
    register(admin)
    first = launch(admin, overwrite_cache=was)
    assert relaunch(admin, first, overwrite_cache=not was).spec.overwrite_cache is not was
    assert relaunch(admin, first).spec.overwrite_cache is False
    assert recover(admin, first).spec.overwrite_cache is was


def test_a_child_stays_one_unless_it_is_recovered_under_another_parent(rooms: Rooms) -> None:
    register(rooms.admin)
    node, other = (start_node(rooms, launch(rooms.admin)) for _ in range(2))
    child = launch(rooms.admin, metadata=METADATA(mode=METADATA.CHILD_WORKFLOW, parent_node_execution=node))
    for again, mode in ((relaunch, METADATA.RELAUNCH), (recover, METADATA.RECOVERED)):
        metadata = again(rooms.admin, child).spec.metadata
        assert (metadata.parent_node_execution, metadata.nesting, metadata.mode) == (node, 1, mode)
    adopted = recover(rooms.admin, child, metadata=METADATA(parent_node_execution=other)).spec.metadata
    assert (adopted.parent_node_execution, adopted.nesting) == (other, 1)


@pytest.mark.parametrize("again", [relaunch, recover])
def test_what_is_refused(admin: Admin, again: Again) -> None:
    register(admin)
    first = launch(admin, "first")
    nobody = ExecutionId(project=PROJECT, domain="development", name="nobody")
    for id, error, message in (
        (nobody, NotFound, "missing entity of type execution with identifier"),
        (ExecutionId(project=PROJECT), InvalidArgument, "missing domain"),
    ):
        with pytest.raises(error, match=message):
            again(admin, id)
    with pytest.raises(AlreadyExists):
        again(admin, first, name="first")
    with pytest.raises(InvalidArgument, match="invalid name format"):
        again(admin, first, name="_")
    admin.projects.update(project_pb2.Project(id=PROJECT, state=project_pb2.Project.ARCHIVED))
    with pytest.raises(InvalidArgument, match="is not active"):
        again(admin, first)


def test_a_single_task_is_relaunched_too(admin: Admin) -> None:
    register(admin)
    task = identifier_pb2.Identifier(
        resource_type=identifier_pb2.TASK, project=PROJECT, domain="development", name="a.task", version="v1"
    )
    other = relaunch(admin, launch(admin, launch_plan=task))
    assert other.spec.launch_plan == task
    assert other.closure.workflow_id.name == ".flytegen.a.task"

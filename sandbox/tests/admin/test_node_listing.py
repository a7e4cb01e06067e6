"""Lists of node and task executions: joins to what they belong to, order, pages."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl.admin import common_pb2, node_execution_pb2, task_execution_pb2

from flyte_sandbox.errors import InvalidArgument
from flyte_sandbox.phases import NODE, TASK, WORKFLOW

from .launches import ExecutionId
from .rooms import Rooms
from .teller import Teller


@pytest.fixture
def teller(rooms: Rooms) -> Teller:
    teller = Teller(rooms)
    teller.workflow(WORKFLOW.RUNNING)
    teller.node(NODE.SUCCEEDED, "start-node")
    teller.node(NODE.RUNNING)
    teller.task(TASK.RUNNING)
    teller.task(TASK.FAILED, error={"code": "Bad"})
    teller.task(TASK.QUEUED, 1)
    return teller


def nodes(teller: Teller, **fields: Any) -> list[str]:
    request = node_execution_pb2.NodeExecutionListRequest(
        **{"workflow_execution_id": teller.id, "limit": 100, **fields}
    )
    return [one.id.node_id for one in teller.admin.node_executions.list(request).node_executions]


def attempts(teller: Teller, **fields: Any) -> list[int]:
    request = task_execution_pb2.TaskExecutionListRequest(
        **{"node_execution_id": teller.node_id(), "limit": 100, **fields}
    )
    return [one.id.retry_attempt for one in teller.admin.task_executions.list(request).task_executions]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("eq(phase,RUNNING)", ["n0"]),
        ("eq(execution.phase,RUNNING)", ["start-node", "n0"]),
        ("eq(execution.phase,FAILED)", []),
        ("eq(node_execution.node_id,n0)", ["n0"]),
    ],
)
def test_filters_of_nodes_reach_their_execution(teller: Teller, filters: str, expected: list[str]) -> None:
    assert nodes(teller, filters=filters) == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("eq(phase,FAILED)", [0]),
        ("gt(retry_attempt,0)", [1]),
        ("eq(task.type,python-task)+eq(node_execution.phase,RUNNING)+eq(execution.mode,0)", [0, 1]),
        ("eq(task.version,v2)", []),
        ("gte(duration,1s)", [0]),
    ],
)
def test_filters_of_attempts_reach_task_node_and_execution(
    teller: Teller, filters: str, expected: list[int]
) -> None:
    assert attempts(teller, filters=filters) == expected


def test_order_and_pages(teller: Teller) -> None:
    ascending = common_pb2.Sort(key="created_at", direction=common_pb2.Sort.ASCENDING)
    assert nodes(teller, sort_by=ascending) == ["start-node", "n0"]
    assert nodes(teller, sort_by=common_pb2.Sort(key="created_at")) == ["n0", "start-node"]
    assert nodes(teller, limit=1, token="1") == ["n0"]
    assert attempts(teller, sort_by=common_pb2.Sort(key="retry_attempt"), limit=1) == [1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"workflow_execution_id": ExecutionId(name="x")}, "missing execution_id"),
        ({"limit": 0}, "invalid value for limit"),
        ({"filters": "eq(task.name,x)"}, "'t' entity is not allowed in filters"),
        ({"sort_by": common_pb2.Sort(key="spec_node_id")}, "invalid sort key 'spec_node_id'"),
    ],
)
def test_what_lists_of_nodes_refuse(teller: Teller, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        nodes(teller, **fields)


def test_of_an_execution_that_does_not_exist_nothing_is_listed(teller: Teller) -> None:
    nobody = ExecutionId(project="p", domain="d", name="x")
    assert nodes(teller, workflow_execution_id=nobody) == []
    assert attempts(teller, node_execution_id={"execution_id": nobody, "node_id": "n0"}) == []
    with pytest.raises(InvalidArgument, match="missing node_id"):
        attempts(teller, node_execution_id={"execution_id": nobody})

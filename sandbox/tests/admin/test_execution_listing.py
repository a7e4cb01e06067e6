"""ListExecutions: joins, states, and that a list which finds little reads little."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl.admin import common_pb2, execution_pb2
from sqlalchemy import event

from flyte_sandbox.admin.rooms import Admin
from flyte_sandbox.errors import InvalidArgument

from .launches import PROJECT, TASK, launch, list_names, register
from .rooms import Rooms

BY_AGE = common_pb2.Sort(key="created_at")


@pytest.fixture(autouse=True)
def _launched(admin: Admin) -> None:
    register(admin)
    launch(admin, "by-plan")
    launch(admin, "by-task", launch_plan=TASK)


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ("eq(launch_plan.name,a.plan)", ["by-plan"]),
        ("ne(launch_plan.name,x)", ["by-plan"]),
        ("eq(task.name,a.task)+eq(task.version,v1)", ["by-task"]),
        ("contains(workflow.name,a)", ["by-plan", "by-task"]),
        ("eq(workflow.name,.flytegen.a.task)", ["by-task"]),
        ("eq(launch_entity,task)", ["by-task"]),
        ("eq(execution.phase,UNDEFINED)+eq(execution_name,by-plan)", ["by-plan"]),
        ("value_in(phase,FAILED;ABORTED)", []),
        ("eq(mode,0)+eq(user,)", None),
        ("gte(duration,1.5)", []),
        ("lt(duration,1h30m)", []),
    ],
)
def test_filters_reach_what_was_launched(admin: Admin, filters: str, names: list[str] | None) -> None:
    if names is None:
        with pytest.raises(InvalidArgument, match="invalid value for filters"):
            list_names(admin, filters=filters)
    else:
        assert list_names(admin, filters=filters) == names


def test_archived_ones_are_shown_when_a_state_is_asked_for(admin: Admin) -> None:
    name = common_pb2.NamedEntityIdentifier(project=PROJECT, domain="development", name="by-plan")
    (execution,) = admin.executions.list(common_pb2.ResourceListRequest(id=name, limit=9)).executions
    before = execution.closure.updated_at
    update = execution_pb2.ExecutionUpdateRequest(id=execution.id, state=execution_pb2.EXECUTION_ARCHIVED)
    admin.executions.update(update)
    assert list_names(admin) == ["by-task"]
    assert list_names(admin, filters="eq(state,1)") == ["by-plan"]
    assert list_names(admin, filters="value_in(execution.state,0;1)") == ["by-plan", "by-task"]
    archived = admin.executions.get(execution_pb2.WorkflowExecutionGetRequest(id=execution.id))
    assert archived.closure.state_change_details.state == execution_pb2.EXECUTION_ARCHIVED
    assert archived.closure.updated_at == before


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ("eq(node_execution.phase,x)", "'ne' entity is not allowed in filters"),
        ("eq(spec,x)", "'e.spec' is invalid filter"),
        ("eq(resolved_spec,x)", "'e.resolved_spec' is invalid filter"),
        ("eq(execution_tag.colour,x)", "'et.colour' is invalid filter"),
        ("gte(duration,soon)", "invalid duration 'soon'"),
        ("gte(duration,1e300)", "invalid duration"),
        ("eq(duration,nan)", "invalid duration"),
    ],
)
def test_what_is_refused(admin: Admin, filters: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        list_names(admin, filters=filters)


def plan_of(rooms: Rooms, **fields: Any) -> str:
    """How SQLite goes about a list."""
    seen: list[tuple[str, Any]] = []
    event.listen(rooms.db.engine, "before_cursor_execute", lambda *call: seen.append((call[2], call[3])))
    list_names(rooms.admin, **fields)
    statement, parameters = next(one for one in reversed(seen) if one[0].startswith("SELECT"))
    with rooms.db.read() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return "\n".join(row.detail for row in rows)


FILTERS = ["", "value_in(phase,FAILED;RUNNING)", "eq(mode,1)", "gte(duration,10)"]


@pytest.mark.parametrize("filters", [*FILTERS, "gte(created_at,2020-01-01T00:00:00Z)"])
def test_a_list_by_age_is_read_off_the_index(rooms: Rooms, filters: str) -> None:
    plan = plan_of(rooms, filters=filters, sort_by=BY_AGE)
    assert "USING INDEX executions_listed" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize("filters", FILTERS)
def test_a_list_without_an_order_is_read_off_an_index_too(rooms: Rooms, filters: str) -> None:
    plan = plan_of(rooms, filters=filters)
    assert "USING INDEX executions_in_order" in plan
    assert "TEMP B-TREE" not in plan

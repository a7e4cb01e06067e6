"""The control plane's own SQL on PostgreSQL, and what it does when two calls come at once."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flyteidl.admin import common_pb2, launch_plan_pb2, matchable_resource_pb2, signal_pb2
from flyteidl.core import identifier_pb2
from sqlalchemy import create_engine, text

from flyte_sandbox.db import attributes
from flyte_sandbox.db.attributes import Scope
from flyte_sandbox.errors import AlreadyExists, InvalidArgument
from flyte_sandbox.phases import NODE, TASK
from flyte_sandbox.phases import WORKFLOW as WORKFLOW_PHASE

from ..admin.launches import PLAN, PROJECT, WORKFLOW, launch, list_names, register
from ..admin.rooms import Rooms, make_rooms
from ..admin.teller import Teller
from ..admin.test_attributes import config, resolved, update
from ..admin.test_metrics import run_task_node, span_of, start
from ..admin.test_named_entities import get, launch_single_task
from ..admin.test_named_entities import list_names as list_entities
from ..admin.test_named_entities import update as describe
from ..admin.test_signals import ID as SIGNAL
from ..conformance.entities import INTEGER, launch_plan_request
from .postgres import running_postgres
from .test_migrating import check_migration

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the wheel's binaries are tried on Linux")
TOGETHER = 8


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture
def make_url(server: str) -> Callable[[], str]:
    """A database of its own for each call."""

    def make() -> str:
        name = f"db{uuid.uuid4().hex}"
        engine = create_engine(server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return f"{server.rpartition('/')[0]}/{name}"

    return make


@pytest.fixture
def rooms(make_url: Callable[[], str], tmp_path: Path) -> Iterator[Rooms]:
    rooms = make_rooms(tmp_path, make_url())
    yield rooms
    rooms.db.close()


def at_once(call: Callable[[int], object]) -> list[object]:
    """:return: results and exceptions of calls that come from several threads."""
    with ThreadPoolExecutor(TOGETHER) as pool:
        futures = [pool.submit(call, number) for number in range(TOGETHER)]
        return [future.exception() or future.result() for future in futures]


def test_an_older_database_gets_what_is_missing(make_url: Callable[[], str]) -> None:
    check_migration(make_url(), make_url())


def test_names_are_listed_described_and_hidden(rooms: Rooms) -> None:
    register(rooms.admin)
    launch_single_task(rooms.admin)
    workflow = identifier_pb2.WORKFLOW
    assert list_entities(rooms.admin, workflow) == ["a.wf"]
    assert list_entities(rooms.admin, workflow, filters="eq(state,2)") == [".flytegen.a.task"]
    describe(rooms.admin, workflow, "a.wf", description="ours", state=common_pb2.NAMED_ENTITY_ARCHIVED)
    assert get(rooms.admin, workflow, "a.wf").metadata.description == "ours"
    assert list_entities(rooms.admin, workflow, filters="eq(state,0)") == []
    sort_by = common_pb2.Sort(key="state")
    assert list_entities(rooms.admin, workflow, sort_by=sort_by, filters="ne(name,x)") == [
        ".flytegen.a.task",
        "a.wf",
    ]
    ids = common_pb2.NamedEntityIdentifierListRequest(
        project=PROJECT, domain="development", limit=9, sort_by=common_pb2.Sort(key="created_at")
    )
    assert [one.name for one in rooms.admin.workflows.list_ids(ids).entities] == [".flytegen.a.task", "a.wf"]


def test_attributes_and_filters_hold_at_a_launch(rooms: Rooms) -> None:
    register(rooms.admin)
    update(rooms.admin, "project", config(max_parallelism=5))
    update(rooms.admin, "workflow", config(overwrite_cache=True))
    spec = resolved(rooms, tags=["nightly"])
    assert (spec.max_parallelism, spec.overwrite_cache) == (5, True)
    launch(rooms.admin, "second")
    assert (
        list_names(rooms.admin, filters="eq(execution_tag.key,nightly)+eq(deleted_at,2020-01-01T00:00:00Z)")
        == []
    )
    assert list_names(rooms.admin, filters="contains(execution_name,second)") == ["second"]
    assert len(list_names(rooms.admin, sort_by=common_pb2.Sort(key="deleted_at"))) == 2


def test_values_that_no_column_can_hold_are_refused(rooms: Rooms) -> None:
    with pytest.raises(InvalidArgument, match="the database cannot hold a value of this request"):
        list_names(rooms.admin, filters="eq(execution_name,\x00)")
    teller = Teller(rooms)
    teller.node(NODE.RUNNING)
    with pytest.raises(InvalidArgument, match="the database cannot hold a value of this request"):
        teller.task(TASK.RUNNING, attempt=2**32 - 1)


def test_metrics_and_children_are_read(rooms: Rooms) -> None:
    teller = Teller(rooms)
    start(teller)
    run_task_node(teller)
    teller.workflow(WORKFLOW_PHASE.SUCCEEDED)
    assert [one.operation_id for one in span_of(teller).spans if one.operation_id] == [
        "WORKFLOW_SETUP",
        "WORKFLOW_TEARDOWN",
    ]
    teller.node(NODE.RUNNING, "n1")
    assert teller.get_task().closure.phase == TASK.SUCCEEDED


def test_the_same_row_may_be_written_by_many_at_once(rooms: Rooms) -> None:
    register(rooms.admin)
    scope = Scope(PROJECT, "development")

    def write(number: int) -> None:
        update(rooms.admin, "project_domain", config(max_parallelism=number + 1))
        describe(rooms.admin, identifier_pb2.TASK, "a.task", description=f"by {number}")
        request = signal_pb2.SignalGetOrCreateRequest(id=SIGNAL, type=INTEGER)
        rooms.admin.signals.get_or_create(request)

    assert at_once(write) == [None] * TOGETHER
    with rooms.db.read() as connection:
        row = attributes.get(connection, matchable_resource_pb2.WORKFLOW_EXECUTION_CONFIG, scope)
    assert row is not None


def test_of_versions_that_are_activated_at_once_one_is_active(rooms: Rooms) -> None:
    register(rooms.admin)
    requests = [launch_plan_request(PROJECT, "a.plan", WORKFLOW, f"n{number}") for number in range(TOGETHER)]
    for request in requests:
        rooms.admin.launch_plans.create(request)

    def activate(number: int) -> object:
        request = launch_plan_pb2.LaunchPlanUpdateRequest(
            id=requests[number].id, state=launch_plan_pb2.ACTIVE
        )
        return rooms.admin.launch_plans.update(request)

    assert at_once(activate) == [launch_plan_pb2.LaunchPlanUpdateResponse()] * TOGETHER
    request = launch_plan_pb2.ActiveLaunchPlanListRequest(project=PROJECT, domain="development", limit=99)
    assert len(rooms.admin.launch_plans.list_active(request).launch_plans) == 1


def test_of_launches_that_come_at_once_as_many_begin_as_the_plan_allows(rooms: Rooms) -> None:
    skip = launch_plan_pb2.CONCURRENCY_LIMIT_BEHAVIOR_SKIP
    register(rooms.admin, launch_plan_pb2.LaunchPlanSpec(concurrency_policy={"max": 3, "behavior": skip}))
    results = at_once(lambda _: launch(rooms.admin, launch_plan=PLAN))
    refused = [one for one in results if isinstance(one, AlreadyExists)]
    assert len(refused) == TOGETHER - 3
    assert len(list_names(rooms.admin)) == 3

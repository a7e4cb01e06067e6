"""Named entities: which names there are, what is said of them, and which ones lists leave out."""

from __future__ import annotations

import pytest
from flyteidl.admin import common_pb2, execution_pb2
from flyteidl.core import identifier_pb2

from flyte_sandbox.admin.rooms import Admin
from flyte_sandbox.errors import InvalidArgument, NotFound

from ..conformance.entities import integer, launch_plan_request, task_request, workflow_request

TASK, WORKFLOW, PLAN = identifier_pb2.TASK, identifier_pb2.WORKFLOW, identifier_pb2.LAUNCH_PLAN
ARCHIVED = common_pb2.NAMED_ENTITY_ARCHIVED
PROJECT = "flytesnacks"


@pytest.fixture(autouse=True)
def _registered(admin: Admin) -> None:
    for name, version in (("b.task", "v1"), ("b.task", "v2"), ("a.task", "v1")):
        admin.tasks.create(task_request(PROJECT, name, version))
    task = task_request(PROJECT, "a.task").id
    admin.workflows.create(workflow_request(PROJECT, "a.wf", task))
    admin.launch_plans.create(
        launch_plan_request(PROJECT, "a.wf", workflow_request(PROJECT, "a.wf", task).id)
    )


def launch_single_task(admin: Admin) -> None:
    spec = execution_pb2.ExecutionSpec(launch_plan=task_request(PROJECT, "a.task").id)
    request = execution_pb2.ExecutionCreateRequest(project=PROJECT, domain="development", spec=spec)
    request.inputs.literals["x"].CopyFrom(integer(1))
    admin.launching.create(request)


def named(name: str) -> common_pb2.NamedEntityIdentifier:
    return common_pb2.NamedEntityIdentifier(project=PROJECT, domain="development", name=name)


def list_names(admin: Admin, kind: int, **fields: object) -> list[str]:
    request = common_pb2.NamedEntityListRequest(
        resource_type=kind, project=PROJECT, domain="development", **{"limit": 100, **fields}
    )
    return [one.id.name for one in admin.named_entities.list(request).entities]


def update(admin: Admin, kind: int, name: str, **metadata: object) -> None:
    admin.named_entities.update(
        common_pb2.NamedEntityUpdateRequest(
            resource_type=kind, id=named(name), metadata=common_pb2.NamedEntityMetadata(**metadata)
        )
    )


def get(admin: Admin, kind: int, name: str) -> common_pb2.NamedEntity:
    return admin.named_entities.get(common_pb2.NamedEntityGetRequest(resource_type=kind, id=named(name)))


@pytest.mark.parametrize(
    ("kind", "names"), [(TASK, ["a.task", "b.task"]), (WORKFLOW, ["a.wf"]), (PLAN, ["a.wf"])]
)
def test_each_name_is_listed_once_however_many_versions_it_has(
    admin: Admin, kind: int, names: list[str]
) -> None:
    assert list_names(admin, kind) == names


def test_a_name_that_nobody_described_is_active_and_says_nothing(admin: Admin) -> None:
    entity = get(admin, TASK, "a.task")
    assert entity.resource_type == TASK
    assert entity.id == named("a.task")
    assert entity.metadata == common_pb2.NamedEntityMetadata()


def test_the_state_is_always_written_and_an_empty_description_keeps_the_old_one(admin: Admin) -> None:
    update(admin, TASK, "a.task", description="adds", state=ARCHIVED)
    assert get(admin, TASK, "a.task").metadata == common_pb2.NamedEntityMetadata(
        description="adds", state=ARCHIVED
    )
    update(admin, TASK, "a.task")
    assert get(admin, TASK, "a.task").metadata == common_pb2.NamedEntityMetadata(description="adds")


def test_the_state_of_a_workflow_is_not_that_of_the_launch_plan_of_the_same_name(admin: Admin) -> None:
    update(admin, WORKFLOW, "a.wf", state=ARCHIVED)
    assert get(admin, PLAN, "a.wf").metadata.state == common_pb2.NAMED_ENTITY_ACTIVE


def test_a_filter_on_the_state_counts_a_missing_one_as_active(admin: Admin) -> None:
    update(admin, TASK, "b.task", state=ARCHIVED)
    assert list_names(admin, TASK, filters="eq(state,0)") == ["a.task"]
    assert list_names(admin, TASK, filters="eq(named_entity_metadata.state,1)") == ["b.task"]


def test_what_single_task_executions_generate_is_listed_only_when_asked_for(admin: Admin) -> None:
    launch_single_task(admin)
    generated = ".flytegen.a.task"
    assert list_names(admin, WORKFLOW) == ["a.wf"]
    assert list_names(admin, WORKFLOW, filters="eq(state,0)") == ["a.wf"]
    assert list_names(admin, WORKFLOW, filters="contains(name,a)") == [generated, "a.wf"]
    for kind in (WORKFLOW, PLAN):
        assert get(admin, kind, generated).metadata.state == common_pb2.SYSTEM_GENERATED
    ids = common_pb2.NamedEntityIdentifierListRequest(project=PROJECT, domain="development", limit=9)
    assert [one.name for one in admin.workflows.list_ids(ids).entities] == [generated, "a.wf"]


def test_names_come_in_pages_and_in_the_order_that_is_asked_for(admin: Admin) -> None:
    sort_by = common_pb2.Sort(key="name", direction=common_pb2.Sort.DESCENDING)
    request = common_pb2.NamedEntityListRequest(
        resource_type=TASK, project=PROJECT, domain="development", limit=1, sort_by=sort_by
    )
    first = admin.named_entities.list(request)
    request.token = first.token
    second = admin.named_entities.list(request)
    request.token = second.token
    assert [page.entities[0].id.name for page in (first, second)] == ["b.task", "a.task"]
    assert admin.named_entities.list(request) == common_pb2.NamedEntityList()


def test_a_name_without_a_version_is_not_there(admin: Admin) -> None:
    with pytest.raises(NotFound, match="entry not found"):
        get(admin, WORKFLOW, "a.task")
    with pytest.raises(NotFound, match="entry not found"):
        update(admin, WORKFLOW, "a.task", state=ARCHIVED)


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        (0, "a.task", "invalid value for resource_type"),
        (TASK, "", "missing name"),
        (identifier_pb2.DATASET, "a.task", "Cannot list entity names"),
    ],
)
def test_what_get_refuses(admin: Admin, kind: int, name: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        get(admin, kind, name)


def test_what_update_refuses(admin: Admin) -> None:
    request = common_pb2.NamedEntityUpdateRequest(resource_type=TASK, id=named("a.task"))
    with pytest.raises(InvalidArgument, match="missing metadata"):
        admin.named_entities.update(request)
    with pytest.raises(InvalidArgument, match=r"Resource \[DATASET\] cannot have its state updated"):
        update(admin, identifier_pb2.DATASET, "a.task", state=ARCHIVED)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"limit": 0}, "invalid value for limit"),
        ({"token": "x"}, "invalid pagination token x for ListNamedEntities"),
        ({"filters": "eq(version,1)"}, r"'nen.version' is invalid filter"),
        ({"filters": "eq(execution.name,1)"}, "'e' entity is not allowed in filters"),
        ({"sort_by": common_pb2.Sort(key="version")}, "invalid sort key 'version'"),
    ],
)
def test_what_list_refuses(admin: Admin, fields: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        list_names(admin, TASK, **fields)

"""Description entities: written with a version, read by it."""

from __future__ import annotations

import pytest
from flyteidl.admin import common_pb2, description_entity_pb2
from flyteidl.core import identifier_pb2

from flyte_sandbox.admin.rooms import Admin
from flyte_sandbox.errors import InvalidArgument, NotFound

from ..conformance.entities import task_request, workflow_request

PROJECT = "flytesnacks"
DESCRIPTION = description_entity_pb2.DescriptionEntity(
    short_description="adds one",
    long_description=description_entity_pb2.Description(
        value="# Adds", format=description_entity_pb2.DESCRIPTION_FORMAT_MARKDOWN
    ),
    source_code=description_entity_pb2.SourceCode(link="https://example.com/add.py"),
    tags=["kept by nobody"],
)


def register(admin: Admin, version: str = "v1", described: bool = True) -> identifier_pb2.Identifier:
    request = task_request(PROJECT, "a.task", version)
    if described:
        request.spec.description.CopyFrom(DESCRIPTION)
    admin.tasks.create(request)
    return request.id


def get(admin: Admin, id: identifier_pb2.Identifier) -> description_entity_pb2.DescriptionEntity:
    return admin.description_entities.get(common_pb2.ObjectGetRequest(id=id))


def list_request(**fields: object) -> description_entity_pb2.DescriptionEntityListRequest:
    name = common_pb2.NamedEntityIdentifier(project=PROJECT, domain="development", name="a.task")
    base = {"resource_type": identifier_pb2.TASK, "id": name, "limit": 10}
    return description_entity_pb2.DescriptionEntityListRequest(**{**base, **fields})


def test_a_tasks_description_is_read_back_without_its_tags(admin: Admin) -> None:
    id = register(admin)
    expected = description_entity_pb2.DescriptionEntity(id=id)
    expected.MergeFrom(DESCRIPTION)
    del expected.tags[:]
    assert get(admin, id) == expected
    assert admin.tasks.get(common_pb2.ObjectGetRequest(id=id)).short_description == "adds one"


def test_a_workflows_description_always_has_a_long_one_and_a_source(admin: Admin) -> None:
    task = register(admin)
    request = workflow_request(PROJECT, "a.wf", task)
    request.spec.description.short_description = "only this"
    admin.workflows.create(request)
    found = get(admin, request.id)
    assert found.short_description == "only this"
    assert found.HasField("long_description")
    assert found.HasField("source_code")


def test_a_version_without_a_description_has_none(admin: Admin) -> None:
    with pytest.raises(NotFound, match="entry not found"):
        get(admin, register(admin, described=False))


def test_the_versions_of_a_name_are_listed_in_pages(admin: Admin) -> None:
    for version in ("v1", "v2", "v3"):
        register(admin, version)
    sort_by = common_pb2.Sort(key="created_at")
    first = admin.description_entities.list(list_request(limit=2, sort_by=sort_by))
    assert [one.id.version for one in first.descriptionEntities] == ["v3", "v2"]
    rest = admin.description_entities.list(list_request(limit=2, sort_by=sort_by, token=first.token))
    assert [one.id.version for one in rest.descriptionEntities] == ["v1"]
    assert rest.token == ""
    found = admin.description_entities.list(list_request(filters="eq(version,v2)"))
    assert [one.id.version for one in found.descriptionEntities] == ["v2"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"resource_type": 0}, "invalid value for resource_type"),
        ({"id": common_pb2.NamedEntityIdentifier(project="p", domain="d")}, "missing name"),
        ({"limit": 0}, "invalid value for limit"),
    ],
)
def test_what_list_refuses(admin: Admin, fields: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        admin.description_entities.list(list_request(**fields))

"""What all lists share: filters by type of column, sort keys, tokens, names listed once."""

from __future__ import annotations

from itertools import pairwise

import pytest
from flyteidl.admin import common_pb2

from flyte_sandbox.admin.rooms import Admin
from flyte_sandbox.errors import InvalidArgument

from ..conformance.entities import task_request

PROJECT = "flytesnacks"
NAMES = ("b", "a", "c")


@pytest.fixture(autouse=True)
def _registered(admin: Admin) -> None:
    for name in NAMES:
        for version in ("v1", "v2"):
            admin.tasks.create(task_request(PROJECT, name, version))


def list_tasks(admin: Admin, **fields: object) -> list[str]:
    id = common_pb2.NamedEntityIdentifier(project=PROJECT, domain="development")
    request = common_pb2.ResourceListRequest(**{"id": id, "limit": 100, **fields})
    return [f"{one.id.name}.{one.id.version}" for one in admin.tasks.list(request).tasks]


def list_task_ids(admin: Admin, **fields: object) -> list[str]:
    request = common_pb2.NamedEntityIdentifierListRequest(
        **{"project": PROJECT, "domain": "development", "limit": 100, **fields}
    )
    return [one.name for one in admin.tasks.list_ids(request).entities]


def test_without_a_sort_key_rows_come_in_the_order_of_registration(admin: Admin) -> None:
    assert list_tasks(admin) == [f"{name}.{version}" for name in NAMES for version in ("v1", "v2")]


def test_a_sort_descends_unless_told_otherwise_and_ties_too(admin: Admin) -> None:
    descending = list_tasks(admin, sort_by=common_pb2.Sort(key="type"))
    ascending = common_pb2.Sort(key="type", direction=common_pb2.Sort.ASCENDING)
    assert descending == list_tasks(admin, sort_by=ascending)[::-1]
    by_age = list_tasks(admin, sort_by=common_pb2.Sort(key="created_at"))
    assert by_age == list_tasks(admin)[::-1]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("eq(name, a)", ["a.v1", "a.v2"]),
        ("eq(task.name,a)+eq(version,v2)", ["a.v2"]),
        ("value_not_in(name,a;b)+lte(version,v1)", ["c.v1"]),
        ("not_like(name,%b%)+not_like(name,a)", ["c.v1", "c.v2"]),
        ("gte(CreatedAt,2020-01-01T00:00:00.123456789Z)+eq(name,b)+eq(version,v1)", ["b.v1"]),
        ("lt(created_at,2020-01-01T00:00:00-02:00)", []),
        ("eq(deleted_at,2020-01-01T00:00:00Z)", []),
    ],
)
def test_filters_are_all_applied(admin: Admin, filters: str, expected: list[str]) -> None:
    assert list_tasks(admin, filters=filters) == expected


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"filters": "eq(name)"}, "invalid value for filters"),
        ({"filters": "eq(name,a)+"}, "invalid value for filters"),
        ({"filters": "eq(name,a;b)"}, "invalid value for filters"),
        ({"filters": "is(name,a)"}, "unrecognized filter function: is"),
        ({"filters": "eq(closure,a)"}, "'t.closure' is invalid filter"),
        ({"filters": "eq(digest,a)"}, "'t.digest' is invalid filter"),
        ({"filters": "eq(colour.name,a)"}, "'t.colour.name' is invalid filter"),
        ({"filters": "eq(created_at,yesterday)"}, "invalid time 'yesterday'"),
        ({"filters": "eq(id,many)"}, "invalid number 'many'"),
        ({"filters": "contains(id,1)"}, "'contains' compares text, and 'id' is none"),
        ({"filters": "not_like(created_at,2020-01-01T00:00:00Z)"}, "'not_like' compares text"),
        ({"filters": f"eq(id,{2**63})"}, "invalid number"),
        ({"sort_by": common_pb2.Sort()}, "invalid sort key ''"),
        ({"sort_by": common_pb2.Sort(key="message")}, "invalid sort key 'message'"),
        ({"token": "-1"}, "invalid pagination token -1 for ListTasks"),
        ({"token": "1" * 40}, "invalid pagination token"),
        ({"limit": 0}, "invalid value for limit"),
        ({"id": common_pb2.NamedEntityIdentifier(domain="development")}, "missing project"),
        ({"id": common_pb2.NamedEntityIdentifier(project=PROJECT)}, "missing domain"),
    ],
)
def test_what_lists_refuse(admin: Admin, fields: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        list_tasks(admin, **fields)


def test_nothing_is_known_of_a_project_that_does_not_exist(admin: Admin) -> None:
    assert list_tasks(admin, id=common_pb2.NamedEntityIdentifier(project="no", domain="where")) == []


def test_names_are_listed_once_in_order_and_by_filters_of_no_kind(admin: Admin) -> None:
    assert list_task_ids(admin) == ["a", "b", "c"]
    assert list_task_ids(admin, filters="rubbish") == ["a", "b", "c"]
    assert list_task_ids(admin, sort_by=common_pb2.Sort(key="name")) == ["c", "b", "a"]
    assert list_task_ids(admin, sort_by=common_pb2.Sort(key="created_at")) == ["c", "a", "b"]
    assert list_task_ids(admin, limit=1, token="1") == ["b"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"limit": 0}, "invalid value for limit"),
        ({"project": ""}, "missing project"),
        ({"domain": ""}, "missing domain"),
        ({"sort_by": common_pb2.Sort(key="colour")}, "invalid sort key 'colour'"),
    ],
)
def test_what_lists_of_names_refuse(admin: Admin, fields: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        list_task_ids(admin, **fields)


def test_versions_made_one_after_another_never_share_a_time(admin: Admin) -> None:
    id = common_pb2.NamedEntityIdentifier(project=PROJECT, domain="development")
    tasks = admin.tasks.list(common_pb2.ResourceListRequest(id=id, limit=100)).tasks
    times = [one.closure.created_at.ToNanoseconds() for one in tasks]
    assert all(earlier < later for earlier, later in pairwise(times))

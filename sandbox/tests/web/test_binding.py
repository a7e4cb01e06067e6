"""Strings from paths and queries become what their field is, whatever that is."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest
from flyteidl.admin import execution_pb2, project_pb2
from flyteidl.core import literals_pb2, tasks_pb2
from flyteidl.service import dataproxy_pb2
from google.protobuf import json_format
from google.protobuf.message import Message

from flyte_sandbox.errors import InvalidArgument
from flyte_sandbox.web.binding import bind_path, bind_query
from flyte_sandbox.web.forms import negotiate


def bound(message: Message, query: str, path: frozenset[str] = frozenset()) -> dict[str, Any]:
    bind_query(message, parse_qs(query, keep_blank_values=True), path)
    return dict(json_format.MessageToDict(message, preserving_proto_field_name=True))


@pytest.mark.parametrize(
    ("message", "query", "tree"),
    [
        (
            tasks_pb2.TaskMetadata(),
            "discoverable=true&retries.retries=3",
            {"discoverable": True, "retries": {"retries": 3}},
        ),
        (tasks_pb2.TaskMetadata(), "tags[a]=b&tags[c]=", {"tags": {"a": "b", "c": ""}}),
        (
            tasks_pb2.TaskMetadata(),
            "cacheIgnoreInputVars=a&cache_ignore_input_vars=b",
            {"cache_ignore_input_vars": ["a", "b"]},
        ),
        (tasks_pb2.TaskMetadata(), "timeout=1m30s", {"timeout": "90s"}),
        (tasks_pb2.TaskTemplate(), 'custom={"a": [1]}', {"custom": {"a": [1.0]}}),
        (dataproxy_pb2.CreateUploadLocationRequest(), "content_md5=AAEC", {"content_md5": "AAEC"}),
        (
            execution_pb2.ExecutionSpec(),
            "interruptible=false&tags=x&tags=y",
            {"interruptible": False, "tags": ["x", "y"]},
        ),
        (literals_pb2.Primitive(), "float_value=1e3", {"float_value": 1000.0}),
        (literals_pb2.Primitive(), "datetime=2026-01-01T00:00:00Z", {"datetime": "2026-01-01T00:00:00Z"}),
        (project_pb2.Project(), "state=2&nobody=1&name.x=1", {"state": "SYSTEM_GENERATED"}),
        (project_pb2.Project(), "id=other&name=n", {"name": "n"}),
    ],
)
def test_a_query_fills_fields(message: Message, query: str, tree: dict[str, Any]) -> None:
    path = frozenset({"id"}) if isinstance(message, project_pb2.Project) else frozenset[str]()
    assert bound(message, query.replace("{", "%7B"), path) == tree


@pytest.mark.parametrize(
    ("message", "query", "text"),
    [
        (tasks_pb2.TaskMetadata(), "discoverable=yes", "discoverable"),
        (tasks_pb2.TaskMetadata(), "retries.retries=1_0", "retries"),
        (tasks_pb2.TaskMetadata(), "retries.retries=4294967296", "retries"),
        (tasks_pb2.TaskMetadata(), "runtime[a]=b", "is no map"),
        (tasks_pb2.TaskTemplate(), "custom={", "custom"),
        (literals_pb2.Primitive(), "integer=1&boolean=true", "already set for oneof"),
        (literals_pb2.Primitive(), "datetime=yesterday", "datetime"),
        (project_pb2.Project(), "domains.id=x", "holds many values"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(message: Message, query: str, text: str) -> None:
    with pytest.raises(InvalidArgument, match=text):
        bound(message, query)


def test_a_path_fills_nested_fields() -> None:
    request = execution_pb2.WorkflowExecutionGetRequest()
    bind_path(request, "id.name", "a1")
    assert request.id.name == "a1"


@pytest.mark.parametrize(
    ("accepts", "content_type", "inward", "outward"),
    [
        ([], "", "application/json", "application/json"),
        (["application/octet-stream"], "", "application/json", "application/octet-stream"),
        (["*/*"], "application/octet-stream", "application/octet-stream", "application/octet-stream"),
        (["text/html", "application/octet-stream"], "x/y", "application/json", "application/octet-stream"),
        (["application/octet-stream, */*"], "", "application/json", "application/json"),
    ],
)
def test_an_accept_header_counts_only_as_a_whole(
    accepts: list[str], content_type: str, inward: str, outward: str
) -> None:
    forms = negotiate(accepts, content_type)
    assert tuple(form.content_type for form in forms) == (inward, outward)


def test_exactly_json_means_names_as_in_the_proto_files() -> None:
    assert negotiate(["application/json"], "")[1].has_proto_names
    assert not negotiate(["*/*"], "")[1].has_proto_names
    assert negotiate(["*/*"], "application/json; charset=utf-8")[0].is_strict

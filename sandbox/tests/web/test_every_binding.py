"""Each binding that the descriptors declare, taken generically.

What goes in by path, query and body arrives at its RPC, and what the RPC answers comes back, in every form.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from google.protobuf import json_format
from google.protobuf.message_factory import GetMessageClass

from flyte_sandbox.web.routes import Route, Routes

from .filling import fill

ROUTES = sorted(Routes(), key=lambda route: (route.segments, route.verb))
OCTETS = "application/octet-stream"


def over(routes: list[Route]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "route", routes, ids=lambda route: f"{route.verb} {'/'.join(route.segments)}"
    )


def _name(route: Route) -> str:
    return route.rpc.rpartition("/")[2]


def _bind(route: Route, request: Any) -> tuple[str, Any]:
    """:return: a path with a value of its own for each field, and the request with these values."""
    segments = []
    for i, segment in enumerate(route.segments):
        if not segment.startswith("{"):
            segments.append(segment)
            continue
        *parents, leaf = segment[1:-1].split(".")
        target = request
        for parent in parents:
            target = getattr(target, parent)
        is_text = isinstance(getattr(target, leaf), str)
        setattr(target, leaf, f"ü.v:{i} +%=_-" if is_text else 3)
        segments.append(quote(str(getattr(target, leaf)), safe=":"))
    return "/" + "/".join(segments), request


def _flat(message: Any, is_camel: bool, prefix: str = "") -> Iterator[tuple[str, str]]:
    for field, value in message.ListFields():
        name = prefix + (field.json_name if is_camel else field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            yield from ((f"{name}[{key}]", str(item)) for key, item in value.items())
        elif field.message_type is not None and not field.message_type.full_name.startswith("google."):
            yield from _flat(value, is_camel, name + ".")
        else:
            tree = json_format.MessageToDict(message, preserving_proto_field_name=True)[field.name]
            yield from ((name, str(item)) for item in (tree if isinstance(tree, list) else [tree]))


@over([route for route in ROUTES if route.has_body])
@pytest.mark.parametrize("form", ["camel", "snake", "protobuf"])
async def test_a_body_arrives_and_the_path_wins(
    client: httpx.AsyncClient, call: Any, route: Route, form: str
) -> None:
    body = fill(route.request())
    path, wanted = _bind(route, fill(route.request()))
    if form == "protobuf":
        content, kind = body.SerializeToString(), OCTETS
    else:
        text = json_format.MessageToJson(body, preserving_proto_field_name=form == "snake")
        content, kind = text.encode(), "application/json"
    await client.request(route.verb, path, content=content, headers={"content-type": kind})
    assert call.asked == [(_name(route), wanted)]


@over([route for route in ROUTES if not route.has_body])
@pytest.mark.parametrize("is_camel", [False, True])
async def test_a_query_arrives_and_the_path_wins(
    client: httpx.AsyncClient, call: Any, route: Route, is_camel: bool
) -> None:
    query = urlencode(list(_flat(fill(route.request(), is_flat=True), is_camel)))
    path, wanted = _bind(route, fill(route.request(), is_flat=True))
    answer = await client.request(route.verb, f"{path}?{query}")
    assert call.asked == [(_name(route), wanted)], answer.text


@over(ROUTES)
async def test_the_answer_comes_back_whole_in_every_form(
    client: httpx.AsyncClient, call: Any, route: Route
) -> None:
    response = GetMessageClass(route.response)
    call.answers[_name(route)] = wanted = fill(response())
    path, _ = _bind(route, route.request())
    for accept in ("*/*", "application/json", OCTETS):
        answer = await client.request(route.verb, path, headers={"accept": accept})
        assert answer.status_code == 200, answer.text
        if accept == OCTETS:
            assert response.FromString(answer.content) == wanted
        else:
            assert json_format.Parse(answer.content, response()) == wanted

"""Addresses of what executions have put in and out: ``flyte://v1/{project}/{domain}/{execution}/{node}/o``.

Pure. Source: flyteadmin pkg/common/flyte_url.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from flyteidl.admin import common_pb2
from flyteidl.core import identifier_pb2

from flyte_sandbox.errors import InvalidArgument

NodeId: TypeAlias = identifier_pb2.NodeExecutionIdentifier

PREFIX = "flyte://"
INPUTS, OUTPUTS, DECK = "i", "o", "d"

_PART = r"[a-zA-Z0-9_-]+"
_ADDRESS = re.compile(
    rf"flyte://v1/(?P<project>{_PART})/(?P<domain>{_PART})/(?P<execution>{_PART})/(?P<node>{_PART})"
    rf"(?:/(?P<attempt>[0-9]+))?/(?:(?P<kind>[iod])|(?P<named_kind>[io])/(?P<name>{_PART}))"
)


@dataclass(frozen=True)
class FlyteUrl:
    """:param kind: inputs, outputs or deck.

    :param attempt: of the node's task; None means the node itself.
    :param name: of one input or output; empty means all of them.
    """

    node_id: NodeId
    kind: str
    attempt: int | None = None
    name: str = ""


def parse(text: str) -> FlyteUrl:
    """:raises InvalidArgument: for anything else than an address of this kind."""
    if not text:
        raise _invalid_request("source is required. Provided empty string")
    if not text.startswith(PREFIX):
        raise _invalid_request("request does not start with the correct prefix")
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise _invalid_url(f"failed to parse [{text}]")
    execution = identifier_pb2.WorkflowExecutionIdentifier(
        project=match["project"], domain=match["domain"], name=match["execution"]
    )
    attempt = None if match["attempt"] is None else int(match["attempt"])
    kind = match["kind"] or match["named_kind"]
    if kind == DECK and attempt is not None:
        raise _invalid_url("deck type cannot be specified with a retry attempt, just use the node instead")
    node_id = NodeId(execution_id=execution, node_id=match["node"])
    return FlyteUrl(node_id, kind, attempt, match["name"] or "")


def _invalid_request(why: str) -> InvalidArgument:
    return InvalidArgument(f"failed to validate resolve artifact request. Error: {why}")


def _invalid_url(why: str) -> InvalidArgument:
    return InvalidArgument(f"failed to parse artifact url Error: {why}")


def of_node(id: NodeId, has_deck: bool) -> common_pb2.FlyteURLs:
    base = _base(id)
    return common_pb2.FlyteURLs(inputs=f"{base}/i", outputs=f"{base}/o", deck=f"{base}/d" if has_deck else "")


def of_task(id: identifier_pb2.TaskExecutionIdentifier) -> common_pb2.FlyteURLs:
    base = f"{_base(id.node_execution_id)}/{id.retry_attempt}"
    return common_pb2.FlyteURLs(inputs=f"{base}/i", outputs=f"{base}/o")


def _base(id: NodeId) -> str:
    execution = id.execution_id
    return f"{PREFIX}v1/{execution.project}/{execution.domain}/{execution.name}/{id.node_id}"

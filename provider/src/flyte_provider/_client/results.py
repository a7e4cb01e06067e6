"""What an execution left behind, as XCom can carry it: a summary and its outputs."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from flyteidl.admin import common_pb2, execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2
from google.protobuf.message import DecodeError

from flyte_provider._client import phases
from flyte_provider._client.admin import FlyteClient
from flyte_provider._client.channel import MAX_MESSAGE_BYTES
from flyte_provider._client.codec import decode_map
from flyte_provider._client.rpc_errors import TOO_LARGE
from flyte_provider._waiting import TaskLog
from flyte_provider.exceptions import FlyteServerError


def summarise_execution(execution: execution_pb2.Execution, url: str, conn_id: str) -> dict[str, Any]:
    """Return the XCom ``flyte_execution``.

    :return: project, domain, name, conn_id, url, phase, started_at (ISO 8601 or None), duration (seconds or
        None)
    """
    closure = execution.closure
    started = closure.started_at.ToJsonString() if closure.HasField("started_at") else None
    duration = closure.duration.ToTimedelta().total_seconds() if closure.HasField("duration") else None
    return {
        **name_parts(execution.id),
        "conn_id": conn_id,
        "url": url,
        "phase": phases.phase_name(closure.phase),
        "started_at": started,
        "duration": duration,
    }


def name_parts(execution_id: identifier_pb2.WorkflowExecutionIdentifier) -> dict[str, str]:
    """Return project, domain and name."""
    return {"project": execution_id.project, "domain": execution_id.domain, "name": execution_id.name}


@dataclass(frozen=True)
class Outputs:
    """What an execution returned, as far as XCom can carry it.

    :param values: keyed by name; empty where they are too large to be read at all
    :param uri: where Flyte keeps them
    :param fit: whether XCom may have them
    """

    values: dict[str, Any]
    uri: str
    fit: bool = True

    def as_one(self) -> Any:
        """Return them for one XCom: the values, or the address."""
        return self.values if self.fit else self.uri

    def as_many(self) -> dict[str, Any]:
        """Return them for an XCom each: a dict in any case."""
        return self.values if self.fit else dict.fromkeys(self.values, self.uri)


def read_outputs(
    client: FlyteClient, execution: execution_pb2.Execution, max_bytes: int | None, log: TaskLog
) -> Outputs:
    """Return the outputs of an execution that has succeeded.

    :param max_bytes: limit for the outputs as JSON, None for none
    """
    uri = execution.closure.outputs.uri
    try:
        values = fetch_outputs(client, execution.id)
    except FlyteServerError as exc:
        if exc.code != TOO_LARGE:
            raise
        log.warning("%s: XCom gets their address %s", exc, uri)
        return Outputs({}, uri, fit=False)
    size = len(json.dumps(values, default=str).encode())
    if max_bytes is None or size <= max_bytes:
        return Outputs(values, uri)
    words = "The outputs have %d bytes, more than xcom_max_bytes=%d: XCom gets their address %s"
    log.warning(words, size, max_bytes, uri)
    return Outputs(values, uri, fit=False)


def fetch_outputs(
    client: FlyteClient, execution_id: identifier_pb2.WorkflowExecutionIdentifier
) -> dict[str, Any]:
    """Return the outputs, keyed by name.

    :raises FlyteServerError: OUT_OF_RANGE when they are larger than Flyte tells or we can take
    """
    data = client.get_execution_data(execution_id)
    outputs = data.full_outputs
    if not outputs.literals and data.outputs.bytes:
        outputs = _download(data.outputs, client)
    return decode_map(outputs)


def _download(blob: common_pb2.UrlBlob, client: FlyteClient) -> literals_pb2.LiteralMap:
    """Read outputs that the server gives as a signed address instead of inline."""
    # The rest of a signed address is as good as a password.
    place = blob.url.partition("?")[0]
    if not blob.url.startswith(("https://", "http://")):
        raise FlyteServerError(f"outputs at {place!r} cannot be read from here", code=TOO_LARGE)
    if blob.bytes > MAX_MESSAGE_BYTES:
        raise FlyteServerError(f"outputs of {blob.bytes} bytes are too large to read", code=TOO_LARGE)
    try:
        with urllib.request.urlopen(blob.url, timeout=client.connection.timeout_seconds) as reply:  # noqa: S310 - http(s) only, see above
            return literals_pb2.LiteralMap.FromString(reply.read(MAX_MESSAGE_BYTES))
    except (OSError, HTTPException, DecodeError) as exc:
        raise FlyteServerError(f"outputs at {place} cannot be read: {exc}", code="UNAVAILABLE") from exc

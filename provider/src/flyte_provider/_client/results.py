"""What an execution left behind, as XCom can carry it: a summary and its outputs."""

from __future__ import annotations

import urllib.request
from typing import Any

from flyteidl.admin import common_pb2, execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2

from flyte_provider._client import phases
from flyte_provider._client.admin import FlyteClient
from flyte_provider._client.codec import decode_map
from flyte_provider.exceptions import FlyteServerError

_LARGEST_DOWNLOAD_BYTES = 64 * 1024 * 1024


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


def fetch_outputs(
    client: FlyteClient, execution_id: identifier_pb2.WorkflowExecutionIdentifier
) -> tuple[dict[str, Any], str]:
    """Return the outputs, keyed by name, and the address where Flyte keeps them."""
    data = client.get_execution_data(execution_id)
    outputs = data.full_outputs
    if not outputs.literals and data.outputs.bytes:
        outputs = _download(data.outputs, client)
    return decode_map(outputs), str(data.outputs.url)


def _download(blob: common_pb2.UrlBlob, client: FlyteClient) -> literals_pb2.LiteralMap:
    """Read outputs that the server gives as a signed address instead of inline."""
    if not blob.url.startswith(("https://", "http://")):
        raise FlyteServerError(f"outputs at {blob.url!r} cannot be read from here", code="UNIMPLEMENTED")
    timeout = client.connection.timeout_seconds
    with urllib.request.urlopen(blob.url, timeout=timeout) as reply:  # noqa: S310 - http(s) only, see above
        content = reply.read(_LARGEST_DOWNLOAD_BYTES + 1)
    if len(content) > _LARGEST_DOWNLOAD_BYTES:
        raise FlyteServerError(f"outputs of {blob.bytes} bytes are too large to read", code="OUT_OF_RANGE")
    return literals_pb2.LiteralMap.FromString(content)

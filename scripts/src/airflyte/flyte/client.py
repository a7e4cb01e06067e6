"""What the verbs ask of a Flyte, over its public gRPC and HTTP interfaces only.

Everything here works against any Flyte; generated code is imported when it is called, not before.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.client
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

CALL_SECONDS = 5.0
ACTIVE_PHASES = ("QUEUED", "RUNNING", "SUCCEEDING", "FAILING", "ABORTING")


@dataclasses.dataclass(frozen=True)
class Execution:
    """An execution as GetExecution knows it.

    :param phase: Flyte's word.
    :param outputs: primitive outputs by name.
    :param error: Flyte's message when it failed.
    """

    name: str
    phase: str
    outputs: dict[str, object] = dataclasses.field(default_factory=dict)
    error: str = ""


class FlyteClient:
    """A Flyte on this machine. Calls raise ``OSError`` when it does not answer as it should.

    :param call_seconds: how long one call may take.
    """

    def __init__(self, port: int, call_seconds: float = CALL_SECONDS) -> None:
        self.port = port
        self._call_seconds = call_seconds

    def health(self, query: str = "") -> tuple[int, bytes]:
        """GET /healthcheck: status and content."""
        return _http("GET", f"http://127.0.0.1:{self.port}/healthcheck{query}")

    def project_ids(self) -> list[str]:
        """The projects, by ListProjects."""
        from flyteidl.admin.project_pb2 import ProjectListRequest

        with self._admin() as admin:
            answer = admin.ListProjects(ProjectListRequest(limit=100), timeout=self._call_seconds)
        return [project.id for project in answer.projects]

    def upload(self, project: str, domain: str, content: bytes) -> str:
        """Write content through an upload URL.

        :return: its address (``s3://…``).
        """
        from flyteidl.service.dataproxy_pb2 import CreateUploadLocationRequest

        digest = hashlib.md5(content, usedforsecurity=False).digest()
        with self._data_proxy() as proxy:
            location = proxy.CreateUploadLocation(
                CreateUploadLocationRequest(
                    project=project, domain=domain, filename="readiness", content_md5=digest
                ),
                timeout=self._call_seconds,
            )
        headers = {"Content-MD5": b64encode(digest).decode(), **dict(location.headers)}
        status, answer = _http("PUT", location.signed_url, content, headers)
        if status not in (200, 201, 204):
            raise ConnectionError(f"upload URL answered {status}: {answer[:200]!r}")
        return str(location.native_url)

    def download(self, address: str) -> bytes:
        """Read an address back through a signed URL."""
        from flyteidl.service.dataproxy_pb2 import CreateDownloadLocationRequest

        with self._data_proxy() as proxy:
            location = proxy.CreateDownloadLocation(
                CreateDownloadLocationRequest(native_url=address), timeout=self._call_seconds
            )
        status, content = _http("GET", location.signed_url)
        if status != 200:
            raise ConnectionError(f"download URL answered {status}: {content[:200]!r}")
        return content

    def execution(self, project: str, domain: str, name: str) -> Execution:
        """One execution, with its outputs when it has succeeded."""
        from flyteidl.admin.execution_pb2 import WorkflowExecutionGetDataRequest, WorkflowExecutionGetRequest
        from flyteidl.core.execution_pb2 import WorkflowExecution
        from flyteidl.core.identifier_pb2 import WorkflowExecutionIdentifier

        identifier = WorkflowExecutionIdentifier(project=project, domain=domain, name=name)
        with self._admin() as admin:
            closure = admin.GetExecution(
                WorkflowExecutionGetRequest(id=identifier), timeout=self._call_seconds
            ).closure
            phase = str(WorkflowExecution.Phase.Name(closure.phase))
            outputs: dict[str, object] = {}
            if phase == "SUCCEEDED":
                data = admin.GetExecutionData(
                    WorkflowExecutionGetDataRequest(id=identifier), timeout=self._call_seconds
                )
                outputs = _primitives(data.full_outputs)
        return Execution(name, phase, outputs, str(closure.error.message))

    def active_executions(self, project: str, domain: str) -> list[str]:
        """Names of executions that are not over."""
        from flyteidl.admin.common_pb2 import NamedEntityIdentifier, ResourceListRequest

        with self._admin() as admin:
            answer = admin.ListExecutions(
                ResourceListRequest(
                    id=NamedEntityIdentifier(project=project, domain=domain),
                    limit=1000,
                    filters=f"value_in(phase,{';'.join(ACTIVE_PHASES)})",
                ),
                timeout=self._call_seconds,
            )
        return [execution.id.name for execution in answer.executions]

    def console_url(self, project: str, domain: str, name: str) -> str:
        """The page of an execution."""
        return f"{self.base_url}/console/projects/{project}/domains/{domain}/executions/{name}"

    @property
    def base_url(self) -> str:
        """The address that people open."""
        return f"http://localhost:{self.port}"

    @contextlib.contextmanager
    def _admin(self) -> Iterator[Any]:
        from flyteidl.service.admin_pb2_grpc import AdminServiceStub

        with self._channel() as channel:
            yield AdminServiceStub(channel)

    @contextlib.contextmanager
    def _data_proxy(self) -> Iterator[Any]:
        from flyteidl.service.dataproxy_pb2_grpc import DataProxyServiceStub

        with self._channel() as channel:
            yield DataProxyServiceStub(channel)

    @contextlib.contextmanager
    def _channel(self) -> Iterator[Any]:
        import grpc

        # Past any proxy, and without the memory of an earlier refusal: a look at a server that just came up
        # must not wait for gRPC's reconnect delay.
        options = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
        try:
            with grpc.insecure_channel(f"127.0.0.1:{self.port}", options=options) as channel:
                yield channel
        except grpc.RpcError as error:
            raise ConnectionError(f"{error.code().name}: {error.details()}") from error


def _primitives(outputs: Any) -> dict[str, object]:
    """The outputs that are plain values; files and the like are left out."""
    found: dict[str, object] = {}
    for name, literal in outputs.literals.items():
        primitive = literal.scalar.primitive
        kind = primitive.WhichOneof("value")
        if kind:
            found[name] = getattr(primitive, kind)
    return found


def _http(
    method: str, url: str, content: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """One request, past any proxy."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=CALL_SECONDS)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    try:
        connection.request(method, target, content, headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    except http.client.HTTPException as error:
        raise ConnectionError(f"{parts.netloc} does not speak HTTP: {error!r}") from error
    finally:
        connection.close()

"""As much of Flyte as registering needs, in this process: a real gRPC server and a real HTTP server.

Mirrors flyteadmin's answers to duplicates (identical: ALREADY_EXISTS, different: INVALID_ARGUMENT), its
launch plan states and its content addresses. Source: flyteadmin pkg/manager/impl/task_manager.go,
launch_plan_manager.go, dataproxy/service.go.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from flyteidl.admin import launch_plan_pb2, task_pb2, workflow_pb2
from flyteidl.core.identifier_pb2 import Identifier
from flyteidl.service import admin_pb2_grpc, dataproxy_pb2, dataproxy_pb2_grpc

BUCKET = "s3://my-s3-bucket/"
PAGE = 2
"""At most this many launch plans a page, so that paging is exercised."""


class FakeFlyte(admin_pb2_grpc.AdminServiceServicer, dataproxy_pb2_grpc.DataProxyServiceServicer):
    """Holds what was registered and uploaded.

    ``specs`` by (resource type, name, version), ``active`` versions by launch plan name, ``objects`` by
    address, ``calls`` counts RPCs and uploads by name, ``refusals`` are details for INVALID_ARGUMENT by
    entity name.
    """

    def __init__(self) -> None:
        self.specs: dict[tuple[str, str, str], Any] = {}
        self.active: dict[str, str] = {}
        self.objects: dict[str, bytes] = {}
        self.calls: Counter[str] = Counter()
        self.refusals: dict[str, str] = {}
        self.address = ""
        self.upload_address = ""
        self.upload_code = 200
        self._lock = threading.Lock()

    def names(self, kind: str, version: str) -> set[str]:
        """Names of one kind ("TASK", "WORKFLOW", "LAUNCH_PLAN") in a version."""
        return {name for (k, name, v) in self.specs if (k, v) == (kind, version)}

    def launch_plan(self, name: str) -> Any:
        """The spec of the active version of a launch plan."""
        return self.specs["LAUNCH_PLAN", name, self.active[name]]

    def CreateTask(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._create("task", request, context)
        return task_pb2.TaskCreateResponse()

    def CreateWorkflow(self, request: Any, context: Any) -> Any:  # noqa: N802
        for node in request.spec.template.nodes:
            if node.HasField("task_node"):
                self._check_reference(node.task_node.reference_id, context)
            elif node.workflow_node.HasField("launchplan_ref"):
                self._check_reference(node.workflow_node.launchplan_ref, context)
        self._create("workflow", request, context)
        return workflow_pb2.WorkflowCreateResponse()

    def CreateLaunchPlan(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._check_reference(request.spec.workflow_id, context)
        self._create("launch plan", request, context)
        return launch_plan_pb2.LaunchPlanCreateResponse()

    def UpdateLaunchPlan(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._count("UpdateLaunchPlan")
        self._check_reference(request.id, context)
        assert request.state == launch_plan_pb2.ACTIVE
        self.active[request.id.name] = request.id.version
        return launch_plan_pb2.LaunchPlanUpdateResponse()

    def ListActiveLaunchPlans(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._count("ListActiveLaunchPlans")
        start = int(request.token or 0)
        names = sorted(self.active)
        page = names[start : start + min(PAGE, request.limit)]
        more = start + len(page) < len(names)
        plans = [launch_plan_pb2.LaunchPlan(id=Identifier(name=n, version=self.active[n])) for n in page]
        return launch_plan_pb2.LaunchPlanList(
            launch_plans=plans, token=str(start + len(page)) if more else ""
        )

    def CreateUploadLocation(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._count("CreateUploadLocation")
        digest = base64.b32encode(request.content_md5).decode()
        path = f"{request.project}/{request.domain}/{digest}/{request.filename}"
        return dataproxy_pb2.CreateUploadLocationResponse(
            signed_url=f"http://{self.upload_address}/{path}",
            native_url=f"{BUCKET}{path}",
            headers={"x-amz-meta-flyteContentMD5": base64.b64encode(request.content_md5).decode()},
        )

    def put(self, path: str, content: bytes, headers: Any) -> int:
        """One HTTP upload; gives the status."""
        self._count("PUT")
        digest = base64.b64encode(hashlib.md5(content).digest()).decode()  # noqa: S324 - the protocol's
        if {headers["Content-MD5"], headers["x-amz-meta-flyteContentMD5"]} != {digest}:
            return 400
        self.objects[f"{BUCKET}{path.lstrip('/')}"] = content
        return self.upload_code

    def _create(self, what: str, request: Any, context: Any) -> None:
        self._count(f"Create {what}")
        if request.id.name in self.refusals:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, self.refusals[request.id.name])
        spec = request.spec.SerializeToString(deterministic=True)
        with self._lock:
            existing = self.specs.setdefault(_key(request.id), request.spec)
        if existing is request.spec:
            return
        if existing.SerializeToString(deterministic=True) == spec:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, f"{what} with identical structure already exists")
        context.abort(
            grpc.StatusCode.INVALID_ARGUMENT,
            f"{request.id.name} {what} with different structure already exists.",
        )

    def _check_reference(self, identifier: Any, context: Any) -> None:
        if _key(identifier) not in self.specs:
            context.abort(grpc.StatusCode.NOT_FOUND, f"missing entity {identifier.name}")

    def _count(self, call: str) -> None:
        with self._lock:
            self.calls[call] += 1


def _key(identifier: Any) -> tuple[str, str, str]:
    from flyteidl.core.identifier_pb2 import ResourceType

    return ResourceType.Name(identifier.resource_type), identifier.name, identifier.version


@contextmanager
def running_flyte() -> Iterator[FakeFlyte]:
    """A fake Flyte on free ports."""
    flyte = FakeFlyte()
    server = grpc.server(futures.ThreadPoolExecutor(4))
    admin_pb2_grpc.add_AdminServiceServicer_to_server(flyte, server)
    dataproxy_pb2_grpc.add_DataProxyServiceServicer_to_server(flyte, server)
    flyte.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        with _running_uploads(flyte):
            yield flyte
    finally:
        server.stop(None).wait()


@contextmanager
def _running_uploads(flyte: FakeFlyte) -> Iterator[None]:
    class Uploads(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(flyte.put(self.path, content, self.headers))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Uploads)
    flyte.upload_address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

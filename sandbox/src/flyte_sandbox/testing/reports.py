"""What became of the executions of a test's project, in words, for the report of a test that failed."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator

import grpc
from flyteidl.admin import common_pb2, execution_pb2, node_execution_pb2, task_execution_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.service import admin_pb2_grpc

from flyte_sandbox.phases import NODE, WORKFLOW

_DOMAINS = ("development", "staging", "production")
_MOST_EXECUTIONS = 20
_MOST_NODES = 100
_LOG_LINES = 40
_SECONDS = 10.0


def describe_executions(endpoint: str, public_url: str, project: str) -> str:
    """Each execution with its phase, error and page; the logs of nodes that failed or still run.

    :return: text; empty when nothing was launched. What cannot be read is said in its place.
    """
    try:
        with grpc.insecure_channel(endpoint) as channel:
            return "\n".join(
                _Report(admin_pb2_grpc.AdminServiceStub(channel), public_url).of_project(project)
            )
    except grpc.RpcError as exc:
        return f"the executions could not be read from {endpoint}: {exc.code().name} {exc.details()}"


class _Report:
    def __init__(self, admin: admin_pb2_grpc.AdminServiceStub, public_url: str) -> None:
        self._admin = admin
        self._url = public_url

    def of_project(self, project: str) -> Iterator[str]:
        newest_last = common_pb2.Sort(key="created_at", direction=common_pb2.Sort.ASCENDING)
        for domain in _DOMAINS:
            id = common_pb2.NamedEntityIdentifier(project=project, domain=domain)
            request = common_pb2.ResourceListRequest(id=id, limit=_MOST_EXECUTIONS, sort_by=newest_last)
            for execution in self._admin.ListExecutions(request, timeout=_SECONDS).executions:
                yield from self._of_execution(execution)

    def _of_execution(self, execution: execution_pb2.Execution) -> Iterator[str]:
        id, closure = execution.id, execution.closure
        phase = core_execution_pb2.WorkflowExecution.Phase.Name(closure.phase)
        page = f"{self._url}/console/projects/{id.project}/domains/{id.domain}/executions/{id.name}"
        yield f"{id.name}  {phase}  {execution.spec.launch_plan.name}  {page}"
        if closure.phase == WORKFLOW.SUCCEEDED:
            return
        if closure.HasField("error"):
            get = execution_pb2.WorkflowExecutionGetRequest(id=id)
            error = self._admin.GetExecution(get, timeout=_SECONDS).closure.error
            yield _indented(f"{error.code}: {error.message}")
        yield from self._of_nodes(id, "")

    def _of_nodes(self, execution: execution_pb2.WorkflowExecutionIdentifier, parent: str) -> Iterator[str]:
        request = node_execution_pb2.NodeExecutionListRequest(
            workflow_execution_id=execution, limit=_MOST_NODES, unique_parent_id=parent
        )
        for node in self._admin.ListNodeExecutions(request, timeout=_SECONDS).node_executions:
            if node.closure.phase in (NODE.SUCCEEDED, NODE.SKIPPED):
                continue
            yield _indented(
                f"{node.id.node_id}  {core_execution_pb2.NodeExecution.Phase.Name(node.closure.phase)}"
            )
            if node.metadata.is_parent_node:
                yield from self._of_nodes(execution, node.id.node_id)
            yield from self._of_attempts(node)

    def _of_attempts(self, node: node_execution_pb2.NodeExecution) -> Iterator[str]:
        request = task_execution_pb2.TaskExecutionListRequest(node_execution_id=node.id, limit=_MOST_NODES)
        for attempt in self._admin.ListTaskExecutions(request, timeout=_SECONDS).task_executions:
            for log in attempt.closure.logs:
                yield _indented(f"attempt {attempt.id.retry_attempt}, the end of {log.uri}:")
                yield _indented(self._tail(log.uri), 4)

    def _tail(self, uri: str) -> str:
        """Only what the server itself serves; other logs are links."""
        if not uri.startswith(f"{self._url}/"):
            return "(not on this server)"
        try:
            with urllib.request.urlopen(f"{uri}?raw=1", timeout=_SECONDS) as answer:  # noqa: S310 - an http address
                text: str = answer.read().decode(errors="replace")
        except (urllib.error.URLError, TimeoutError) as exc:
            return f"(could not be read: {exc})"
        return "\n".join(text.splitlines()[-_LOG_LINES:])


def _indented(text: str, width: int = 2) -> str:
    return "\n".join(" " * width + line for line in text.splitlines())

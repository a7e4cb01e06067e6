"""Flyte's gRPC, through the public stubs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc
from flyteidl.admin import common_pb2, execution_pb2, launch_plan_pb2, node_execution_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2
from flyteidl.service.admin_pb2_grpc import AdminServiceStub

from .eventually import eventually

PROJECT, DOMAIN = "flytesnacks", "development"
CALL_SECONDS = 10
EXECUTION_SECONDS = 120
Phase = core_execution_pb2.WorkflowExecution.Phase
TERMINAL = {"SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"}


class Flyte:
    """A client for one project and domain.

    :param port: on this machine.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.endpoint = f"127.0.0.1:{port}"
        self.console = f"http://localhost:{port}/console/projects/{PROJECT}/domains/{DOMAIN}"

    def launch(self, launch_plan: str, **inputs: str | int) -> Execution:
        """Launch the active version of a launch plan."""
        name = common_pb2.NamedEntityIdentifier(project=PROJECT, domain=DOMAIN, name=launch_plan)
        with self.admin() as admin:
            active = admin.GetActiveLaunchPlan(
                launch_plan_pb2.ActiveLaunchPlanRequest(id=name), timeout=CALL_SECONDS
            )
            request = execution_pb2.ExecutionCreateRequest(
                project=PROJECT,
                domain=DOMAIN,
                spec=execution_pb2.ExecutionSpec(launch_plan=active.id),
                inputs=literals_pb2.LiteralMap(literals={key: _literal(inputs[key]) for key in inputs}),
            )
            created = admin.CreateExecution(request, timeout=CALL_SECONDS)
        return Execution(self, created.id)

    def execution(self, name: str) -> Execution:
        """An execution by its name."""
        identifier = identifier_pb2.WorkflowExecutionIdentifier(project=PROJECT, domain=DOMAIN, name=name)
        return Execution(self, identifier)

    def executions(self, launch_plan: str = "") -> dict[str, str]:
        """Phases of all executions by name.

        :param launch_plan: only those of this one.
        """
        request = common_pb2.ResourceListRequest(
            id=common_pb2.NamedEntityIdentifier(project=PROJECT, domain=DOMAIN),
            limit=1000,
            filters=f"eq(launch_plan.name,{launch_plan})" if launch_plan else "",
        )
        with self.admin() as admin:
            found = admin.ListExecutions(request, timeout=CALL_SECONDS).executions
        return {each.id.name: Phase.Name(each.closure.phase) for each in found}

    @contextmanager
    def admin(self) -> Iterator[AdminServiceStub]:
        """The stubs over a connection of their own, so that a server that came back is found at once."""
        options = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(self.endpoint, options=options) as channel:
            yield AdminServiceStub(channel)


class Execution:
    """One execution."""

    def __init__(self, flyte: Flyte, identifier: identifier_pb2.WorkflowExecutionIdentifier) -> None:
        self.flyte = flyte
        self.id = identifier
        self.name: str = identifier.name
        self.url = f"{flyte.console}/executions/{identifier.name}"

    def get(self) -> execution_pb2.Execution:
        """As GetExecution answers."""
        with self.flyte.admin() as admin:
            return admin.GetExecution(
                execution_pb2.WorkflowExecutionGetRequest(id=self.id), timeout=CALL_SECONDS
            )

    @property
    def phase(self) -> str:
        """Its phase by name."""
        return str(Phase.Name(self.get().closure.phase))

    def wait(self, seconds: float = EXECUTION_SECONDS) -> str:
        """Wait until it is over, also while the server is away.

        :return: its phase then.
        """
        return eventually(self._terminal_phase, seconds, tolerating=(grpc.RpcError,))

    def _terminal_phase(self) -> str | None:
        phase = self.phase
        return phase if phase in TERMINAL else None

    def terminate(self, cause: str) -> None:
        """As "Terminate" in Flyte's console does."""
        with self.flyte.admin() as admin:
            admin.TerminateExecution(
                execution_pb2.ExecutionTerminateRequest(id=self.id, cause=cause), timeout=CALL_SECONDS
            )

    @property
    def abort_cause(self) -> str:
        """Why it was aborted."""
        return str(self.get().closure.abort_metadata.cause)

    @property
    def outputs(self) -> dict[str, Any]:
        """Its plain outputs by name."""
        with self.flyte.admin() as admin:
            data = admin.GetExecutionData(
                execution_pb2.WorkflowExecutionGetDataRequest(id=self.id), timeout=CALL_SECONDS
            )
        return dict(_plain(data.full_outputs.literals))

    @property
    def attempts(self) -> dict[str, int]:
        """How often each of its tasks was tried, by node id."""
        from flyteidl.admin import task_execution_pb2

        with self.flyte.admin() as admin:
            nodes = admin.ListNodeExecutions(
                node_execution_pb2.NodeExecutionListRequest(workflow_execution_id=self.id, limit=100),
                timeout=CALL_SECONDS,
            ).node_executions
            return {
                node.id.node_id: len(
                    admin.ListTaskExecutions(
                        task_execution_pb2.TaskExecutionListRequest(node_execution_id=node.id, limit=100),
                        timeout=CALL_SECONDS,
                    ).task_executions
                )
                for node in nodes
                if node.id.node_id not in ("start-node", "end-node")
            }


def _literal(value: str | int) -> literals_pb2.Literal:
    primitive = (
        literals_pb2.Primitive(integer=value)
        if isinstance(value, int)
        else literals_pb2.Primitive(string_value=value)
    )
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=primitive))


def _plain(literals: Mapping[str, literals_pb2.Literal]) -> Iterator[tuple[str, Any]]:
    for name, literal in literals.items():
        kind = literal.scalar.primitive.WhichOneof("value")
        if kind:
            yield name, getattr(literal.scalar.primitive, kind)

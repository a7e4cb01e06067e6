"""FlyteClient: the RPCs of flyteadmin that the provider uses, blocking, with our errors.

Deciding anything is left to callers; repeating after transient errors is done here for reads and, because
names are deterministic, for creates. Source of the RPCs: flyteidl protos/flyteidl/service/admin.proto.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

import grpc
from flyteidl.admin import (
    common_pb2,
    execution_pb2,
    launch_plan_pb2,
    node_execution_pb2,
    project_pb2,
    signal_pb2,
    task_execution_pb2,
    task_pb2,
    version_pb2,
)
from flyteidl.core import identifier_pb2, literals_pb2
from flyteidl.service import admin_pb2_grpc, signal_pb2_grpc

from flyte_provider._client.auth.discovery import describe_wanted
from flyte_provider._client.channel import open_channel
from flyte_provider._client.progress import nodes_request
from flyte_provider._client.rpc_errors import translate
from flyte_provider.connection import FlyteConnection
from flyte_provider.exceptions import FlyteServerError

log = logging.getLogger(__name__)
T = TypeVar("T")

_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0


class FlyteClient:
    """Flyte's AdminService and SignalService over one channel.

    :param connection: where to, and with what
    :param retry_seconds: how long an RPC is repeated while the server answers with transient errors
    :param pause: sleeps between repetitions; an operator passes one that a kill interrupts
    """

    def __init__(
        self,
        connection: FlyteConnection,
        *,
        retry_seconds: float = 30.0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.connection = connection
        self.channel: grpc.Channel = open_channel(connection)
        self._stub = admin_pb2_grpc.AdminServiceStub(self.channel)
        self._signals = signal_pb2_grpc.SignalServiceStub(self.channel)
        self._retry_seconds = retry_seconds
        self.pause = pause

    def close(self) -> None:
        self.channel.close()

    # -- calling ---------------------------------------------------------------------------------------------

    def _once(self, method: Callable[..., T], request: Any, action: str, timeout: float | None = None) -> T:
        try:
            return method(request, timeout=timeout or self.connection.timeout_seconds)
        except grpc.RpcError as exc:
            raise translate(exc, action, self.connection, describe_wanted) from exc

    def _call(self, method: Callable[..., T], request: Any, action: str) -> T:
        """Call until the answer is final or ``retry_seconds`` have passed."""
        give_up_at = time.monotonic() + self._retry_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return self._once(method, request, action)
            except FlyteServerError as exc:
                if not exc.is_transient or time.monotonic() + pause > give_up_at:
                    raise
                log.warning("%s; trying again in %.2g s", exc, pause)
            self.pause(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    # -- server ----------------------------------------------------------------------------------------------

    def get_version(self, timeout: float | None = None) -> str:
        """Return the control plane's version, as in ``v1.16.8``."""
        reply = self._once(
            self._stub.GetVersion, version_pb2.GetVersionRequest(), "tell its version", timeout
        )
        return str(reply.control_plane_version.Version)

    def list_projects(self, limit: int, timeout: float | None = None) -> list[project_pb2.Project]:
        request = project_pb2.ProjectListRequest(limit=limit)
        return list(self._once(self._stub.ListProjects, request, "list projects", timeout).projects)

    # -- executions ------------------------------------------------------------------------------------------

    def create_execution(
        self, request: execution_pb2.ExecutionCreateRequest
    ) -> identifier_pb2.WorkflowExecutionIdentifier:
        """Create; with the request's own name, so that a repetition cannot create a second one."""
        action = f"create execution {request.name!r}"
        return self._call(self._stub.CreateExecution, request, action).id

    def recover_execution(
        self, execution_id: identifier_pb2.WorkflowExecutionIdentifier, name: str
    ) -> identifier_pb2.WorkflowExecutionIdentifier:
        request = execution_pb2.ExecutionRecoverRequest(id=execution_id, name=name)
        return self._call(self._stub.RecoverExecution, request, f"recover execution {execution_id.name!r}").id

    def get_execution(
        self, execution_id: identifier_pb2.WorkflowExecutionIdentifier
    ) -> execution_pb2.Execution:
        return self._call(self._stub.GetExecution, _get(execution_id), f"get execution {execution_id.name!r}")

    def look_at_execution(
        self, execution_id: identifier_pb2.WorkflowExecutionIdentifier
    ) -> execution_pb2.Execution:
        """Get an execution without repeating: waiting loops have their own patience."""
        return self._once(self._stub.GetExecution, _get(execution_id), f"get execution {execution_id.name!r}")

    def list_executions(
        self, project: str, domain: str, filters: str, limit: int, *, by_change: bool = False
    ) -> list[execution_pb2.Execution]:
        """List executions, newest first.

        :param filters: in flyteadmin's grammar, or empty
        :param by_change: the one whose last change is longest ago first
        """
        sort = common_pb2.Sort(key="execution_created_at", direction=common_pb2.Sort.DESCENDING)
        if by_change:
            sort = common_pb2.Sort(key="execution_updated_at", direction=common_pb2.Sort.ASCENDING)
        request = common_pb2.ResourceListRequest(
            id=common_pb2.NamedEntityIdentifier(project=project, domain=domain),
            filters=filters,
            sort_by=sort,
            limit=limit,
        )
        return list(self._call(self._stub.ListExecutions, request, "list executions").executions)

    def get_execution_data(
        self, execution_id: identifier_pb2.WorkflowExecutionIdentifier
    ) -> execution_pb2.WorkflowExecutionGetDataResponse:
        request = execution_pb2.WorkflowExecutionGetDataRequest(id=execution_id)
        return self._call(
            self._stub.GetExecutionData, request, f"get data of execution {execution_id.name!r}"
        )

    def terminate_execution(
        self,
        execution_id: identifier_pb2.WorkflowExecutionIdentifier,
        cause: str,
        timeout: float | None = None,
    ) -> None:
        """Ask once to terminate.

        :raises FlyteServerError: FAILED_PRECONDITION when it has already ended, NOT_FOUND when there is none
        """
        request = execution_pb2.ExecutionTerminateRequest(id=execution_id, cause=cause)
        action = f"terminate execution {execution_id.name!r}"
        self._once(self._stub.TerminateExecution, request, action, timeout)

    # -- signals ---------------------------------------------------------------------------------------------

    def list_signals(
        self, execution_id: identifier_pb2.WorkflowExecutionIdentifier, limit: int = 100
    ) -> list[signal_pb2.Signal]:
        request = signal_pb2.SignalListRequest(workflow_execution_id=execution_id, limit=limit)
        action = f"list signals of execution {execution_id.name!r}"
        return list(self._call(self._signals.ListSignals, request, action).signals)

    def set_signal(self, signal_id: identifier_pb2.SignalIdentifier, value: literals_pb2.Literal) -> None:
        """Set a signal; setting it again sets it anew, so a repetition does no harm."""
        request = signal_pb2.SignalSetRequest(id=signal_id, value=value)
        self._call(self._signals.SetSignal, request, f"set signal {signal_id.signal_id!r}")

    # -- entities --------------------------------------------------------------------------------------------

    def get_active_launch_plan(self, project: str, domain: str, name: str) -> launch_plan_pb2.LaunchPlan:
        entity = common_pb2.NamedEntityIdentifier(project=project, domain=domain, name=name)
        request = launch_plan_pb2.ActiveLaunchPlanRequest(id=entity)
        return self._call(self._stub.GetActiveLaunchPlan, request, f"get the active launch plan {name!r}")

    def get_launch_plan(self, entity_id: identifier_pb2.Identifier) -> launch_plan_pb2.LaunchPlan:
        request = common_pb2.ObjectGetRequest(id=entity_id)
        return self._call(self._stub.GetLaunchPlan, request, f"get launch plan {entity_id.name!r}")

    def get_task(self, entity_id: identifier_pb2.Identifier) -> task_pb2.Task:
        request = common_pb2.ObjectGetRequest(id=entity_id)
        return self._call(self._stub.GetTask, request, f"get task {entity_id.name!r}")

    def newest_launch_plan(self, project: str, domain: str, name: str) -> launch_plan_pb2.LaunchPlan | None:
        request = _newest(project, domain, name)
        found = self._call(self._stub.ListLaunchPlans, request, f"list versions of launch plan {name!r}")
        return found.launch_plans[0] if found.launch_plans else None

    def newest_task(self, project: str, domain: str, name: str) -> task_pb2.Task | None:
        request = _newest(project, domain, name)
        found = self._call(self._stub.ListTasks, request, f"list versions of task {name!r}")
        return found.tasks[0] if found.tasks else None

    def list_launch_plan_names(self, project: str, domain: str, limit: int) -> list[str]:
        return self._names(self._stub.ListLaunchPlanIds, project, domain, limit, "list launch plans")

    def list_task_names(self, project: str, domain: str, limit: int) -> list[str]:
        return self._names(self._stub.ListTaskIds, project, domain, limit, "list tasks")

    def _names(
        self, method: Callable[..., Any], project: str, domain: str, limit: int, action: str
    ) -> list[str]:
        request = common_pb2.NamedEntityIdentifierListRequest(project=project, domain=domain, limit=limit)
        return [entity.name for entity in self._call(method, request, action).entities]

    # -- inside an execution ---------------------------------------------------------------------------------

    def list_node_executions(
        self,
        execution_id: identifier_pb2.WorkflowExecutionIdentifier,
        *,
        phases: list[str],
        parent: str = "",
        limit: int = 20,
    ) -> list[node_execution_pb2.NodeExecution]:
        """List the nodes of one level in any of ``phases``, first ended first.

        :param parent: id of the node whose children are meant, empty for the top level
        """
        request = node_execution_pb2.NodeExecutionListRequest(
            workflow_execution_id=execution_id,
            filters=f"value_in(phase,{';'.join(phases)})",
            sort_by=common_pb2.Sort(key="node_execution_updated_at", direction=common_pb2.Sort.ASCENDING),
            unique_parent_id=parent,
            limit=limit,
        )
        action = f"list nodes of execution {execution_id.name!r}"
        return list(self._call(self._stub.ListNodeExecutions, request, action).node_executions)

    def list_changed_nodes(
        self, execution_id: identifier_pb2.WorkflowExecutionIdentifier
    ) -> list[node_execution_pb2.NodeExecution]:
        """List the nodes of the top level, latest changed first; once, since nothing depends on it."""
        action = f"list nodes of execution {execution_id.name!r}"
        reply = self._once(self._stub.ListNodeExecutions, nodes_request(execution_id), action)
        return list(reply.node_executions)

    def get_node_execution(
        self, node_id: identifier_pb2.NodeExecutionIdentifier
    ) -> node_execution_pb2.NodeExecution:
        """Get one node: unlike a list, it carries the whole error message."""
        request = node_execution_pb2.NodeExecutionGetRequest(id=node_id)
        return self._call(self._stub.GetNodeExecution, request, f"get node {node_id.node_id!r}")

    def list_task_executions(
        self, node_id: identifier_pb2.NodeExecutionIdentifier, limit: int = 100
    ) -> list[task_execution_pb2.TaskExecution]:
        """List a node's attempts in the order of their numbers."""
        request = task_execution_pb2.TaskExecutionListRequest(
            node_execution_id=node_id,
            limit=limit,
            sort_by=common_pb2.Sort(key="retry_attempt", direction=common_pb2.Sort.ASCENDING),
        )
        action = f"list attempts of node {node_id.node_id!r}"
        return list(self._call(self._stub.ListTaskExecutions, request, action).task_executions)


def _get(
    execution_id: identifier_pb2.WorkflowExecutionIdentifier,
) -> execution_pb2.WorkflowExecutionGetRequest:
    return execution_pb2.WorkflowExecutionGetRequest(id=execution_id)


def _newest(project: str, domain: str, name: str) -> common_pb2.ResourceListRequest:
    entity = common_pb2.NamedEntityIdentifier(project=project, domain=domain, name=name)
    newest_first = common_pb2.Sort(key="created_at", direction=common_pb2.Sort.DESCENDING)
    return common_pb2.ResourceListRequest(id=entity, limit=1, sort_by=newest_first)

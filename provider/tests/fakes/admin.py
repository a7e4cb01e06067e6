"""A Flyte AdminService in this process, for real channels: enough rules to launch, look, abort and fail.

Faults are injected per RPC: :meth:`FakeAdmin.fail` answers with a code before or after doing what was asked
("drop after create"), :meth:`FakeAdmin.hold` keeps callers waiting until released. Executions move when a
test says so, or after a number of looks; nothing here knows the time.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

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
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2, types_pb2
from flyteidl.service import admin_pb2_grpc, signal_pb2_grpc

Phase = core_execution_pb2.WorkflowExecution
TERMINAL = {Phase.SUCCEEDED, Phase.FAILED, Phase.ABORTED, Phase.TIMED_OUT}
PROJECT, DOMAIN = "flytesnacks", "development"


@dataclass
class Fault:
    """One injected fault.

    :param code: what to answer, None for what the answer would be
    :param after: do what was asked first
    :param seconds: how late to answer
    """

    code: grpc.StatusCode | None
    details: str = "injected"
    after: bool = False
    seconds: float = 0.0


@dataclass
class Script:
    """How an execution is to end, once it has been looked at ``looks`` more times."""

    phase: int = Phase.SUCCEEDED
    looks: int = 0
    outputs: dict[str, literals_pb2.Literal] = field(default_factory=dict)
    error: core_execution_pb2.ExecutionError | None = None


class FakeAdmin(admin_pb2_grpc.AdminServiceServicer, signal_pb2_grpc.SignalServiceServicer):
    """The service. ``calls`` holds the names of all RPCs in order, ``requests`` the requests by name."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.calls: list[str] = []
        self.requests: dict[str, list[Any]] = defaultdict(list)
        self.metadata: list[dict[str, str]] = []
        self.executions: dict[str, execution_pb2.Execution] = {}
        self.signals: list[signal_pb2.Signal] = []
        self.archived: set[str] = set()
        self.outputs: dict[str, literals_pb2.LiteralMap] = {}
        self.launch_plans: list[launch_plan_pb2.LaunchPlan] = []
        self.active: dict[str, str] = {}
        self.tasks: list[task_pb2.Task] = []
        self.nodes: list[tuple[str, node_execution_pb2.NodeExecution]] = []
        self.task_executions: list[task_execution_pb2.TaskExecution] = []
        self.script: Script | None = Script()
        self.scripts: dict[str, Script] = {}
        self.now: Callable[[], datetime] = lambda: datetime.now(timezone.utc)
        self.refuses_as_concurrency_limit = False
        self.signed_outputs = ""
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._gates: dict[str, threading.Event] = {}
        self.port = 0

    # -- what tests say --------------------------------------------------------------------------------------

    def fail(
        self,
        method: str,
        code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE,
        *,
        times: int = 1,
        after: bool = False,
        details: str = "injected",
    ) -> None:
        """Answer the next ``times`` calls of ``method`` with ``code``."""
        with self.lock:
            self._faults[method].extend([Fault(code, details, after)] * times)

    def heal(self, method: str) -> None:
        """Forget the faults of ``method``."""
        with self.lock:
            self._faults[method].clear()

    def hold(self, method: str) -> threading.Event:
        """Keep callers of ``method`` waiting until the event is set."""
        gate = self._gates[method] = threading.Event()
        return gate

    def delay(self, method: str, seconds: float) -> None:
        """Answer the next call of ``method`` late, having done what was asked."""
        with self.lock:
            self._faults[method].append(Fault(None, seconds=seconds))

    def count(self, method: str) -> int:
        return self.calls.count(method)

    def wait_for(self, method: str, times: int = 1, seconds: float = 20.0) -> None:
        """Return when ``method`` has been called ``times`` times."""
        with self.changed:
            arrived = self.changed.wait_for(lambda: self.count(method) >= times, seconds)
        assert arrived, f"{method} was called {self.count(method)} times, expected {times}"

    def add_launch_plan(
        self,
        name: str,
        inputs: dict[str, types_pb2.LiteralType] | None = None,
        *,
        required: tuple[str, ...] = (),
        fixed: tuple[str, ...] = (),
        version: str = "v1",
        is_active: bool = True,
    ) -> None:
        parameters = {
            key: launch_plan_pb2_parameter(kind, key in required) for key, kind in (inputs or {}).items()
        }
        launch_plan = launch_plan_pb2.LaunchPlan(id=entity_id(identifier_pb2.LAUNCH_PLAN, name, version))
        for key, parameter in parameters.items():
            launch_plan.closure.expected_inputs.parameters[key].CopyFrom(parameter)
        for key in fixed:
            launch_plan.spec.fixed_inputs.literals[key].SetInParent()
        self.launch_plans.append(launch_plan)
        if is_active:
            self.active[name] = version

    def add_task(self, name: str, inputs: dict[str, types_pb2.LiteralType], version: str = "v1") -> None:
        task = task_pb2.Task(id=entity_id(identifier_pb2.TASK, name, version))
        for key, kind in inputs.items():
            task.closure.compiled_task.template.interface.inputs.variables[key].type.CopyFrom(kind)
        self.tasks.append(task)

    def add_execution(
        self,
        name: str,
        phase: int = Phase.RUNNING,
        annotations: dict[str, str] | None = None,
        age: timedelta = timedelta(),
    ) -> execution_pb2.Execution:
        execution = execution_pb2.Execution(id=execution_id(name))
        execution.spec.annotations.values.update(annotations or {})
        execution.closure.phase = phase
        execution.closure.created_at.FromDatetime(self.now() - age)
        self.executions[name] = execution
        return execution

    def end(self, name: str, phase: int = Phase.SUCCEEDED, **script: Any) -> None:
        """End an execution now."""
        with self.lock:
            self._end(self.executions[name], Script(phase, **script))

    def add_failed_node(
        self,
        execution: str,
        node: str,
        message: str,
        *,
        parent: str = "",
        is_parent: bool = False,
        child: str = "",
        attempts: int = 1,
        code: str = "USER:RuntimeError",
    ) -> None:
        """Add a failed node, with its attempts unless it is a parent."""
        node_id = identifier_pb2.NodeExecutionIdentifier(node_id=node, execution_id=execution_id(execution))
        entry = node_execution_pb2.NodeExecution(id=node_id)
        entry.metadata.spec_node_id = node
        entry.metadata.is_parent_node = is_parent
        entry.closure.phase = core_execution_pb2.NodeExecution.FAILED
        entry.closure.error.CopyFrom(user_error(message, code))
        if child:
            entry.closure.workflow_node_metadata.executionId.CopyFrom(execution_id(child))
        self.nodes.append((parent, entry))
        for attempt in range(0 if is_parent or child else attempts):
            task = task_execution_pb2.TaskExecution()
            task.id.node_execution_id.CopyFrom(node_id)
            task.id.retry_attempt = attempt
            task.closure.error.CopyFrom(user_error(message, code))
            task.closure.logs.add(uri=f"http://logs/{execution}/{node}/{attempt}", name="log")
            self.task_executions.append(task)

    def set_node(self, execution: str, node: str, phase: int, seconds: float = 0.0) -> None:
        """Put a node of the top level into a phase, as the latest change."""
        node_id = identifier_pb2.NodeExecutionIdentifier(node_id=node, execution_id=execution_id(execution))
        entry = node_execution_pb2.NodeExecution(id=node_id)
        entry.metadata.spec_node_id = node
        entry.closure.phase = phase
        entry.closure.duration.FromTimedelta(timedelta(seconds=seconds))
        with self.lock:
            self.nodes = [(parent, old) for parent, old in self.nodes if old.id != node_id]
            self.nodes.append(("", entry))

    # -- faults ----------------------------------------------------------------------------------------------

    def _enter(self, method: str, request: Any, context: grpc.ServicerContext) -> Fault | None:
        """Count the call, wait at its gate, and return a fault to answer with after the work."""
        with self.changed:
            self.calls.append(method)
            self.requests[method].append(request)
            self.metadata.append(dict(context.invocation_metadata()))
            self.changed.notify_all()
        if gate := self._gates.get(method):
            gate.wait(30)
        with self.lock:
            fault = self._faults[method].popleft() if self._faults[method] else None
        if fault and fault.code and not fault.after:
            context.abort(fault.code, fault.details)
        return fault

    # -- executions ------------------------------------------------------------------------------------------

    def create_execution(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self.lock:
            if self.refuses_as_concurrency_limit:
                context.abort(grpc.StatusCode.ALREADY_EXISTS, "concurrency limit (1) reached")
            self._insert(request.name, request.spec, context)
            return execution_pb2.ExecutionCreateResponse(id=execution_id(request.name))

    def _insert(self, name: str, spec: execution_pb2.ExecutionSpec, context: grpc.ServicerContext) -> None:
        if name in self.executions:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, "value with matching already exists")
        execution = self.add_execution(name)
        execution.spec.CopyFrom(spec)

    def recover_execution(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self.lock:
            original = self._find(request.id.name, context)
            self._insert(request.name, original.spec, context)
            return execution_pb2.ExecutionCreateResponse(id=execution_id(request.name))

    def get_execution(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self.lock:
            execution = self._find(request.id.name, context)
            self._play(execution)
            return execution

    def list_executions(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Serve the filters that the provider asks with, newest first; archived ones do not show."""
        with self.lock:
            found = [entry for name, entry in self.executions.items() if name not in self.archived]
            for term in request.filters.split("+") if request.filters else ():
                found = self._filter(found, term, context)
            for execution in found:
                self._play(execution)
            if request.sort_by.key == "execution_updated_at":
                found.sort(key=lambda execution: execution.closure.updated_at.ToNanoseconds(), reverse=True)
            return execution_pb2.ExecutionList(executions=found[::-1][: request.limit])

    def _filter(
        self, executions: list[execution_pb2.Execution], term: str, context: grpc.ServicerContext
    ) -> list[execution_pb2.Execution]:
        if since := re.fullmatch(r"gte\(execution_updated_at,(.+Z)\)", term):
            moment = datetime.fromisoformat(since[1].replace("Z", "+00:00"))
            return [
                entry
                for entry in executions
                if entry.closure.updated_at.ToDatetime(tzinfo=timezone.utc) >= moment
            ]
        match = re.fullmatch(r"(eq|value_in)\((execution_name|phase|launch_plan\.name),(.+)\)", term)
        if not match:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"invalid value for filters {term!r}")
        read: dict[str, Callable[[execution_pb2.Execution], str]] = {
            "execution_name": lambda execution: execution.id.name,
            "phase": lambda execution: str(Phase.Phase.Name(execution.closure.phase)),
            "launch_plan.name": lambda execution: execution.spec.launch_plan.name,
        }
        return [entry for entry in executions if read[match[2]](entry) in match[3].split(";")]

    def _find(self, name: str, context: grpc.ServicerContext) -> execution_pb2.Execution:
        if name not in self.executions:
            context.abort(grpc.StatusCode.NOT_FOUND, f"missing entity of type execution with name {name}")
        return self.executions[name]

    def _play(self, execution: execution_pb2.Execution) -> None:
        script = self.scripts.get(execution.id.name) or self.script
        if script is None or execution.closure.phase in TERMINAL:
            return
        if script.looks > 0:
            script.looks -= 1
            return
        self._end(execution, script)

    def _end(self, execution: execution_pb2.Execution, script: Script) -> None:
        closure = execution.closure
        closure.started_at.CopyFrom(closure.created_at)
        closure.updated_at.FromDatetime(self.now())
        closure.duration.FromSeconds(3)
        if closure.phase == Phase.ABORTING:
            closure.phase = Phase.ABORTED
            return
        closure.phase = script.phase
        if script.error is not None:
            closure.error.CopyFrom(script.error)
        if script.outputs:
            closure.outputs.uri = f"s3://bucket/{execution.id.name}/outputs.pb"
            self.outputs[execution.id.name] = literals_pb2.LiteralMap(literals=script.outputs)

    def terminate_execution(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self.lock:
            execution = self._find(request.id.name, context)
            if execution.closure.phase in TERMINAL:
                details = "Cannot abort an already terminated workflow execution"
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, details)
            execution.closure.phase = Phase.ABORTING
            execution.closure.abort_metadata.cause = request.cause
            return execution_pb2.ExecutionTerminateResponse()

    def get_execution_data(self, request: Any, context: grpc.ServicerContext) -> Any:
        reply = execution_pb2.WorkflowExecutionGetDataResponse()
        if self.signed_outputs:
            reply.outputs.url, reply.outputs.bytes = self.signed_outputs, 10
            return reply
        reply.full_outputs.CopyFrom(self.outputs.get(request.id.name, literals_pb2.LiteralMap()))
        return reply

    # -- signals ---------------------------------------------------------------------------------------------

    def add_signal(self, execution: str, signal_id: str, kind: types_pb2.LiteralType) -> None:
        """Have a gate node wait."""
        signal = signal_pb2.Signal(type=kind)
        signal.id.signal_id = signal_id
        signal.id.execution_id.CopyFrom(execution_id(execution))
        self.signals.append(signal)

    def list_signals(self, request: Any, context: grpc.ServicerContext) -> Any:
        wanted = request.workflow_execution_id
        return signal_pb2.SignalList(signals=[s for s in self.signals if s.id.execution_id == wanted])

    def set_signal(self, request: Any, context: grpc.ServicerContext) -> Any:
        for signal in self.signals:
            if signal.id == request.id:
                signal.value.CopyFrom(request.value)
        return signal_pb2.SignalSetResponse()

    # -- entities --------------------------------------------------------------------------------------------

    def get_active_launch_plan(self, request: Any, context: grpc.ServicerContext) -> Any:
        version = self.active.get(request.id.name)
        for launch_plan in self.launch_plans:
            if (launch_plan.id.name, launch_plan.id.version) == (request.id.name, version):
                return launch_plan
        return context.abort(grpc.StatusCode.NOT_FOUND, "No active launch plan could be found")

    def get_launch_plan(self, request: Any, context: grpc.ServicerContext) -> Any:
        return self._entity(self.launch_plans, request, context)

    def get_task(self, request: Any, context: grpc.ServicerContext) -> Any:
        return self._entity(self.tasks, request, context)

    def _entity(self, entities: list[Any], request: Any, context: grpc.ServicerContext) -> Any:
        for entity in entities:
            if (entity.id.name, entity.id.version) == (request.id.name, request.id.version):
                return entity
        return context.abort(grpc.StatusCode.NOT_FOUND, "missing entity")

    def list_launch_plans(self, request: Any, context: grpc.ServicerContext) -> Any:
        found = [entity for entity in self.launch_plans if entity.id.name == request.id.name]
        return launch_plan_pb2.LaunchPlanList(launch_plans=self._newest(found, request, context))

    def list_tasks(self, request: Any, context: grpc.ServicerContext) -> Any:
        found = [entity for entity in self.tasks if entity.id.name == request.id.name]
        return task_pb2.TaskList(tasks=self._newest(found, request, context))

    def _newest(self, found: list[Any], request: Any, context: grpc.ServicerContext) -> list[Any]:
        """Serve the one order that the provider asks for; added last is created last."""
        if request.sort_by.key != "created_at" or request.sort_by.direction != common_pb2.Sort.DESCENDING:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"invalid sort key {request.sort_by.key!r}")
        return found[::-1][: request.limit]

    def list_launch_plan_ids(self, request: Any, context: grpc.ServicerContext) -> Any:
        return self._ids(self.launch_plans)

    def list_task_ids(self, request: Any, context: grpc.ServicerContext) -> Any:
        return self._ids(self.tasks)

    def _ids(self, entities: list[Any]) -> Any:
        names = dict.fromkeys(entity.id.name for entity in entities)
        ids = [common_pb2.NamedEntityIdentifier(project=PROJECT, domain=DOMAIN, name=name) for name in names]
        return common_pb2.NamedEntityIdentifierList(entities=ids)

    # -- nodes, projects, version ----------------------------------------------------------------------------

    def list_node_executions(self, request: Any, context: grpc.ServicerContext) -> Any:
        if not request.filters:
            wanted = request.workflow_execution_id.name
            nodes = [
                node for parent, node in self.nodes if node.id.execution_id.name == wanted and not parent
            ]
            return node_execution_pb2.NodeExecutionList(node_executions=nodes[::-1])
        if request.filters != "value_in(phase,FAILED;TIMED_OUT)":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"invalid value for filters {request.filters!r}")
        found = []
        for parent, node in self.nodes:
            if (
                parent == request.unique_parent_id
                and node.id.execution_id.name == request.workflow_execution_id.name
            ):
                shown = node_execution_pb2.NodeExecution()
                shown.CopyFrom(node)
                shown.closure.error.message = node.closure.error.message[:100]
                found.append(shown)
        return node_execution_pb2.NodeExecutionList(node_executions=found[: request.limit])

    def get_node_execution(self, request: Any, context: grpc.ServicerContext) -> Any:
        for _, node in self.nodes:
            if node.id == request.id:
                return node
        return context.abort(grpc.StatusCode.NOT_FOUND, "missing entity of type node execution")

    def list_task_executions(self, request: Any, context: grpc.ServicerContext) -> Any:
        found = [
            task for task in self.task_executions if task.id.node_execution_id == request.node_execution_id
        ]
        return task_execution_pb2.TaskExecutionList(task_executions=found)

    def list_projects(self, request: Any, context: grpc.ServicerContext) -> Any:
        return project_pb2.Projects(projects=[project_pb2.Project(id=PROJECT)])

    def get_version(self, request: Any, context: grpc.ServicerContext) -> Any:
        return version_pb2.GetVersionResponse(control_plane_version=version_pb2.Version(Version="v1.16.8"))


def _rpc(name: str, handler: str) -> Any:
    def method(self: FakeAdmin, request: Any, context: grpc.ServicerContext) -> Any:
        fault = self._enter(name, request, context)
        reply = getattr(self, handler)(request, context)
        if fault and fault.seconds:
            # Nobody sets it: this is a sleep that the end of a test need not wait for.
            threading.Event().wait(fault.seconds)
        if fault and fault.code:
            context.abort(fault.code, fault.details)
        return reply

    return method


for _name, _handler in {
    "CreateExecution": "create_execution",
    "RecoverExecution": "recover_execution",
    "GetExecution": "get_execution",
    "ListExecutions": "list_executions",
    "TerminateExecution": "terminate_execution",
    "GetExecutionData": "get_execution_data",
    "GetActiveLaunchPlan": "get_active_launch_plan",
    "GetLaunchPlan": "get_launch_plan",
    "GetTask": "get_task",
    "ListLaunchPlans": "list_launch_plans",
    "ListTasks": "list_tasks",
    "ListLaunchPlanIds": "list_launch_plan_ids",
    "ListTaskIds": "list_task_ids",
    "ListNodeExecutions": "list_node_executions",
    "GetNodeExecution": "get_node_execution",
    "ListTaskExecutions": "list_task_executions",
    "ListProjects": "list_projects",
    "GetVersion": "get_version",
    "ListSignals": "list_signals",
    "SetSignal": "set_signal",
}.items():
    setattr(FakeAdmin, _name, _rpc(_name, _handler))


def launch_plan_pb2_parameter(kind: types_pb2.LiteralType, is_required: bool) -> Any:
    from flyteidl.core import interface_pb2

    parameter = interface_pb2.Parameter(var=interface_pb2.Variable(type=kind))
    if is_required:
        parameter.required = True
    else:
        parameter.default.SetInParent()
    return parameter


def entity_id(kind: int, name: str, version: str) -> identifier_pb2.Identifier:
    return identifier_pb2.Identifier(
        resource_type=kind, project=PROJECT, domain=DOMAIN, name=name, version=version
    )


def execution_id(name: str) -> identifier_pb2.WorkflowExecutionIdentifier:
    return identifier_pb2.WorkflowExecutionIdentifier(project=PROJECT, domain=DOMAIN, name=name)


def user_error(message: str, code: str = "USER:RuntimeError") -> core_execution_pb2.ExecutionError:
    kind = core_execution_pb2.ExecutionError.USER
    return core_execution_pb2.ExecutionError(code=code, message=message, kind=kind)


@contextmanager
def serve(
    admin: FakeAdmin,
    credentials: grpc.ServerCredentials | None = None,
    interceptors: Sequence[grpc.ServerInterceptor] = (),
    add_services: Callable[[grpc.Server], None] = lambda server: None,
) -> Iterator[FakeAdmin]:
    """Serve on a free port, in ``admin.port``."""
    server = grpc.server(futures.ThreadPoolExecutor(8), interceptors=interceptors)
    add_services(server)
    admin_pb2_grpc.add_AdminServiceServicer_to_server(admin, server)
    signal_pb2_grpc.add_SignalServiceServicer_to_server(admin, server)
    if credentials is None:
        admin.port = server.add_insecure_port("127.0.0.1:0")
    else:
        admin.port = server.add_secure_port("localhost:0", credentials)
    server.start()
    try:
        yield admin
    finally:
        for gate in admin._gates.values():
            gate.set()
        server.stop(grace=None).wait(10)

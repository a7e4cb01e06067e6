"""Registers, launches and awaits single tasks through raw stubs: any command, any claim on the platform."""

from __future__ import annotations

import sys
import textwrap
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import grpc
from flyteidl.admin import common_pb2, execution_pb2, node_execution_pb2, task_execution_pb2, task_pb2
from flyteidl.core import execution_pb2 as phases_pb2
from flyteidl.core import identifier_pb2, interface_pb2, literals_pb2, tasks_pb2, types_pb2
from flyteidl.service import admin_pb2_grpc

from flyte_sandbox.sandbox import Sandbox

from ..waiting import eventually

T = TypeVar("T")
PROJECT, DOMAIN = "flytesnacks", "development"
IMAGE = "cr.flyte.org/flyteorg/flytekit:py3.11"
STRING = types_pb2.LiteralType(simple=types_pb2.STRING)
_WE = phases_pb2.WorkflowExecution
_TERMINAL = {_WE.SUCCEEDED, _WE.FAILED, _WE.ABORTED, _WE.TIMED_OUT}


@dataclass
class Launched:
    """One execution of a single task."""

    tasks: Tasks
    id: identifier_pb2.WorkflowExecutionIdentifier

    @property
    def execution(self) -> execution_pb2.Execution:
        return self.tasks.admin.GetExecution(execution_pb2.WorkflowExecutionGetRequest(id=self.id))

    @property
    def phase(self) -> str:
        return str(_WE.Phase.Name(self.execution.closure.phase))

    @property
    def error(self) -> phases_pb2.ExecutionError:
        return self.execution.closure.error

    def wait(self, seconds: float = 60) -> Launched:
        """Until it has ended."""
        eventually(lambda: self.execution.closure.phase in _TERMINAL, seconds=seconds)
        return self

    def attempts(self) -> list[task_execution_pb2.TaskExecution]:
        """In order; none while its node has not begun."""
        node = self._node()
        if node is None:
            return []
        request = task_execution_pb2.TaskExecutionListRequest(
            node_execution_id=node.id,
            limit=100,
            sort_by=common_pb2.Sort(key="retry_attempt", direction=common_pb2.Sort.ASCENDING),
        )
        return list(self.tasks.admin.ListTaskExecutions(request).task_executions)

    def _node(self) -> node_execution_pb2.NodeExecution | None:
        request = node_execution_pb2.NodeExecutionListRequest(workflow_execution_id=self.id, limit=100)
        nodes = self.tasks.admin.ListNodeExecutions(request).node_executions
        return next((each for each in nodes if each.id.node_id not in ("start-node", "end-node")), None)

    def phases(self) -> list[str]:
        """Of its attempts."""
        return [str(phases_pb2.TaskExecution.Phase.Name(each.closure.phase)) for each in self.attempts()]

    def reasons(self) -> list[str]:
        """What was said of its last attempt."""
        return [reason.message for reason in self.attempts()[-1].closure.reasons]

    def folder(self, attempt: int = 0) -> Path:
        """Of an attempt."""
        name = f".{self.id.name}."
        folders = self.tasks.sandbox.config.attempts.iterdir()
        (found,) = (each for each in folders if name in each.name and each.name.endswith(f".{attempt}"))
        return found

    def log(self, attempt: int = 0) -> str:
        return (self.folder(attempt) / "log").read_text(errors="replace")

    def terminate(self) -> None:
        self.tasks.admin.TerminateExecution(
            execution_pb2.ExecutionTerminateRequest(id=self.id, cause="the test")
        )


@dataclass
class Tasks:
    """A sandbox's tasks. Each gets a name of its own.

    :param admin: of a channel to it.
    """

    sandbox: Sandbox
    admin: admin_pb2_grpc.AdminServiceStub
    names: list[str] = field(default_factory=list)

    def run(self, *argv: str, **options: Any) -> Launched:
        """Register a task that is this command, launch it, wait for its end; options as for ``launch``."""
        return self.launch(*argv, **options).wait()

    def python(self, code: str, *argv: str, **options: Any) -> Launched:
        """As ``run``, with a Python interpreter of the task's own."""
        return self.run("python", "-c", textwrap.dedent(code), *argv, **options)

    def launch(self, *argv: str, inputs: Mapping[str, str] | None = None, **options: Any) -> Launched:
        task = self.register(argv, inputs=list(inputs or ()), **options)
        request = execution_pb2.ExecutionCreateRequest(
            project=PROJECT,
            domain=DOMAIN,
            spec=execution_pb2.ExecutionSpec(launch_plan=task),
            inputs=literals_pb2.LiteralMap(
                literals={name: text_literal(value) for name, value in (inputs or {}).items()}
            ),
        )
        return Launched(self, self.admin.CreateExecution(request).id)

    def register(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        inputs: Sequence[str] = (),
        outputs: Sequence[str] = (),
        change: Callable[[tasks_pb2.TaskTemplate], object] = lambda template: None,
    ) -> identifier_pb2.Identifier:
        """:param outputs: names of strings that it is to return.
        :param change: sets whatever else of the template.
        """
        template = tasks_pb2.TaskTemplate(
            type="python-task",
            metadata=tasks_pb2.TaskMetadata(runtime=tasks_pb2.RuntimeMetadata(version="1")),
            interface=interface_pb2.TypedInterface(inputs=_variables(inputs), outputs=_variables(outputs)),
            container=tasks_pb2.Container(
                image=IMAGE,
                args=argv,
                env=[literals_pb2.KeyValuePair(key=key, value=value) for key, value in (env or {}).items()],
            ),
        )
        change(template)
        id = identifier_pb2.Identifier(
            resource_type=identifier_pb2.TASK,
            project=PROJECT,
            domain=DOMAIN,
            name=f"tasks.t{uuid.uuid4().hex[:10]}",
            version="v1",
        )
        self.admin.CreateTask(task_pb2.TaskCreateRequest(id=id, spec=task_pb2.TaskSpec(template=template)))
        return id


def _variables(names: Sequence[str]) -> interface_pb2.VariableMap:
    return interface_pb2.VariableMap(variables={name: interface_pb2.Variable(type=STRING) for name in names})


def text_literal(value: str) -> literals_pb2.Literal:
    primitive = literals_pb2.Primitive(string_value=value)
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=primitive))


def connect(sandbox: Sandbox) -> tuple[grpc.Channel, Tasks]:
    """:return: the channel too, to be closed."""
    channel = grpc.insecure_channel(f"localhost:{sandbox.port}")
    return channel, Tasks(sandbox, admin_pb2_grpc.AdminServiceStub(channel))


PYTHON = Path(sys.executable)

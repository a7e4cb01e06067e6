"""What the checks of one workflow know: the entities it may use, its nodes so far, its edges, its errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from flyteidl.admin import launch_plan_pb2
from flyteidl.core import compiler_pb2, interface_pb2, workflow_pb2
from flyteidl.core.types_pb2 import LiteralType

from flyte_sandbox.compiler.compile_errors import ErrorCollector
from flyte_sandbox.compiler.graph import Edges
from flyte_sandbox.compiler.identifiers import Key

START_NODE = "start-node"
END_NODE = "end-node"

Types: TypeAlias = dict[str, LiteralType]
"""Types by the name of an input or output."""


class Interface(NamedTuple):
    inputs: Types
    outputs: Types


@dataclass
class KnownNode:
    """A node that bindings may refer to.

    :param label: what messages call it (``metadata.name``); empty when it has no metadata.
    :param outputs: None while they are unknown, or when the node has errors of its own.
    """

    label: str = ""
    outputs: Types | None = None


class Library:
    """Tasks, launch plans and sub-workflows by their keys, with their interfaces read once."""

    def __init__(
        self,
        tasks: Mapping[Key, compiler_pb2.CompiledTask],
        launch_plans: Mapping[Key, launch_plan_pb2.LaunchPlan],
        sub_workflows: Mapping[Key, workflow_pb2.WorkflowTemplate],
    ) -> None:
        self.tasks = tasks
        self.launch_plans = launch_plans
        self.sub_workflows = sub_workflows
        self._task_interfaces: dict[Key, Interface] = {}
        self._workflow_interfaces: dict[Key, Interface] = {}

    def task_interface(self, key: Key) -> Interface:
        if key not in self._task_interfaces:
            self._task_interfaces[key] = read_interface(self.tasks[key].template.interface)
        return self._task_interfaces[key]

    def workflow_interface(self, key: Key) -> Interface:
        if key not in self._workflow_interfaces:
            self._workflow_interfaces[key] = read_interface(self.sub_workflows[key].interface)
        return self._workflow_interfaces[key]


@dataclass
class Context:
    """The state of one template's compilation.

    :param nodes: in the order in which they became known: a branch sees only those before it.
    """

    library: Library
    errors: ErrorCollector
    nodes: dict[str, KnownNode] = field(default_factory=dict)
    edges: Edges = field(default_factory=Edges)


def read_interface(interface: interface_pb2.TypedInterface) -> Interface:
    return Interface(read_types(interface.inputs), read_types(interface.outputs))


def read_types(variables: interface_pb2.VariableMap) -> Types:
    return {name: variable.type for name, variable in variables.variables.items()}

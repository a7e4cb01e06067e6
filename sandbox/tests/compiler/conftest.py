"""Builds workflows from short texts: ``build.node("n1", "add", a="n0.o0", b=3)``.

Types are written ``int``, ``[int]`` (list), ``{int}`` (map), ``int|none`` (union), ``enum:red/green``,
``blob:csv``.
Values bound to inputs: ``"x"`` is an input of the workflow, ``"n0.o0"`` an output, lists and dicts nest, all
else is a literal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from flyteidl.admin import launch_plan_pb2
from flyteidl.core import (
    compiler_pb2,
    identifier_pb2,
    interface_pb2,
    literals_pb2,
    types_pb2,
    workflow_pb2,
)
from hypothesis import settings

from flyte_sandbox.compiler.identifiers import Key, identifier_key
from flyte_sandbox.compiler.workflows import compile_workflow

unhurried = settings(deadline=None)
"""For properties: a machine that others use as well may be slow for a moment."""

_SIMPLE = {
    "none": types_pb2.NONE,
    "int": types_pb2.INTEGER,
    "float": types_pb2.FLOAT,
    "str": types_pb2.STRING,
    "bool": types_pb2.BOOLEAN,
    "datetime": types_pb2.DATETIME,
    "duration": types_pb2.DURATION,
    "binary": types_pb2.BINARY,
    "error": types_pb2.ERROR,
    "struct": types_pb2.STRUCT,
}

_TOP_LEVEL_BAR = re.compile(r"\|(?![^\[{]*[\]}])")


class Builder:
    """Tasks, launch plans and sub-workflows made so far are what ``compile`` compiles with."""

    def __init__(self) -> None:
        self.tasks: dict[Key, compiler_pb2.CompiledTask] = {}
        self.launch_plans: dict[Key, launch_plan_pb2.LaunchPlan] = {}
        self.sub_workflows: list[workflow_pb2.WorkflowTemplate] = []

    def type(self, text: str) -> types_pb2.LiteralType:
        parts = _TOP_LEVEL_BAR.split(text)
        if len(parts) > 1:
            variants = [self.type(part) for part in parts]
            return types_pb2.LiteralType(union_type=types_pb2.UnionType(variants=variants))
        if text[0] == "[":
            return types_pb2.LiteralType(collection_type=self.type(text[1:-1]))
        if text[0] == "{":
            return types_pb2.LiteralType(map_value_type=self.type(text[1:-1]))
        kind, _, detail = text.partition(":")
        if kind == "enum":
            return types_pb2.LiteralType(enum_type=types_pb2.EnumType(values=detail.split("/")))
        if kind == "blob":
            return types_pb2.LiteralType(blob=types_pb2.BlobType(format=detail))
        return types_pb2.LiteralType(simple=_SIMPLE[kind])

    def variables(self, **types: str) -> interface_pb2.VariableMap:
        return interface_pb2.VariableMap(
            variables={name: interface_pb2.Variable(type=self.type(text)) for name, text in types.items()}
        )

    def interface(
        self, inputs: Mapping[str, str] = {}, outputs: Mapping[str, str] = {}
    ) -> interface_pb2.TypedInterface:
        return interface_pb2.TypedInterface(
            inputs=self.variables(**inputs), outputs=self.variables(**outputs)
        )

    def identifier(self, kind: str, name: str, version: str = "v1") -> identifier_pb2.Identifier:
        return identifier_pb2.Identifier(
            resource_type=identifier_pb2.ResourceType.Value(kind),
            project="flytesnacks",
            domain="development",
            name=name,
            version=version,
        )

    def literal(self, value: object) -> literals_pb2.Literal:
        if value is None:
            return literals_pb2.Literal(scalar=literals_pb2.Scalar(none_type=literals_pb2.Void()))
        if isinstance(value, list):
            items = [self.literal(item) for item in value]
            return literals_pb2.Literal(collection=literals_pb2.LiteralCollection(literals=items))
        if isinstance(value, dict):
            entries = {key: self.literal(item) for key, item in value.items()}
            return literals_pb2.Literal(map=literals_pb2.LiteralMap(literals=entries))
        kind = {bool: "boolean", int: "integer", float: "float_value", str: "string_value"}[type(value)]
        primitive = literals_pb2.Primitive(**{kind: value})
        return literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=primitive))

    def binding(self, value: object) -> literals_pb2.BindingData:
        if isinstance(value, literals_pb2.BindingData):
            return value
        if isinstance(value, str):
            node_id, _, var = value.rpartition(".")
            return literals_pb2.BindingData(promise=types_pb2.OutputReference(node_id=node_id, var=var))
        if isinstance(value, list):
            items = [self.binding(item) for item in value]
            return literals_pb2.BindingData(collection=literals_pb2.BindingDataCollection(bindings=items))
        if isinstance(value, dict):
            entries = {key: self.binding(item) for key, item in value.items()}
            return literals_pb2.BindingData(map=literals_pb2.BindingDataMap(bindings=entries))
        return literals_pb2.BindingData(scalar=self.literal(value).scalar)

    def bindings(self, values: Mapping[str, object]) -> list[literals_pb2.Binding]:
        return [literals_pb2.Binding(var=var, binding=self.binding(value)) for var, value in values.items()]

    def task(
        self, name: str, inputs: Mapping[str, str] = {}, outputs: Mapping[str, str] = {}
    ) -> compiler_pb2.CompiledTask:
        task = compiler_pb2.CompiledTask()
        task.template.id.CopyFrom(self.identifier("TASK", name))
        task.template.interface.CopyFrom(self.interface(inputs, outputs))
        self.tasks[identifier_key(task.template.id)] = task
        return task

    def launch_plan(
        self,
        name: str,
        required: Mapping[str, str] = {},
        optional: Mapping[str, str] = {},
        outputs: Mapping[str, str] = {},
    ) -> launch_plan_pb2.LaunchPlan:
        plan = launch_plan_pb2.LaunchPlan(id=self.identifier("LAUNCH_PLAN", name))
        expected = plan.closure.expected_inputs.parameters
        for names, is_required in ((required, True), (optional, False)):
            for var, text in names.items():
                expected[var].var.type.CopyFrom(self.type(text))
                expected[var].required = is_required
        plan.closure.expected_outputs.CopyFrom(self.variables(**outputs))
        self.launch_plans[identifier_key(plan.id)] = plan
        return plan

    def bare_node(self, node_id: str, after: list[str] | None = None, **inputs: object) -> workflow_pb2.Node:
        node = workflow_pb2.Node(
            id=node_id, inputs=self.bindings(inputs), upstream_node_ids=list(after or ())
        )
        node.metadata.name = f"{node_id}-name"
        return node

    def node(
        self, node_id: str, task: str, after: list[str] | None = None, **inputs: object
    ) -> workflow_pb2.Node:
        node = self.bare_node(node_id, after, **inputs)
        node.task_node.reference_id.CopyFrom(self.identifier("TASK", task))
        return node

    def plan_node(self, node_id: str, launch_plan: str, **inputs: object) -> workflow_pb2.Node:
        node = self.bare_node(node_id, None, **inputs)
        node.workflow_node.launchplan_ref.CopyFrom(self.identifier("LAUNCH_PLAN", launch_plan))
        return node

    def sub_node(self, node_id: str, workflow: str, **inputs: object) -> workflow_pb2.Node:
        node = self.bare_node(node_id, None, **inputs)
        node.workflow_node.sub_workflow_ref.CopyFrom(self.identifier("WORKFLOW", workflow))
        return node

    def workflow(
        self,
        *nodes: workflow_pb2.Node,
        name: str = "wf",
        inputs: Mapping[str, str] = {},
        outputs: Mapping[str, str] = {},
        gives: Mapping[str, object] = {},
        on_failure: workflow_pb2.Node | None = None,
    ) -> workflow_pb2.WorkflowTemplate:
        """:param gives: what is bound to the outputs."""
        return workflow_pb2.WorkflowTemplate(
            id=self.identifier("WORKFLOW", name),
            interface=self.interface(inputs, outputs),
            nodes=nodes,
            outputs=self.bindings(gives),
            failure_node=on_failure,
        )

    def compile(
        self, template: workflow_pb2.WorkflowTemplate, max_nodes: int = 0
    ) -> compiler_pb2.CompiledWorkflowClosure:
        return compile_workflow(
            template, self.sub_workflows, self.tasks, self.launch_plans, max_nodes=max_nodes
        )


@pytest.fixture
def build() -> Builder:
    builder = Builder()
    builder.task("add", {"a": "int", "b": "int"}, {"o0": "int"})
    builder.task("double", {"a": "int"}, {"o0": "int"})
    builder.task("say", {"text": "str"}, {"o0": "str"})
    builder.task("nothing")
    return builder

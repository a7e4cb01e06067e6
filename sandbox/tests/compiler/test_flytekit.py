"""Real workflows, serialised by the installed flytekit, compiled, and read back by flytekit's own client.

``FlyteWorkflow.promote_from_closure`` is what FlyteRemote does with a fetched workflow.
"""

from __future__ import annotations

import enum
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Optional, Union

import pytest
from flyteidl.admin import launch_plan_pb2, workflow_pb2
from flyteidl.core import compiler_pb2
from flytekit import (
    LaunchPlan,
    approve,
    conditional,
    eager,
    map_task,
    sleep,
    task,
    wait_for_input,
    workflow,
)
from flytekit.configuration import Image, ImageConfig, SerializationSettings
from flytekit.models.admin.workflow import WorkflowSpec
from flytekit.models.core.compiler import CompiledWorkflowClosure
from flytekit.models.core.identifier import Identifier
from flytekit.models.launch_plan import LaunchPlanSpec
from flytekit.models.task import TaskSpec
from flytekit.remote.entities import FlyteWorkflow
from flytekit.tools.translator import Options, get_serializable
from flytekit.types.error.error import FlyteError
from flytekit.types.file import FlyteFile
from flytekit.types.structured import StructuredDataset

from flyte_sandbox.compiler.identifiers import Key, identifier_key
from flyte_sandbox.compiler.launch_plans import compile_launch_plan
from flyte_sandbox.compiler.tasks import compile_task
from flyte_sandbox.compiler.workflows import (
    compile_workflow,
    references,
    single_task_workflow,
)

SETTINGS = SerializationSettings(
    project="flytesnacks",
    domain="development",
    version="v1",
    image_config=ImageConfig(Image("default", "image", "tag")),
)


class Color(enum.Enum):
    RED = "red"
    GREEN = "green"


@dataclass
class Inner:
    x: int


@dataclass
class Data:
    a: int
    items: list[int]
    inner: Inner


@task
def add(a: int, b: int) -> int:
    return a + b


@task
def double(a: int) -> int:
    return 2 * a


@task
def nothing() -> None: ...


@task
def maybe(a: Optional[int] = None, u: Union[int, str] = 3) -> Optional[int]:  # noqa: UP007, UP045
    return a


@task
def make_data() -> Data:
    return Data(1, [1], Inner(2))


@task
def use_data(a: int, data: Data) -> int:
    return a


@task
def paint(color: Color, table: dict[str, list[int]]) -> Color:
    return color


@task
def read(file: FlyteFile, data: StructuredDataset) -> tuple[FlyteFile, StructuredDataset]:
    return file, data


@task
def clean_up(a: int, err: Optional[FlyteError] = None) -> None: ...  # noqa: UP045


@eager
async def eagerly(a: int) -> int:
    return double(a=a)


@workflow
def doubled(a: int) -> int:
    return double(a=a)


doubled_plan = LaunchPlan.get_or_create(doubled, "doubled_plan", default_inputs={"a": 4})


@workflow
def chain(a: int, b: int = 2) -> int:
    first = add(a=a, b=b)
    return add(a=first, b=first)


@workflow
def with_sub_workflow(a: int) -> int:
    return doubled(a=doubled(a=a))


@workflow
def with_launch_plan(a: int) -> tuple[int, int]:
    return doubled_plan(a=a), doubled_plan()


@workflow
def with_branch(a: int) -> int:
    result = (
        conditional("size")
        .if_(a > 3)
        .then(double(a=a))
        .elif_((a == 1) | (a == 2))
        .then(doubled(a=a))
        .else_()
        .fail("too small")
    )
    return double(a=result)


@workflow
def with_nested_branch(a: int, b: int) -> int:
    first = double(a=a)
    return (
        conditional("outer")
        .if_(first > 3)
        .then(conditional("inner").if_(b > 3).then(double(a=first)).else_().then(double(a=b)))
        .else_()
        .then(double(a=a))
    )


@workflow
def with_map(xs: list[int]) -> list[int]:
    return map_task(double)(a=xs)


@workflow
def with_gates(a: int) -> int:
    first = double(a=a)
    given = wait_for_input("given", timeout=timedelta(hours=1), expected_type=int)
    approved = approve(first, "approved", timeout=timedelta(hours=1))
    pause = sleep(timedelta(seconds=1))
    last = add(a=given, b=approved)
    pause >> last
    return last


@workflow
def with_attributes() -> int:
    data = make_data()
    use_data(a=data.inner.x, data=data)
    return use_data(a=data.items[0], data=data)


@workflow
def with_unions(a: Optional[int] = None) -> Optional[int]:  # noqa: UP045
    maybe()
    maybe(u="x")
    return maybe(a=a, u=3)


@workflow(on_failure=clean_up)
def with_failure_node(a: int) -> int:
    return double(a=a)


@workflow
def without_values() -> None:
    nothing()
    nothing()


@workflow
def with_collections(a: int) -> Color:
    return paint(color=Color.RED, table={"a": [a, 1], "empty": []})


@workflow
def with_files(file: FlyteFile, data: StructuredDataset) -> tuple[FlyteFile, StructuredDataset]:
    return read(file=file, data=data)


@workflow
def map_over_launch_plan(xs: list[int]) -> list[int]:
    return map_task(doubled_plan)(a=xs)


class Registry:
    """Compiles and keeps, in flytekit's order, as registering does."""

    def __init__(self) -> None:
        self.tasks: dict[Key, compiler_pb2.CompiledTask] = {}
        self.plans: dict[Key, launch_plan_pb2.LaunchPlan] = {}
        self.workflows: dict[str, compiler_pb2.CompiledWorkflowClosure] = {}

    def register(self, entity: Any) -> None:
        serialised: OrderedDict[Any, Any] = OrderedDict()
        get_serializable(serialised, SETTINGS, entity, Options())
        for spec in serialised.values():
            if isinstance(spec, TaskSpec):
                self._register_task(spec.to_flyte_idl())
            elif isinstance(spec, WorkflowSpec):
                self._register_workflow(spec.to_flyte_idl())
            elif hasattr(spec, "closure"):
                self._register_plan(spec.to_flyte_idl())

    def _register_task(self, spec: Any) -> None:
        self.tasks[identifier_key(spec.template.id)] = compile_task(spec.template.id, spec)

    def _register_workflow(self, spec: workflow_pb2.WorkflowSpec) -> None:
        needed = references(spec)
        closure = compile_workflow(
            spec.template,
            spec.sub_workflows,
            {key: self.tasks[key] for key in map(identifier_key, needed.tasks)},
            {key: self.plans[key] for key in map(identifier_key, needed.launch_plans)},
        )
        self.workflows[spec.template.id.name.rpartition(".")[2]] = closure

    def _register_plan(self, plan: launch_plan_pb2.LaunchPlan) -> None:
        interface = self.workflows[plan.spec.workflow_id.name.rpartition(".")[2]].primary.template.interface
        spec, expected, outputs = compile_launch_plan(plan.id, plan.spec, interface)
        closure = launch_plan_pb2.LaunchPlanClosure(expected_inputs=expected, expected_outputs=outputs)
        stored = launch_plan_pb2.LaunchPlan(id=plan.id, spec=spec, closure=closure)
        self.plans[identifier_key(plan.id)] = stored

    def promote(self, name: str) -> FlyteWorkflow:
        plans = {
            Identifier.from_flyte_idl(plan.id): LaunchPlanSpec.from_flyte_idl(plan.spec)
            for plan in self.plans.values()
        }
        closure = CompiledWorkflowClosure.from_flyte_idl(self.workflows[name])
        return FlyteWorkflow.promote_from_closure(closure, node_launch_plans=plans)


def _ids(connections: Any) -> dict[str, list[str]]:
    return {node_id: list(ids.ids) for node_id, ids in connections.items()}


GOLDEN: list[tuple[Callable[..., Any], dict[str, list[str]], dict[str, list[str]]]] = [
    (
        chain,
        {"start-node": ["n0"], "n0": ["n1"], "n1": ["end-node"]},
        {"n0": ["start-node"], "n1": ["n0"], "end-node": ["n1"]},
    ),
    (
        with_sub_workflow,
        {"start-node": ["n0"], "n0": ["n1"], "n1": ["end-node"]},
        {"n0": ["start-node"], "n1": ["n0"], "end-node": ["n1"]},
    ),
    (
        with_launch_plan,
        {"start-node": ["n0", "n1"], "n0": ["end-node"], "n1": ["end-node"]},
        {"n0": ["start-node"], "n1": ["start-node"], "end-node": ["n0", "n1"]},
    ),
    (
        with_branch,
        {"start-node": ["n0"], "n0": ["n1"], "n1": ["end-node"]},
        {
            "n0": ["start-node"],
            "n0-n0": ["start-node"],
            "n0-n1": ["start-node"],
            "n1": ["n0"],
            "end-node": ["n1"],
        },
    ),
    (
        with_nested_branch,
        {"start-node": ["n0"], "n0": ["n1"], "n1": ["end-node"]},
        {
            "n0": ["start-node"],
            "n1": ["n0"],
            "n1-n0": ["start-node"],
            "n1-n0-n0": ["n0"],
            "n1-n0-n1": ["start-node"],
            "n1-n1": ["start-node"],
            "end-node": ["n1"],
        },
    ),
    (
        with_map,
        {"start-node": ["n0"], "n0": ["end-node"]},
        {"n0": ["start-node"], "end-node": ["n0"]},
    ),
    (
        with_gates,
        {
            "start-node": ["n0", "n1", "n3"],
            "n0": ["n2"],
            "n1": ["n4"],
            "n2": ["n4"],
            "n3": ["n4"],
            "n4": ["end-node"],
        },
        {
            "n0": ["start-node"],
            "n1": ["start-node"],
            "n2": ["n0"],
            "n3": ["start-node"],
            "n4": ["n1", "n2", "n3"],
            "end-node": ["n4"],
        },
    ),
    (
        with_attributes,
        {"start-node": ["n0"], "n0": ["n1", "n2"], "n1": ["end-node"], "n2": ["end-node"]},
        {"n0": ["start-node"], "n1": ["n0"], "n2": ["n0"], "end-node": ["n1", "n2"]},
    ),
    (
        with_unions,
        {"start-node": ["n0", "n1", "n2"], "n0": ["end-node"], "n1": ["end-node"], "n2": ["end-node"]},
        {"n0": ["start-node"], "n1": ["start-node"], "n2": ["start-node"], "end-node": ["n0", "n1", "n2"]},
    ),
    (
        with_failure_node,
        {"start-node": ["n0"], "n0": ["end-node"]},
        {"n0": ["start-node"], "fn0": ["start-node"], "end-node": ["n0"]},
    ),
    (
        without_values,
        {"start-node": ["n0", "n1"], "n0": ["end-node"], "n1": ["end-node"]},
        {"n0": ["start-node"], "n1": ["start-node"], "end-node": ["n0", "n1"]},
    ),
    (
        with_collections,
        {"start-node": ["n0"], "n0": ["end-node"]},
        {"n0": ["start-node"], "end-node": ["n0"]},
    ),
    (
        with_files,
        {"start-node": ["n0"], "n0": ["end-node"]},
        {"n0": ["start-node"], "end-node": ["n0"]},
    ),
]


@pytest.mark.parametrize(
    ("entity", "downstream", "upstream"), GOLDEN, ids=[case[0].__name__ for case in GOLDEN]
)
def test_flytekit_reads_what_was_compiled(
    entity: Callable[..., Any], downstream: dict[str, list[str]], upstream: dict[str, list[str]]
) -> None:
    registry = Registry()
    registry.register(entity)
    primary = registry.workflows[entity.__name__].primary
    assert _ids(primary.connections.downstream) == downstream
    assert _ids(primary.connections.upstream) == upstream
    promoted = registry.promote(entity.__name__)
    own = [node.id for node in primary.template.nodes[2:]]
    if primary.template.HasField("failure_node"):
        own.append(primary.template.failure_node.id)
    assert [node.id for node in promoted.flyte_nodes] == own
    for node in promoted.flyte_nodes:
        wanted = set(upstream[node.id]) - {"start-node"}
        assert {upstream_node.id for upstream_node in node.upstream_nodes} <= wanted


def test_a_map_task_brings_its_lists_along() -> None:
    registry = Registry()
    registry.register(with_map)
    [mapped] = registry.workflows["with_map"].tasks
    assert mapped.template.interface.inputs.variables["a"].type.HasField("collection_type")
    array = registry.workflows["with_map"].primary.template.nodes[2].array_node
    assert array.node.task_node.reference_id == mapped.template.id
    assert mapped.template.id.name.endswith("-arraynode")


def test_mapping_over_a_launch_plan_takes_and_gives_lists() -> None:
    """The real one leaves the launch plan's single values, and refuses: flyteorg/flyte#6236."""
    registry = Registry()
    registry.register(map_over_launch_plan)
    compiled = registry.workflows["map_over_launch_plan"].primary
    array = compiled.template.nodes[2].array_node
    assert array.node.workflow_node.launchplan_ref.name == "doubled_plan"
    assert list(compiled.connections.upstream["end-node"].ids) == ["n0"]


def test_an_eager_workflow_is_a_task_with_somebody_to_clean_up() -> None:
    registry = Registry()
    registry.register(eagerly.get_as_workflow())
    [closure] = registry.workflows.values()
    assert closure.primary.template.failure_node.task_node.reference_id.name
    assert len(registry.promote(next(iter(registry.workflows))).flyte_nodes) == 2


def test_an_execution_of_a_task_alone_is_read_too() -> None:
    registry = Registry()
    registry.register(add)
    [compiled] = registry.tasks.values()
    template = single_task_workflow(compiled)
    key = identifier_key(compiled.template.id)
    registry.workflows["alone"] = compile_workflow(template, [], {key: compiled}, {})
    promoted = registry.promote("alone")
    assert len(promoted.flyte_nodes) == 1
    assert promoted.flyte_nodes[0].flyte_entity.id.name == compiled.template.id.name


def test_registering_again_compiles_to_the_same() -> None:
    first, second = Registry(), Registry()
    for registry in (first, second):
        registry.register(with_launch_plan)
    closure = first.workflows["with_launch_plan"]
    assert closure.SerializeToString(deterministic=True) == second.workflows[
        "with_launch_plan"
    ].SerializeToString(deterministic=True)

"""The workflow that is generated for the execution of a single task."""

from __future__ import annotations

import pytest
from flyteidl.core import identifier_pb2

from flyte_sandbox.compiler.single_task import node_id
from flyte_sandbox.compiler.workflows import single_task_workflow

from .conftest import Builder


def test_a_task_gets_a_workflow_of_one_node_that_compiles(build: Builder) -> None:
    task = build.task("pkg.mod.add", {"a": "int", "b": "str"}, {"o0": "int", "o1": "str"})
    before = task.SerializeToString(deterministic=True)
    workflow = single_task_workflow(task)
    assert workflow.id.name == ".flytegen.pkg.mod.add"
    assert workflow.id.version == task.template.id.version
    assert workflow.id.resource_type == identifier_pb2.WORKFLOW
    closure = build.compile(workflow)
    template, connections = closure.primary.template, closure.primary.connections
    assert [node.id for node in template.nodes] == ["start-node", "end-node", "pkgmodadd"]
    assert template.nodes[2].task_node.reference_id == task.template.id
    assert template.nodes[2].metadata.name == "pkgmodadd"
    assert list(connections.downstream["start-node"].ids) == ["pkgmodadd"]
    assert list(connections.upstream["end-node"].ids) == ["pkgmodadd"]
    assert task.SerializeToString(deterministic=True) == before


def test_a_task_without_values_runs_too(build: Builder) -> None:
    closure = build.compile(single_task_workflow(build.task("alone")))
    assert list(closure.primary.connections.downstream["alone"].ids) == ["end-node"]


def test_retries_are_the_tasks_own(build: Builder) -> None:
    task = build.task("t")
    assert single_task_workflow(task).nodes[0].metadata.retries.retries == 3
    task.template.metadata.retries.retries = 0
    assert single_task_workflow(task).nodes[0].metadata.retries.retries == 0
    task.template.metadata.retries.retries = 5
    assert single_task_workflow(task).nodes[0].metadata.retries.retries == 5


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.b.c", "abc"),
        ("my-task_1", "my-task1"),
        ("x" * 70, "x" * 63),
        ("." * 60 + "abcdef", "abcdef"),
        ("größe", "größe"),
    ],
)
def test_a_node_id_is_made_of_the_end_of_the_name(name: str, expected: str) -> None:
    assert node_id(name) == expected

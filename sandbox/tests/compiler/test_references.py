"""Which tasks and launch plans a workflow needs to be registered."""

from __future__ import annotations

from flyteidl.admin import workflow_pb2 as admin_workflow_pb2
from flyteidl.core import workflow_pb2

from flyte_sandbox.compiler.workflows import references

from .conftest import Builder


def _names(identifiers: list[object]) -> list[str]:
    return [identifier.name for identifier in identifiers]  # type: ignore[attr-defined]


def test_everything_that_a_node_can_name_is_found(build: Builder) -> None:
    branch = build.bare_node("n1")
    block = branch.branch_node.if_else
    block.case.then_node.CopyFrom(build.node("c0", "case"))
    block.other.add().then_node.CopyFrom(build.plan_node("c1", "case-plan"))
    inner = workflow_pb2.Node(id="c2")
    inner.branch_node.if_else.case.then_node.CopyFrom(build.node("d0", "deep"))
    block.else_node.CopyFrom(inner)
    array = build.bare_node("n2")
    array.array_node.node.CopyFrom(build.node("x", "mapped"))
    template = build.workflow(
        build.node("n0", "top"),
        branch,
        array,
        build.sub_node("n3", "sub"),
        on_failure=build.node("efn", "cleanup"),
    )
    sub = build.workflow(
        build.node("n0", "inner"), build.node("n1", "top"), build.sub_node("n2", "subsub"), name="sub"
    )
    subsub = build.workflow(build.plan_node("n0", "inner-plan"), name="subsub")
    unused = build.workflow(build.node("n0", "unused"), name="unused")
    found = references(
        admin_workflow_pb2.WorkflowSpec(template=template, sub_workflows=[sub, subsub, unused])
    )
    assert _names(found.tasks) == ["top", "case", "deep", "mapped", "cleanup", "inner"]
    assert _names(found.launch_plans) == ["case-plan", "inner-plan"]
    assert found.unknown == []


def test_a_sub_workflow_that_was_not_sent_is_told_with_its_node(build: Builder) -> None:
    template = build.workflow(build.sub_node("n0", "gone"))
    found = references(admin_workflow_pb2.WorkflowSpec(template=template))
    assert [(node_id, workflow.name) for node_id, workflow in found.unknown] == [("n0", "gone")]


def test_workflows_that_contain_each_other_are_walked_once(build: Builder) -> None:
    one = build.workflow(build.sub_node("n0", "two"), build.node("n1", "a"), name="one")
    two = build.workflow(build.sub_node("n0", "one"), build.node("n1", "b"), name="two")
    found = references(admin_workflow_pb2.WorkflowSpec(template=one, sub_workflows=[one, two]))
    assert _names(found.tasks) == ["a", "b"]

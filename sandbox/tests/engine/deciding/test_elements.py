"""What the elements of an array node get and give."""

from __future__ import annotations

import pytest
from flyteidl.core import interface_pb2, literals_pb2, types_pb2, workflow_pb2

from flyte_sandbox.engine.deciding.elements import (
    ArrayLengthError,
    describe_failures,
    inputs_of,
    min_successes,
    names_asked_of,
    outputs_of,
    size_of,
    with_lists,
)

from ..graphs import TEXT, Stepper, echo_task, literal, literals, promise, task_node, template


def listed(**values: list[str]) -> literals_pb2.LiteralMap:
    collections = {
        name: literals_pb2.Literal(
            collection=literals_pb2.LiteralCollection(literals=[literal(one) for one in items])
        )
        for name, items in values.items()
    }
    return literals_pb2.LiteralMap(literals=collections)


def test_the_size_is_the_length_of_the_lists() -> None:
    assert size_of(listed(a=["1", "2"], b=["3", "4"]), ()) == 2


def test_bound_lists_do_not_count() -> None:
    assert size_of(listed(a=["1", "2"], b=["3"]), ["b"]) == 2
    assert size_of(listed(b=["3"]), ["b"]) == 1


def test_different_lengths_are_refused() -> None:
    with pytest.raises(ArrayLengthError, match="different lengths: expecting '2' found '1'"):
        size_of(listed(a=["1", "2"], b=["3"]), ())


def test_no_list_is_refused() -> None:
    with pytest.raises(ArrayLengthError, match="no input array provided"):
        size_of(literals(a="1"), ())


def test_an_element_gets_its_own_item_and_the_bound_ones_whole() -> None:
    inputs = listed(a=["1", "2"], b=["3", "4"])
    assert inputs_of(inputs, ["b"], 1).literals["a"] == literal("2")
    assert inputs_of(inputs, ["b"], 1).literals["b"] == inputs.literals["b"]


def test_outputs_are_listed_with_nothing_for_the_failed() -> None:
    collected = outputs_of(["o0"], [literals(o0="x"), None])
    first, second = collected.literals["o0"].collection.literals
    assert first == literal("x")
    assert second.scalar.HasField("none_type")


@pytest.mark.parametrize(
    ("criteria", "size", "expected"),
    [
        ({}, 4, 4),
        ({"min_successes": 2}, 4, 2),
        ({"min_success_ratio": 0.5}, 5, 3),
        ({"min_success_ratio": 0.6}, 10, 7),
        ({"min_success_ratio": 1.0}, 3, 3),
    ],
)
def test_how_many_must_succeed(criteria: dict[str, float], size: int, expected: int) -> None:
    assert min_successes(workflow_pb2.ArrayNode(**criteria), size) == expected


def test_failures_are_told_by_message() -> None:
    told = describe_failures([(0, "boom"), (2, "boom"), (3, "boom"), (4, "other")])
    assert told == "[0][2-3]: boom\n[4]: other"


def test_outputs_that_others_are_bound_to_have_names() -> None:
    inner = literals_pb2.BindingDataCollection(bindings=[promise("x", "n0", "deep").binding])
    nested = literals_pb2.Binding(var="y", binding=literals_pb2.BindingData(collection=inner))
    node = workflow_pb2.Node(id="n1", inputs=[promise("text", "n0", "o0"), promise("z", "n2", "no"), nested])
    assert names_asked_of("n0", workflow_pb2.WorkflowTemplate(nodes=[node])) == ["o0", "deep"]


def test_mapping_over_a_workflow_is_refused() -> None:
    inner = template([], ("", "text"), name="inner")
    del inner.outputs[:]
    inner.interface.Clear()
    inner.nodes.add(id="n0").gate_node.sleep.duration.seconds = 1
    reference = workflow_pb2.WorkflowNode(sub_workflow_ref=inner.id)
    array = workflow_pb2.ArrayNode(node=workflow_pb2.Node(id="sub", workflow_node=reference))
    graph = template([workflow_pb2.Node(id="n0", array_node=array)], ("", "text"))
    run = Stepper(graph, sub_workflows=[inner])
    run.begin()
    assert run.phase == "FAILED"
    assert run.events[-1].error.code == "ArrayNodeUnsupported"


def test_a_list_that_was_too_large_is_read_before_it_is_counted() -> None:
    given = listed(texts=["a", "b", "c"])
    large = literals_pb2.Literal()
    large.offloaded_metadata.uri = "s3://my-s3-bucket/large.pb"
    large.offloaded_metadata.inferred_type.collection_type.simple = types_pb2.STRING
    inputs = literals_pb2.LiteralMap(literals={"texts": large})
    complete = with_lists(inputs, {"s3://my-s3-bucket/large.pb": given.literals["texts"]}.__getitem__)
    assert size_of(complete, []) == 3
    assert with_lists(given, {}.__getitem__) is given


def test_lists_that_do_not_go_together_fail_the_node_for_good() -> None:
    task = echo_task()
    texts = types_pb2.LiteralType(collection_type=TEXT)
    signature = task.template.interface
    signature.inputs.CopyFrom(interface_pb2.VariableMap(variables={name: {"type": texts} for name in "ab"}))
    signature.outputs.variables["o0"].type.CopyFrom(texts)
    inner = task_node("n0", ("", "text"))
    del inner.inputs[:]
    node = workflow_pb2.Node(
        id="n0",
        inputs=[bound_list("a", "1", "2"), bound_list("b", "3")],
        array_node=workflow_pb2.ArrayNode(node=inner),
    )
    workflow = template([node], ("n0", "o0"))
    workflow.interface.outputs.variables["o0"].type.CopyFrom(texts)
    run = Stepper(workflow, task=task)
    assert run.begin()[-4:] == ["n0 QUEUED", "n0 FAILED", "workflow FAILING", "workflow FAILED"]
    assert run.events[-1].error.code == "InvalidArrayLength"


def bound_list(var: str, *items: str) -> literals_pb2.Binding:
    bindings = [literals_pb2.BindingData(scalar=literal(item).scalar) for item in items]
    collection = literals_pb2.BindingDataCollection(bindings=bindings)
    return literals_pb2.Binding(var=var, binding=literals_pb2.BindingData(collection=collection))

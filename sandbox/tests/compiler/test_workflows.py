"""The shape of what a compiler gives, for every kind of node."""

from __future__ import annotations

import time

import pytest
from flyteidl.core import compiler_pb2, workflow_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_sandbox.compiler.workflows import END_NODE, START_NODE, CompileErrors
from flyte_sandbox.errors import InvalidArgument

from .conftest import Builder, unhurried

Connections = dict[str, list[str]]


def _upstream(workflow: compiler_pb2.CompiledWorkflow) -> Connections:
    return {node_id: list(ids.ids) for node_id, ids in workflow.connections.upstream.items()}


def _downstream(workflow: compiler_pb2.CompiledWorkflow) -> Connections:
    return {node_id: list(ids.ids) for node_id, ids in workflow.connections.downstream.items()}


def _chain(build: Builder) -> workflow_pb2.WorkflowTemplate:
    return build.workflow(
        build.node("n0", "double", a="x"),
        build.node("n1", "add", a="n0.o0", b=3),
        inputs={"x": "int"},
        outputs={"o0": "int"},
        gives={"o0": "n1.o0"},
    )


def test_start_and_end_come_first_and_promises_name_their_node(build: Builder) -> None:
    template = _chain(build)
    before = template.SerializeToString(deterministic=True)
    closure = build.compile(template)
    compiled = closure.primary.template
    assert [node.id for node in compiled.nodes] == [START_NODE, END_NODE, "n0", "n1"]
    assert compiled.nodes[0] == workflow_pb2.Node(id=START_NODE)
    assert compiled.nodes[1].inputs == compiled.outputs
    assert compiled.nodes[2].inputs[0].binding.promise.node_id == START_NODE
    assert compiled.id == template.id
    assert _upstream(closure.primary) == {"n0": [START_NODE], "n1": ["n0"], END_NODE: ["n1"]}
    assert _downstream(closure.primary) == {START_NODE: ["n0"], "n0": ["n1"], "n1": [END_NODE]}
    assert template.SerializeToString(deterministic=True) == before


def test_an_output_may_be_an_input(build: Builder) -> None:
    template = build.workflow(
        build.node("n0", "nothing"), inputs={"x": "int"}, outputs={"o0": "int"}, gives={"o0": "x"}
    )
    compiled = build.compile(template).primary
    assert compiled.template.outputs[0].binding.promise.node_id == START_NODE
    assert _downstream(compiled) == {START_NODE: [END_NODE, "n0"], "n0": [END_NODE]}


def test_an_interface_is_there_even_if_nobody_declared_one(build: Builder) -> None:
    template = build.workflow(build.node("n0", "nothing"))
    template.ClearField("interface")
    interface = build.compile(template).primary.template.interface
    assert interface.HasField("inputs")
    assert interface.HasField("outputs")


def test_explicit_order_makes_edges_and_is_kept_sorted(build: Builder) -> None:
    template = build.workflow(
        build.node("b", "nothing"), build.node("a", "nothing"), build.node("c", "nothing", after=["b", "a"])
    )
    compiled = build.compile(template).primary
    assert list(compiled.template.nodes[4].upstream_node_ids) == ["a", "b"]
    assert _upstream(compiled) == {"a": [START_NODE], "b": [START_NODE], "c": ["a", "b"], END_NODE: ["c"]}


def test_upstream_ids_never_name_the_start_node(build: Builder) -> None:
    compiled = build.compile(_chain(build)).primary
    assert all(START_NODE not in node.upstream_node_ids for node in compiled.template.nodes)


def test_nodes_may_be_declared_in_any_order(build: Builder) -> None:
    template = build.workflow(build.node("n0", "double", a="n1.o0"), build.node("n1", "double", a=1))
    assert _upstream(build.compile(template).primary)["n0"] == ["n1"]


def test_a_second_node_of_the_same_id_is_dropped(build: Builder) -> None:
    template = build.workflow(build.node("n0", "nothing"), build.node("n0", "double", a="nowhere.o0"))
    assert [node.id for node in build.compile(template).primary.template.nodes[2:]] == ["n0"]


def test_tasks_are_told_sorted_by_id(build: Builder) -> None:
    names = [task.template.id.name for task in build.compile(_chain(build)).tasks]
    assert names == ["add", "double", "nothing", "say"]


def test_collections_and_maps_bring_their_edges(build: Builder) -> None:
    build.task("sum", {"xs": "[int]", "table": "{[int]}"}, {"o0": "int"})
    template = build.workflow(
        build.node("n0", "double", a=1),
        build.node("n1", "double", a=2),
        build.node("n2", "sum", xs=["n0.o0", 5, "x"], table={"k": ["n1.o0"], "empty": []}),
        inputs={"x": "int"},
    )
    compiled = build.compile(template).primary
    assert _upstream(compiled)["n2"] == ["n0", "n1", START_NODE]
    inner = compiled.template.nodes[4].inputs[0].binding.collection.bindings
    assert inner[2].promise.node_id == START_NODE


def test_a_sub_workflow_is_compiled_once_with_nodes_of_its_own(build: Builder) -> None:
    build.sub_workflows.append(
        build.workflow(
            build.node("n0", "double", a="a"),
            name="sub",
            inputs={"a": "int"},
            outputs={"o0": "int"},
            gives={"o0": "n0.o0"},
        )
    )
    template = build.workflow(build.sub_node("n0", "sub", a=1), build.sub_node("n1", "sub", a="n0.o0"))
    closure = build.compile(template)
    assert len(closure.sub_workflows) == 1
    sub = closure.sub_workflows[0]
    assert [node.id for node in sub.template.nodes] == [START_NODE, END_NODE, "n0"]
    assert _downstream(sub) == {START_NODE: ["n0"], "n0": [END_NODE]}


def test_a_sub_workflow_that_no_node_uses_stays_as_it_came(build: Builder) -> None:
    unused = build.workflow(build.node("n0", "double", a="nowhere.o0"), name="unused")
    build.sub_workflows.append(unused)
    closure = build.compile(build.workflow(build.node("n0", "nothing")))
    assert closure.sub_workflows[0] == compiler_pb2.CompiledWorkflow(template=unused)


def test_a_launch_plan_node_binds_what_is_required_and_what_it_likes(build: Builder) -> None:
    build.launch_plan("plan", {"a": "int"}, {"b": "str"}, {"o0": "int"})
    template = build.workflow(
        build.plan_node("n0", "plan", a=1),
        build.plan_node("n1", "plan", a="n0.o0", b="text"),
        inputs={"text": "str"},
    )
    assert _upstream(build.compile(template).primary)["n1"] == ["n0", START_NODE]


def _branch(build: Builder, node_id: str, *cases: workflow_pb2.Node, **inputs: object) -> workflow_pb2.Node:
    """``if x > 3 … elif … else`` over the given cases; the last is the else."""
    node = build.bare_node(node_id, None, **inputs)
    block = node.branch_node.if_else
    blocks = [block.case, *(block.other.add() for _ in cases[1:-1])]
    for if_block, case in zip(blocks, cases[:-1], strict=True):
        comparison = if_block.condition.comparison
        comparison.left_value.var = next(iter(inputs))
        comparison.right_value.primitive.integer = 3
        if_block.then_node.CopyFrom(case)
    block.else_node.CopyFrom(cases[-1])
    return node


def test_cases_of_a_branch_are_renamed_and_have_only_upstream_edges(build: Builder) -> None:
    inner = _branch(
        build, "n1", build.node("n0", "double", a="n0.o0"), build.node("n1", "double", a="x"), **{".x": "x"}
    )
    outer = _branch(build, "n1", inner, build.node("n2", "double", a="x"), **{"n0.o0": "n0.o0"})
    template = build.workflow(
        build.node("n0", "double", a="x"),
        outer,
        inputs={"x": "int"},
        outputs={"o0": "int"},
        gives={"o0": "n1.o0"},
    )
    compiled = build.compile(template).primary
    assert [node.id for node in compiled.template.nodes] == [START_NODE, END_NODE, "n0", "n1"]
    block = compiled.template.nodes[3].branch_node.if_else
    assert block.case.then_node.id == "n1-n1"
    assert block.else_node.id == "n1-n2"
    assert block.case.then_node.branch_node.if_else.case.then_node.id == "n1-n1-n0"
    assert _upstream(compiled) == {
        "n0": [START_NODE],
        "n1": ["n0"],
        "n1-n1": [START_NODE],
        "n1-n1-n0": ["n0"],
        "n1-n1-n1": [START_NODE],
        "n1-n2": [START_NODE],
        END_NODE: ["n1"],
    }
    assert _downstream(compiled) == {START_NODE: ["n0"], "n0": ["n1"], "n1": [END_NODE]}


def test_a_branch_gives_what_all_its_cases_give(build: Builder) -> None:
    build.task("two", {"a": "int"}, {"o0": "int", "o1": "str"})
    branch = _branch(
        build, "n0", build.node("c0", "two", a=1), build.node("c1", "double", a=1), **{".x": "x"}
    )
    template = build.workflow(branch, build.node("n1", "double", a="n0.o0"), inputs={"x": "int"})
    assert _upstream(build.compile(template).primary)["n1"] == ["n0"]
    template.nodes.append(build.node("n2", "say", text="n0.o1"))
    with pytest.raises(CompileErrors, match=r"Variable \[o1\] not found on node \[n0\]"):
        build.compile(template)


def test_a_branch_may_end_in_an_error(build: Builder) -> None:
    branch = _branch(build, "n0", build.node("c0", "double", a=1), build.node("c1", "nothing"), **{".x": "x"})
    branch.branch_node.if_else.error.message = "neither"
    compiled = build.compile(build.workflow(branch, inputs={"x": "int"})).primary
    assert "n0-c1" not in _upstream(compiled)


def test_gates_give_what_they_are_there_for(build: Builder) -> None:
    approve = build.bare_node("n1", None, value="n0.o0")
    approve.gate_node.approve.signal_id = "ok"
    signal = build.bare_node("n2")
    signal.gate_node.signal.signal_id = "text"
    signal.gate_node.signal.output_variable_name = "given"
    signal.gate_node.signal.type.CopyFrom(build.type("str"))
    sleep = build.bare_node("n3")
    sleep.gate_node.sleep.duration.seconds = 1
    template = build.workflow(
        build.node("n0", "double", a=1),
        approve,
        signal,
        sleep,
        build.node("n4", "double", after=["n3"], a="n1.value"),
        build.node("n5", "say", text="n2.given"),
    )
    upstream = _upstream(build.compile(template).primary)
    assert upstream["n1"] == ["n0"]
    assert upstream["n4"] == ["n1", "n3"]
    assert upstream["n5"] == ["n2"]
    assert upstream["n2"] == upstream["n3"] == [START_NODE]


def test_an_array_node_has_the_interface_of_what_it_maps(build: Builder) -> None:
    build.task("mapped", {"xs": "[int]"}, {"o0": "[int]"})
    array = build.bare_node("n0", None, xs="xs")
    array.array_node.node.task_node.reference_id.CopyFrom(build.identifier("TASK", "mapped"))
    template = build.workflow(array, inputs={"xs": "[int]"}, outputs={"o0": "[int]"}, gives={"o0": "n0.o0"})
    compiled = build.compile(template).primary
    assert _downstream(compiled) == {START_NODE: ["n0"], "n0": [END_NODE]}
    assert compiled.template.nodes[2].array_node.node.task_node.reference_id.name == "mapped"


def test_a_failure_node_has_only_upstream_edges(build: Builder) -> None:
    build.task("cleanup", {"x": "int", "err": "error|none"})
    template = build.workflow(
        build.node("n0", "nothing"), inputs={"x": "int"}, on_failure=build.node("efn", "cleanup", x="x")
    )
    compiled = build.compile(template).primary
    assert _upstream(compiled) == {"n0": [START_NODE], "efn": [START_NODE], END_NODE: ["n0"]}
    assert "efn" not in [node.id for node in compiled.template.nodes]
    assert compiled.template.failure_node.inputs[0].binding.promise.node_id == START_NODE


def test_aliases_rename_outputs(build: Builder) -> None:
    node = build.node("n0", "double", a=1)
    node.output_aliases.add(var="o0", alias="doubled")
    template = build.workflow(node, build.node("n1", "double", a="n0.doubled"))
    assert _upstream(build.compile(template).primary)["n1"] == ["n0"]


def test_the_number_of_nodes_may_be_limited(build: Builder) -> None:
    template = _chain(build)
    build.compile(template, max_nodes=2)
    with pytest.raises(InvalidArgument) as refusal:
        build.compile(template, max_nodes=1)
    assert refusal.value.message == (
        'number of nodes in workflow [resource_type:WORKFLOW project:"flytesnacks" domain:"development"'
        ' name:"wf" version:"v1"] exceeds limit (2 > 1)'
    )


def test_what_was_compiled_twice_is_the_same(build: Builder) -> None:
    first, second = build.compile(_chain(build)), build.compile(_chain(build))
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(deterministic=True)


@st.composite
def _graphs(draw: st.DrawFn) -> list[list[int]]:
    """For each node the earlier ones that it takes values from."""
    size = draw(st.integers(1, 12))
    return [draw(st.lists(st.integers(0, i - 1), max_size=2)) if i else [] for i in range(size)]


def _from_graph(build: Builder, graph: list[list[int]], order: list[int]) -> workflow_pb2.WorkflowTemplate:
    nodes = []
    for i in order:
        values = [f"n{source}.o0" for source in graph[i]] + [1, "x"]
        nodes.append(build.node(f"n{i}", "add", a=values[0], b=values[1]))
    return build.workflow(*nodes, inputs={"x": "int"})


@given(_graphs(), st.randoms())
@settings(unhurried, max_examples=60)
def test_every_node_is_between_start_and_end(graph: list[list[int]], random: object) -> None:
    build = Builder()
    build.task("add", {"a": "int", "b": "int"}, {"o0": "int"})
    order = sorted(range(len(graph)), key=lambda _: random.random())  # type: ignore[attr-defined]
    compiled = build.compile(_from_graph(build, graph, order)).primary
    upstream, downstream = _upstream(compiled), _downstream(compiled)
    assert {(a, b) for b, ids in upstream.items() for a in ids} == {
        (a, b) for a, ids in downstream.items() for b in ids
    }
    for i, sources in enumerate(graph):
        taken = {f"n{source}" for source in sources}
        assert taken <= set(upstream[f"n{i}"]) <= taken | {START_NODE}
        assert downstream[f"n{i}"]
    assert all(ids == sorted(ids) for ids in (*upstream.values(), *downstream.values()))


@given(_graphs(), st.data())
@settings(unhurried, max_examples=60)
def test_one_edge_back_is_always_refused(graph: list[list[int]], data: st.DataObject) -> None:
    build = Builder()
    build.task("add", {"a": "int", "b": "int"}, {"o0": "int"})
    template = _from_graph(build, graph, list(range(len(graph))))
    late = data.draw(st.integers(0, len(graph) - 1))
    ancestors, pending = {late}, [late]
    while pending:
        for source in graph[pending.pop()]:
            ancestors.add(source)
            pending.append(source)
    early = data.draw(st.sampled_from(sorted(ancestors)))
    template.nodes[early].upstream_node_ids.append(f"n{late}")
    with pytest.raises(CompileErrors) as refusal:
        build.compile(template)
    assert {error.code for error in refusal.value.errors} <= {"CycleDetected", "UnreachableNodes"}


def test_time_grows_with_the_number_of_nodes_and_no_faster(build: Builder) -> None:
    def seconds(size: int) -> float:
        graph = [[i - 1, i // 2] if i else [] for i in range(size)]
        template = _from_graph(build, graph, list(range(size)))
        best = float("inf")
        for _ in range(3):
            started = time.perf_counter()
            build.compile(template)
            best = min(best, time.perf_counter() - started)
        return best

    # Quadratic would be 64 times as long; a busy machine is given a factor of three.
    assert seconds(4000) < 24 * seconds(500)

"""GetExecutionMetrics: the tree of spans for each kind of node, and how deep it goes."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl.admin import common_pb2, execution_pb2, workflow_pb2
from flyteidl.core import condition_pb2, identifier_pb2, literals_pb2, metrics_pb2
from flyteidl.core import workflow_pb2 as core_workflow_pb2

from flyte_sandbox.errors import Internal, NotFound
from flyte_sandbox.phases import NODE, TASK, WORKFLOW

from ..conformance.entities import identifier, integer, interface, launch_plan_request
from .launches import PROJECT, ExecutionId, create_request, launch
from .launches import TASK as TASK_ID
from .launches import WORKFLOW as WORKFLOW_ID
from .rooms import Rooms
from .teller import Teller

Node = core_workflow_pb2.Node


@pytest.fixture
def teller(rooms: Rooms) -> Teller:
    return Teller(rooms)


def span_of(teller: Teller, depth: int = 20) -> metrics_pb2.Span:
    request = execution_pb2.WorkflowExecutionGetMetricsRequest(id=teller.id, depth=depth)
    return teller.admin.metrics.get(request).span


def outline(span: metrics_pb2.Span) -> Any:
    """Operations by name, entities as their id with what is inside."""
    match span.WhichOneof("id"):
        case "operation_id":
            return span.operation_id
        case "node_id":
            return span.node_id.node_id, [outline(one) for one in span.spans]
        case "task_id":
            return span.task_id.retry_attempt, [outline(one) for one in span.spans]
        case _:
            return span.workflow_id.name, [outline(one) for one in span.spans]


def launch_nodes(teller: Teller, *nodes: Node) -> None:
    """An execution of a workflow of these nodes, without inputs and outputs."""
    id = identifier(identifier_pb2.WORKFLOW, PROJECT, "other.wf")
    template = core_workflow_pb2.WorkflowTemplate(id=id, interface=interface({}, {}), nodes=nodes)
    spec = workflow_pb2.WorkflowSpec(template=template)
    for node in nodes:
        if node.workflow_node.HasField("sub_workflow_ref"):
            sub = teller.admin.workflows.get(_object(node.workflow_node.sub_workflow_ref))
            spec.sub_workflows.append(_registered(sub))
    teller.admin.workflows.create(workflow_pb2.WorkflowCreateRequest(id=id, spec=spec))
    plan = launch_plan_request(PROJECT, "other.plan", id)
    teller.admin.launch_plans.create(plan)
    request = create_request(launch_plan=plan.id)
    request.ClearField("inputs")
    teller.id = teller.admin.launching.create(request).id


def _object(id: identifier_pb2.Identifier) -> common_pb2.ObjectGetRequest:
    return common_pb2.ObjectGetRequest(id=id)


def _registered(workflow: workflow_pb2.Workflow) -> core_workflow_pb2.WorkflowTemplate:
    """As it was before it was compiled."""
    template = workflow.closure.compiled_workflow.primary.template
    plain = core_workflow_pb2.WorkflowTemplate()
    plain.CopyFrom(template)
    del plain.nodes[:]
    plain.nodes.extend(node for node in template.nodes if node.id not in ("start-node", "end-node"))
    return plain


def bound(id: str, **target: Any) -> Node:
    """A node with its ``x`` bound to a number."""
    binding = literals_pb2.BindingData(scalar=integer(1).scalar)
    return Node(id=id, inputs=[literals_pb2.Binding(var="x", binding=binding)], **target)


def start(teller: Teller) -> None:
    teller.workflow(WORKFLOW.RUNNING)
    teller.node(NODE.SUCCEEDED, "start-node", spec_node_id="start-node")


def run_task_node(teller: Teller, attempts: int = 1) -> None:
    teller.node(NODE.QUEUED, spec_node_id="n0")
    teller.node(NODE.RUNNING)
    for attempt in range(attempts):
        teller.task(TASK.QUEUED, attempt)
        teller.task(TASK.RUNNING, attempt)
        teller.task(TASK.SUCCEEDED if attempt == attempts - 1 else TASK.FAILED, attempt)
    teller.node(NODE.SUCCEEDED)


TASK_SPANS = ["TASK_SETUP", "TASK_RUNTIME", "TASK_TEARDOWN"]


def test_an_execution_that_has_not_started_is_set_up(teller: Teller) -> None:
    assert outline(span_of(teller)) == (teller.id.name, ["WORKFLOW_SETUP"])
    assert outline(span_of(teller, 0)) == (teller.id.name, [])


def test_a_task_with_a_retry(teller: Teller) -> None:
    start(teller)
    run_task_node(teller, attempts=2)
    teller.workflow(WORKFLOW.SUCCEEDED)
    root = span_of(teller)
    inside = [
        "NODE_TRANSITION",
        "NODE_SETUP",
        (0, TASK_SPANS),
        "NODE_RESET",
        (1, TASK_SPANS),
        "NODE_TEARDOWN",
    ]
    assert outline(root) == (teller.id.name, ["WORKFLOW_SETUP", ("n0", inside), "WORKFLOW_TEARDOWN"])
    _, node, teardown = root.spans
    assert node.start_time.seconds + 8 == node.end_time.seconds
    assert teardown.start_time == node.end_time
    assert teardown.end_time == root.end_time


@pytest.mark.parametrize(
    ("depth", "inside"),
    [
        (1, ["NODE_TRANSITION"]),
        (2, ["NODE_TRANSITION", "NODE_SETUP", "NODE_TEARDOWN"]),
        (3, ["NODE_TRANSITION", "NODE_SETUP", (0, TASK_SPANS), "NODE_TEARDOWN"]),
        (-1, ["NODE_TRANSITION", "NODE_SETUP", (0, TASK_SPANS), "NODE_TEARDOWN"]),
    ],
)
def test_each_level_of_nesting_uses_one_of_the_depth(teller: Teller, depth: int, inside: list[Any]) -> None:
    start(teller)
    run_task_node(teller)
    assert outline(span_of(teller, depth))[1][1] == ("n0", inside)


def test_a_cache_hit_is_nothing_but_set_up(teller: Teller) -> None:
    start(teller)
    teller.node(NODE.SUCCEEDED, spec_node_id="n0")
    assert outline(span_of(teller))[1][1] == ("n0", ["NODE_TRANSITION", "NODE_SETUP"])


def test_a_gate_is_idle_until_it_opens(teller: Teller) -> None:
    sleep = core_workflow_pb2.SleepCondition(duration={"seconds": 1})
    launch_nodes(teller, Node(id="n0", gate_node={"sleep": sleep}))
    start(teller)
    teller.node(NODE.QUEUED, spec_node_id="n0")
    assert outline(span_of(teller))[1][1] == ("n0", ["NODE_TRANSITION", "NODE_SETUP"])
    teller.node(NODE.RUNNING)
    assert outline(span_of(teller))[1][1] == ("n0", ["NODE_TRANSITION", "NODE_SETUP", "NODE_IDLE"])
    teller.node(NODE.SUCCEEDED)
    expected = ["NODE_TRANSITION", "NODE_SETUP", "NODE_IDLE", "NODE_TEARDOWN"]
    assert outline(span_of(teller))[1][1] == ("n0", expected)


def branch_node() -> Node:
    one = literals_pb2.Primitive(integer=1)
    comparison = condition_pb2.ComparisonExpression(
        operator=condition_pb2.ComparisonExpression.EQ,
        left_value={"primitive": one},
        right_value={"primitive": one},
    )
    then = bound("then", task_node={"reference_id": TASK_ID})
    case = core_workflow_pb2.IfBlock(condition={"comparison": comparison}, then_node=then)
    block = core_workflow_pb2.IfElseBlock(case=case, error={"failed_node_id": "n0", "message": "no"})
    return Node(id="n0", branch_node={"if_else": block})


def test_a_branch_has_the_node_that_was_taken(teller: Teller) -> None:
    launch_nodes(teller, branch_node())
    start(teller)
    teller.node(NODE.RUNNING, spec_node_id="n0")
    assert outline(span_of(teller))[1][1] == ("n0", ["NODE_TRANSITION", "NODE_SETUP"])
    parent = {"parent_node_metadata": {"node_id": "n0"}}
    teller.node(NODE.SUCCEEDED, "n0-0-n0-then", spec_node_id="n0-then", **parent)
    teller.node(NODE.SUCCEEDED)
    inside = ["NODE_TRANSITION", "NODE_SETUP", ("n0-0-n0-then", ["NODE_SETUP"]), "NODE_TEARDOWN"]
    assert outline(span_of(teller))[1][1] == ("n0", inside)
    teller.node(NODE.RUNNING, "n0-0-other", spec_node_id="other", **parent)
    with pytest.raises(Internal, match="expected 1 but found 2"):
        span_of(teller)


def test_a_subworkflow_has_its_nodes(teller: Teller) -> None:
    launch_nodes(teller, bound("n0", workflow_node={"sub_workflow_ref": WORKFLOW_ID}))
    start(teller)
    teller.node(NODE.RUNNING, spec_node_id="n0", is_parent=True)
    parent = {"parent_node_metadata": {"node_id": "n0"}}
    teller.node(NODE.SUCCEEDED, "n0-0-start-node", spec_node_id="start-node", **parent)
    teller.node(NODE.SUCCEEDED, "n0-0-n0", spec_node_id="n0", **parent)
    teller.node(NODE.SUCCEEDED)
    child = ("n0-0-n0", ["NODE_TRANSITION", "NODE_SETUP"])
    inside = ["NODE_TRANSITION", "NODE_SETUP", child, "NODE_TEARDOWN"]
    assert outline(span_of(teller))[1][1] == ("n0", inside)


def test_a_launch_plan_node_has_the_span_of_its_execution(teller: Teller) -> None:
    plan = identifier(identifier_pb2.LAUNCH_PLAN, PROJECT, "a.plan")
    launch_nodes(teller, bound("n0", workflow_node={"launchplan_ref": plan}))
    start(teller)
    teller.node(NODE.QUEUED, spec_node_id="n0")
    assert outline(span_of(teller))[1][1] == ("n0", ["NODE_TRANSITION", "NODE_SETUP"])
    child = launch(teller.admin)
    teller.node(NODE.RUNNING, workflow_node_metadata={"execution_id": child})
    inside = ["NODE_TRANSITION", "NODE_SETUP", (child.name, ["WORKFLOW_SETUP"]), "NODE_TEARDOWN"]
    assert outline(span_of(teller))[1][1] == ("n0", inside)
    assert outline(span_of(teller, 2))[1][1] == (
        "n0",
        ["NODE_TRANSITION", "NODE_SETUP", (child.name, []), "NODE_TEARDOWN"],
    )


def test_a_dynamic_node_has_its_task_and_what_that_yielded(teller: Teller) -> None:
    start(teller)
    teller.node(NODE.RUNNING, spec_node_id="n0")
    teller.task(TASK.RUNNING)
    teller.task(TASK.SUCCEEDED)
    compiled = teller.admin.workflows.get(_object(WORKFLOW_ID)).closure.compiled_workflow
    dynamic = {"compiled_workflow": compiled, "dynamic_job_spec_uri": "s3://my-s3-bucket/x/futures.pb"}
    teller.node(NODE.DYNAMIC_RUNNING, is_parent=True, task_node_metadata={"dynamic_workflow": dynamic})
    parent = {"parent_node_metadata": {"node_id": "n0"}}
    teller.node(NODE.SUCCEEDED, "n0-0-start-node", spec_node_id="start-node", **parent)
    teller.node(NODE.SUCCEEDED, "n0-0-n0", spec_node_id="n0", **parent)
    teller.node(NODE.SUCCEEDED)
    child = ("n0-0-n0", ["NODE_TRANSITION", "NODE_SETUP"])
    inside = ["NODE_TRANSITION", "NODE_SETUP", (0, TASK_SPANS), "NODE_RESET", child, "NODE_TEARDOWN"]
    assert outline(span_of(teller))[1][1] == ("n0", inside)


def test_what_is_not_there_has_no_metrics(teller: Teller) -> None:
    teller.id = ExecutionId(project=PROJECT, domain="development", name="no")
    with pytest.raises(NotFound, match="missing entity of type execution"):
        span_of(teller)

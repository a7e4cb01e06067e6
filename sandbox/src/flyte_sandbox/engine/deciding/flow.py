"""How an execution moves: which node begins when, what an ending brings about, how a scope ends.

Pure. What a node does once it has begun is its kind's, in ``nodes``.
Source: flytepropeller pkg/controller/workflow/executor.go, pkg/controller/nodes/{executor,predicate}.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flyteidl.core import literals_pb2, types_pb2

from flyte_sandbox.engine import paths
from flyte_sandbox.engine.deciding.bindings import BindingError, resolve
from flyte_sandbox.engine.deciding.nodes import kind_of
from flyte_sandbox.engine.deciding.step import Step
from flyte_sandbox.engine.failures import system_error, user_error
from flyte_sandbox.engine.messages import Ended, LookUpRecovery
from flyte_sandbox.engine.model import START_NODE, ArmScope, ExecutionError, NodeRun, Scope
from flyte_sandbox.phases import NODE, WORKFLOW

AUTO_ABORT = "Some node execution failed, auto-abort."
USER_ABORT = "Workflow aborted."


def begin(step: Step) -> None:
    """The first step of an execution."""
    step.workflow(WORKFLOW.RUNNING)
    begin_scope(step, step.run.root)


def begin_scope(step: Step, scope: Scope) -> None:
    """``start-node`` puts out what goes into the scope, and what depends on nothing else begins."""
    start = scope.nodes[START_NODE]
    start.outputs = scope.inputs
    step.write(paths.outputs(start), scope.inputs)
    succeed(step, start, scope.inputs)


def consider(step: Step, node: NodeRun) -> None:
    """Begin a node all of whose upstream nodes have ended, or skip it when one of them ended badly."""
    scope = node.scope
    if node.is_started or _is_winding_up(step, scope) or scope.waiting_for.get(node.id, 0) > 0:
        return
    if all(one.is_good for one in scope.upstream(node)):
        start(step, node)
    else:
        step.node(node, NODE.SKIPPED)
        _settle(step, node)


def start(step: Step, node: NodeRun) -> None:
    kind = kind_of(node)
    if kind.counts_to_parallelism:
        limit = step.run.spec.max_parallelism
        if limit and step.run.at_work >= limit:
            step.run.held.append(node)
            return
        step.run.at_work += 1
        node.is_counted = True
    node.is_started = True
    if step.run.is_recovering and node is not node.scope.failure_node:
        step.act(LookUpRecovery(node.uid))
    else:
        begin_node(step, node)


def begin_node(step: Step, node: NodeRun) -> None:
    """It has its turn: resolve its inputs and let its kind begin."""
    try:
        node.inputs = _resolve_inputs(node)
    except BindingError as exc:
        fail(
            step, node, system_error("BindingResolutionFailure", f"failed to resolve node '{node.id}': {exc}")
        )
        return
    step.write(paths.inputs(node), node.inputs)
    kind_of(node).start(step, node)


def _resolve_inputs(node: NodeRun) -> literals_pb2.LiteralMap:
    scope = node.scope

    def output_of(node_id: str) -> literals_pb2.LiteralMap:
        upstream = scope.find_source(node_id)
        if upstream is None or upstream.outputs is None:
            raise BindingError(f"node '{node_id}' has no outputs")
        return upstream.outputs

    inputs = resolve(node.node.inputs, output_of, node.scope.run.fetch)
    if node is scope.failure_node and "err" in inputs.literals:
        _fill_in_error(inputs, node)
    return inputs


def _fill_in_error(inputs: literals_pb2.LiteralMap, node: NodeRun) -> None:
    """An on_failure handler that asks for ``err`` learns what went wrong."""
    error = node.scope.error or ExecutionError()
    told = types_pb2.Error(failed_node_id=node.id, message=error.message)
    variant = types_pb2.LiteralType(
        simple=types_pb2.ERROR, structure=types_pb2.TypeStructure(tag="FlyteError")
    )
    literal = literals_pb2.Literal(scalar=literals_pb2.Scalar(error=told))
    union = literals_pb2.Union(value=literal, type=variant)
    inputs.literals["err"].CopyFrom(literals_pb2.Literal(scalar=literals_pb2.Scalar(union=union)))


def succeed(step: Step, node: NodeRun, outputs: literals_pb2.LiteralMap, **fields: object) -> None:
    """:param fields: more fields of the node's last event; ``output_uri`` is filled in."""
    _end_well(step, node, NODE.SUCCEEDED, outputs, fields)


def recovered(step: Step, node: NodeRun, outputs: literals_pb2.LiteralMap, **fields: object) -> None:
    """As :func:`succeed`, for a node that ran in another execution."""
    _end_well(step, node, NODE.RECOVERED, outputs, fields)


def _end_well(
    step: Step, node: NodeRun, phase: int, outputs: literals_pb2.LiteralMap, fields: Mapping[str, object]
) -> None:
    node.outputs = outputs
    step.node(node, phase, output_uri=paths.outputs(node), **fields)
    _settle(step, node)


def fail(step: Step, node: NodeRun, error: ExecutionError, **fields: object) -> None:
    node.error = error
    step.node(node, NODE.FAILED, error=error, **fields)
    _fail_scope(step, node, error)


def time_out(step: Step, node: NodeRun, **fields: object) -> None:
    """Beyond the active deadline. Its event carries no error; the scope's is always the same."""
    error = timeout_error(node)
    if node.index is not None:
        fail(step, node, error)
        return
    node.error = error
    step.node(node, NODE.TIMED_OUT, **fields)
    _fail_scope(step, node, error)


def timeout_error(node: NodeRun) -> ExecutionError:
    if node is node.scope.failure_node:
        return user_error("TimedOut", "FailureNode Timed-out")
    return user_error("Timeout", "Timeout in node")


def aborted(step: Step, node: NodeRun, reason: str, **fields: object) -> None:
    """A node that was told to stop has stopped."""
    if node.expired and _has_time(step, node):
        # The two call each other.
        from flyte_sandbox.engine.deciding import expiry

        expiry.ended(step, node, **fields)
        return
    error = system_error("NodeAborted", reason)
    step.node(node, NODE.ABORTED, error=error, **fields)
    release(step, node)
    if node.index is not None:
        _element_ended(step, node)
        return
    end_scope_if_drained(step, node.scope)


def _settle(step: Step, node: NodeRun) -> None:
    """A node has ended: the nodes behind it may begin, or its scope is done."""
    scope = node.scope
    release(step, node)
    if node.index is not None:
        _element_ended(step, node)
        return
    if node is scope.failure_node:
        _end_scope(step, scope)
    elif node is scope.last:
        _last_reached(step, scope, node)
    else:
        _note_ready(step, [*scope.downstream(node), *scope.arms.pop(node.id, ())])
    end_scope_if_drained(step, scope)
    _consider_ready(step)


def _note_ready(step: Step, behind: Iterable[NodeRun]) -> None:
    """Before those that were ready already, so that what begins here goes on as far as it can."""
    ready = []
    for one in behind:
        one.scope.waiting_for[one.id] -= 1
        if one.scope.waiting_for[one.id] == 0:
            ready.append(one)
    step.ready.extendleft(reversed(ready))


def _consider_ready(step: Step) -> None:
    """One after the other, not one inside the other: a chain may be longer than the stack is deep."""
    if step.is_considering:
        return
    step.is_considering = True
    while step.ready:
        consider(step, step.ready.popleft())
    step.is_considering = False


def _element_ended(step: Step, node: NodeRun) -> None:
    array = node.scope.parent
    assert array is not None
    kind_of(array).element_ended(step, array, node)


def release(step: Step, node: NodeRun) -> None:
    """Its place under ``max_parallelism`` goes to the next node in line."""
    if not node.is_counted:
        return
    node.is_counted = False
    step.run.at_work -= 1
    held = step.run.held
    while held and step.run.at_work < step.run.spec.max_parallelism:
        following = held.popleft()
        if not _is_winding_up(step, following.scope) and _is_current(following.scope):
            start(step, following)


def _is_current(scope: Scope) -> bool:
    """Whether nothing around it is being stopped, or was and has begun again with another scope."""
    parent = scope.parent
    if parent is None:
        return True
    return parent.child is scope and not parent.stopping and _is_current(parent.scope)


def _last_reached(step: Step, scope: Scope, last: NodeRun) -> None:
    if last.is_good:
        _succeed_scope(step, scope, last)
    elif isinstance(scope, ArmScope):
        # What the arm is bound to has failed. The branch ends well, and gives nothing.
        assert scope.parent is not None
        kind_of(scope.parent).child_succeeded(step, scope.parent, literals_pb2.LiteralMap())
    else:
        # With FAIL_AFTER_EXECUTABLE_NODES_COMPLETE the failure has waited for this moment.
        scope.is_failing = True
        _announce_failure(step, scope)


def _succeed_scope(step: Step, scope: Scope, last: NodeRun) -> None:
    assert last.outputs is not None
    if scope.parent is not None:
        kind_of(scope.parent).child_succeeded(step, scope.parent, last.outputs)
        return
    step.workflow(WORKFLOW.SUCCEEDING)
    step.workflow(WORKFLOW.SUCCEEDED, output_uri=paths.outputs(last))
    step.act(Ended())


def _fail_scope(step: Step, node: NodeRun, error: ExecutionError) -> None:
    scope = node.scope
    if node.index is not None:
        _element_ended(step, node)
        return
    if node is scope.failure_node:
        # The handler's own failure hides the one that it was called for.
        scope.error = error
        release(step, node)
        _end_scope(step, scope)
        return
    if scope.is_failing:
        release(step, node)
        end_scope_if_drained(step, scope)
        return
    scope.error = error
    if not scope.stops_at_first_failure:
        _settle(step, node)
        return
    scope.is_failing = True
    release(step, node)
    _announce_failure(step, scope)
    stop_all(step, scope.active(), AUTO_ABORT if scope.parent is None else "subworkflow failed")
    end_scope_if_drained(step, scope)


def _announce_failure(step: Step, scope: Scope) -> None:
    if scope.parent is None and step.run.phase == WORKFLOW.RUNNING:
        step.workflow(WORKFLOW.FAILING, error=scope.error)


def stop_all(step: Step, nodes: Iterable[NodeRun], reason: str) -> None:
    """A node that has no row yet, because it waits for an answer, goes back to not having begun."""
    for node in nodes:
        is_stopping = bool(node.stopping)
        if not is_stopping or node.expired:
            node.stopping, node.expired = reason, ""
        if node.phase == NODE.UNDEFINED:
            node.is_started = False
            release(step, node)
        elif not is_stopping:
            kind_of(node).stop(step, node)


def stop_inside(step: Step, node: NodeRun) -> bool:
    """Stop what runs inside a node.

    :return: whether there was nothing to wait for, so that the node itself is to end now.
    """
    inside = node.child
    if inside is None:
        return True
    stop_all(step, inside.active(), node.stopping)
    # What stopped at once may have ended the node already, or begun it again.
    return not node.is_terminal and node.child is inside and not inside.active()


def terminate(step: Step) -> None:
    """A user wants the execution ended; its row says ABORTING already."""
    step.run.phase = WORKFLOW.ABORTING
    step.run.held.clear()
    stop_all(step, step.run.root.active(), USER_ABORT)
    end_scope_if_drained(step, step.run.root)


def end_scope_if_drained(step: Step, scope: Scope) -> None:
    """Once nothing of a failing or aborted scope runs any more, it ends, after its on_failure handler."""
    if not _is_winding_up(step, scope) or scope.active():
        return
    handler = scope.failure_node
    if handler is not None and scope.is_failing and not handler.is_started and not _is_aborting(step, scope):
        start(step, handler)
        return
    _end_scope(step, scope)


def _is_winding_up(step: Step, scope: Scope) -> bool:
    is_run_failing = step.run.phase == WORKFLOW.FAILING and not _is_inside_handler(scope)
    return scope.is_failing or _is_aborting(step, scope) or is_run_failing


def _is_inside_handler(scope: Scope) -> bool:
    """A handler of failures may have nodes of its own; those run because something has failed."""
    parent = scope.parent
    return parent is not None and (parent is parent.scope.failure_node or _is_inside_handler(parent.scope))


def _has_time(step: Step, node: NodeRun) -> bool:
    """Whether it matters that the node took too long: nothing else ends it anyway."""
    if node is node.scope.failure_node:
        return not _is_aborting(step, node.scope)
    return not _is_winding_up(step, node.scope)


def _is_aborting(step: Step, scope: Scope) -> bool:
    return step.run.phase == WORKFLOW.ABORTING or bool(scope.parent and scope.parent.stopping)


def _end_scope(step: Step, scope: Scope) -> None:
    if scope.parent is not None:
        if not scope.parent.is_terminal:
            kind_of(scope.parent).child_failed(step, scope.parent, scope.error)
        return
    if step.run.phase in (WORKFLOW.SUCCEEDED, WORKFLOW.FAILED, WORKFLOW.ABORTED):
        return
    if step.run.phase == WORKFLOW.ABORTING:
        step.workflow(WORKFLOW.ABORTED)
    else:
        step.workflow(WORKFLOW.FAILED, error=scope.error)
    step.act(Ended())

"""A task: attempts as processes, retries by two budgets, cached outputs.

Source: flytepropeller pkg/controller/nodes/{executor,cache}.go, nodes/task/handler.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from flyteidl.admin import execution_pb2
from flyteidl.core import catalog_pb2, literals_pb2, tasks_pb2
from flyteidl.event import event_pb2

from flyte_sandbox.db.times import to_timestamp
from flyte_sandbox.engine import paths
from flyte_sandbox.engine.deciding import deadlines, flow
from flyte_sandbox.engine.deciding.interruptible import instance_class
from flyte_sandbox.engine.deciding.nodes.kind import Kind
from flyte_sandbox.engine.deciding.retrying import count_failure, exhausted, may_retry
from flyte_sandbox.engine.deciding.step import Step, node_execution_id, task_execution_id
from flyte_sandbox.engine.failures import system_error, user_error
from flyte_sandbox.engine.messages import (
    Attempt,
    AttemptStarted,
    AttemptWaiting,
    CacheLooked,
    CachePut,
    LookUpCache,
    Outcome,
    PrepareAttempt,
    ResumeAttempt,
    StartAttempt,
    StopAttempt,
)
from flyte_sandbox.engine.model import ExecutionError, Library, NodeRun, Scope
from flyte_sandbox.engine.tasks import task_types
from flyte_sandbox.engine.tasks.pods import pod_notes, with_container
from flyte_sandbox.phases import NODE, TASK

_TASK_ABORTED = "Task Aborted"
_Reservation = catalog_pb2.CatalogReservation
_DYNAMIC = {"is_parent": True, "is_dynamic": True}


class TaskKind(Kind):
    counts_to_parallelism = True

    # ---- beginning

    def start(self, step: Step, node: NodeRun) -> None:
        task = template(node)
        if node.dynamic is not None:
            self._begin_recovered(step, node)
        elif task.metadata.discoverable and not step.run.spec.overwrite_cache:
            self._look_up(step, node)
        else:
            node.cache_status = catalog_pb2.CACHE_SKIPPED if task.metadata.discoverable else 0
            self._begin(step, node)

    def _look_up(self, step: Step, node: NodeRun) -> None:
        task = template(node)
        assert node.inputs is not None
        id, is_serialized = node_execution_id(node), task.metadata.cache_serializable
        step.act(LookUpCache(node.uid, id, task, node.inputs, is_serialized))

    def cache_looked(self, step: Step, node: NodeRun, answer: CacheLooked) -> None:
        """A hit ends the node at once: one event, no task execution.

        Asked again when the one that it waits for has ended; and asked twice after a commit that failed.
        """
        if node.phase not in (NODE.UNDEFINED, NODE.QUEUED) or node.is_process_ordered:
            return
        if answer.outputs is None or answer.metadata is None:
            self._missed(step, node, answer)
            return
        node.cache_status = catalog_pb2.CACHE_HIT
        node.task_phase = TASK.SUCCEEDED
        step.write(paths.outputs(node), answer.outputs)
        metadata = event_pb2.TaskNodeMetadata(cache_status=catalog_pb2.CACHE_HIT, catalog_key=answer.metadata)
        flow.succeed(step, node, answer.outputs, task_node_metadata=metadata)

    def _begin_recovered(self, step: Step, node: NodeRun) -> None:
        """A dynamic task whose nodes are known from the execution that is recovered from."""
        deadlines.queue(step, node)
        deadlines.run(step, node)
        self._begin_inside(step, node)

    def _missed(self, step: Step, node: NodeRun, answer: CacheLooked) -> None:
        """Nobody has made the outputs yet; if somebody is about to, they are waited for."""
        node.cache_status, node.reservation = answer.status, answer.reservation
        if answer.reservation != _Reservation.RESERVATION_EXISTS:
            self._begin(step, node)
        elif node.phase == NODE.UNDEFINED:
            deadlines.queue(step, node, task_node_metadata=_cache_metadata(node))

    def _begin(self, step: Step, node: NodeRun) -> None:
        if node.phase == NODE.UNDEFINED:
            deadlines.queue(step, node, task_node_metadata=_cache_metadata(node))
        refusal = task_types.refusal(with_container(template(node)))
        if template(node).type == task_types.ECHO:
            self._echo(step, node)
        elif refusal is not None:
            self._refuse(step, node, user_error("TaskTypeUnsupported", refusal))
        else:
            self._begin_process(step, node)

    def _echo(self, step: Step, node: NodeRun) -> None:
        """Without a process, and with a single event of its task execution."""
        assert node.inputs is not None
        step.node(node, NODE.RUNNING)
        try:
            outputs = task_types.echo(template(node), node.inputs)
        except task_types.EchoError as exc:
            self._failed(step, node, user_error("BadTaskSpecification", str(exc)), Outcome())
        else:
            self._succeeded(step, node, Outcome(outputs=outputs))

    def _refuse(self, step: Step, node: NodeRun, error: ExecutionError) -> None:
        step.task(node, TASK.QUEUED, metadata=_metadata(node))
        step.node(node, NODE.RUNNING)
        self._failed(step, node, error, Outcome(error=error))

    def _begin_process(self, step: Step, node: NodeRun) -> None:
        self._begin_attempt(step, node)
        fields = self._deck(node, exists=None)
        step.node(node, NODE.RUNNING, task_node_metadata=_cache_metadata(node), **fields)

    def _begin_attempt(self, step: Step, node: NodeRun) -> None:
        node.task_version = 0
        deadlines.attempt_ordered(step, node)
        step.task(node, TASK.QUEUED, reason="task submitted", metadata=_metadata(node))
        node.is_process_ordered = True
        step.act(StartAttempt(_attempt(node)))

    def prepare_following(self, step: Step) -> None:
        """What probably begins next can be made ready; asked when the decision is complete."""
        started = [act.attempt.node_uid for act in step.decision.acts if isinstance(act, StartAttempt)]
        for uid in started:
            for following in _following(step.run.by_uid[uid]):
                step.act(PrepareAttempt(_attempt(following)))

    def attempt_waiting(self, step: Step, node: NodeRun, waiting: AttemptWaiting) -> None:
        """Told again by a new server; and too late when there was room in the meantime."""
        if node.task_phase == TASK.QUEUED:
            step.task(node, TASK.WAITING_FOR_RESOURCES, reason=waiting.reason)

    def attempt_started(self, step: Step, node: NodeRun, started: AttemptStarted, log_links: Any) -> None:
        """Told again for a process that a new server found running; that is no news."""
        deadlines.attempt_began(step, node)
        if node.task_phase != TASK.RUNNING:
            notes = (*pod_notes(template(node)), *started.notes)
            step.task(node, TASK.RUNNING, at=started.at, reasons=_reasons(notes, started), logs=log_links)

    # ---- going on after a restart

    def resume(self, step: Step, node: NodeRun) -> None:
        if node.phase == NODE.DYNAMIC_RUNNING and not node.is_repeating:
            self._resume_inside(step, node)
            return
        if node.reservation == _Reservation.RESERVATION_EXISTS:
            self._look_up(step, node)
            return
        if node.phase == NODE.QUEUED:
            step.node(node, NODE.RUNNING, **self._deck(node, exists=None))
        node.is_process_ordered = True
        step.act(ResumeAttempt(_attempt(node)))

    def attempt_interrupted(self, step: Step, node: NodeRun) -> None:
        """The same attempt number once more, from its checkpoint if it left one."""
        if node.stopping:
            self._stopped(step, node)
            return
        node.launches += 1
        step.note(node)
        if node.task_phase == TASK.RUNNING:
            node.task_version += 1
            step.task(node, TASK.RUNNING, reason="interrupted by down, started again")
        step.act(StartAttempt(_attempt(node)))

    def _resume_inside(self, step: Step, node: NodeRun) -> None:
        assert node.child is not None
        flow.release(step, node)
        if not any(one.is_started for one in node.child.nodes.values()):
            flow.begin_scope(step, node.child)

    # ---- ending

    def attempt_ended(self, step: Step, node: NodeRun, outcome: Outcome) -> None:
        node.is_process_ordered = False
        if outcome.deck is not None:
            step.write_bytes(paths.deck(node), outcome.deck)
        if node.stopping:
            self._stopped(step, node)
        elif outcome.outputs is not None:
            self._succeeded(step, node, outcome)
        elif outcome.dynamic is not None:
            self._expand(step, node, outcome)
        else:
            assert outcome.error is not None
            self._failed(step, node, outcome.error, outcome)

    def _succeeded(self, step: Step, node: NodeRun, outcome: Outcome) -> None:
        assert outcome.outputs is not None
        step.task(node, TASK.SUCCEEDED, output_uri=paths.outputs(node))
        self._finish(step, node, outcome.outputs, **self._deck(node, exists=outcome.deck is not None))

    def _finish(self, step: Step, node: NodeRun, outputs: literals_pb2.LiteralMap, **fields: Any) -> None:
        """The node has its outputs; a cacheable task's are remembered with its last event."""
        step.write(paths.outputs(node), outputs)
        metadata = event_pb2.TaskNodeMetadata(checkpoint_uri=paths.checkpoint(node, node.attempt))
        task = template(node)
        if task.metadata.discoverable and outputs.literals:
            assert node.inputs is not None
            put = CachePut(task, node.inputs, outputs, task_execution_id(node), node.uid)
            step.decision.records.append(put)
            node.cache_status = metadata.cache_status = catalog_pb2.CACHE_POPULATED
        if node.reservation:
            metadata.reservation_status = _Reservation.RESERVATION_RELEASED
        flow.succeed(step, node, outputs, task_node_metadata=metadata, **fields)

    # ---- a dynamic task: its nodes run inside

    def _expand(self, step: Step, node: NodeRun, outcome: Outcome) -> None:
        assert outcome.dynamic is not None
        assert outcome.futures is not None
        node.dynamic = outcome.dynamic
        step.write_bytes(paths.futures(node), outcome.futures.SerializeToString())
        step.write_bytes(paths.dynamic_closure(node), outcome.dynamic.SerializeToString())
        step.task(node, TASK.SUCCEEDED)
        self._begin_inside(step, node)

    def _begin_inside(self, step: Step, node: NodeRun) -> None:
        """The nodes that it yielded begin; they lie beside the attempt's other files."""
        assert node.dynamic is not None
        workflow = event_pb2.DynamicWorkflowNodeMetadata(
            id=node.dynamic.primary.template.id, dynamic_job_spec_uri=paths.futures(node)
        )
        metadata = event_pb2.TaskNodeMetadata(dynamic_workflow=workflow)
        if node.is_repeating:
            # Once DYNAMIC_RUNNING it stays so, whichever attempt it is.
            node.is_repeating = False
            step.note(node)
        else:
            step.node(node, NODE.DYNAMIC_RUNNING, task_node_metadata=metadata, **_DYNAMIC)
        # What waits for its children must not keep them waiting.
        flow.release(step, node)
        self.open(node)
        assert node.child is not None
        flow.begin_scope(step, node.child)

    def open(self, node: NodeRun) -> None:
        if node.dynamic is None:
            return
        library, nothing = Library(node.dynamic), literals_pb2.LiteralMap()
        run = node.scope.run
        node.child = Scope(run, node.dynamic.primary, nothing, library, node, node.attempt)

    def child_succeeded(self, step: Step, node: NodeRun, outputs: literals_pb2.LiteralMap) -> None:
        self._finish(step, node, outputs, **_DYNAMIC)

    def child_failed(self, step: Step, node: NodeRun, error: ExecutionError | None) -> None:
        """Permanent, unless a node inside has timed out."""
        error = error or system_error("Unknown", "dynamic workflow failed")
        if node.stopping:
            flow.aborted(step, node, node.stopping, **_DYNAMIC)
        elif not _has_timed_out(node):
            flow.fail(step, node, error, **_DYNAMIC)
        elif may_retry(node, error):
            self.begin_again(step, node)
        else:
            flow.fail(step, node, exhausted(node, error), **_DYNAMIC)

    def _failed(self, step: Step, node: NodeRun, error: ExecutionError, outcome: Outcome) -> None:
        step.task(node, TASK.FAILED, error=error)
        if outcome.is_recoverable:
            count_failure(node, error)
        if outcome.is_recoverable and may_retry(node, error):
            self.begin_again(step, node)
            return
        final = exhausted(node, error) if outcome.is_recoverable else error
        metadata = event_pb2.TaskNodeMetadata(checkpoint_uri=paths.checkpoint(node, node.attempt))
        fields = self._deck(node, exists=outcome.deck is not None)
        flow.fail(step, node, final, task_node_metadata=metadata, **fields)

    def begin_again(self, step: Step, node: NodeRun) -> None:
        """A dynamic task as a whole: what it yielded the last time is forgotten."""
        node.attempt += 1
        node.launches = 0
        node.child = node.dynamic = None
        node.is_repeating = node.phase == NODE.DYNAMIC_RUNNING
        self._begin_attempt(step, node)
        step.note(node)

    # ---- being stopped

    def stop(self, step: Step, node: NodeRun) -> None:
        if node.is_process_ordered:
            step.act(StopAttempt(_key(node)))
        elif flow.stop_inside(step, node):
            flow.aborted(step, node, node.stopping)

    def _stopped(self, step: Step, node: NodeRun) -> None:
        step.task(node, TASK.ABORTED, error=system_error(_TASK_ABORTED, node.stopping))
        metadata = event_pb2.TaskNodeMetadata(checkpoint_uri=paths.checkpoint(node, node.attempt))
        flow.aborted(step, node, node.stopping, task_node_metadata=metadata)

    def _deck(self, node: NodeRun, exists: bool | None) -> dict[str, str]:
        """:param exists: None while the task runs, when only a task that says it makes a deck has one."""
        metadata = template(node).metadata
        if metadata.HasField("generates_deck"):
            has_deck = metadata.generates_deck.value and exists is not False
        else:
            has_deck = bool(exists)
        return {"deck_uri": paths.deck(node)} if has_deck else {}


def _cache_metadata(node: NodeRun) -> event_pb2.TaskNodeMetadata:
    """What is known of the cache while the task is under way."""
    return event_pb2.TaskNodeMetadata(
        cache_status=node.cache_status,
        reservation_status=node.reservation,
    )


def template(node: NodeRun) -> tasks_pb2.TaskTemplate:
    return node.scope.library.task(node.node.task_node.reference_id)


def _following(node: NodeRun) -> Iterator[NodeRun]:
    """Tasks that nothing but this one keeps waiting."""
    scope = node.scope
    for one in scope.downstream(node) if node.index is None else ():
        if one.node.HasField("task_node") and scope.waiting_for[one.id] == 1 and _will_run(one):
            yield one


def _will_run(node: NodeRun) -> bool:
    """As a process: neither the cache nor a recovered execution may have what the task would put out."""
    task, spec = template(node), node.scope.run.spec
    if task.type in task_types.WITHOUT_PROCESS or task_types.refusal(with_container(task)) is not None:
        return False
    may_hit = task.metadata.discoverable and not spec.overwrite_cache
    return not may_hit and spec.metadata.mode != execution_pb2.ExecutionMetadata.RECOVERED


def _has_timed_out(node: NodeRun) -> bool:
    return node.child is not None and any(one.phase == NODE.TIMED_OUT for one in node.child.nodes.values())


def _reasons(notes: Iterable[str], started: AttemptStarted) -> list[event_pb2.EventReason]:
    """Shown in the order given; the last one is the attempt's current reason."""
    stamp = to_timestamp(started.at)
    return [event_pb2.EventReason(reason=text, occurred_at=stamp) for text in (*notes, "task started")]


def _key(node: NodeRun) -> str:
    return paths.attempt_key(node.scope.run.id, node.uid, node.attempt, node.launches)


def _attempt(node: NodeRun) -> Attempt:
    array = node.scope.parent if node.index is not None else None
    inputs = (array.inputs if array else node.inputs) or literals_pb2.LiteralMap()
    previous = paths.checkpoint(node, node.attempt - 1) if node.attempt else node.recovered_checkpoint
    run = node.scope.run
    return Attempt(
        key=_key(node),
        execution=run.id,
        node_uid=node.uid,
        attempt=node.attempt,
        task=with_container(template(node)),
        overrides=node.node.task_node.overrides,
        inputs=inputs,
        index=node.index,
        generated_name=paths.generated_name(node, node.attempt),
        raw_output_prefix=paths.raw_output_prefix(node, node.attempt),
        checkpoint=paths.checkpoint(node, node.attempt),
        prev_checkpoint=previous,
        workflow_name=run.closure.primary.template.id.name,
        envs={pair.key: pair.value for pair in run.spec.envs.values},
    )


def _metadata(node: NodeRun) -> event_pb2.TaskExecutionMetadata:
    return event_pb2.TaskExecutionMetadata(
        generated_name=paths.generated_name(node, node.attempt),
        plugin_identifier="container",
        instance_class=instance_class(node),
    )

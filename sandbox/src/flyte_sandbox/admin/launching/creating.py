"""Creating executions: everything is checked, then the inputs and one row are written, then the engine is
told.

Source: flyteadmin pkg/manager/impl/execution_manager.go.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from flyteidl.admin import common_pb2, execution_pb2, launch_plan_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from flyte_sandbox.admin.launching.preparing import Prepared, prepare
from flyte_sandbox.admin.launching.requests import given_inputs, validate_address, validate_spec
from flyte_sandbox.admin.launching.resolving import labels_as_tags
from flyte_sandbox.admin.launching.targets import LaunchTargets, Target
from flyte_sandbox.admin.projects import Projects
from flyte_sandbox.blobs.mapping import publicise
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.clock import Clock
from flyte_sandbox.compiler.launch_plans import resolve_inputs
from flyte_sandbox.compiler.prototext import one_line
from flyte_sandbox.config import BUCKET
from flyte_sandbox.db import executions as rows
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.times import to_micros, to_timestamp
from flyte_sandbox.errors import AlreadyExists
from flyte_sandbox.ids import random_execution_name

ExecutionId: TypeAlias = identifier_pb2.WorkflowExecutionIdentifier


class Launching:
    """:param on_created: told the id once the row is committed; the engine starts from there."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        store: Store,
        projects: Projects,
        targets: LaunchTargets,
        on_created: Callable[[ExecutionId], None],
    ) -> None:
        self._db = db
        self._clock = clock
        self._store = store
        self._projects = projects
        self._targets = targets
        self._on_created = on_created

    def create(self, request: execution_pb2.ExecutionCreateRequest) -> execution_pb2.ExecutionCreateResponse:
        """Nothing is written before everything has been checked; the engine is told after the commit."""
        # An eager task names what lies in the bucket by the paths under which it sees it.
        given = publicise(given_inputs(request), self._store)
        validate_address(request)
        self._projects.check_active(request.project, request.domain)
        validate_spec(request, given)
        target = self._targets.find(request.spec.launch_plan)
        expected, fixed = target.plan.closure.expected_inputs, target.plan.spec.fixed_inputs
        inputs = resolve_inputs(expected, fixed, given)
        id = ExecutionId(
            project=request.project, domain=request.domain, name=request.name or random_execution_name()
        )
        with self._db.read() as connection:
            prepared = prepare(connection, id, request.spec, target)
            _check_free(connection, id)
            _check_concurrency(connection, target)
        self._write(id, prepared, target, inputs, given)
        self._on_created(id)
        return execution_pb2.ExecutionCreateResponse(id=id)

    def _write(
        self,
        id: ExecutionId,
        prepared: Prepared,
        target: Target,
        inputs: literals_pb2.LiteralMap,
        given: literals_pb2.LiteralMap,
    ) -> None:
        folder = f"s3://{BUCKET}/metadata/{id.project}/{id.domain}/{id.name}"
        uris = {"inputs_uri": f"{folder}/inputs", "user_inputs_uri": f"{folder}/user_inputs"}
        self._store.write(uris["inputs_uri"], inputs.SerializeToString(deterministic=True))
        self._store.write(uris["user_inputs_uri"], given.SerializeToString(deterministic=True))
        try:
            with self._db.write() as connection:
                # Once more: another launch may have been quicker, and from here on it has to wait.
                _check_concurrency(connection, target, is_locked=True)
                self._insert(connection, id, prepared, target, uris)
        except IntegrityError:
            raise _taken(id) from None

    def _insert(
        self,
        connection: Connection,
        id: ExecutionId,
        prepared: Prepared,
        target: Target,
        uris: dict[str, str],
    ) -> None:
        now = self._clock.now()
        names = ("created_at", "updated_at", "execution_created_at", "execution_updated_at")
        spec = prepared.spec
        key = rows.insert_execution(
            connection,
            id,
            launch_plan_id=target.launch_plan_key,
            workflow_id=target.workflow_key,
            task_id=target.task_key,
            phase="UNDEFINED",
            mode=spec.metadata.mode,
            source_execution_id=prepared.source_key,
            parent_node_execution_id=prepared.parent_key,
            user=spec.metadata.principal,
            launch_entity="task" if target.task_key else "launch_plan",
            spec=spec.SerializeToString(),
            closure=_first_closure(spec, target, now).SerializeToString(),
            resolved_spec=prepared.resolved.SerializeToString(),
            launch_attributes=prepared.attributes.SerializeToString(),
            **dict.fromkeys(names, to_micros(now)),
            **uris,
        )
        if target.launch_plan_key is not None:
            rows.insert_tags(connection, key, labels_as_tags(spec))


def _check_free(connection: Connection, id: ExecutionId) -> None:
    if rows.get(connection, id) is not None:
        raise _taken(id)


def _taken(id: ExecutionId) -> AlreadyExists:
    return AlreadyExists(f"value with matching already exists ({one_line(id)})")


def _check_concurrency(connection: Connection, target: Target, is_locked: bool = False) -> None:
    """Counts every version of the launch plan. Source: execution_manager.go checkConcurrency.

    :param is_locked: keep other launches of the plan waiting until this transaction ends.
    :raises AlreadyExists: when as many run as the plan allows; clients take that for an answer.
    """
    policy = target.plan.spec.concurrency_policy
    skips = policy.behavior == launch_plan_pb2.CONCURRENCY_LIMIT_BEHAVIOR_SKIP
    if target.launch_plan_key is None or not policy.max or not skips:
        return
    if is_locked:
        rows.lock_launch_plan(connection, target.plan.id)
    if rows.count_running(connection, target.plan.id) >= policy.max:
        raise AlreadyExists(
            f"concurrency limit ({policy.max}) reached for launch plan {target.plan.id.name}; "
            "skipping execution"
        )


def _first_closure(
    spec: execution_pb2.ExecutionSpec, target: Target, now: datetime
) -> execution_pb2.ExecutionClosure:
    stamp = to_timestamp(now)
    change = execution_pb2.ExecutionStateChangeDetails(
        state=execution_pb2.EXECUTION_ACTIVE, occurred_at=stamp, principal=spec.metadata.principal
    )
    return execution_pb2.ExecutionClosure(
        phase=core_execution_pb2.WorkflowExecution.UNDEFINED,
        created_at=stamp,
        updated_at=stamp,
        workflow_id=target.workflow_id,
        notifications=_notifications(spec, target.plan),
        state_change_details=change,
    )


def _notifications(
    spec: execution_pb2.ExecutionSpec, plan: launch_plan_pb2.LaunchPlan
) -> list[common_pb2.Notification]:
    if spec.notifications.notifications:
        return list(spec.notifications.notifications)
    return [] if spec.disable_all else list(plan.spec.entity_metadata.notifications)

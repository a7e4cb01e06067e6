"""Creating executions: validation, inputs, what is resolved from where, what is stored.

Source: flyteadmin pkg/manager/impl/execution_manager.go, validation/execution_validator.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from flyteidl.admin import common_pb2, execution_pb2, launch_plan_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from flyte_sandbox.admin import registered
from flyte_sandbox.admin.descriptions import missing
from flyte_sandbox.admin.launch_plans import to_message as to_launch_plan
from flyte_sandbox.admin.projects import Projects
from flyte_sandbox.admin.resolving import labels_as_tags, resolve_spec
from flyte_sandbox.admin.single_tasks import SingleTasks
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.clock import Clock
from flyte_sandbox.compiler.identifiers import (
    validate_execution_name,
    validate_identifier,
    validate_labels,
    validate_notifications,
)
from flyte_sandbox.compiler.launch_plans import resolve_inputs
from flyte_sandbox.compiler.literal_values import validate_literal_map
from flyte_sandbox.compiler.prototext import one_line
from flyte_sandbox.config import BUCKET
from flyte_sandbox.db import executions as rows
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.times import to_micros, to_timestamp
from flyte_sandbox.errors import AlreadyExists, InvalidArgument, NotFound
from flyte_sandbox.ids import random_execution_name

ExecutionId: TypeAlias = identifier_pb2.WorkflowExecutionIdentifier
_Mode = execution_pb2.ExecutionMetadata


@dataclass(frozen=True)
class _Target:
    """What a request launches: the plan's message and the rows that the execution points at."""

    plan: launch_plan_pb2.LaunchPlan
    workflow_id: identifier_pb2.Identifier
    launch_plan_key: int | None
    workflow_key: int
    task_key: int | None


class Launching:
    """:param on_created: told the id once the row is committed; the engine starts from there."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        store: Store,
        projects: Projects,
        single_tasks: SingleTasks,
        on_created: Callable[[ExecutionId], None],
    ) -> None:
        self._db = db
        self._clock = clock
        self._store = store
        self._projects = projects
        self._single_tasks = single_tasks
        self._on_created = on_created

    def create(self, request: execution_pb2.ExecutionCreateRequest) -> execution_pb2.ExecutionCreateResponse:
        """Nothing is written before everything has been checked; the engine is told after the commit."""
        given = _given_inputs(request)
        self._validate(request, given)
        target = self._find_target(request.spec.launch_plan)
        expected, fixed = target.plan.closure.expected_inputs, target.plan.spec.fixed_inputs
        inputs = resolve_inputs(expected, fixed, given)
        id = ExecutionId(
            project=request.project, domain=request.domain, name=request.name or random_execution_name()
        )
        self._check_free(id)
        self._check_concurrency(target)
        self._write(id, request.spec, target, inputs, given)
        self._on_created(id)
        return execution_pb2.ExecutionCreateResponse(id=id)

    def _validate(
        self, request: execution_pb2.ExecutionCreateRequest, given: literals_pb2.LiteralMap
    ) -> None:
        for name in ("project", "domain"):
            if not getattr(request, name):
                raise InvalidArgument(f"missing {name}")
        if request.name:
            validate_execution_name(request.name)
        self._projects.check_active(request.project, request.domain)
        if not request.HasField("spec"):
            raise InvalidArgument("missing spec")
        entity = request.spec.launch_plan
        if entity.resource_type not in (identifier_pb2.LAUNCH_PLAN, identifier_pb2.TASK):
            kind = identifier_pb2.ResourceType.Name(entity.resource_type)
            raise InvalidArgument(
                f"Invalid reference entity resource type [{kind}], expected TASK or LAUNCH_PLAN"
            )
        validate_identifier(entity, entity.resource_type)
        validate_literal_map(given, "inputs")
        validate_notifications(request.spec.notifications.notifications)
        validate_labels(request.spec.labels)

    def _find_target(self, id: identifier_pb2.Identifier) -> _Target:
        if id.resource_type == identifier_pb2.TASK:
            return self._find_task(id)
        with self._db.read() as connection:
            row = registered.get_row(connection, id)
        plan = to_launch_plan(row)
        return _Target(plan, plan.spec.workflow_id, row.id, row.workflow_id, None)

    def _find_task(self, id: identifier_pb2.Identifier) -> _Target:
        single = self._single_tasks.ensure(id)
        return _Target(single.plan, single.workflow_id, None, single.workflow_key, single.task_key)

    def _check_free(self, id: ExecutionId) -> None:
        with self._db.read() as connection:
            if rows.get(connection, id) is not None:
                raise _taken(id)

    def _check_concurrency(self, target: _Target) -> None:
        """Counts every version of the launch plan. Source: execution_manager.go checkConcurrency."""
        policy = target.plan.spec.concurrency_policy
        if (
            target.launch_plan_key is None
            or not target.plan.spec.HasField("concurrency_policy")
            or not policy.max
        ):
            return
        with self._db.read() as connection:
            running = rows.count_running(connection, target.plan.id)
        if running >= policy.max and policy.behavior == launch_plan_pb2.CONCURRENCY_LIMIT_BEHAVIOR_SKIP:
            raise AlreadyExists(
                f"concurrency limit ({policy.max}) reached for launch plan {target.plan.id.name}; "
                "skipping execution"
            )

    def _write(
        self,
        id: ExecutionId,
        spec: execution_pb2.ExecutionSpec,
        target: _Target,
        inputs: literals_pb2.LiteralMap,
        given: literals_pb2.LiteralMap,
    ) -> None:
        folder = f"s3://{BUCKET}/metadata/{id.project}/{id.domain}/{id.name}"
        uris = {"inputs_uri": f"{folder}/inputs", "user_inputs_uri": f"{folder}/user_inputs"}
        self._store.write(uris["inputs_uri"], inputs.SerializeToString(deterministic=True))
        self._store.write(uris["user_inputs_uri"], given.SerializeToString(deterministic=True))
        try:
            with self._db.write() as connection:
                self._insert(connection, id, spec, target, uris)
        except IntegrityError:
            raise _taken(id) from None

    def _insert(
        self,
        connection: Connection,
        id: ExecutionId,
        spec: execution_pb2.ExecutionSpec,
        target: _Target,
        uris: dict[str, str],
    ) -> None:
        now = self._clock.now()
        stored = self._stored_spec(connection, id, spec, target)
        parent = _find_parent(connection, spec.metadata)
        source = _find_source(connection, spec.metadata)
        key = rows.insert_execution(
            connection,
            id,
            launch_plan_id=target.launch_plan_key,
            workflow_id=target.workflow_key,
            task_id=target.task_key,
            phase="UNDEFINED",
            mode=spec.metadata.mode,
            created_at=to_micros(now),
            updated_at=to_micros(now),
            execution_created_at=to_micros(now),
            execution_updated_at=to_micros(now),
            source_execution_id=source,
            parent_node_execution_id=parent,
            user=stored.metadata.principal,
            launch_entity="task" if target.task_key else "launch_plan",
            spec=stored.SerializeToString(),
            closure=_first_closure(spec, target, now).SerializeToString(),
            resolved_spec=resolve_spec(stored, target.plan.spec).SerializeToString(),
            **uris,
        )
        if target.launch_plan_key is not None:
            rows.insert_tags(connection, key, labels_as_tags(stored))

    def _stored_spec(
        self,
        connection: Connection,
        id: ExecutionId,
        spec: execution_pb2.ExecutionSpec,
        target: _Target,
    ) -> execution_pb2.ExecutionSpec:
        """The spec as sent, less what only the server may say (principal, artifacts, where it runs)."""
        stored = execution_pb2.ExecutionSpec()
        stored.CopyFrom(spec)
        stored.metadata.principal = ""
        stored.metadata.ClearField("artifact_ids")
        stored.metadata.system_metadata.Clear()
        stored.metadata.system_metadata.namespace = f"{id.project}-{id.domain}"
        if spec.metadata.HasField("parent_node_execution"):
            row = rows.get(connection, spec.metadata.parent_node_execution.execution_id)
            if row is not None:
                parent = execution_pb2.ExecutionSpec.FromString(row.spec)
                stored.metadata.nesting = parent.metadata.nesting + 1
        if target.launch_plan_key is not None:
            stored.max_parallelism = resolve_spec(stored, target.plan.spec).max_parallelism
        stored.security_context.run_as.SetInParent()
        return stored

    def relaunch(
        self, request: execution_pb2.ExecutionRelaunchRequest
    ) -> execution_pb2.ExecutionCreateResponse:
        with self._db.read() as connection:
            row = rows.get(connection, request.id)
        if row is None:
            raise NotFound(missing("execution", request.id))
        spec = execution_pb2.ExecutionSpec.FromString(row.spec)
        spec.metadata.mode = _Mode.RELAUNCH
        spec.metadata.reference_execution.CopyFrom(request.id)
        spec.metadata.ClearField("parent_node_execution")
        spec.overwrite_cache = request.overwrite_cache
        given = literals_pb2.LiteralMap.FromString(self._store.read(row.user_inputs_uri))
        return self.create(
            execution_pb2.ExecutionCreateRequest(
                project=request.id.project,
                domain=request.id.domain,
                name=request.name,
                spec=spec,
                inputs=given,
            )
        )


def _given_inputs(request: execution_pb2.ExecutionCreateRequest) -> literals_pb2.LiteralMap:
    """The web console sends its inputs inside the spec."""
    return request.inputs if request.inputs.literals else request.spec.inputs


def _taken(id: ExecutionId) -> AlreadyExists:
    return AlreadyExists(f"value with matching already exists ({one_line(id)})")


def _find_parent(connection: Connection, metadata: execution_pb2.ExecutionMetadata) -> int | None:
    if not metadata.HasField("parent_node_execution"):
        return None
    row = rows.get_node(connection, metadata.parent_node_execution)
    if row is None:
        raise NotFound(missing("node execution", metadata.parent_node_execution))
    return int(row.id)


def _find_source(connection: Connection, metadata: execution_pb2.ExecutionMetadata) -> int | None:
    if not metadata.HasField("reference_execution"):
        return None
    row = rows.get(connection, metadata.reference_execution)
    return None if row is None else int(row.id)


def _first_closure(
    spec: execution_pb2.ExecutionSpec, target: _Target, now: datetime
) -> execution_pb2.ExecutionClosure:
    stamp = to_timestamp(now)
    change = execution_pb2.ExecutionStateChangeDetails(
        state=execution_pb2.EXECUTION_ACTIVE, occurred_at=stamp
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

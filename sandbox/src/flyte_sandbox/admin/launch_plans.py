"""Launch plans: a workflow with default and fixed inputs.

Source: flyteadmin pkg/manager/impl/launch_plan_manager.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flyteidl.admin import common_pb2, launch_plan_pb2
from flyteidl.core import identifier_pb2
from google.protobuf.message import Message
from sqlalchemy import Connection, Row

from flyte_sandbox.admin import registered
from flyte_sandbox.admin.pages import next_token, read_page
from flyte_sandbox.admin.projects import Projects
from flyte_sandbox.admin.workflows import to_message as to_workflow
from flyte_sandbox.clock import Clock
from flyte_sandbox.compiler.digests import structural_digest
from flyte_sandbox.compiler.identifiers import validate_identifier
from flyte_sandbox.compiler.launch_plans import compile_launch_plan
from flyte_sandbox.compiler.prototext import one_line
from flyte_sandbox.compiler.schedules import check_schedulable
from flyte_sandbox.db import entities, schedules, schema
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.executions import lock_launch_plan
from flyte_sandbox.db.listing import LAUNCH_PLANS, select_page
from flyte_sandbox.db.times import from_micros, to_micros, to_timestamp
from flyte_sandbox.errors import InvalidArgument, NotFound

_LAUNCH_PLAN = identifier_pb2.LAUNCH_PLAN
ACTIVE = launch_plan_pb2.ACTIVE
INACTIVE = launch_plan_pb2.INACTIVE


class LaunchPlans:
    """:param on_scheduled: told after the commit that a launch plan was made active or inactive."""

    def __init__(
        self, db: Database, clock: Clock, projects: Projects, on_scheduled: Callable[[], None] = lambda: None
    ) -> None:
        self._db = db
        self._clock = clock
        self._projects = projects
        self._on_scheduled = on_scheduled

    def create(
        self, request: launch_plan_pb2.LaunchPlanCreateRequest
    ) -> launch_plan_pb2.LaunchPlanCreateResponse:
        workflow_id = request.spec.workflow_id
        validate_identifier(workflow_id, identifier_pb2.WORKFLOW)
        with self._db.read() as connection:
            row = registered.get_row(connection, workflow_id)
        validate_identifier(request.id, _LAUNCH_PLAN)
        self._projects.check_active(request.id.project, request.id.domain)
        interface = to_workflow(row).closure.compiled_workflow.primary.template.interface
        spec, inputs, outputs = compile_launch_plan(request.id, request.spec, interface)
        plan = launch_plan_pb2.LaunchPlan(id=request.id, spec=spec)
        plan.closure.expected_inputs.CopyFrom(inputs)
        plan.closure.expected_outputs.CopyFrom(outputs)
        self.store(plan, row.id)
        return launch_plan_pb2.LaunchPlanCreateResponse()

    def store(self, plan: launch_plan_pb2.LaunchPlan, workflow_key: int, is_generated: bool = False) -> None:
        """:param workflow_key: the row of the workflow that it launches.

        :param is_generated: made for the execution of a single task, and hidden from lists of names.
        :raises AlreadyExists, InvalidArgument: see :func:`registered.insert_once`.
        """
        digest = structural_digest(plan)

        def insert(connection: Connection) -> None:
            now = self._clock.now()
            entities.insert_row(
                connection,
                plan.id,
                workflow_id=workflow_key,
                digest=digest,
                state=INACTIVE,
                schedule_type=_schedule_type(plan),
                created_at=to_micros(now),
                updated_at=to_micros(now),
                message=plan.SerializeToString(),
            )
            if is_generated:
                registered.mark_generated(connection, plan.id, to_micros(now))

        def describe_old(row: Row[Any]) -> tuple[Message, Message]:
            return launch_plan_pb2.LaunchPlan.FromString(row.message), plan

        registered.insert_once(self._db, plan.id, digest, insert, describe_old)

    def get(self, request: common_pb2.ObjectGetRequest) -> launch_plan_pb2.LaunchPlan:
        id = registered.read_id(request, _LAUNCH_PLAN)
        with self._db.read() as connection:
            return to_message(registered.get_row(connection, id))

    def get_active(self, request: launch_plan_pb2.ActiveLaunchPlanRequest) -> launch_plan_pb2.LaunchPlan:
        id = request.id
        for name in ("project", "domain", "name"):
            if not getattr(id, name):
                raise InvalidArgument(f"missing {name}")
        with self._db.read() as connection:
            row = entities.get_active_launch_plan(connection, id.project, id.domain, id.name)
        if row is None:
            raise NotFound(f"No active launch plan could be found: {id.project}:{id.domain}:{id.name}")
        return to_message(row)

    def list(self, request: common_pb2.ResourceListRequest) -> launch_plan_pb2.LaunchPlanList:
        plans, token = registered.list_rows(self._db, LAUNCH_PLANS, request, "ListLaunchPlans", to_message)
        return launch_plan_pb2.LaunchPlanList(launch_plans=plans, token=token)

    def list_active(
        self, request: launch_plan_pb2.ActiveLaunchPlanListRequest
    ) -> launch_plan_pb2.LaunchPlanList:
        for name in ("project", "domain"):
            if not getattr(request, name):
                raise InvalidArgument(f"missing {name}")
        page = read_page(request, "ListActiveLaunchPlans")
        table = schema.launch_plans.c
        conditions = (
            table.project == request.project,
            table.domain == request.domain,
            table.state == ACTIVE,
        )
        with self._db.read() as connection:
            rows = select_page(connection, LAUNCH_PLANS, page, *conditions)
        return launch_plan_pb2.LaunchPlanList(
            launch_plans=map(to_message, rows), token=next_token(page, rows)
        )

    def list_ids(
        self, request: common_pb2.NamedEntityIdentifierListRequest
    ) -> common_pb2.NamedEntityIdentifierList:
        return registered.list_ids(self._db, LAUNCH_PLANS, request, "ListLaunchPlanIds")

    def update(
        self, request: launch_plan_pb2.LaunchPlanUpdateRequest
    ) -> launch_plan_pb2.LaunchPlanUpdateResponse:
        """Activating one version makes the active one of that name inactive in the same transaction."""
        validate_identifier(request.id, _LAUNCH_PLAN)
        if request.state not in (ACTIVE, INACTIVE):
            raise InvalidArgument(
                f"Unrecognized launch plan state {request.state} for update for launch plan "
                f"[{one_line(request.id)}]"
            )
        with self._db.write() as connection:
            # Two activations at once would leave two active versions.
            lock_launch_plan(connection, request.id)
            row = registered.get_row(connection, request.id)
            if request.state == ACTIVE:
                self._activate(connection, row)
            else:
                now = to_micros(self._clock.now())
                entities.update_row(connection, request.id, state=INACTIVE, updated_at=now)
                schedules.end(connection, row.id)
        self._on_scheduled()
        return launch_plan_pb2.LaunchPlanUpdateResponse()

    def _activate(self, connection: Connection, row: Row[Any]) -> None:
        plan = to_message(row)
        check_schedulable(plan.spec.entity_metadata.schedule)
        active = entities.get_active_launch_plan(connection, row.project, row.domain, row.name)
        if active is not None and active.id != row.id:
            entities.update_row(connection, to_message(active).id, state=INACTIVE)
            schedules.end(connection, active.id)
        # The real one leaves updated_at alone here.
        entities.update_row(connection, plan.id, state=ACTIVE)
        if row.schedule_type != "NONE":
            schedules.begin(connection, row.id, to_micros(self._clock.now()))


def to_message(row: Row[Any]) -> launch_plan_pb2.LaunchPlan:
    plan = launch_plan_pb2.LaunchPlan.FromString(row.message)
    plan.closure.state = row.state
    plan.closure.created_at.CopyFrom(_stamp(row.created_at))
    plan.closure.updated_at.CopyFrom(_stamp(row.updated_at))
    return plan


def _stamp(micros: int) -> Message:
    return to_timestamp(from_micros(micros))


def _schedule_type(plan: launch_plan_pb2.LaunchPlan) -> str:
    schedule = plan.spec.entity_metadata.schedule
    match schedule.WhichOneof("ScheduleExpression"):
        case "rate":
            return "RATE"
        case "cron_schedule" | "cron_expression":
            return "CRON"
        case _:
            return "NONE"

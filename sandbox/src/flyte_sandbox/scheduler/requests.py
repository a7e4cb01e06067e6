"""The execution of a launch plan for one time of its schedule. Pure.

Source: flyteadmin scheduler/executor/executor_impl.go (Execute).
"""

from __future__ import annotations

from datetime import datetime

from flyteidl.admin import execution_pb2, launch_plan_pb2
from flyteidl.core import literals_pb2

from flyte_sandbox.db.times import to_timestamp
from flyte_sandbox.ids import scheduled_execution_name


def launch_request(
    plan: launch_plan_pb2.LaunchPlan, moment: datetime
) -> execution_pb2.ExecutionCreateRequest:
    """:param moment: when it fell due. The name follows from plan and moment, so that asking twice launches
    once.
    """
    id = plan.id
    metadata = execution_pb2.ExecutionMetadata(
        mode=execution_pb2.ExecutionMetadata.SCHEDULED, scheduled_at=to_timestamp(moment)
    )
    return execution_pb2.ExecutionCreateRequest(
        project=id.project,
        domain=id.domain,
        name=scheduled_execution_name(id.project, id.domain, id.name, id.version, int(moment.timestamp())),
        spec=execution_pb2.ExecutionSpec(launch_plan=id, metadata=metadata),
        inputs=_kickoff_input(plan, moment),
    )


def _kickoff_input(plan: launch_plan_pb2.LaunchPlan, moment: datetime) -> literals_pb2.LiteralMap:
    """The real one tells only cron schedules their time; a rate with a required kickoff input never runs."""
    schedule = plan.spec.entity_metadata.schedule
    inputs = literals_pb2.LiteralMap()
    if schedule.kickoff_time_input_arg and schedule.HasField("cron_schedule"):
        primitive = inputs.literals[schedule.kickoff_time_input_arg].scalar.primitive
        primitive.datetime.CopyFrom(to_timestamp(moment))
    return inputs

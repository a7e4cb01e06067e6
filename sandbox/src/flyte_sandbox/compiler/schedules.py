"""The rules for a launch plan that has a schedule: nobody is there to give it inputs.

Source: flyteadmin pkg/manager/impl/validation/launch_plan_validator.go (validateSchedule).
"""

from __future__ import annotations

from flyteidl.admin import schedule_pb2
from flyteidl.core import interface_pb2, types_pb2

from flyte_sandbox.compiler.cron import parse_cron
from flyte_sandbox.compiler.identifiers import invalid_value
from flyte_sandbox.compiler.typing import describe
from flyte_sandbox.errors import Internal, InvalidArgument


def validate_schedule(schedule: schedule_pb2.Schedule, expected: interface_pb2.ParameterMap) -> None:
    """:raises InvalidArgument: an input nobody would give, no such kickoff input, a bad expression."""
    kind = schedule.WhichOneof("ScheduleExpression")
    if kind is None or (kind == "cron_expression" and not schedule.cron_expression):
        return
    _validate_inputs(schedule.kickoff_time_input_arg, expected)
    if kind == "rate":
        if schedule.rate.value == 0:  # it would fire without end
            raise invalid_value("rate")
        return
    _validate_cron(schedule.cron_expression if kind == "cron_expression" else schedule.cron_schedule.schedule)


def check_schedulable(schedule: schedule_pb2.Schedule) -> None:
    """What an active launch plan needs: the deprecated ``cron_expression`` was for another scheduler.

    Source: flyteadmin scheduler/dbapi/event_scheduler_impl.go (AddSchedule).

    :raises Internal: Flyte's scheduler does not know this kind.
    """
    if schedule.cron_expression:
        raise Internal(
            "failed adding schedule for unknown schedule expression type "
            f"cron_expression {schedule.cron_expression}; use cron_schedule instead"
        )


def _validate_inputs(kickoff: str, expected: interface_pb2.ParameterMap) -> None:
    for name in sorted(expected.parameters):
        if expected.parameters[name].required and name != kickoff:
            raise InvalidArgument(
                "Cannot create a launch plan with a schedule if there is an unbound required input."
                f" [{name}] is required"
            )
    if not kickoff:
        return
    if kickoff not in expected.parameters:
        raise InvalidArgument(
            "Cannot create a schedule with a KickoffTimeInputArg that does not point to a free input."
            f" [{kickoff}] is not free or does not exist."
        )
    kickoff_type = expected.parameters[kickoff].var.type
    if kickoff_type.WhichOneof("type") != "simple" or kickoff_type.simple != types_pb2.DATETIME:
        raise InvalidArgument(
            "KickoffTimeInputArg must reference a datetime input."
            f" [{kickoff}] is a [{describe(kickoff_type)}]"
        )


def _validate_cron(expression: str) -> None:
    try:
        parse_cron(expression)
    except ValueError as error:
        raise InvalidArgument(f"Invalid cron expression: {expression}: {error}") from error

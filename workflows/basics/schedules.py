"""Schedules: launch plans that Flyte launches by itself.

A schedule counts while its launch plan is active. ``make register`` activates every launch plan, so the two
here are seldom due; ``pyflyte launchplan NAME VERSION --deactivate`` ends a schedule, ``--activate`` begins
it again.
"""

from datetime import datetime, timedelta

from flytekit import CronSchedule, FixedRate, LaunchPlan, task, workflow


@task
def describe(kickoff_time: datetime, city: str) -> str:
    """The time for which it was launched, even when that was a while ago."""
    return f"{city} on {kickoff_time:%Y-%m-%d}"


@workflow
def schedules_wf(kickoff_time: datetime = datetime(2026, 1, 1), city: str = "New York") -> str:
    """A report for a day.

    :param kickoff_time: filled in by the schedule.
    :param city: of the report.
    :return: its title.
    """
    return describe(kickoff_time=kickoff_time, city=city)


# Cron, in UTC. The input named here gets the time for which it is launched; all others need values.
every_new_year = LaunchPlan.get_or_create(
    workflow=schedules_wf,
    name="basics.schedules.every_new_year",
    schedule=CronSchedule(schedule="0 3 1 1 *", kickoff_time_input_arg="kickoff_time"),
    default_inputs={"city": "Boston"},
)

# A fixed rate, counted from when the launch plan becomes active.
every_month = LaunchPlan.get_or_create(
    workflow=schedules_wf,
    name="basics.schedules.every_month",
    schedule=FixedRate(duration=timedelta(days=30)),
    fixed_inputs={"city": "Chicago"},
)

"""Launch plans with schedules, as flytekit writes them."""

from datetime import datetime, timedelta

from flytekit import CronSchedule, FixedRate, LaunchPlan, task, workflow


@task
def say(when: datetime, number: int) -> str:
    return f"{when:%H:%M} {number}"


@workflow
def report(when: datetime, number: int = 2) -> str:
    return say(when=when, number=number)


daily_report = LaunchPlan.get_or_create(
    report,
    name="examples.scheduled.daily_report",
    schedule=CronSchedule(schedule="30 6 * * *", kickoff_time_input_arg="when"),
    fixed_inputs={"number": 5},
)


@task
def tick(number: int) -> int:
    return number


@workflow
def ticks(number: int = 1) -> int:
    return tick(number=number)


every_six_hours = LaunchPlan.get_or_create(
    ticks, name="examples.scheduled.every_six_hours", schedule=FixedRate(duration=timedelta(hours=6))
)

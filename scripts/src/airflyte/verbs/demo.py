"""``airflyte demo``: trigger an example Dag, follow it live, and show what came of it."""

from __future__ import annotations

import argparse

from airflyte.errors import AirflyteError
from airflyte.settings import Settings

HELP = "run the Dag example_flyte and show accuracy and links"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which Dag."""
    parser.add_argument("dag", nargs="?", help="another Dag; example_flyte by default")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run it.

    :return: 1 when the Dag run failed.
    :raises AirflyteError: when the stack does not run.
    """
    from airflyte import demo
    from airflyte.stack import launch, record
    from airflyte.steps import Steps

    stack = record.running_stack(settings)
    if not stack.has_airflow:
        raise AirflyteError("There is no Airflow in this stack (AIRFLYTE_AIRFLOW=none), so no Dag can run.")
    if settings.folder.read() is None or not launch.is_running(stack):
        raise AirflyteError("The stack is not running; type make up.")
    steps = Steps(1)
    with steps.step("demo") as step:
        result = demo.run(stack, step, args.dag or demo.DAG)
        step.say(result.describe())
    for line in result.links(stack):
        steps.print(line)
    if not result.is_success:
        for line in demo.explain_failure(stack, result):
            steps.print(line)
    return 0 if result.is_success else 1

"""What cannot be launched fails the Airflow task with one clear sentence, and no execution comes of it."""

from __future__ import annotations

import pytest

from .harness.airflow import Airflow
from .harness.flyte import Flyte

HELLO = "basics.hello_world.hello_wf"
CHEER = "basics.launch_plans.cheer_wf"

MISTAKES = {
    "wrong name": (
        "basics.hello_world.helo_wf",
        {},
        ["launch plan 'basics.hello_world.helo_wf' not found", "did you mean 'basics.hello_world.hello_wf'"],
    ),
    "wrong type": (
        CHEER,
        {"word": "hip", "times": "often"},
        ["input 'times': expected int, got str 'often'"],
    ),
    "unknown input": (HELLO, {"nam": "Ada"}, ["input 'nam'", "unknown", "did you mean 'name'"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_said_in_one_sentence_and_nothing_is_launched(
    airflow: Airflow, flyte: Flyte, mistake: str
) -> None:
    launch_plan, inputs, words = MISTAKES[mistake]
    before = flyte.executions()

    run = airflow.trigger("launch", launch_plan=launch_plan, inputs=inputs)

    assert run.wait() == "failed"
    said = [line for line in run.task("launch").log().splitlines() if all(word in line for word in words)]
    assert said, run.task("launch").log()
    assert flyte.executions() == before

"""What cannot be launched fails the Airflow task with one clear sentence, and no execution comes of it."""

from __future__ import annotations

from .harness.airflow import Airflow
from .harness.flyte import Flyte

HELLO = "basics.hello_world.hello_wf"
CHEER = "basics.launch_plans.cheer_wf"

MISTAKES: dict[str, tuple[str, dict[str, str], str]] = {
    "wrong name": (
        "basics.hello_world.helo_wf",
        {},
        "launch plan 'basics.hello_world.helo_wf' not found in flytesnacks/development at localhost:{port}; "
        "did you mean 'basics.hello_world.hello_wf'?",
    ),
    "wrong type": (CHEER, {"word": "hip", "times": "often"}, "input 'times': expected int, got str 'often'"),
    "unknown input": (
        HELLO,
        {"nam": "Ada"},
        "input 'nam': unknown to launch plan 'basics.hello_world.hello_wf', which takes 'name'; "
        "did you mean 'name'?",
    ),
}
"""Launch plan, inputs, and what is said about them."""


def test_mistakes_are_said_in_one_sentence_and_nothing_is_launched(airflow: Airflow, flyte: Flyte) -> None:
    before = flyte.executions()

    runs = {
        mistake: airflow.trigger("launch", launch_plan=launch_plan, inputs=inputs)
        for mistake, (launch_plan, inputs, _) in MISTAKES.items()
    }

    for mistake, (_, _, sentence) in MISTAKES.items():
        assert runs[mistake].wait() == "failed"
        assert sentence.format(port=flyte.port) in runs[mistake].task("launch").log()
    assert flyte.executions() == before

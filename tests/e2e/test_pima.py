"""A model trained in Flyte, launched and awaited by Airflow, is as good as the same library calls make it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .harness.airflow import Airflow
from .harness.flyte import Flyte
from .harness.stack import Stack

DIRECTLY = Path(__file__).with_name("train_directly.py")


def test_the_example_dag_is_green_with_the_accuracy_of_the_same_library_calls(
    stack: Stack, airflow: Airflow, flyte: Flyte
) -> None:
    run = airflow.trigger("example_flyte")
    assert run.wait() == "success"

    operator = run.task("diabetes_predictions")
    execution = flyte.execution(operator.xcom("return_value"))
    assert execution.phase == "SUCCEEDED"
    assert operator.links["Flyte console"] == execution.url
    assert execution.outputs["accuracy"] == train_directly(stack, test_split_ratio=0.66, seed=5)


def test_an_output_of_flyte_reaches_a_downstream_airflow_task(stack: Stack, airflow: Airflow) -> None:
    run = airflow.trigger("flyte_outputs_to_airflow")
    assert run.wait() == "success"

    accuracy = run.task("train").xcom("accuracy")
    assert accuracy == train_directly(stack, test_split_ratio=0.33, seed=7)
    assert f"An accuracy of {100 * accuracy:.2f} %" in run.task("judge").log()


def train_directly(stack: Stack, test_split_ratio: float, seed: int) -> float:
    """The accuracy by plain library calls, in the environment that tasks run in."""
    state = stack.checkout.path
    python = state / ".airflyte" / "envs" / "workflows" / "bin" / "python"
    table = state / "workflows" / "ml_training" / "pima_diabetes" / "data" / "pima-indians-diabetes.csv"
    command = [python, DIRECTLY, table, str(test_split_ratio), str(seed)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)

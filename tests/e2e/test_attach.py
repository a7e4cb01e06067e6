"""An Airflow of one's own gets the provider and the line that the stack prints, and launches in its Flyte.

What ``make doctor ARGS="--airflow URL"`` says on the way is what is missing. Slow: an Airflow is installed.
"""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path

import pytest

from .harness.checkout import Made
from .harness.foreign_airflow import ForeignAirflow
from .harness.stack import Stack


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("version", ["2.11", "3.3"])
def test_an_airflow_of_ones_own_is_attached(second_stack: Stack, folder: Path, version: str) -> None:
    card = second_stack.up().output
    airflow = ForeignAirflow(Path(tempfile.mkdtemp(dir=folder)), version, second_stack.checkout)
    with airflow.running():
        made = ask_doctor(second_stack, airflow)
        assert made.code != 0
        assert "airflow-provider-flyte is not installed there" in made.output
        assert line_for_airflow(card) in made.output

    airflow.install(second_stack.checkout.path / "provider")
    airflow.type(*shlex.split(line_for_airflow(card)))
    with airflow.running():
        ask_doctor(second_stack, airflow).check()
        assert airflow.run_dag("hello_flyte") == "success"
        xcom = "/dags/hello_flyte/dagRuns/hello/taskInstances/say_hello/xcomEntries/return_value"
        assert "Hello, Airflow!" in airflow.get(xcom).text


def line_for_airflow(card: str) -> str:
    """The one that adds the connection to an Airflow."""
    lines = [line.strip() for line in card.splitlines()]
    return next(line for line in lines if line.startswith("airflow connections add"))


def ask_doctor(stack: Stack, airflow: ForeignAirflow) -> Made:
    return stack.checkout.make("doctor", "--airflow", airflow.url, **airflow.login)

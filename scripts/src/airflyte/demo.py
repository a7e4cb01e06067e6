"""The demo: the Dag ``example_flyte``, from its trigger to Flyte's accuracy, over public interfaces only.

What came of the last run is kept, so that the card of a later ``up`` can show it.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from airflyte.airflow import runs
from airflyte.airflow.rest import AirflowApi, AirflowApiError, segment
from airflyte.environments import Progress
from airflyte.errors import AirflyteError
from airflyte.flyte.client import Execution
from airflyte.stack.parts import Stack
from airflyte.state import write_json

DAG = "example_flyte"
LIMIT_SECONDS = 300.0
FILE_NAME = "demo.json"
EXECUTION_KEY = "flyte_execution"
"""Of the XCom in which a FlyteOperator says what it has launched."""


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of a demo run. Addresses are not in it, because the ports may move.

    :param state: of the Dag run, in Airflow's words.
    :param execution: the Flyte execution's name; empty when none was found.
    :param phase: of the execution, in Flyte's words.
    """

    dag_id: str
    run_id: str
    state: str
    execution: str = ""
    phase: str = ""
    outputs: dict[str, object] = dataclasses.field(default_factory=dict)

    @property
    def is_success(self) -> bool:
        return self.state == "success"

    def describe(self) -> str:
        """All in one line."""
        words = [f"{self.dag_id} {self.state}"]
        words += [f"Flyte {self.phase}"] if self.phase else []
        words += [f"{name} {_written(value)}" for name, value in sorted(self.outputs.items())]
        return ", ".join(words)

    def links(self, stack: Stack) -> list[str]:
        """The pages of the Dag run and of the execution."""
        found = [runs.run_url(stack.airflow_home.base_url, self.dag_id, self.run_id)]
        if self.execution:
            settings = stack.settings
            found.append(
                stack.flyte().console_url(settings.flyte_project, settings.flyte_domain, self.execution)
            )
        return found


def run(stack: Stack, progress: Progress, dag_id: str = DAG) -> Result:
    """Trigger the Dag and follow it to its end.

    :return: what came of it, also when it failed.
    :raises AirflyteError: when it cannot be started or does not end in time.
    """
    api = stack.airflow()
    try:
        _refuse_unwritten(stack.airflow_home.dags, api, dag_id)
        run_id = runs.trigger(api, dag_id, progress.say)
        for look in runs.follow(api, dag_id, run_id, LIMIT_SECONDS):
            done = sum(state in runs.FINAL for state in look.tasks.values())
            progress.advance(done, len(look.tasks) or None, look.describe())
    except (OSError, AirflowApiError) as error:
        raise AirflyteError(f"Airflow did not run {dag_id}: {error}", command="make status") from error
    execution = _execution(stack, look)
    result = Result(
        dag_id,
        run_id,
        look.state,
        execution.name if execution else "",
        execution.phase if execution else "",
        execution.outputs if execution else {},
    )
    write_json(_path(stack), dataclasses.asdict(result))
    return result


def last(stack: Stack) -> Result | None:
    """What came of the last run; None when there was none."""
    try:
        return Result(**json.loads(_path(stack).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def explain_failure(stack: Stack, result: Result) -> list[str]:
    """The end of the log of each Dag task that failed."""
    api = stack.airflow()
    look = runs.look(api, result.dag_id, result.run_id)
    lines = []
    for task, state in look.tasks.items():
        if state == "failed":
            lines.append(f"last lines of {result.dag_id}.{task}:")
            lines += [f"| {line}" for line in runs.last_log_lines(api, look, task)]
    return lines


def _refuse_unwritten(folder: Path, api: AirflowApi, dag_id: str) -> None:
    """Spare the wait for a Dag that Airflow will never read: a misspelt one.

    :raises AirflyteError: Airflow does not know it, and no file in ``dags/`` names it.
    """
    sources = (path.read_text(encoding="utf-8", errors="replace") for path in folder.rglob("*.py"))
    if any(dag_id in source for source in sources) or api.find(f"/dags/{segment(dag_id)}"):
        return
    known = ", ".join(each["dag_id"] for each in api.get("/dags?limit=20")["dags"])
    raise AirflyteError(
        f"There is no Dag {dag_id}: no file in dags/ names it. Airflow knows {known or 'none'}."
    )


def _execution(stack: Stack, run: runs.DagRun) -> Execution | None:
    """The Flyte execution that a Dag task launched, which FlyteOperator tells by an XCom."""
    settings, flyte, api = stack.settings, stack.flyte(), stack.airflow()
    for task in run.tasks:
        told = runs.pushed(api, run, task, EXECUTION_KEY)
        if isinstance(told, dict) and told.get("name"):
            try:
                return flyte.execution(settings.flyte_project, settings.flyte_domain, told["name"])
            except OSError:
                continue  # it is in another project or in another Flyte
    return None


def _written(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _path(stack: Stack) -> Path:
    return stack.folder.path / FILE_NAME

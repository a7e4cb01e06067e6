"""Airflow's four processes as components of the stack, run one by one.

Not through ``airflow standalone``: it leaves orphans behind on SIGTERM, notices no dead child, and takes
half as long again to start.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from airflyte.processes.components import Component

API_SERVER = "airflow-api-server"
SCHEDULER = "airflow-scheduler"
DAG_PROCESSOR = "airflow-dag-processor"
TRIGGERER = "airflow-triggerer"

PROGRAM = Path(__file__).with_name("quick_start.py")

STEADY_SECONDS = 15
"""Airflow imports for seconds before it can fail, so an end before this is a failed start."""


def components(python: Path, home: Path, port: int) -> list[Component]:
    """The four, the slowest to become ready first.

    :param python: the interpreter of Airflow's environment.
    :param home: AIRFLOW_HOME.
    :param port: of the API server.
    """
    # Their log servers would listen on 0.0.0.0; the API server reads the same log folder instead.
    arguments = {
        API_SERVER: ["api-server"],
        SCHEDULER: ["scheduler", "--skip-serve-logs"],
        DAG_PROCESSOR: ["dag-processor"],
        TRIGGERER: ["triggerer", "--skip-serve-logs"],
    }
    return [
        Component(
            name=name,
            # -P: the folder of the program holds modules of ours, which must not hide others of that name.
            command=[str(python), "-P", str(PROGRAM), *words],
            folder=home,
            environment=environment(python, home),
            port=port if name == API_SERVER else None,
            steady_seconds=STEADY_SECONDS,
        )
        for name, words in arguments.items()
    ]


def environment(python: Path, home: Path) -> Mapping[str, str]:
    """What Airflow's processes have in their environment beside the stack's own."""
    return {"AIRFLOW_HOME": str(home)}

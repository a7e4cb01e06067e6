"""What importing the provider costs a Dag file, beyond what ``airflow.sdk`` costs it anyway."""

from __future__ import annotations

import functools
import json
import statistics
import subprocess

from . import places
from .figures import Measurement, MeasurementError, spread
from .workshop import Workshop

_PROCESSES = 9

_PROGRAM = """
import json, time

import airflow.sdk


def weight():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) * 1024


memory, cpu = weight(), time.process_time()
import flyte_provider.operators.flyte
import flyte_provider.sensors.flyte
import flyte_provider.triggers.flyte
import flyte_provider.hooks.flyte
cpu = time.process_time() - cpu
print(json.dumps({"ms": cpu * 1000, "MB": (weight() - memory) / 1_000_000}))
"""


def cpu(workshop: Workshop) -> Measurement:
    return _median(workshop, "ms")


def memory(workshop: Workshop) -> Measurement:
    return _median(workshop, "MB")


def _median(workshop: Workshop, unit: str) -> Measurement:
    import_once = functools.partial(_import_once, str(workshop.new_folder("airflow")))
    import_once()  # compiles, and lets Airflow write its configuration
    samples = [import_once()[unit] for _ in range(_PROCESSES)]
    workshop.say(f"{spread(samples)} {unit}")
    return Measurement(statistics.median(samples))


def _import_once(home: str) -> dict[str, float]:
    """In a process of its own, as each parse of a Dag file is."""
    done = subprocess.run(
        [places.interpreter("airflow"), "-c", _PROGRAM],
        env=places.own_environment({"AIRFLOW_HOME": home}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise MeasurementError(f"The provider cannot be imported: {done.stderr[-1000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found

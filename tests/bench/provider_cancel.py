"""How soon a task that is marked failed in Airflow has its Flyte execution aborted."""

from __future__ import annotations

from .figures import Measurement, percentile, spread
from .provider_dags import ProviderStack
from .workshop import Workshop

_ROUNDS = 10


def deferred(workshop: Workshop) -> Measurement:
    """An operator in the triggerer."""
    stack = workshop.shared(ProviderStack)
    return _p95(
        workshop, [stack.seconds_to_abort("bench_operator_deferred", "deferred") for _ in range(_ROUNDS)]
    )


def sync(workshop: Workshop) -> Measurement:
    """Operators and sensors in a worker's slot, in turns."""
    stack = workshop.shared(ProviderStack)
    dags = ("bench_operator_in_slot", "bench_sensor_in_slot")
    return _p95(workshop, [stack.seconds_to_abort(dags[turn % 2], "running") for turn in range(_ROUNDS)])


def _p95(workshop: Workshop, seconds: list[float]) -> Measurement:
    workshop.say(spread(seconds))
    return Measurement(percentile(seconds, 95))

"""What a Dag with one FlyteOperator takes beyond a Dag with one Python task that does nothing."""

from __future__ import annotations

import statistics

from .figures import Measurement, spread
from .provider_dags import ProviderStack
from .workshop import Workshop

_ROUNDS = 7


def overhead(workshop: Workshop) -> Measurement:
    """With the default settings, in turns with the plain task."""
    stack = workshop.shared(ProviderStack)
    for dag_id in ("bench_hello", "bench_nothing"):
        stack.seconds_to_green(dag_id)  # Airflow reads the Dags, Flyte warms its template
    flyte, plain = [], []
    for _ in range(_ROUNDS):
        flyte.append(stack.seconds_to_green("bench_hello"))
        plain.append(stack.seconds_to_green("bench_nothing"))
    workshop.say(f"FlyteOperator: {spread(flyte)}; nothing: {spread(plain)}")
    return Measurement(statistics.median(flyte) - statistics.median(plain))

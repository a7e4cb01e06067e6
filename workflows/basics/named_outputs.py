"""Named outputs: a task that returns several values gives each of them a name.

Without names the outputs are called ``o0``, ``o1`` …, which is what an Airflow operator, the console and
``pyflyte`` would then show. A ``NamedTuple`` names them; a workflow may have one of its own.
"""

from typing import NamedTuple

from flytekit import task, workflow


class Statistics(NamedTuple):
    """What a task finds out about a list of numbers."""

    smallest: float
    largest: float
    mean: float


class Span(NamedTuple):
    """What is left of it."""

    width: float
    mean: float


@task
def describe(numbers: list[float]) -> Statistics:
    """Three outputs: ``smallest``, ``largest`` and ``mean``."""
    return Statistics(min(numbers), max(numbers), sum(numbers) / len(numbers))


@task
def subtract(minuend: float, subtrahend: float) -> float:
    """One value without a name: the output ``o0``."""
    return minuend - subtrahend


@workflow
def named_outputs_wf(numbers: list[float] = [3.0, 1.0, 4.0]) -> Span:  # noqa: B006 - Flyte copies defaults
    """Each output of a task is reached by its name, and goes to another task or out of the workflow.

    :param numbers: at least one.
    :return: ``width`` and ``mean``.
    """
    found = describe(numbers=numbers)
    return Span(width=subtract(minuend=found.largest, subtrahend=found.smallest), mean=found.mean)

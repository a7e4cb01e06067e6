"""Simple types: what Flyte passes between tasks as it is.

Numbers, text, booleans, times, lists, dictionaries, enums and unions of these become Flyte's own literals.
Any client can read them, and the engine checks them before a task runs.
"""

from datetime import datetime, timedelta
from enum import Enum

from flytekit import task, workflow


class Size(Enum):
    """An enum's values are text for Flyte; another value is refused when the workflow is launched."""

    SMALL = "small"
    LARGE = "large"


@task
def count_words(text: str, size: Size) -> dict[str, int]:
    """How often each word occurs, of the short ones or of the long ones."""
    is_wanted = (lambda word: len(word) > 3) if size is Size.LARGE else (lambda word: len(word) <= 3)
    words = [word for word in text.lower().split() if is_wanted(word)]
    return {word: words.count(word) for word in sorted(set(words))}


@task
def count_hours(hours: int) -> timedelta:
    """A length of time."""
    return timedelta(hours=hours)


@task
def plan(start: datetime, step: timedelta, steps: int) -> list[datetime]:
    """Points in time; Flyte knows them in UTC."""
    return [start + step * number for number in range(steps)]


@task
def parse(value: int | str) -> int:
    """A union: Flyte remembers which of the types the value has."""
    return value if isinstance(value, int) else len(value)


@task
def add(left: int, right: int | None = None) -> int:
    """``Optional`` is a union with ``None``, and may be left out."""
    return left + (right or 0)


@workflow
def simple_types_wf(
    text: str = "the cat and the other cat",
    size: Size = Size.SMALL,
    start: datetime = datetime(2026, 1, 1),
    hours: int = 6,
    value: int | str = "seven",
) -> tuple[dict[str, int], list[datetime], int]:
    """One task for each kind of type.

    :return: words, times, and a number.
    """
    return (
        count_words(text=text, size=size),
        plan(start=start, step=count_hours(hours=hours), steps=2),
        add(left=parse(value=value)),
    )

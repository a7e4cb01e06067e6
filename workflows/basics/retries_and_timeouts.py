"""Retries and timeouts: what happens when a task fails, or never ends.

``retries`` counts the task's own failures, those that it raises as recoverable and those of its process. An
ordinary exception is final: more of the same would not help. ``timeout`` is for one attempt.
"""

import os
from datetime import timedelta

from flytekit import task, workflow
from flytekit.exceptions.user import FlyteRecoverableException


@task(retries=2, timeout=timedelta(minutes=5))
def unreliable(succeeds_at: int) -> int:
    """Fails until its attempt has this number; the first one is 0, and so is a local run.

    :return: the number of the attempt that succeeded.
    """
    attempt = int(os.environ.get("FLYTE_ATTEMPT_NUMBER", succeeds_at))
    if attempt < succeeds_at:
        raise FlyteRecoverableException(f"attempt {attempt} was not the one")
    return attempt


@task(timeout=timedelta(seconds=1))
def slow(seconds: float) -> float:
    """Stopped when it takes longer than its timeout."""
    import time

    time.sleep(seconds)
    return seconds


@workflow
def retries_wf(succeeds_at: int = 1) -> int:
    """Retry until it works.

    :param succeeds_at: at most 2, the number of retries.
    :return: the same number.
    """
    return unreliable(succeeds_at=succeeds_at)


@workflow
def timeout_wf(seconds: float = 0.01) -> float:
    """Wait, but not for long.

    :param seconds: more than one fails with a timeout.
    :return: the same number.
    """
    return slow(seconds=seconds)

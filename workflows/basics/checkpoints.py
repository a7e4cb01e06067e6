"""Checkpoints: a retry goes on where the attempt before it has stopped.

Training for hours on machines that can be taken away is what this is for. A task writes bytes whenever it
likes; the next attempt reads what the last one wrote.
"""

import os

from flytekit import current_context, task, workflow
from flytekit.exceptions.user import FlyteRecoverableException


@task(retries=3)
def train(epochs: int, fail_after: int) -> list[int]:
    """The first attempt on a server fails on its way; the next one does no epoch again."""
    checkpoint = current_context().checkpoint
    saved = checkpoint.read() if checkpoint else None
    done = [int(epoch) for epoch in saved.decode().split()] if saved else []
    for epoch in range(len(done), epochs):
        print(f"epoch {epoch}")  # noqa: T201 - the task's log is what this task is about
        done.append(epoch)
        if checkpoint:
            checkpoint.write(" ".join(map(str, done)).encode())
        if len(done) == fail_after and os.environ.get("FLYTE_ATTEMPT_NUMBER") == "0":
            raise FlyteRecoverableException(f"the machine was taken away after epoch {epoch}")
    return done


@workflow
def checkpoints_wf(epochs: int = 5, fail_after: int = 2) -> list[int]:
    """Train with an interruption.

    :param epochs: how many.
    :param fail_after: the first attempt ends after so many.
    :return: the epochs that were done.
    """
    return train(epochs=epochs, fail_after=fail_after)

"""Tasks that leave something while they run: checkpoints, decks, a log."""

from __future__ import annotations

import os
import pathlib
import signal
import time

from flytekit import Deck, current_context, task, workflow
from flytekit.exceptions.user import FlyteRecoverableException


@task(retries=3)
def counts_on(until: int) -> int:
    """Each attempt does one step more than its checkpoint says, then fails in another way."""
    checkpoint = current_context().checkpoint
    before = checkpoint.read()
    steps = int(before) if before else 0
    checkpoint.write(f"{steps + 1}".encode())
    print(f"step {steps + 1}")  # noqa: T201
    if steps + 1 < until:
        if steps % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        raise FlyteRecoverableException(f"after step {steps + 1}")
    return steps + 1


@workflow
def counting(until: int = 4) -> int:
    return counts_on(until=until)


def wait_for(path: str) -> None:
    while not pathlib.Path(path).exists():
        time.sleep(0.01)


@task(enable_deck=True)
def shows(go: str) -> None:
    deck = Deck("progress", "<b>half way</b>")
    Deck.publish()
    print("half way", flush=True)  # noqa: T201
    wait_for(go)
    deck.append("<b>all the way</b>")


@workflow
def showing(go: str) -> None:
    shows(go=go)

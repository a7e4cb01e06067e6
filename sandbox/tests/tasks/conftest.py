"""A sandbox for all tests of this folder that need no settings of their own, and one for each that does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from flyte_sandbox.testing import running_sandbox

from .launching import Tasks, connect

MakeTasks = Callable[..., Tasks]


@pytest.fixture(scope="session")
def tasks() -> Iterator[Tasks]:
    with running_sandbox() as sandbox:
        channel, tasks = connect(sandbox)
        with channel:
            yield tasks


@pytest.fixture
def make_tasks() -> Iterator[MakeTasks]:
    """Tasks of a sandbox with the given fields of its configuration; ended with the test."""
    with ExitStack() as stack:

        def make(**options: Any) -> Tasks:
            channel, tasks = connect(stack.enter_context(running_sandbox(**options)))
            stack.enter_context(channel)
            return tasks

        yield make

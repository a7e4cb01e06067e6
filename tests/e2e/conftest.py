"""Two stacks for all stories: one with Airflow and, where a second one is needed, one without.

A story says which it needs by naming it; ``stack`` is up when the story begins. A story may stop a stack or
kill parts of it: the next one that needs it brings it up again. The order below keeps that rare.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness.airflow import Airflow
from .harness.checkout import copy_checkout
from .harness.flyte import Flyte
from .harness.gate import Gate
from .harness.stack import Stack

HERE = Path(__file__).parent
KEPT = os.environ.get("E2E_FOLDER")
STORY_SECONDS = 300

ORDER = (
    # The stack with Airflow comes up, and stays up …
    "test_up_twice",
    "test_pima",
    "test_failing_workflow",
    "test_mark_failed",
    "test_terminated_in_flyte",
    "test_refused_launches",
    "test_pyflyte_run",
    "test_strangers",
    "test_kill_flyte",
    # … a second one beside it, without Airflow, which is quick to restart …
    "test_busy_port",
    "test_two_checkouts",
    "test_empty_temp_folder",
    "test_attach",
    "test_down_with_stubborn_task",
    # … and what restarts the one with Airflow.
    "test_kill_supervisor",
    "test_up_after_down",
    "test_no_network",
)
"""Files of stories, so that stacks are started as seldom as possible."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the stories as such, and tell them in their order."""
    stories = [item for item in items if HERE in item.path.parents]
    for story in stories:
        story.add_marker(pytest.mark.e2e)
        story.add_marker(pytest.mark.timeout(STORY_SECONDS))
    items.sort(key=lambda item: ORDER.index(item.path.stem) if item in stories else -1)


@pytest.fixture(scope="session")
def folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Where the stories take place; left for a look, without the environments, when one went wrong.

    Whoever writes a story names a folder in ``E2E_FOLDER``: it is kept, with the stacks in it running, and
    the next run begins with these.
    """
    if KEPT:
        Path(KEPT).mkdir(parents=True, exist_ok=True)
        yield Path(KEPT)
        return
    path = Path(tempfile.mkdtemp(prefix="airflyte-e2e-"))
    path.chmod(0o755)  # a folder for checkouts is usually open to everybody
    yield path
    if request.session.testsfailed:
        for environments in path.glob("*/.airflyte/envs"):
            shutil.rmtree(environments)
        print(f"\nLeft for a look: {path}")  # noqa: T201 - for whoever reads why a story went wrong
    else:
        shutil.rmtree(path)


@pytest.fixture(scope="session")
def stack_with_airflow(folder: Path) -> Iterator[Stack]:
    """The stack with Airflow, whatever state it is in."""
    stack = Stack(copy_checkout(folder))
    yield stack
    leave(stack)


@pytest.fixture(scope="session")
def second_stack(folder: Path, stack_with_airflow: Stack) -> Iterator[Stack]:
    """Another checkout's, without Airflow, whatever state it is in."""
    checkout = copy_checkout(folder, "second checkout")
    stack = Stack(checkout, has_airflow=False, avoiding=stack_with_airflow.offset)
    yield stack
    leave(stack)


@pytest.fixture
def stack(stack_with_airflow: Stack) -> Stack:
    """The stack with Airflow, ready."""
    stack_with_airflow.ensure_up()
    return stack_with_airflow


@pytest.fixture
def airflow(stack: Stack) -> Airflow:
    """Its Airflow."""
    return stack.airflow


@pytest.fixture
def flyte(stack: Stack) -> Flyte:
    """Its Flyte."""
    return stack.flyte


@pytest.fixture
def gate(folder: Path) -> Iterator[Gate]:
    """A gate of the story's own; opened at the end, so that nothing goes on waiting."""
    gates = folder / "gates"
    gates.mkdir(exist_ok=True)
    made = Gate(Path(tempfile.mkdtemp(dir=gates)) / "gate")
    made.folder.parent.chmod(0o755)
    yield made
    made.open()


def leave(stack: Stack) -> None:
    """Stop a stack for good: nothing of it may be left."""
    if KEPT or not stack.is_known:
        return
    stack.down()
    assert not stack.processes
    assert not stack.open_ports
    assert not list(stack.checkout.home.iterdir()), "something was written outside the checkout"
    assert not list(stack.checkout.temporary.iterdir()), "something was left in the temp folder"

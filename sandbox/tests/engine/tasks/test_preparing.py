"""Which tasks are made ready while the one before them runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from flyteidl.admin import execution_pb2
from flyteidl.core import workflow_pb2

from flyte_sandbox.blobs.store import Store
from flyte_sandbox.db.database import Database
from flyte_sandbox.engine.messages import Attempt, PrepareAttempt, StartAttempt
from flyte_sandbox.engine.resources.rationing import Rationing
from flyte_sandbox.engine.tasks.attempts import AttemptPlanner
from flyte_sandbox.engine.tasks.ordering import Orders
from flyte_sandbox.environments import Environments
from flyte_sandbox.runner import AttemptSpec
from flyte_sandbox.runner.machine import Machine

from ..graphs import Stepper, echo_task, task_node, template


def prepared(run: Stepper) -> list[str]:
    """Since the last look."""
    found = [act.attempt.node_uid for act in run.acts_of(PrepareAttempt)]
    run.acts.clear()
    return found


def join() -> Iterable[workflow_pb2.Node]:
    """n1 waits for n0; n2 waits for both."""
    return [
        task_node("n0", ("", "text")),
        task_node("n1", ("n0", "o0")),
        task_node("n2", ("n1", "o0"), after=["n0"]),
    ]


def test_what_waits_for_nothing_else_is_made_ready() -> None:
    run = Stepper(template(join(), ("n2", "o0")))
    run.begin()
    assert prepared(run) == ["n1"]
    run.succeed("n0")
    assert prepared(run) == ["n2"]
    run.succeed("n1")
    assert prepared(run) == []


def test_what_the_cache_may_have_is_not() -> None:
    run = Stepper(template(join(), ("n2", "o0")), task=echo_task(cached=True))
    run.begin()
    assert prepared(run) == []


def test_what_overwrites_the_cache_is() -> None:
    spec = execution_pb2.ExecutionSpec(overwrite_cache=True)
    run = Stepper(template(join(), ("n2", "o0")), task=echo_task(cached=True), spec=spec)
    run.begin()
    assert prepared(run) == ["n1"]


# ---- what is ordered from the runner


class RecordingRunner:
    def __init__(self) -> None:
        self.started: list[AttemptSpec] = []
        self.prepared: list[AttemptSpec] = []

    def start(self, spec: AttemptSpec) -> None:
        self.started.append(spec)

    def prepare(self, spec: AttemptSpec) -> None:
        self.prepared.append(spec)

    def stop(self, key: str) -> None: ...

    def resume(self, specs: list[AttemptSpec]) -> None: ...


@pytest.fixture
def runner() -> RecordingRunner:
    return RecordingRunner()


@pytest.fixture
def orders(tmp_path: Path, runner: RecordingRunner) -> Iterator[Orders]:
    database, store = Database(f"sqlite:///{tmp_path / 'flyte.db'}"), Store(tmp_path / "buckets")
    planner = AttemptPlanner(tmp_path / "attempts", store, {}, Environments({}))
    machine = Machine(cpu_millis=4000, memory_bytes=4 << 30, gpus=0)
    orders = Orders(database, store, planner, Rationing(machine), lambda *_: None)
    orders.use(runner)
    yield orders
    database.close()


def attempts(argument: str = "true") -> tuple[Attempt, Attempt]:
    """The first, and the one to be made ready."""
    task = echo_task()
    task.template.container.args[:] = [argument]
    run = Stepper(template(join(), ("n2", "o0")), task=task)
    run.begin()
    return run.acts_of(StartAttempt)[0].attempt, run.acts_of(PrepareAttempt)[0].attempt


def test_what_is_prepared_is_what_will_be_started(orders: Orders, runner: RecordingRunner) -> None:
    first, second = attempts()
    orders.resume_all()
    orders.start(first)
    orders.prepare(second)
    assert not (runner.prepared[0].folder / "inputs.pb").exists()
    orders.start(second)
    assert runner.prepared == [runner.started[1]]


def test_a_busy_machine_prepares_nothing(orders: Orders, runner: RecordingRunner) -> None:
    first, second = attempts()
    orders.resume_all()
    orders.start(first)
    orders.start(second)
    orders.prepare(second)
    assert runner.prepared == []


def test_nothing_is_prepared_before_the_earlier_servers_attempts_are_known(
    orders: Orders, runner: RecordingRunner
) -> None:
    orders.prepare(attempts()[1])
    assert runner.prepared == []


def test_a_command_that_depends_on_the_inputs_waits_for_them(orders: Orders, runner: RecordingRunner) -> None:
    _, second = attempts("{{.inputs.text}}")
    orders.resume_all()
    orders.prepare(second)
    assert runner.prepared == []

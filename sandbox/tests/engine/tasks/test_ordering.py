"""In which order the runner hears of things when a server starts."""

from __future__ import annotations

from pathlib import Path

from flyte_sandbox.blobs.store import Store
from flyte_sandbox.db.database import Database
from flyte_sandbox.engine.messages import StartAttempt
from flyte_sandbox.engine.resources.rationing import Rationing
from flyte_sandbox.engine.tasks.attempts import AttemptPlanner
from flyte_sandbox.engine.tasks.ordering import Orders
from flyte_sandbox.environments import Environments
from flyte_sandbox.runner import AttemptSpec
from flyte_sandbox.runner.machine import Machine

from ..graphs import Stepper, task_node, template


class RecordingRunner:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def start(self, spec: AttemptSpec) -> None:
        self.calls.append(f"start {spec.key[-4:]}")

    def stop(self, key: str) -> None:
        self.calls.append(f"stop {key[-4:]}")

    def resume(self, specs: list[AttemptSpec]) -> None:
        self.calls.append("resume " + " ".join(spec.key[-4:] for spec in specs))


def test_attempts_of_an_earlier_server_are_resumed_before_anything_else_is_ordered(tmp_path: Path) -> None:
    database, store = Database(f"sqlite:///{tmp_path / 'flyte.db'}"), Store(tmp_path / "buckets")
    planner = AttemptPlanner(tmp_path / "attempts", store, {}, Environments({}))
    machine = Machine(cpu_millis=2000, memory_bytes=4 << 30, gpus=0)
    orders = Orders(database, store, planner, Rationing(machine), lambda *_: None)
    runner = RecordingRunner()
    orders.use(runner)
    run = Stepper(template([task_node("n0", ("", "text")), task_node("n1", ("", "text"))], ("n0", "o0")))
    run.begin()
    first, second = (act.attempt for act in run.acts_of(StartAttempt))
    orders.start(second)
    orders.resume(first)
    orders.stop(first.key)
    assert runner.calls == []
    orders.resume_all()
    assert runner.calls == ["resume n0.0", "start n1.0", "stop n0.0"]
    database.close()

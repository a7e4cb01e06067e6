"""In which order the runner hears of things when a server starts."""

from __future__ import annotations

from pathlib import Path

from flyte_sandbox.blobs.store import Store
from flyte_sandbox.clock import SystemClock
from flyte_sandbox.db.database import Database
from flyte_sandbox.engine.acting import Actor
from flyte_sandbox.engine.alarms import Alarms
from flyte_sandbox.engine.attempts import AttemptPlanner
from flyte_sandbox.engine.loading import Loader
from flyte_sandbox.engine.messages import ResumeAttempt, StartAttempt, StopAttempt
from flyte_sandbox.engine.slots import Slots
from flyte_sandbox.runner import AttemptSpec

from .graphs import Stepper, task_node, template


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
    alarms = Alarms(SystemClock())
    planner = AttemptPlanner(tmp_path / "attempts", store, {}, {"default"})
    actor = Actor(
        database, store, Loader(database, store), planner, Slots(4), alarms, lambda *_: None, _never, _never
    )
    runner = RecordingRunner()
    actor.use(runner)
    run = Stepper(template([task_node("n0", ("", "text")), task_node("n1", ("", "text"))], ("n0", "o0")))
    run.begin()
    first, second = (act.attempt for act in run.acts_of(StartAttempt))
    actor.act(run.run, StartAttempt(second))
    actor.act(run.run, ResumeAttempt(first))
    actor.act(run.run, StopAttempt(first.key))
    assert runner.calls == []
    actor.resume_attempts()
    assert runner.calls == ["resume n0.0", "start n1.0", "stop n0.0"]
    alarms.close()
    database.close()


def _never(_: object) -> None:
    raise AssertionError("no child execution is involved")

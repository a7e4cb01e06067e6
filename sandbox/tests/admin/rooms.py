"""The rooms of ``admin`` over a database file, as ``sandbox.py`` wires them, without engine and doors."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flyteidl.core import identifier_pb2

from flyte_sandbox.admin.attributes import Attributes
from flyte_sandbox.admin.data_proxy import DataProxy
from flyte_sandbox.admin.description_entities import DescriptionEntities
from flyte_sandbox.admin.executions import Executions
from flyte_sandbox.admin.launch_plans import LaunchPlans
from flyte_sandbox.admin.launch_targets import LaunchTargets
from flyte_sandbox.admin.launching import Launching
from flyte_sandbox.admin.metrics import Metrics
from flyte_sandbox.admin.named_entities import NamedEntities
from flyte_sandbox.admin.node_executions import NodeExecutions
from flyte_sandbox.admin.projects import Projects
from flyte_sandbox.admin.relaunching import Relaunching
from flyte_sandbox.admin.reported_events import ReportedEvents
from flyte_sandbox.admin.signals import Signals
from flyte_sandbox.admin.single_tasks import SingleTasks
from flyte_sandbox.admin.task_executions import TaskExecutions
from flyte_sandbox.admin.tasks import Tasks
from flyte_sandbox.admin.workflows import Workflows
from flyte_sandbox.blobs.signing import Signer
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.clock import ManualClock
from flyte_sandbox.db.database import Database
from flyte_sandbox.rpc.handlers import Admin

ExecutionId = identifier_pb2.WorkflowExecutionIdentifier


@dataclass
class Rooms:
    """:param told: what the engine would have been told: executions created and terminated, signals set."""

    admin: Admin
    db: Database
    store: Store
    clock: ManualClock
    told: list[Any] = field(default_factory=list)


def make_rooms(folder: Path, url: str = "") -> Rooms:
    clock, store = ManualClock(), Store(folder / "buckets")
    db = Database(url or f"sqlite:///{folder / 'flyte.db'}")
    db.migrate()
    told: list[Any] = []
    projects = Projects(db, clock)
    projects.ensure_default()
    tasks = Tasks(db, clock, projects)
    workflows = Workflows(db, clock, projects, tasks, 100)
    launch_plans = LaunchPlans(db, clock, projects)
    targets = LaunchTargets(db, SingleTasks(db, tasks, workflows, launch_plans))
    launching = Launching(db, clock, store, projects, targets, told.append)
    admin = Admin(
        projects=projects,
        named_entities=NamedEntities(db, clock),
        description_entities=DescriptionEntities(db),
        tasks=tasks,
        workflows=workflows,
        launch_plans=launch_plans,
        attributes=Attributes(db, clock, projects),
        launching=launching,
        relaunching=Relaunching(db, store, launching.create),
        executions=Executions(db, clock, store, told.append),
        node_executions=NodeExecutions(db, store),
        task_executions=TaskExecutions(db, store),
        metrics=Metrics(db, store),
        reported_events=ReportedEvents(db, store, told.append),
        signals=Signals(db, clock, lambda *signal: told.append(signal)),
        data_proxy=DataProxy(db, clock, store, Signer(b"0123456789abcdef", clock), "http://localhost:1"),
    )
    return Rooms(admin, db, store, clock, told)

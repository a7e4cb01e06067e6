"""All of ``admin`` together: which rooms there are, and what each of them needs of the others.

Which call goes to which room is left to ``rpc.handlers``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from flyteidl.core import identifier_pb2, literals_pb2

from flyte_sandbox.admin.attributes import Attributes
from flyte_sandbox.admin.data_proxy import DataProxy
from flyte_sandbox.admin.description_entities import DescriptionEntities
from flyte_sandbox.admin.events.reported import ReportedEvents
from flyte_sandbox.admin.executions import Executions
from flyte_sandbox.admin.launch_plans import LaunchPlans
from flyte_sandbox.admin.launching.creating import Launching
from flyte_sandbox.admin.launching.relaunching import Relaunching
from flyte_sandbox.admin.launching.single_tasks import SingleTasks
from flyte_sandbox.admin.launching.targets import LaunchTargets
from flyte_sandbox.admin.metrics import Metrics
from flyte_sandbox.admin.named_entities import NamedEntities
from flyte_sandbox.admin.node_executions import NodeExecutions
from flyte_sandbox.admin.projects import Projects
from flyte_sandbox.admin.signals import Signals
from flyte_sandbox.admin.task_executions import TaskExecutions
from flyte_sandbox.admin.tasks import Tasks
from flyte_sandbox.admin.workflows import Workflows
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.clock import Clock
from flyte_sandbox.db.database import Database

ExecutionId: TypeAlias = identifier_pb2.WorkflowExecutionIdentifier


class Told(Protocol):
    """Who is told what calls have changed, after the commit: the engine."""

    def created(self, id: ExecutionId) -> None: ...

    def terminated(self, id: ExecutionId) -> None: ...

    def changed(self, id: ExecutionId) -> None: ...

    def signalled(self, id: ExecutionId, signal_id: str, value: literals_pb2.Literal) -> None: ...


@dataclass(frozen=True)
class Admin:
    """The rooms that answer calls."""

    projects: Projects
    named_entities: NamedEntities
    description_entities: DescriptionEntities
    tasks: Tasks
    workflows: Workflows
    launch_plans: LaunchPlans
    attributes: Attributes
    launching: Launching
    relaunching: Relaunching
    executions: Executions
    node_executions: NodeExecutions
    task_executions: TaskExecutions
    metrics: Metrics
    reported_events: ReportedEvents
    signals: Signals
    data_proxy: DataProxy


def make_admin(
    db: Database,
    clock: Clock,
    store: Store,
    told: Told,
    data_proxy: DataProxy,
    max_nodes: int,
    on_scheduled: Callable[[], None] = lambda: None,
) -> Admin:
    """
    :param max_nodes: how many nodes a workflow may have.
    :param on_scheduled: called when schedules may have changed.
    """
    projects = Projects(db, clock)
    projects.ensure_default()
    tasks = Tasks(db, clock, projects)
    workflows = Workflows(db, clock, projects, tasks, max_nodes)
    launch_plans = LaunchPlans(db, clock, projects, on_scheduled)
    targets = LaunchTargets(db, SingleTasks(db, tasks, workflows, launch_plans))
    launching = Launching(db, clock, store, projects, targets, told.created)
    return Admin(
        projects=projects,
        named_entities=NamedEntities(db, clock),
        description_entities=DescriptionEntities(db),
        tasks=tasks,
        workflows=workflows,
        launch_plans=launch_plans,
        attributes=Attributes(db, clock, projects),
        launching=launching,
        relaunching=Relaunching(db, store, launching.create),
        executions=Executions(db, clock, store, told.terminated),
        node_executions=NodeExecutions(db, store),
        task_executions=TaskExecutions(db, store),
        metrics=Metrics(db, store),
        reported_events=ReportedEvents(db, store, told.changed),
        signals=Signals(db, clock, told.signalled),
        data_proxy=data_proxy,
    )

"""The tables. A row is the columns that one searches by plus the serialised flyteidl message.

Column names follow flyteadmin's models, because filters and sort keys name them.
Source: flyteadmin pkg/repositories/models.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

VERSION = 5
"""Grows with every new table, column or index; ``migrating`` adds them to the databases of older releases."""

OUTDATED_INDEXES = ("executions_by_age", "executions_by_phase_and_age")
"""What older releases made, and another index does better."""

metadata = MetaData()

# SQLite gives AUTOINCREMENT only to INTEGER keys; PostgreSQL gets eight bytes.
_Id = BigInteger().with_variant(Integer, "sqlite")


def _key() -> Column[int]:
    return Column("id", _Id, primary_key=True, autoincrement=True)


def _text(name: str, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable, server_default=None if nullable else "")


def _time(name: str, nullable: bool = False) -> Column[int]:
    """Microseconds since 1970, UTC."""
    return Column(name, BigInteger, nullable=nullable)


def _number(name: str, default: int = 0) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=str(default))


def _message(name: str = "message") -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _identity() -> list[Column[str]]:
    return [Column(name, String, nullable=False) for name in ("project", "domain", "name", "version")]


def _execution_identity() -> list[Column[str]]:
    names = ("execution_project", "execution_domain", "execution_name")
    return [Column(name, String, nullable=False) for name in names]


schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True))

projects = Table(
    "projects",
    metadata,
    _key(),
    Column("identifier", String, nullable=False, unique=True),
    _text("name"),
    _text("description"),
    _number("state"),
    _time("created_at"),
    _time("updated_at"),
    _message(),
)

tasks = Table(
    "tasks",
    metadata,
    _key(),
    *_identity(),
    Column("digest", LargeBinary, nullable=False),
    _text("type"),
    _text("short_description"),
    _time("created_at"),
    _time("updated_at"),
    _message(),
    UniqueConstraint("project", "domain", "name", "version"),
)
Index("tasks_by_age", tasks.c.project, tasks.c.domain, tasks.c.name, tasks.c.created_at)

workflows = Table(
    "workflows",
    metadata,
    _key(),
    *_identity(),
    Column("digest", LargeBinary, nullable=False),
    _text("short_description"),
    _time("created_at"),
    _time("updated_at"),
    _message("summary"),
    _message(),
    UniqueConstraint("project", "domain", "name", "version"),
)
Index("workflows_by_age", workflows.c.project, workflows.c.domain, workflows.c.name, workflows.c.created_at)

launch_plans = Table(
    "launch_plans",
    metadata,
    _key(),
    *_identity(),
    Column("workflow_id", _Id, nullable=False, index=True),
    Column("digest", LargeBinary, nullable=False),
    _number("state"),
    Column("schedule_type", String, nullable=False, server_default="NONE"),
    # Launch conditions are refused, so this stays empty; filters may ask for it.
    Column("launch_condition_type", String, nullable=True),
    _time("created_at"),
    _time("updated_at"),
    _message(),
    UniqueConstraint("project", "domain", "name", "version"),
)
Index(
    "launch_plans_by_age",
    launch_plans.c.project,
    launch_plans.c.domain,
    launch_plans.c.name,
    launch_plans.c.created_at,
)

schedules = Table(
    "schedules",
    metadata,
    # A row while the launch plan is active and has a schedule.
    Column("launch_plan_id", _Id, primary_key=True, autoincrement=False),
    # Every time up to this one has been launched.
    _time("done_until"),
)

named_entities = Table(
    "named_entities",
    metadata,
    _key(),
    Column("resource_type", Integer, nullable=False),
    *(Column(name, String, nullable=False) for name in ("project", "domain", "name")),
    _text("description"),
    _number("state"),
    _time("created_at"),
    _time("updated_at"),
    UniqueConstraint("resource_type", "project", "domain", "name"),
)

description_entities = Table(
    "description_entities",
    metadata,
    _key(),
    Column("resource_type", Integer, nullable=False),
    *_identity(),
    _text("short_description"),
    # A serialised admin.Description.
    _message("long_description"),
    _text("link"),
    _time("created_at"),
    _time("updated_at"),
    UniqueConstraint("resource_type", "project", "domain", "name", "version"),
)

matchable_attributes = Table(
    "matchable_attributes",
    metadata,
    _key(),
    Column("resource_type", Integer, nullable=False),
    # An empty domain or workflow means all of them.
    *(Column(name, String, nullable=False) for name in ("project", "domain", "workflow", "launch_plan")),
    _number("priority"),
    _time("created_at"),
    _time("updated_at"),
    _message("attributes"),
    UniqueConstraint("resource_type", "project", "domain", "workflow", "launch_plan"),
)

executions = Table(
    "executions",
    metadata,
    _key(),
    *_execution_identity(),
    Column("launch_plan_id", _Id, nullable=True, index=True),
    Column("workflow_id", _Id, nullable=True, index=True),
    Column("task_id", _Id, nullable=True, index=True),
    Column("phase", String, nullable=False),
    _number("state"),
    _number("mode"),
    _time("created_at"),
    _time("updated_at"),
    _time("execution_created_at"),
    _time("execution_updated_at"),
    _time("started_at", nullable=True),
    Column("duration", BigInteger, nullable=True),
    _text("abort_cause"),
    Column("source_execution_id", _Id, nullable=True),
    Column("parent_node_execution_id", _Id, nullable=True, index=True),
    _text("cluster"),
    _text("inputs_uri"),
    _text("user_inputs_uri"),
    Column("error_kind", String, nullable=True),
    Column("error_code", String, nullable=True),
    _text("user"),
    Column("launch_entity", String, nullable=False),
    _message("spec"),
    _message("closure"),
    # What the engine runs by: the spec with launch plan, attributes and platform merged in.
    _message("resolved_spec"),
    # The matchable attributes that applied at the launch, a serialised ListMatchableAttributesResponse.
    Column("launch_attributes", LargeBinary, nullable=True),
    UniqueConstraint("execution_project", "execution_domain", "execution_name"),
)
_SCOPE_OF_A_LIST = (executions.c.execution_project, executions.c.execution_domain, executions.c.state)
_FILTERS_OF_A_LIST = [
    executions.c[name]
    for name in ("phase", "mode", "duration", "workflow_id", "task_id", "launch_plan_id", "user")
]
# In the orders in which executions are listed, by age and without a sort key, with what they are filtered by:
# a list that finds little reads no row of the table, whose messages make it large.
Index("executions_listed", *_SCOPE_OF_A_LIST, executions.c.created_at, executions.c.id, *_FILTERS_OF_A_LIST)
Index("executions_in_order", *_SCOPE_OF_A_LIST, executions.c.id, *_FILTERS_OF_A_LIST)
Index("executions_by_phase", executions.c.phase)

execution_tags = Table(
    "execution_tags",
    metadata,
    _key(),
    Column("execution_id", _Id, nullable=False, index=True),
    Column("key", String, nullable=False),
    Column("value", String, nullable=False),
    UniqueConstraint("execution_id", "key", "value"),
)
Index("execution_tags_by_key", execution_tags.c.key, execution_tags.c.value)

node_executions = Table(
    "node_executions",
    metadata,
    _key(),
    *_execution_identity(),
    Column("node_id", String, nullable=False),
    Column("parent_id", _Id, nullable=True),
    Column("parent_task_execution_id", _Id, nullable=True),
    Column("phase", String, nullable=False),
    _text("input_uri"),
    _time("created_at"),
    _time("updated_at"),
    _time("node_execution_created_at"),
    _time("node_execution_updated_at"),
    _time("started_at", nullable=True),
    Column("duration", BigInteger, nullable=True),
    Column("error_kind", String, nullable=True),
    Column("error_code", String, nullable=True),
    Column("cache_status", String, nullable=True),
    _text("dynamic_workflow_remote_closure_reference"),
    # The engine's own notes about the node, JSON: attempts, system failures, child execution.
    _text("internal_data"),
    _message("node_execution_metadata"),
    _message("closure"),
    UniqueConstraint("execution_project", "execution_domain", "execution_name", "node_id"),
)
Index("node_executions_by_parent", node_executions.c.parent_id)
Index("node_executions_by_task", node_executions.c.parent_task_execution_id)

task_executions = Table(
    "task_executions",
    metadata,
    _key(),
    *_identity(),
    *_execution_identity(),
    Column("node_id", String, nullable=False),
    Column("retry_attempt", Integer, nullable=False),
    Column("phase", String, nullable=False),
    _number("phase_version"),
    _text("input_uri"),
    _time("created_at"),
    _time("updated_at"),
    _time("task_execution_created_at"),
    _time("task_execution_updated_at"),
    _time("started_at", nullable=True),
    Column("duration", BigInteger, nullable=True),
    _message("closure"),
    UniqueConstraint(
        "execution_project",
        "execution_domain",
        "execution_name",
        "node_id",
        "retry_attempt",
        "project",
        "domain",
        "name",
        "version",
    ),
)

signals = Table(
    "signals",
    metadata,
    _key(),
    *_execution_identity(),
    Column("signal_id", String, nullable=False),
    _time("created_at"),
    _time("updated_at"),
    Column("type", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=True),
    UniqueConstraint("execution_project", "execution_domain", "execution_name", "signal_id"),
)

artifacts = Table(
    "artifacts",
    metadata,
    _key(),
    *(Column(name, String, nullable=False) for name in ("project", "domain", "dataset", "version", "tag")),
    Column("artifact_id", String, nullable=False),
    _time("created_at"),
    _message("outputs"),
    _message("source"),
    UniqueConstraint("project", "domain", "dataset", "version", "tag"),
)

# What tasks with cache_serialize are at work on: the key of an artifact, and the node that makes it.
reservations = Table(
    "reservations",
    metadata,
    _key(),
    *(Column(name, String, nullable=False) for name in ("project", "domain", "dataset", "version", "tag")),
    *_execution_identity(),
    Column("node_id", String, nullable=False),
    UniqueConstraint("project", "domain", "dataset", "version", "tag"),
)
Index(
    "reservations_by_execution",
    reservations.c.execution_project,
    reservations.c.execution_domain,
    reservations.c.execution_name,
)

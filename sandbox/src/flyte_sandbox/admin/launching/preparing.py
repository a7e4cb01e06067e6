"""What is stored with a new execution: the spec that clients see, the one that the engine runs by, and the
rows that it belongs to.

Source: flyteadmin pkg/manager/impl/execution_manager.go launchExecution, getExecutionConfig,
getClusterAssignment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flyteidl.admin import execution_pb2, matchable_resource_pb2
from flyteidl.core import identifier_pb2
from sqlalchemy import Connection, Row

from flyte_sandbox.admin.attributes import configuration, to_attributes
from flyte_sandbox.admin.executions import get_row as get_execution_row
from flyte_sandbox.admin.launching.resolving import Config, resolve_spec
from flyte_sandbox.admin.launching.targets import Target
from flyte_sandbox.admin.node_executions import get_row as get_node_row
from flyte_sandbox.admin.projects import find_labels
from flyte_sandbox.db import attributes
from flyte_sandbox.db import executions as rows
from flyte_sandbox.db.attributes import Scope
from flyte_sandbox.errors import InvalidArgument

_CONFIG = matchable_resource_pb2.WORKFLOW_EXECUTION_CONFIG
_CLUSTER = matchable_resource_pb2.CLUSTER_ASSIGNMENT


@dataclass(frozen=True)
class Prepared:
    """:param spec: what GetExecution shows.

    :param resolved: what the engine runs by.
    :param attributes: those that apply, the most specific of each type, but for the execution config that
        ``resolved`` has taken in.
    :param parent_key: the node execution that launches this one.
    :param source_key: the execution that this one repeats or recovers.
    """

    spec: execution_pb2.ExecutionSpec
    resolved: execution_pb2.ExecutionSpec
    attributes: matchable_resource_pb2.ListMatchableAttributesResponse
    parent_key: int | None
    source_key: int | None


def prepare(
    connection: Connection,
    id: identifier_pb2.WorkflowExecutionIdentifier,
    spec: execution_pb2.ExecutionSpec,
    target: Target,
) -> Prepared:
    """:raises NotFound: for a parent node that does not exist.

    :raises InvalidArgument: for a cluster pool other than the one that the project is given to.
    """
    found = attributes.list_applicable(connection, Scope(id.project, id.domain, target.workflow_name))
    best = {row.resource_type: row for row in found}
    _check_cluster(id, spec, best.get(_CLUSTER))
    stored = _as_sent(id, spec)
    parent = _adopt(connection, stored)
    labels = find_labels(connection, id.project)
    resolved = resolve_spec(stored, target.plan.spec, _configs(found), labels)
    stored.security_context.CopyFrom(resolved.security_context)
    if target.launch_plan_key is not None:
        stored.max_parallelism = resolved.max_parallelism
    others = [configuration(row) for kind, row in sorted(best.items()) if kind != _CONFIG]
    listed = matchable_resource_pb2.ListMatchableAttributesResponse(configurations=others)
    return Prepared(stored, resolved, listed, parent, _find_source(connection, spec.metadata))


def _as_sent(
    id: identifier_pb2.WorkflowExecutionIdentifier, spec: execution_pb2.ExecutionSpec
) -> execution_pb2.ExecutionSpec:
    """The spec less what only the server may say: principal, artifacts, where it runs."""
    stored = execution_pb2.ExecutionSpec()
    stored.CopyFrom(spec)
    stored.metadata.principal = ""
    stored.metadata.ClearField("artifact_ids")
    stored.metadata.system_metadata.Clear()
    stored.metadata.system_metadata.namespace = f"{id.project}-{id.domain}"
    return stored


def _adopt(connection: Connection, stored: execution_pb2.ExecutionSpec) -> int | None:
    """A child execution counts one level deeper and belongs to whom its parent belongs to."""
    if not stored.metadata.HasField("parent_node_execution"):
        return None
    node_id = stored.metadata.parent_node_execution
    node = get_node_row(connection, node_id)
    row = get_execution_row(connection, node_id.execution_id)
    parent = execution_pb2.ExecutionSpec.FromString(row.spec)
    stored.metadata.principal = row.user
    stored.metadata.nesting = parent.metadata.nesting + 1
    if parent.HasField("execution_cluster_label"):
        stored.execution_cluster_label.CopyFrom(parent.execution_cluster_label)
    return int(node.id)


def _configs(found: Sequence[Row[Any]]) -> list[Config]:
    """The most specific execution config and, for what it leaves open, the project's own."""
    configs = [row for row in found if row.resource_type == _CONFIG]
    chosen = [*configs[-1:], *(row for row in configs[:-1] if not row.domain)]
    return [to_attributes(row).workflow_execution_config for row in chosen]


def _check_cluster(
    id: identifier_pb2.WorkflowExecutionIdentifier, spec: execution_pb2.ExecutionSpec, row: Row[Any] | None
) -> None:
    asked = spec.cluster_assignment.cluster_pool_name
    given = to_attributes(row).cluster_assignment.cluster_pool_name if row is not None else ""
    if asked and given and asked != given:
        raise InvalidArgument(
            f'execution with project "{id.project}" and domain "{id.domain}" cannot run on cluster pool '
            f'"{asked}", because its configured to run on pool "{given}"'
        )


def _find_source(connection: Connection, metadata: execution_pb2.ExecutionMetadata) -> int | None:
    if not metadata.HasField("reference_execution"):
        return None
    row = rows.get(connection, metadata.reference_execution)
    return None if row is None else int(row.id)

"""Launching once more what was launched before: from the beginning, or going on from what succeeded.

Source: flyteadmin pkg/manager/impl/execution_manager.go RelaunchExecution, RecoverExecution.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flyteidl.admin import execution_pb2
from flyteidl.core import identifier_pb2
from sqlalchemy import Row

from flyte_sandbox.admin.executions import get_row, read_literals
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.compiler.identifiers import validate_execution_identifier
from flyte_sandbox.db.database import Database

_METADATA = execution_pb2.ExecutionMetadata
Create = Callable[[execution_pb2.ExecutionCreateRequest], execution_pb2.ExecutionCreateResponse]


class Relaunching:
    """:param create: launches, with every check that a first launch has to pass."""

    def __init__(self, db: Database, store: Store, create: Create) -> None:
        self._db = db
        self._store = store
        self._create = create

    def relaunch(
        self, request: execution_pb2.ExecutionRelaunchRequest
    ) -> execution_pb2.ExecutionCreateResponse:
        """The same spec and inputs; whether the cache is overwritten is this request's to say."""
        row = self._find(request.id)
        spec = _spec_of(row, request.id, _METADATA.RELAUNCH)
        spec.overwrite_cache = request.overwrite_cache
        return self._launch(request.id, request.name, row, spec)

    def recover(
        self, request: execution_pb2.ExecutionRecoverRequest
    ) -> execution_pb2.ExecutionCreateResponse:
        """The engine takes over what succeeded in the other execution, however that one ended.

        :param request: its metadata may name another node that this execution is a child of.
        """
        row = self._find(request.id)
        spec = _spec_of(row, request.id, _METADATA.RECOVERED)
        if request.metadata.HasField("parent_node_execution"):
            spec.metadata.parent_node_execution.CopyFrom(request.metadata.parent_node_execution)
        return self._launch(request.id, request.name, row, spec)

    def _find(self, id: identifier_pb2.WorkflowExecutionIdentifier) -> Row[Any]:
        validate_execution_identifier(id)
        with self._db.read() as connection:
            return get_row(connection, id)

    def _launch(
        self,
        id: identifier_pb2.WorkflowExecutionIdentifier,
        name: str,
        row: Row[Any],
        spec: execution_pb2.ExecutionSpec,
    ) -> execution_pb2.ExecutionCreateResponse:
        request = execution_pb2.ExecutionCreateRequest(
            project=id.project,
            domain=id.domain,
            name=name,
            spec=spec,
            inputs=read_literals(self._store, row.user_inputs_uri),
        )
        return self._create(request)


def _spec_of(
    row: Row[Any], id: identifier_pb2.WorkflowExecutionIdentifier, mode: Any
) -> execution_pb2.ExecutionSpec:
    """The stored spec for another execution. It stays a child of the same node, which does not wait for it:
    a node waits for the name that it has given.
    """
    spec = execution_pb2.ExecutionSpec.FromString(row.spec)
    spec.metadata.mode = mode
    spec.metadata.reference_execution.CopyFrom(id)
    return spec

"""Reads executions for the engine: what to run, how far it is, and which parent waits for it."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from flyteidl.admin import execution_pb2, node_execution_pb2, workflow_pb2
from flyteidl.core import compiler_pb2, identifier_pb2, literals_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from sqlalchemy import Connection, Row, select

from flyte_sandbox.admin.executions import read_literals
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.db import executions as rows
from flyte_sandbox.db import schema
from flyte_sandbox.db.database import Database
from flyte_sandbox.engine.deciding import resume
from flyte_sandbox.engine.messages import ChildEnded, Recovered
from flyte_sandbox.engine.model import ExecutionId, Run
from flyte_sandbox.errors import NotFound
from flyte_sandbox.phases import NODE, NODE_TERMINAL, WORKFLOW_TERMINAL

logger = logging.getLogger(__name__)

_TERMINAL_NAMES = [core_execution_pb2.WorkflowExecution.Phase.Name(phase) for phase in WORKFLOW_TERMINAL]
_KEPT_CLOSURES = 64


class Loader:
    """Used by the engine's thread only."""

    def __init__(self, db: Database, store: Store) -> None:
        self._db = db
        self._store = store
        self._closures: OrderedDict[int, compiler_pb2.CompiledWorkflowClosure] = OrderedDict()

    def unfinished(self) -> list[ExecutionId]:
        """Oldest first, so that parents come before the executions that they launched."""
        with self._db.read() as connection:
            found = rows.list_unfinished(connection, _TERMINAL_NAMES)
        return [_id_of(row) for row in found]

    def load(self, id: ExecutionId) -> Run | None:
        """:return: the run as its rows say, or None when there is no such execution or it has ended."""
        with self._db.read() as connection:
            row = rows.get(connection, id)
            if row is None or row.phase in _TERMINAL_NAMES:
                return None
            closure = self._closure(connection, row.workflow_id)
            node_rows = rows.list_nodes(connection, id)
            task_rows = rows.list_tasks_of_execution(connection, id)
        run = Run(
            id,
            execution_pb2.ExecutionSpec.FromString(row.resolved_spec),
            closure,
            read_literals(self._store, row.inputs_uri),
            execution_pb2.ExecutionClosure.FromString(row.closure).phase,
            self.literal,
        )
        resume.rebuild(run, node_rows, task_rows, self)
        return run

    def literals(self, uri: str) -> literals_pb2.LiteralMap:
        return read_literals(self._store, uri)

    def literal(self, uri: str) -> literals_pb2.Literal:
        """One that is too large for its message. :raises NotFound: when it is gone."""
        return literals_pb2.Literal.FromString(self._store.read(uri))

    def closure(self, uri: str) -> compiler_pb2.CompiledWorkflowClosure:
        return compiler_pb2.CompiledWorkflowClosure.FromString(self._store.read(uri))

    def recovered(self, reference: ExecutionId, node_uid: str) -> Recovered | None:
        """What another execution has of a node of this id; None when it has none, or lost its files."""
        id = identifier_pb2.NodeExecutionIdentifier(execution_id=reference, node_id=node_uid)
        with self._db.read() as connection:
            row = rows.get_node(connection, id)
        if row is None:
            return None
        closure = node_execution_pb2.NodeExecutionClosure.FromString(row.closure)
        try:
            return self._read_recovered(row, closure)
        except NotFound:
            logger.warning("files of node %s of %s are gone; it is run anew", node_uid, reference.name)
            return None

    def _read_recovered(
        self, row: Row[Any], closure: node_execution_pb2.NodeExecutionClosure
    ) -> Recovered | None:
        has_succeeded = closure.phase in (NODE.SUCCEEDED, NODE.RECOVERED)
        if not has_succeeded and closure.phase not in NODE_TERMINAL | {NODE.DYNAMIC_RUNNING}:
            return None
        futures, dynamic = b"", None
        if closure.dynamic_job_spec_uri:
            futures = self._store.read(closure.dynamic_job_spec_uri)
            dynamic = self.closure(row.dynamic_workflow_remote_closure_reference)
        return Recovered(
            closure,
            node_execution_pb2.NodeExecutionMetaData.FromString(row.node_execution_metadata),
            inputs=self.literals(row.input_uri),
            # What is gone must not be taken for nothing.
            outputs=_literals(self._store.read(closure.output_uri)) if has_succeeded else None,
            deck=self._read_deck(closure.deck_uri),
            futures=futures,
            dynamic=dynamic,
        )

    def _read_deck(self, uri: str) -> bytes | None:
        try:
            return self._store.read(uri) if uri else None
        except NotFound:
            return None

    def _closure(self, connection: Connection, workflow_id: int) -> compiler_pb2.CompiledWorkflowClosure:
        """Workflows never change, so the last few are kept parsed."""
        if workflow_id in self._closures:
            self._closures.move_to_end(workflow_id)
            return self._closures[workflow_id]
        query = select(schema.workflows.c.message).where(schema.workflows.c.id == workflow_id)
        workflow = workflow_pb2.Workflow.FromString(connection.execute(query).scalar_one())
        self._closures[workflow_id] = workflow.closure.compiled_workflow
        if len(self._closures) > _KEPT_CLOSURES:
            self._closures.popitem(last=False)
        return workflow.closure.compiled_workflow

    def parents_to_tell(self, id: ExecutionId) -> Iterator[tuple[ExecutionId, ChildEnded]]:
        """The node that launched this execution, if one did, and how the execution ended."""
        with self._db.read() as connection:
            row = rows.get(connection, id)
            if row is None or row.parent_node_execution_id is None:
                return
            parent = rows.get_node_by_key(connection, row.parent_node_execution_id)
        end = self.ending(id, parent.node_id)
        if end is not None:
            yield _id_of(parent), end

    def ending(self, id: ExecutionId, node_uid: str) -> ChildEnded | None:
        """:param node_uid: the parent's node that waits; None is returned while the execution goes on."""
        with self._db.read() as connection:
            row = rows.get(connection, id)
        if row is None or row.phase not in _TERMINAL_NAMES:
            return None
        closure = execution_pb2.ExecutionClosure.FromString(row.closure)
        result = closure.WhichOneof("output_result")
        return ChildEnded(
            node_uid,
            id.name,
            closure.phase,
            outputs=read_literals(self._store, closure.outputs.uri if result == "outputs" else ""),
            error=closure.error if result == "error" else None,
        )


def _literals(data: bytes) -> literals_pb2.LiteralMap:
    return literals_pb2.LiteralMap.FromString(data)


def _id_of(row: object) -> ExecutionId:
    return identifier_pb2.WorkflowExecutionIdentifier(
        project=row.execution_project,  # type: ignore[attr-defined]
        domain=row.execution_domain,  # type: ignore[attr-defined]
        name=row.execution_name,  # type: ignore[attr-defined]
    )

"""Reading, ending and archiving executions. Source: flyteadmin pkg/manager/impl/execution_manager.go."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeAlias

from flyteidl.admin import common_pb2, event_pb2, execution_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2
from google.protobuf.message import DecodeError
from sqlalchemy import Connection, Row

from flyte_sandbox.admin.descriptions import missing
from flyte_sandbox.admin.pages import next_token, read_page
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.clock import Clock
from flyte_sandbox.db import executions as rows
from flyte_sandbox.db import schema
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.listing import EXECUTIONS, select_page
from flyte_sandbox.db.times import to_micros, to_timestamp
from flyte_sandbox.errors import FailedPrecondition, InvalidArgument, NotFound
from flyte_sandbox.phases import WORKFLOW, WORKFLOW_TERMINAL

logger = logging.getLogger(__name__)

ExecutionId: TypeAlias = identifier_pb2.WorkflowExecutionIdentifier
_LIST_ERROR_BYTES = 100


class Executions:
    """:param on_terminated: told the id and the cause once ABORTING is committed."""

    def __init__(
        self, db: Database, clock: Clock, store: Store, on_terminated: Callable[[ExecutionId], None]
    ) -> None:
        self._db = db
        self._clock = clock
        self._store = store
        self._on_terminated = on_terminated

    def get(self, request: execution_pb2.WorkflowExecutionGetRequest) -> execution_pb2.Execution:
        _check_id(request.id)
        with self._db.look() as connection:
            return to_message(get_row(connection, request.id))

    def list(self, request: common_pb2.ResourceListRequest) -> execution_pb2.ExecutionList:
        """Archived ones only when a filter asks for a state; errors cut short, inputs left out."""
        for name in ("project", "domain"):
            if not getattr(request.id, name):
                raise InvalidArgument(f"missing {name}")
        page = read_page(request, "ListExecutions")
        table = schema.executions.c
        where = [
            table.execution_project == request.id.project,
            table.execution_domain == request.id.domain,
        ]
        if request.id.name:
            where.append(table.execution_name == request.id.name)
        if not any(one.field == "state" and one.entity in ("", "execution") for one in page.filters):
            where.append(table.state == execution_pb2.EXECUTION_ACTIVE)
        with self._db.read() as connection:
            found = select_page(connection, EXECUTIONS, page, *where)
        return execution_pb2.ExecutionList(
            executions=[_trim(to_message(row)) for row in found], token=next_token(page, found)
        )

    def get_data(
        self, request: execution_pb2.WorkflowExecutionGetDataRequest
    ) -> execution_pb2.WorkflowExecutionGetDataResponse:
        _check_id(request.id)
        with self._db.read() as connection:
            row = get_row(connection, request.id)
        closure = execution_pb2.ExecutionClosure.FromString(row.closure)
        uri = closure.outputs.uri if closure.WhichOneof("output_result") == "outputs" else ""
        return execution_pb2.WorkflowExecutionGetDataResponse(
            inputs=common_pb2.UrlBlob(),
            outputs=common_pb2.UrlBlob(),
            full_inputs=show_literals(self._store, row.inputs_uri),
            full_outputs=show_literals(self._store, uri),
        )

    def terminate(
        self, request: execution_pb2.ExecutionTerminateRequest
    ) -> execution_pb2.ExecutionTerminateResponse:
        """ABORTING at once, ABORTED when nothing runs any more. Repeating it while ABORTING succeeds."""
        _check_id(request.id)
        with self._db.write() as connection:
            row = get_row(connection, request.id)
            closure = execution_pb2.ExecutionClosure.FromString(row.closure)
            if closure.phase in WORKFLOW_TERMINAL:
                raise _already_terminal(closure.phase)
            closure.phase = WORKFLOW.ABORTING
            closure.abort_metadata.cause = request.cause
            rows.update_row(
                connection,
                schema.executions,
                row.id,
                phase="ABORTING",
                abort_cause=request.cause,
                closure=closure.SerializeToString(),
            )
        self._on_terminated(request.id)
        return execution_pb2.ExecutionTerminateResponse()

    def update(self, request: execution_pb2.ExecutionUpdateRequest) -> execution_pb2.ExecutionUpdateResponse:
        """Archives, or brings back."""
        _check_id(request.id)
        now = self._clock.now()
        with self._db.write() as connection:
            row = get_row(connection, request.id)
            closure = execution_pb2.ExecutionClosure.FromString(row.closure)
            closure.state_change_details.state = request.state
            closure.state_change_details.occurred_at.CopyFrom(to_timestamp(now))
            rows.update_row(
                connection,
                schema.executions,
                row.id,
                state=request.state,
                updated_at=to_micros(now),
                closure=closure.SerializeToString(),
            )
        return execution_pb2.ExecutionUpdateResponse()


def _already_terminal(phase: int) -> FailedPrecondition:
    name = core_execution_pb2.WorkflowExecution.Phase.Name(phase)
    state = event_pb2.EventErrorAlreadyInTerminalState(current_phase=name)
    reason = event_pb2.EventFailureReason(already_in_terminal_state=state)
    return FailedPrecondition("Cannot abort an already terminated workflow execution", reason)


def _check_id(id: ExecutionId) -> None:
    for name in ("project", "domain", "name"):
        if not getattr(id, name):
            raise InvalidArgument(f"missing {name}")


def get_row(connection: Connection, id: ExecutionId) -> Row[Any]:
    """:raises NotFound: when there is no such execution."""
    row = rows.get(connection, id)
    if row is None:
        raise NotFound(missing("execution", id))
    return row


def to_message(row: Row[Any]) -> execution_pb2.Execution:
    id = ExecutionId(project=row.execution_project, domain=row.execution_domain, name=row.execution_name)
    closure = execution_pb2.ExecutionClosure.FromString(row.closure)
    if closure.phase == WORKFLOW.ABORTED and not closure.HasField("abort_metadata"):
        closure.abort_metadata.cause = row.abort_cause
    spec = execution_pb2.ExecutionSpec.FromString(row.spec)
    return execution_pb2.Execution(id=id, spec=spec, closure=closure)


def _trim(execution: execution_pb2.Execution) -> execution_pb2.Execution:
    execution.spec.ClearField("inputs")
    execution.closure.ClearField("computed_inputs")
    if execution.closure.HasField("error"):
        cut_message(execution.closure.error)
    return execution


def cut_message(error: core_execution_pb2.ExecutionError) -> None:
    """Lists carry only the first hundred bytes of an error."""
    error.message = error.message.encode()[:_LIST_ERROR_BYTES].decode(errors="ignore")


def read_literals(store: Store, uri: str) -> literals_pb2.LiteralMap:
    """What a metadata file holds, or nothing when it was never written (a node that has not finished)."""
    if not uri:
        return literals_pb2.LiteralMap()
    try:
        return literals_pb2.LiteralMap.FromString(store.read(uri))
    except NotFound:
        return literals_pb2.LiteralMap()


def show_literals(store: Store, uri: str) -> literals_pb2.LiteralMap:
    """The same for somebody who looks: what cannot be read shows as nothing, and is no error."""
    try:
        return read_literals(store, uri)
    except (InvalidArgument, DecodeError):
        logger.warning("%s holds no literals", uri)
        return literals_pb2.LiteralMap()

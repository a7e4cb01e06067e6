"""Tasks: registered versions of containers with an interface.

Source: flyteadmin pkg/manager/impl/task_manager.go.
"""

from __future__ import annotations

from typing import Any

from flyteidl.admin import common_pb2, task_pb2
from flyteidl.core import compiler_pb2, identifier_pb2
from sqlalchemy import Connection, Row

from flyte_sandbox.admin import registered
from flyte_sandbox.admin.projects import Projects
from flyte_sandbox.clock import Clock
from flyte_sandbox.compiler.digests import structural_digest
from flyte_sandbox.compiler.identifiers import validate_identifier
from flyte_sandbox.compiler.tasks import compile_task
from flyte_sandbox.db import description_entities, entities
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.listing import TASKS
from flyte_sandbox.db.times import to_micros, to_timestamp

_TASK = identifier_pb2.TASK


class Tasks:
    def __init__(self, db: Database, clock: Clock, projects: Projects) -> None:
        self._db = db
        self._clock = clock
        self._projects = projects

    def create(self, request: task_pb2.TaskCreateRequest) -> task_pb2.TaskCreateResponse:
        validate_identifier(request.id, _TASK)
        self._projects.check_active(request.id.project, request.id.domain)
        compiled = compile_task(request.id, request.spec)
        digest = structural_digest(compiled)

        def insert(connection: Connection) -> None:
            self._insert(connection, request, compiled, digest)

        registered.insert_once(
            self._db,
            request.id,
            digest,
            insert,
            lambda row: (_to_message(row).closure.compiled_task, compiled),
        )
        return task_pb2.TaskCreateResponse()

    def _insert(
        self,
        connection: Connection,
        request: task_pb2.TaskCreateRequest,
        compiled: compiler_pb2.CompiledTask,
        digest: bytes,
    ) -> None:
        now = self._clock.now()
        summary = request.spec.description.short_description
        closure = task_pb2.TaskClosure(compiled_task=compiled, created_at=to_timestamp(now))
        task = task_pb2.Task(id=request.id, closure=closure, short_description=summary)
        entities.insert_row(
            connection,
            request.id,
            digest=digest,
            type=compiled.template.type,
            short_description=summary,
            created_at=to_micros(now),
            updated_at=to_micros(now),
            message=task.SerializeToString(),
        )
        if request.spec.HasField("description"):
            description_entities.insert_row(connection, request.id, request.spec.description, to_micros(now))

    def get(self, request: common_pb2.ObjectGetRequest) -> task_pb2.Task:
        id = registered.read_id(request, _TASK)
        with self._db.read() as connection:
            return _to_message(registered.get_row(connection, id))

    def list(self, request: common_pb2.ResourceListRequest) -> task_pb2.TaskList:
        tasks, token = registered.list_rows(self._db, TASKS, request, "ListTasks", _to_message)
        return task_pb2.TaskList(tasks=tasks, token=token)

    def list_ids(
        self, request: common_pb2.NamedEntityIdentifierListRequest
    ) -> common_pb2.NamedEntityIdentifierList:
        return registered.list_ids(self._db, TASKS, request, "ListTaskIds")

    def get_compiled(
        self, connection: Connection, id: identifier_pb2.Identifier
    ) -> compiler_pb2.CompiledTask:
        """:raises NotFound: when this version is not registered."""
        return _to_message(registered.get_row(connection, id)).closure.compiled_task


def _to_message(row: Row[Any]) -> task_pb2.Task:
    return task_pb2.Task.FromString(row.message)

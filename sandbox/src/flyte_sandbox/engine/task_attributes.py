"""The matchable task resources that apply to an execution: defaults and limits of its project or workflow.

Source: flyteadmin pkg/manager/impl/execution_manager.go ``getTaskResources``: the most specific row, whole.
"""

from __future__ import annotations

from functools import lru_cache

from flyteidl.admin import matchable_resource_pb2

from flyte_sandbox.db import attributes as rows
from flyte_sandbox.db.attributes import Scope
from flyte_sandbox.db.database import Database
from flyte_sandbox.engine.model import ExecutionId
from flyte_sandbox.engine.resources import Attributes

_REMEMBERED = 256


class TaskAttributes:
    """Asked for each attempt, answered once for each execution: later changes are for later executions."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._find = lru_cache(_REMEMBERED)(self._look_up)

    def of(self, id: ExecutionId, workflow: str) -> Attributes | None:
        """:param workflow: the name of what the execution runs."""
        return self._find(id.project, id.domain, id.name, workflow)

    def _look_up(self, project: str, domain: str, _execution: str, workflow: str) -> Attributes | None:
        with self._db.read() as connection:
            found = rows.list_applicable(connection, Scope(project, domain, workflow))
        texts = [row.attributes for row in found if row.resource_type == matchable_resource_pb2.TASK_RESOURCE]
        if not texts:
            return None
        return matchable_resource_pb2.MatchingAttributes.FromString(texts[-1]).task_resource_attributes

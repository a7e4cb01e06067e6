"""The matchable task resources that apply to an execution: defaults and limits of its project or workflow.

Source: flyteadmin pkg/manager/impl/execution_manager.go ``getTaskResources``: the most specific row, whole.
"""

from __future__ import annotations

from functools import lru_cache

from flyteidl.admin import matchable_resource_pb2

from flyte_sandbox.db import executions as rows
from flyte_sandbox.db.database import Database
from flyte_sandbox.engine.model import ExecutionId
from flyte_sandbox.engine.resources.claims import Attributes

_REMEMBERED = 256
_FIELD = "task_resource_attributes"


class TaskAttributes:
    """What applied at the launch, which stays with the execution: later changes are for later ones."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._find = lru_cache(_REMEMBERED)(self._look_up)

    def of(self, id: ExecutionId) -> Attributes | None:
        return self._find(id.project, id.domain, id.name)

    def _look_up(self, project: str, domain: str, name: str) -> Attributes | None:
        with self._db.read() as connection:
            row = rows.get(connection, ExecutionId(project=project, domain=domain, name=name))
        if row is None or not row.launch_attributes:
            return None
        kept = matchable_resource_pb2.ListMatchableAttributesResponse.FromString(row.launch_attributes)
        found = (one.attributes for one in kept.configurations)
        return next((one.task_resource_attributes for one in found if one.HasField(_FIELD)), None)

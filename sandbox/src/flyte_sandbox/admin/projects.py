"""Projects and domains. Source: flyteadmin pkg/manager/impl/project_manager.go."""

from __future__ import annotations

from typing import Any

from flyteidl.admin import common_pb2, project_pb2
from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from flyte_sandbox.admin.pages import next_token, read_page
from flyte_sandbox.clock import Clock
from flyte_sandbox.compiler.identifiers import require, validate_project
from flyte_sandbox.config import DEFAULT_PROJECT, DOMAINS
from flyte_sandbox.db import schema
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.listing import PROJECTS, Page, select_page
from flyte_sandbox.db.times import to_micros
from flyte_sandbox.errors import AlreadyExists, InvalidArgument, NotFound

_ACTIVE = project_pb2.Project.ACTIVE
_ARCHIVED = project_pb2.Project.ARCHIVED


class Projects:
    """Registers and lists projects, and says whether one may be written to."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def ensure_default(self) -> None:
        """Makes ``flytesnacks``, which clients take for granted. Calling twice is safe."""
        project = project_pb2.Project(
            id=DEFAULT_PROJECT, name=DEFAULT_PROJECT, description="Default project setup."
        )
        with self._db.write() as connection:
            if _get(connection, DEFAULT_PROJECT) is None:
                self._insert(connection, project)

    def register(self, request: project_pb2.ProjectRegisterRequest) -> project_pb2.ProjectRegisterResponse:
        validate_project(request.project)
        try:
            with self._db.write() as connection:
                self._insert(connection, request.project)
        except IntegrityError:
            raise AlreadyExists(
                f"value with matching already exists (project [{request.project.id}])"
            ) from None
        return project_pb2.ProjectRegisterResponse()

    def _insert(self, connection: Connection, project: project_pb2.Project) -> None:
        now = to_micros(self._clock.now())
        values = {"created_at": now, "updated_at": now, "message": project.SerializeToString()}
        columns = {
            "identifier": project.id,
            "name": project.name,
            "description": project.description,
            "state": project.state,
        }
        connection.execute(insert(schema.projects).values(**columns, **values))

    def update(self, request: project_pb2.Project) -> project_pb2.ProjectUpdateResponse:
        """Empty fields keep what is stored, but the state is always written."""
        with self._db.write() as connection:
            row = _get(connection, request.id)
            if row is None:
                raise NotFound(f"project [{request.id}] not found")
            validate_project(request, is_new=False)
            project = _to_message(row)
            project.MergeFrom(request)
            project.state = request.state
            if request.HasField("labels"):
                project.labels.CopyFrom(request.labels)
            del project.domains[:]
            values = {"name": project.name, "description": project.description, "state": project.state}
            query = update(schema.projects).where(schema.projects.c.identifier == request.id)
            now = to_micros(self._clock.now())
            connection.execute(query.values(**values, updated_at=now, message=project.SerializeToString()))
        return project_pb2.ProjectUpdateResponse()

    def get(self, request: project_pb2.ProjectGetRequest) -> project_pb2.Project:
        require(request.id, "project_id")
        with self._db.read() as connection:
            row = _get(connection, request.id)
        if row is None:
            raise NotFound(f"project [{request.id}] not found")
        return _to_message(row)

    def list(self, request: project_pb2.ProjectListRequest) -> project_pb2.Projects:
        page = read_page(request, "ListProjects", limit_required=False)
        conditions = [] if page.filters else [schema.projects.c.state != _ARCHIVED]
        if not page.has_sort:
            page = Page(page.limit, page.offset, page.filters, "identifier", False, True)
        with self._db.read() as connection:
            rows = select_page(connection, PROJECTS, page, *conditions)
        return project_pb2.Projects(projects=map(_to_message, rows), token=next_token(page, rows))

    def get_domains(self, _: project_pb2.GetDomainRequest) -> project_pb2.GetDomainsResponse:
        return project_pb2.GetDomainsResponse(domains=_domains())

    def check_active(self, project: str, domain: str) -> None:
        """:raises InvalidArgument: unless the project is registered and active and the domain exists."""
        with self._db.read() as connection:
            row = _get(connection, project)
        where = f"project [{project}] and domain [{domain}] are registered"
        _require_active(_require_found(row, project, where))
        if domain not in DOMAINS:
            raise InvalidArgument(f"domain [{domain}] is unrecognized by system")

    def check_project_active(self, project: str) -> None:
        """:raises InvalidArgument: unless the project is registered and active."""
        _require_active(self._find(project, f"project [{project}] is registered"))

    def check_exists(self, project: str) -> None:
        """:raises InvalidArgument: unless the project is registered, active or not."""
        self._find(project, f"project [{project}] exists")

    def _find(self, project: str, where: str) -> Row[Any]:
        with self._db.read() as connection:
            return _require_found(_get(connection, project), project, where)


def find_labels(connection: Connection, project: str) -> common_pb2.Labels:
    """The labels of a project, which its executions get too."""
    row = _get(connection, project)
    return common_pb2.Labels() if row is None else project_pb2.Project.FromString(row.message).labels


def _require_found(row: Row[Any] | None, project: str, where: str) -> Row[Any]:
    if row is None:
        raise InvalidArgument(f"failed to validate that {where}, err: [project [{project}] not found]")
    return row


def _require_active(row: Row[Any]) -> None:
    if row.state != _ACTIVE:
        inactive = project_pb2.InactiveProject(id=row.identifier)
        raise InvalidArgument(f"project [{row.identifier}] is not active", inactive)


def _get(connection: Connection, identifier: str) -> Row[Any] | None:
    query = select(schema.projects).where(schema.projects.c.identifier == identifier)
    return connection.execute(query).one_or_none()


def _to_message(row: Row[Any]) -> project_pb2.Project:
    project = project_pb2.Project.FromString(row.message)
    project.state = row.state
    project.domains.extend(_domains())
    return project


def _domains() -> list[project_pb2.Domain]:
    return [project_pb2.Domain(id=name, name=name) for name in DOMAINS]

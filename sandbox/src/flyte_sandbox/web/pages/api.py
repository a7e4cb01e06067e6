"""The RPCs that pages read from, with their requests filled in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from flyteidl.admin import (
    common_pb2,
    execution_pb2,
    launch_plan_pb2,
    node_execution_pb2,
    project_pb2,
    task_execution_pb2,
    task_pb2,
    workflow_pb2,
)
from flyteidl.core import identifier_pb2
from flyteidl.service import dataproxy_pb2
from google.protobuf.message import Message

from flyte_sandbox.errors import SandboxError
from flyte_sandbox.web.gateway import Call

_ADMIN = "/flyteidl.service.AdminService/"
_DATA = "/flyteidl.service.DataProxyService/"
_AT_ONCE = 8

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """A project and a domain."""

    project: str
    domain: str


_NEWEST_FIRST = common_pb2.Sort(key="created_at", direction=common_pb2.Sort.DESCENDING)
_OLDEST_FIRST = common_pb2.Sort(key="created_at", direction=common_pb2.Sort.ASCENDING)


class Api:
    def __init__(self, call: Call) -> None:
        self._call = call

    async def _ask(self, name: str, request: Message) -> Any:
        return await self._call(_ADMIN + name, request)

    async def projects(self) -> list[project_pb2.Project]:
        answer = await self._ask("ListProjects", project_pb2.ProjectListRequest())
        return sorted(answer.projects, key=lambda project: str(project.name or project.id).lower())

    async def executions(
        self, place: Place, limit: int, token: str = "", filters: str = ""
    ) -> execution_pb2.ExecutionList:
        request = _list_request(place, "", limit, token, filters)
        return cast(execution_pb2.ExecutionList, await self._ask("ListExecutions", request))

    async def names(self, kind: str, place: Place, limit: int, token: str = "") -> Any:
        """:param kind: ``Task``, ``Workflow`` or ``LaunchPlan``.
        :return: a NamedEntityIdentifierList."""
        request = common_pb2.NamedEntityIdentifierListRequest(
            project=place.project,
            domain=place.domain,
            limit=limit,
            token=token,
            sort_by=common_pb2.Sort(key="name", direction=common_pb2.Sort.ASCENDING),
        )
        return await self._ask(f"List{kind}Ids", request)

    async def versions(self, kind: str, place: Place, name: str, limit: int, token: str = "") -> Any:
        """:param kind: as for :meth:`names`.
        :return: a TaskList, WorkflowList or LaunchPlanList, newest first."""
        return await self._ask(f"List{kind}s", _list_request(place, name, limit, token))

    async def task(self, id: identifier_pb2.Identifier) -> task_pb2.Task:
        return cast(task_pb2.Task, await self._ask("GetTask", common_pb2.ObjectGetRequest(id=id)))

    async def workflow(self, id: identifier_pb2.Identifier) -> workflow_pb2.Workflow:
        request = common_pb2.ObjectGetRequest(id=id)
        return cast(workflow_pb2.Workflow, await self._ask("GetWorkflow", request))

    async def launch_plan(self, id: identifier_pb2.Identifier) -> launch_plan_pb2.LaunchPlan:
        request = common_pb2.ObjectGetRequest(id=id)
        return cast(launch_plan_pb2.LaunchPlan, await self._ask("GetLaunchPlan", request))

    async def execution(self, id: identifier_pb2.WorkflowExecutionIdentifier) -> execution_pb2.Execution:
        request = execution_pb2.WorkflowExecutionGetRequest(id=id)
        return cast(execution_pb2.Execution, await self._ask("GetExecution", request))

    async def execution_data(
        self, id: identifier_pb2.WorkflowExecutionIdentifier
    ) -> execution_pb2.WorkflowExecutionGetDataResponse:
        request = execution_pb2.WorkflowExecutionGetDataRequest(id=id)
        return cast(
            execution_pb2.WorkflowExecutionGetDataResponse, await self._ask("GetExecutionData", request)
        )

    async def nodes(
        self, id: identifier_pb2.WorkflowExecutionIdentifier, limit: int, parent_id: str = ""
    ) -> list[node_execution_pb2.NodeExecution]:
        """:param parent_id: whose children; empty for the top level. In the order they were created."""
        request = node_execution_pb2.NodeExecutionListRequest(
            workflow_execution_id=id, limit=limit, unique_parent_id=parent_id, sort_by=_OLDEST_FIRST
        )
        return list((await self._ask("ListNodeExecutions", request)).node_executions)

    async def node(self, id: identifier_pb2.NodeExecutionIdentifier) -> node_execution_pb2.NodeExecution:
        request = node_execution_pb2.NodeExecutionGetRequest(id=id)
        return cast(node_execution_pb2.NodeExecution, await self._ask("GetNodeExecution", request))

    async def node_data(
        self, id: identifier_pb2.NodeExecutionIdentifier
    ) -> node_execution_pb2.NodeExecutionGetDataResponse:
        request = node_execution_pb2.NodeExecutionGetDataRequest(id=id)
        return cast(
            node_execution_pb2.NodeExecutionGetDataResponse, await self._ask("GetNodeExecutionData", request)
        )

    async def attempts(
        self, id: identifier_pb2.NodeExecutionIdentifier
    ) -> list[task_execution_pb2.TaskExecution]:
        """First attempt first."""
        request = task_execution_pb2.TaskExecutionListRequest(
            node_execution_id=id, limit=100, sort_by=_OLDEST_FIRST
        )
        return list((await self._ask("ListTaskExecutions", request)).task_executions)

    async def deck_url(self, id: identifier_pb2.NodeExecutionIdentifier) -> str:
        """A signed address.

        :raises NotFound: when the node has no deck (yet)."""
        request = dataproxy_pb2.CreateDownloadLinkRequest(
            artifact_type=dataproxy_pb2.ARTIFACT_TYPE_DECK, node_execution_id=id
        )
        request.expires_in.FromSeconds(3600)
        answer = cast(Any, await self._call(_DATA + "CreateDownloadLink", request))
        return str(answer.pre_signed_urls.signed_url[0])

    async def download_url(self, uri: str) -> str:
        """A signed address of any object."""
        request = dataproxy_pb2.CreateDownloadLocationRequest(native_url=uri)
        request.expires_in.FromSeconds(3600)
        answer = cast(Any, await self._call(_DATA + "CreateDownloadLocation", request))
        return str(answer.signed_url)


def _list_request(
    place: Place, name: str, limit: int, token: str, filters: str = ""
) -> common_pb2.ResourceListRequest:
    return common_pb2.ResourceListRequest(
        id=common_pb2.NamedEntityIdentifier(project=place.project, domain=place.domain, name=name),
        limit=limit,
        token=token,
        filters=filters,
        sort_by=_NEWEST_FIRST,
    )


async def gather_some(tasks: Iterable[Awaitable[T]]) -> list[T]:
    """All results in order, with few calls under way at once, so that one page does not take every worker."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(task: Awaitable[T]) -> T:
        async with turns:
            return await task

    return list(await asyncio.gather(*(in_turn(task) for task in tasks)))


async def or_none(task: Awaitable[T]) -> T | None:
    """For what a page can do without: its absence must not take the rest away."""
    try:
        return await task
    except SandboxError:
        return None

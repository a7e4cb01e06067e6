"""PollHub: answers the looks of many waiting triggers with few RPCs.

Triggers look on their own, each when its interval says so. From eight executions of one project and domain
on, the hub holds looks back for a quarter of a second and asks for all that came together in one
ListExecutions. What a list does not show (flyteadmin hides archived executions; source:
pkg/manager/impl/execution_manager.go, addStateFilter) is asked for by GetExecution, and so is everything
where a server refuses the list.

Belongs to one event loop; nothing in it blocks or is shared between threads.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc.aio
from flyteidl.admin import common_pb2, execution_pb2, node_execution_pb2
from flyteidl.core.identifier_pb2 import WorkflowExecutionIdentifier as ExecutionId
from flyteidl.service import admin_pb2_grpc

from flyte_provider._client.progress import nodes_request
from flyte_provider._client.rpc_errors import translate
from flyte_provider.connection import FlyteConnection
from flyte_provider.exceptions import FlyteServerError

log = logging.getLogger(__name__)

#: So many executions of one project and domain make lists worth their while.
BATCH_FROM = 8
#: A server's page and the length of a filter are not to be tried out.
MOST_NAMES = 100
WINDOW_SECONDS = 0.25
#: In a crowd, somebody's nodes are asked for this often.
NODES_SECONDS = 0.5
# Answers of a server that cannot or may not list; another try would say the same.
_REFUSALS = {"UNIMPLEMENTED", "PERMISSION_DENIED", "INVALID_ARGUMENT"}


class _Group:
    """The executions of one project and domain.

    :ivar awaited: how many wait for each name
    :ivar looks: who waits for the next list's answer, by name
    """

    def __init__(self) -> None:
        self.awaited: Counter[str] = Counter()
        self.looks: defaultdict[str, list[asyncio.Future[execution_pb2.Execution]]] = defaultdict(list)
        self.flush: asyncio.TimerHandle | None = None
        self.can_list = True


class PollHub:
    """Looks at executions over one channel.

    :param connection: for messages and time limits
    :param channel: the running loop's
    :param most_in_flight: RPCs at once
    """

    def __init__(
        self, connection: FlyteConnection, channel: grpc.aio.Channel, most_in_flight: int = 16
    ) -> None:
        self.channel = channel
        self._connection = connection
        self._stub = admin_pb2_grpc.AdminServiceStub(channel)
        self._in_flight = asyncio.Semaphore(most_in_flight)
        self._next_nodes_at = 0.0
        self._groups: dict[tuple[str, str], _Group] = {}
        self._answering: set[asyncio.Task[None]] = set()

    @contextmanager
    def awaiting(self, execution_id: ExecutionId) -> Iterator[None]:
        """Say that somebody waits for this execution, so that the hub knows how many do."""
        key = (execution_id.project, execution_id.domain)
        group = self._groups.setdefault(key, _Group())
        group.awaited[execution_id.name] += 1
        try:
            yield
        finally:
            group.awaited[execution_id.name] -= 1
            group.awaited += Counter()  # drops what nobody waits for
            if not group.awaited:
                self._groups.pop(key, None)

    async def look(self, execution_id: ExecutionId) -> execution_pb2.Execution:
        """Return the execution as it is now; one attempt.

        From a list it comes without inputs, and with the beginning of its error only.

        :raises FlyteServerError: transient ones included, patience is the caller's
        """
        group = self._groups.get((execution_id.project, execution_id.domain))
        if group is None or not group.can_list or len(group.awaited) < BATCH_FROM:
            return await self.get(execution_id)
        return await self._join(group, execution_id)

    async def get(self, execution_id: ExecutionId) -> execution_pb2.Execution:
        """Return the execution from a GetExecution of its own.

        :raises FlyteServerError: as :meth:`look`
        """
        request = execution_pb2.WorkflowExecutionGetRequest(id=execution_id)
        return await self._call(self._stub.GetExecution, request, f"get execution {execution_id.name!r}")

    async def list_changed_nodes(self, execution_id: ExecutionId) -> list[node_execution_pb2.NodeExecution]:
        """Return an execution's nodes, latest changed first; none when it is not this one's turn.

        Nodes cannot be asked for together. So that a thousand who wait do not ask a hundred times a second
        for what is only told, all of them share two questions a second.

        :raises FlyteServerError: as :meth:`look`
        """
        if not self._is_turn():
            return []
        action = f"list nodes of execution {execution_id.name!r}"
        reply = await self._call(self._stub.ListNodeExecutions, nodes_request(execution_id), action)
        return list(reply.node_executions)

    def _is_turn(self) -> bool:
        now = asyncio.get_running_loop().time()
        is_crowded = sum(len(group.awaited) for group in self._groups.values()) >= BATCH_FROM
        if is_crowded and now < self._next_nodes_at:
            return False
        self._next_nodes_at = now + NODES_SECONDS
        return True

    async def _call(self, method: Any, request: Any, action: str) -> Any:
        async with self._in_flight:
            try:
                return await method(request, timeout=self._connection.timeout_seconds)
            except grpc.aio.AioRpcError as exc:
                raise translate(exc, action, self._connection) from exc

    # -- lists -----------------------------------------------------------------------------------------------

    def _join(self, group: _Group, execution_id: ExecutionId) -> asyncio.Future[execution_pb2.Execution]:
        """Put a look into the next list."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[execution_pb2.Execution] = loop.create_future()
        group.looks[execution_id.name].append(future)
        place = (execution_id.project, execution_id.domain)
        if len(group.looks) >= MOST_NAMES:
            self._send(group, place)
        elif group.flush is None:
            group.flush = loop.call_later(WINDOW_SECONDS, self._send, group, place)
        return future

    def _send(self, group: _Group, place: tuple[str, str]) -> None:
        if group.flush is not None:
            group.flush.cancel()
            group.flush = None
        looks, group.looks = group.looks, defaultdict(list)
        task = asyncio.get_running_loop().create_task(self._answer(group, place, looks))
        # The loop itself holds tasks only weakly.
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(
        self,
        group: _Group,
        place: tuple[str, str],
        looks: dict[str, list[asyncio.Future[execution_pb2.Execution]]],
    ) -> None:
        """Give every look its execution, or the error that stood in the way; leave none waiting."""
        try:
            for execution in await self._list(group, place, list(looks)):
                _resolve(looks.pop(execution.id.name, ()), execution)
            await asyncio.gather(*(self._answer_alone(place, name, looks[name]) for name in looks))
        except BaseException as exc:
            for futures in looks.values():
                _fail(futures, exc)
            if not isinstance(exc, FlyteServerError):
                raise

    async def _list(
        self, group: _Group, place: tuple[str, str], names: list[str]
    ) -> list[execution_pb2.Execution]:
        """Return what a list shows of these; nothing where the server does not list."""
        request = common_pb2.ResourceListRequest(
            id=common_pb2.NamedEntityIdentifier(project=place[0], domain=place[1]),
            limit=len(names),
            filters=f"value_in(execution_name,{';'.join(names)})",
        )
        try:
            reply = await self._call(self._stub.ListExecutions, request, f"list {len(names)} executions")
        except FlyteServerError as exc:
            if exc.code not in _REFUSALS:
                raise
            group.can_list = False
            log.warning("%s; looking at each of %s/%s on its own", exc, *place)
            return []
        return list(reply.executions)

    async def _answer_alone(
        self, place: tuple[str, str], name: str, futures: list[asyncio.Future[execution_pb2.Execution]]
    ) -> None:
        try:
            execution = await self.get(ExecutionId(project=place[0], domain=place[1], name=name))
        except FlyteServerError as exc:
            _fail(futures, exc)
        else:
            _resolve(futures, execution)


def _resolve(futures: Any, execution: execution_pb2.Execution) -> None:
    for future in futures:
        # A trigger that was cancelled meanwhile waits no more.
        if not future.done():
            future.set_result(execution)


def _fail(futures: Any, error: BaseException) -> None:
    for future in futures:
        if future.done():
            continue
        if isinstance(error, asyncio.CancelledError):
            future.cancel()
        else:
            future.set_exception(error)

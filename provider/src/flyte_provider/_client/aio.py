"""The asynchronous side: what triggers and the asynchronous hook ask of Flyte, over the loop's one channel.

:class:`ExecutionWatch` is what a trigger sees; it does not know whether an answer came from a GetExecution of
its own or from :mod:`.poll_hub`'s lists.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import grpc.aio
from flyteidl.admin import execution_pb2
from flyteidl.core import identifier_pb2
from flyteidl.service import admin_pb2_grpc

from flyte_provider import _airflow_private, _settings
from flyte_provider._client.channel import shared_aio_channel
from flyte_provider._client.poll_hub import PollHub
from flyte_provider._client.progress import Progress
from flyte_provider._client.rpc_errors import translate
from flyte_provider.connection import FlyteConnection, parse_connection
from flyte_provider.exceptions import FlyteServerError

log = logging.getLogger(__name__)

# A thousand triggers that start together ask Airflow for their connection once, not a thousand times.
CONNECTION_SECONDS = 30.0

_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[FlyteConnection, PollHub]] = WeakKeyDictionary()
_lookups: WeakKeyDictionary[
    asyncio.AbstractEventLoop, dict[str, tuple[float, asyncio.Future[FlyteConnection]]]
] = WeakKeyDictionary()


async def find_connection(conn_id: str) -> FlyteConnection:
    """Return a connection without blocking the loop; what others found a moment ago is good.

    :raises FlyteConfigurationError: naming the field that is wrong
    """
    loop = asyncio.get_running_loop()
    lookups = _lookups.setdefault(loop, {})
    found_at, lookup = lookups.get(conn_id, (float("-inf"), None))
    is_usable = lookup is not None and not (lookup.done() and (lookup.cancelled() or lookup.exception()))
    if lookup is None or not is_usable or loop.time() - found_at > CONNECTION_SECONDS:
        lookup = asyncio.ensure_future(_look_up(conn_id))
        lookups[conn_id] = (loop.time(), lookup)
    # One trigger's cancellation must not take the answer from the others.
    return await asyncio.shield(lookup)


async def _look_up(conn_id: str) -> FlyteConnection:
    return parse_connection(await _airflow_private.get_connection_async(conn_id))


class ExecutionWatch:
    """Looks at executions and terminates them, from the running event loop.

    :param connection: where to, and with what
    """

    def __init__(self, connection: FlyteConnection, channel: grpc.aio.Channel, hub: PollHub) -> None:
        self._connection = connection
        self._hub = hub
        self._stub = admin_pb2_grpc.AdminServiceStub(channel)

    @classmethod
    async def open(cls, connection: FlyteConnection) -> ExecutionWatch:
        """Return one over the running loop's shared channel and hub."""
        channel = await shared_aio_channel(connection)
        hubs = _hubs.setdefault(asyncio.get_running_loop(), {})
        hub = hubs.get(connection)
        if hub is None or hub.channel is not channel:
            hub = hubs[connection] = PollHub(connection, channel, _settings.get_int("max_polls_in_flight"))
        return cls(connection, channel, hub)

    @contextmanager
    def awaiting(self, execution_id: identifier_pb2.WorkflowExecutionIdentifier) -> Iterator[None]:
        """Say that this execution will be looked at again and again."""
        with self._hub.awaiting(execution_id):
            yield

    async def look(self, execution_id: identifier_pb2.WorkflowExecutionIdentifier) -> execution_pb2.Execution:
        """Return the execution as it is now; one attempt.

        :raises FlyteServerError: transient ones included, patience is the caller's
        """
        return await self._hub.look(execution_id)

    async def tell_progress(
        self,
        execution_id: identifier_pb2.WorkflowExecutionIdentifier,
        progress: Progress,
        tell: Callable[[str], object],
    ) -> None:
        """Tell what is new about an execution's nodes, when it is its turn; an error is no news."""
        try:
            for line in progress.take(await self._hub.list_changed_nodes(execution_id)):
                tell(line)
        except FlyteServerError as exc:
            log.debug("%s", exc)

    async def terminate(
        self, execution_id: identifier_pb2.WorkflowExecutionIdentifier, cause: str, timeout_seconds: float
    ) -> None:
        """Ask once to terminate.

        :raises FlyteServerError: FAILED_PRECONDITION when it has already ended, NOT_FOUND when there is none
        """
        request = execution_pb2.ExecutionTerminateRequest(id=execution_id, cause=cause)
        try:
            await self._stub.TerminateExecution(request, timeout=timeout_seconds)
        except grpc.aio.AioRpcError as exc:
            raise translate(exc, f"terminate execution {execution_id.name!r}", self._connection) from exc

"""The asynchronous side: what a trigger asks of Flyte, over the process's one channel.

:class:`ExecutionWatch` is the seam for batching: a trigger asks it for one execution and does not know
    whether the answer came from a GetExecution of its own.
"""

from __future__ import annotations

import grpc.aio
from flyteidl.admin import execution_pb2
from flyteidl.core import identifier_pb2
from flyteidl.service import admin_pb2_grpc

from flyte_provider._client.channel import shared_aio_channel
from flyte_provider._client.rpc_errors import translate
from flyte_provider.connection import FlyteConnection


class ExecutionWatch:
    """Looks at executions and terminates them, from the running event loop.

    :param connection: where to, and with what
    """

    def __init__(self, connection: FlyteConnection, channel: grpc.aio.Channel) -> None:
        self._connection = connection
        self._stub = admin_pb2_grpc.AdminServiceStub(channel)

    @classmethod
    async def open(cls, connection: FlyteConnection) -> ExecutionWatch:
        """Return one over the running loop's shared channel."""
        return cls(connection, await shared_aio_channel(connection))

    async def look(self, execution_id: identifier_pb2.WorkflowExecutionIdentifier) -> execution_pb2.Execution:
        """Return the execution as it is now; one attempt.

        :raises FlyteServerError: transient ones included, patience is the caller's
        """
        request = execution_pb2.WorkflowExecutionGetRequest(id=execution_id)
        try:
            return await self._stub.GetExecution(request, timeout=self._connection.timeout_seconds)
        except grpc.aio.AioRpcError as exc:
            raise translate(exc, f"get execution {execution_id.name!r}", self._connection) from exc

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

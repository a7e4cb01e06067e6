"""FlyteAsyncHook: Flyte from an event loop that must not block, as in triggers and async tasks."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from flyte_provider import _settings
from flyte_provider._airflow import BaseHook
from flyte_provider._waiting import look_intervals
from flyte_provider.exceptions import FlyteServerError
from flyte_provider.hooks._blocking import ExecutionRef, FlyteHook

if TYPE_CHECKING:
    import grpc.aio
    from flyteidl.admin import execution_pb2

    from flyte_provider._client.aio import ExecutionWatch

T = TypeVar("T")

_TERMINATE_SECONDS = 10.0


class FlyteAsyncHook(BaseHook):
    """
    Interact with a Flyte control plane from an event loop.

    What a process does often (looking, waiting, terminating) goes over one shared asynchronous channel, and
    looks at many executions travel together. What it does rarely runs as :class:`FlyteHook` does it, in a
    thread. The methods have the names, parameters and errors of FlyteHook's.

    :param flyte_conn_id: The Flyte connection to use.
    :param project: The project; the connection's where None.
    :param domain: The domain; the connection's where None.
    """

    def __init__(
        self,
        flyte_conn_id: str = FlyteHook.default_conn_name,
        project: str | None = None,
        domain: str | None = None,
    ) -> None:
        super().__init__()
        self.flyte_conn_id = flyte_conn_id
        self._hook = FlyteHook(flyte_conn_id, project, domain)

    async def _ready(self) -> FlyteHook:
        """Return the blocking hook with its connection, which only the loop may look up."""
        if "connection" not in self._hook.__dict__:
            # Loading gRPC takes long enough for a thread of its own.
            aio: Any = await asyncio.to_thread(importlib.import_module, "flyte_provider._client.aio")
            self._hook.connection = await aio.find_connection(self.flyte_conn_id)
        return self._hook

    async def _watch(self) -> ExecutionWatch:
        hook = await self._ready()
        from flyte_provider._client.aio import ExecutionWatch

        return await ExecutionWatch.open(hook.connection)

    async def _in_thread(self, method: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        await self._ready()
        return await asyncio.to_thread(method, *args, **kwargs)

    async def get_conn(self) -> grpc.aio.Channel:
        """Return the loop's gRPC channel for this connection, for stubs of one's own. Not to be closed."""
        hook = await self._ready()
        from flyte_provider._client.channel import shared_aio_channel

        return await shared_aio_channel(hook.connection)

    async def get_execution(self, execution_name: str) -> execution_pb2.Execution:
        """
        Return the execution as Flyte has it: id, spec and closure.

        :raises FlyteEntityNotFoundError: when there is none of that name
        """
        watch = await self._watch()
        return await watch.look(self._hook.execution_id(execution_name))

    async def execution_status(self, execution_name: str) -> bool:
        """
        Return whether the execution has succeeded; False while it runs.

        :raises FlyteExecutionError: when it failed, was aborted or timed out
        """
        return self._has_succeeded(await self.get_execution(execution_name))

    def _has_succeeded(self, execution: execution_pb2.Execution) -> bool:
        from flyte_provider._client.outcomes import has_succeeded

        return has_succeeded(execution, self._hook.console_url(execution.id.name))

    async def wait(
        self,
        execution_name: str,
        *,
        timeout_seconds: float | None = None,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
    ) -> execution_pb2.Execution:
        """
        Return the execution once it has succeeded.

        :param timeout_seconds: how long to wait, None for ever
        :raises FlyteExecutionError: when it failed, was aborted or timed out
        :raises TimeoutError: when it still runs after ``timeout_seconds``
        """
        intervals = look_intervals(
            _settings.get_seconds("poll_interval", poll_interval),
            _settings.get_seconds("max_poll_interval", max_poll_interval),
        )
        try:
            return await asyncio.wait_for(self._look_until_end(execution_name, intervals), timeout_seconds)
        except asyncio.TimeoutError:
            message = f"Execution {execution_name} still runs after {timeout_seconds} s"
            raise TimeoutError(message) from None

    async def _look_until_end(self, execution_name: str, intervals: Any) -> execution_pb2.Execution:
        watch = await self._watch()
        execution_id = self._hook.execution_id(execution_name)
        with watch.awaiting(execution_id):
            while True:
                execution = await watch.look(execution_id)
                if self._has_succeeded(execution):
                    return execution
                await asyncio.sleep(next(intervals))

    async def terminate(self, execution_name: str, cause: str) -> None:
        """
        Terminate an execution; one that has ended already is left as it is.

        :param cause: Why, for whoever looks at it in Flyte.
        """
        watch = await self._watch()
        try:
            await watch.terminate(self._hook.execution_id(execution_name), cause, _TERMINATE_SECONDS)
        except FlyteServerError as exc:
            if exc.code != "FAILED_PRECONDITION":
                raise
            self.log.info("Execution %s has ended already", execution_name)

    async def console_url(self, execution_name: str) -> str:
        """Return the address of the execution's page in the Flyte console."""
        return (await self._ready()).console_url(execution_name)

    # -- in a thread -----------------------------------------------------------------------------------------

    async def trigger_execution(self, execution_name: str, **options: Any) -> ExecutionRef:
        """Create an execution; see :meth:`FlyteHook.trigger_execution`."""
        return await self._in_thread(self._hook.trigger_execution, execution_name, **options)

    async def get_outputs(self, execution_name: str) -> dict[str, Any]:
        """Return the execution's outputs; see :meth:`FlyteHook.get_outputs`."""
        return await self._in_thread(self._hook.get_outputs, execution_name)

    async def list_executions(self, **filters: Any) -> list[execution_pb2.Execution]:
        """Return executions, newest first; see :meth:`FlyteHook.list_executions`."""
        return await self._in_thread(self._hook.list_executions, **filters)

    async def recover(self, execution_name: str, new_name: str) -> ExecutionRef:
        """Start anew with what succeeded in a failed one; see :meth:`FlyteHook.recover`."""
        return await self._in_thread(self._hook.recover, execution_name, new_name)

    async def list_signals(self, execution_name: str) -> list[dict[str, Any]]:
        """Return what an execution waits for; see :meth:`FlyteHook.list_signals`."""
        return await self._in_thread(self._hook.list_signals, execution_name)

    async def set_signal(
        self, execution_name: str, signal_id: str, value: Any, *, timeout_seconds: float = 0.0
    ) -> None:
        """Give an execution what it waits for; see :meth:`FlyteHook.set_signal`."""
        method = self._hook.set_signal
        await self._in_thread(method, execution_name, signal_id, value, timeout_seconds=timeout_seconds)

    async def test_connection(self) -> tuple[bool, str]:
        """Ask Flyte for its version; see :meth:`FlyteHook.test_connection`."""
        try:
            return await self._in_thread(self._hook.test_connection)
        # As the blocking hook does: Airflow shows other exceptions by their type's name only.
        except Exception as exc:  # noqa: BLE001
            return False, f"{type(exc).__name__}: {exc}"

    async def close(self) -> None:
        """Close what threads used; the shared channel stays."""
        await asyncio.to_thread(self._hook.close)

"""FlyteExecutionTrigger: waits for one execution from the triggerer's event loop and reports exactly once."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from flyte_provider import _airflow_private, _settings
from flyte_provider._airflow import BaseTrigger, TriggerEvent
from flyte_provider._waiting import ErrorBudget, look_intervals, skip_looks
from flyte_provider.exceptions import FlyteProviderError, FlyteServerError
from flyte_provider.triggers._events import FlyteExecutionEventTrigger

if TYPE_CHECKING:
    from flyteidl.admin import execution_pb2
    from flyteidl.core.identifier_pb2 import WorkflowExecutionIdentifier

    from flyte_provider._client.aio import ExecutionWatch
    from flyte_provider._client.progress import Progress

__all__ = ["FlyteExecutionEventTrigger", "FlyteExecutionTrigger"]

# Below Airflow's [triggerer] on_kill_timeout, whose expiry would be logged as our failure.
_KILL_RPC_SECONDS = 10.0


class FlyteExecutionTrigger(BaseTrigger):
    """
    Wait for one Flyte execution.

    Yields one event: a dict of ``status`` (``succeeded``, ``failed``, ``aborted``, ``timed_out``,
    ``deadline`` or ``lost``), ``phase``, ``error`` (``kind``, ``code``, ``message``; or None), ``project``,
    ``domain``, ``name``, ``url`` and ``outputs_uri``. The task that resumes reads the execution again and
    does not rely on it.

    :param conn_id: The Flyte connection to use.
    :param project: The execution's project.
    :param domain: The execution's domain.
    :param name: The execution's name.
    :param poll_interval: Seconds between looks, once the first quick ones are over.
    :param max_poll_interval: Seconds that the interval grows to.
    :param deadline: When to stop waiting, in seconds since 1970; None for never.
    :param poll_error_timeout: Seconds without an answer from Flyte after which the execution counts as lost.
    :param cancel_on_kill: Whether a user's kill of the deferred task terminates the execution.
    :param url: The execution's page in the Flyte console.
    :param log_progress: Whether to tell in the task's log how the execution's nodes fare.
    """

    def __init__(
        self,
        conn_id: str,
        project: str,
        domain: str,
        name: str,
        poll_interval: float = 5.0,
        max_poll_interval: float = 30.0,
        deadline: float | None = None,
        poll_error_timeout: float = 600.0,
        cancel_on_kill: bool = True,
        url: str = "",
        log_progress: bool = True,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.conn_id = conn_id
        self.project = project
        self.domain = domain
        self.name = name
        self.poll_interval = poll_interval
        self.max_poll_interval = max_poll_interval
        self.deadline = deadline
        self.poll_error_timeout = poll_error_timeout
        self.cancel_on_kill = cancel_on_kill
        self.url = url
        self.log_progress = log_progress

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return exactly the constructor's arguments."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "conn_id": self.conn_id,
                "project": self.project,
                "domain": self.domain,
                "name": self.name,
                "poll_interval": self.poll_interval,
                "max_poll_interval": self.max_poll_interval,
                "deadline": self.deadline,
                "poll_error_timeout": self.poll_error_timeout,
                "cancel_on_kill": self.cancel_on_kill,
                "url": self.url,
                "log_progress": self.log_progress,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until the execution ends, the deadline passes or nothing is to be learned any more."""
        # A task that is queued again before Airflow has dealt with the end of its process is taken for one
        # whose worker has vanished ("executor reported success, but the state is queued"), and fails.
        settled_at = asyncio.get_running_loop().time() + _settings.get_float("resume_after")
        try:
            payload = await self._wait_or_give_up()
            await asyncio.sleep(settled_at - asyncio.get_running_loop().time())
        except asyncio.CancelledError:
            # Airflow before 3.3 cancels a killed task's trigger without calling on_kill.
            if not _airflow_private.calls_on_kill_of_triggers() and await self._was_killed():
                await self.on_kill()
            raise
        yield TriggerEvent(payload)  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Terminate the execution: a user has marked the deferred task, or cleared it."""
        if not self.cancel_on_kill:
            self.log.info("Execution %s is left running: cancel_on_kill is off", self.name)
            return
        ti = self.task_instance
        task = f"{ti.dag_id}.{ti.task_id}" if ti else "of an unknown name"
        cause = f"Airflow: task {task} killed by user"
        began = time.monotonic()
        try:
            watch = await self._open_watch()
            await watch.terminate(self._execution_id(), cause, _KILL_RPC_SECONDS)
        except FlyteProviderError as exc:
            if getattr(exc, "code", "") in ("FAILED_PRECONDITION", "NOT_FOUND"):
                self.log.info("Execution %s needs no termination: %s", self.name, exc)
            else:
                self.log.warning("Execution %s may still be running: %s", self.name, exc)
        else:
            _airflow_private.report_seconds("flyte.cancel_latency", time.monotonic() - began)
            self.log.info("Terminated execution %s: %s", self.name, cause)

    async def _was_killed(self) -> bool:
        return self.cancel_on_kill and await _airflow_private.was_killed_by_user(self)

    async def _open_watch(self) -> ExecutionWatch:
        aio = await _load_client()
        watch: ExecutionWatch = await aio.ExecutionWatch.open(await aio.find_connection(self.conn_id))
        return watch

    def _execution_id(self) -> WorkflowExecutionIdentifier:
        from flyteidl.core.identifier_pb2 import WorkflowExecutionIdentifier

        return WorkflowExecutionIdentifier(project=self.project, domain=self.domain, name=self.name)

    async def _wait_or_give_up(self) -> dict[str, Any]:
        try:
            return await self._wait()
        except FlyteProviderError as exc:
            self.log.warning("%s", exc)
            return self._event("lost", error=_describe(exc))

    async def _wait(self) -> dict[str, Any]:
        """Return the event's payload."""
        watch, execution_id = await self._open_watch(), self._execution_id()
        with watch.awaiting(execution_id):
            return await self._look_until_end(watch, execution_id)

    async def _look_until_end(
        self, watch: ExecutionWatch, execution_id: WorkflowExecutionIdentifier
    ) -> dict[str, Any]:
        budget = ErrorBudget(self.name, self.url, self.poll_error_timeout, self.log.warning)
        progress = _client_progress()
        intervals: Iterator[float] | None = None
        while True:
            execution = await self._look(watch, execution_id, budget)
            if self.log_progress and execution is not None:
                await watch.tell_progress(execution_id, progress, self.log.info)
            if execution is not None and _is_terminal(execution):
                return self._ended(execution)
            left = self._seconds_left()
            if left <= 0:
                return self._event("deadline")
            intervals = intervals or self._intervals(execution)
            await asyncio.sleep(min(next(intervals), left))

    async def _look(
        self, watch: ExecutionWatch, execution_id: WorkflowExecutionIdentifier, budget: ErrorBudget
    ) -> execution_pb2.Execution | None:
        """Return the execution as it is, None when an error within the budget hid it."""
        try:
            execution = await watch.look(execution_id)
        except FlyteServerError as exc:
            _airflow_private.count("flyte.poll_errors", code=exc.code)
            budget.failed(exc)
            return None
        budget.answered()
        return execution

    def _intervals(self, execution: execution_pb2.Execution | None) -> Iterator[float]:
        """Return when to look: quickly at a young execution, calmly at one that has run for a while.

        A triggerer that takes over a thousand triggers thus does not begin with a burst of quick looks.
        """
        age = self.poll_interval
        if execution is not None and execution.closure.HasField("created_at"):
            created_at = execution.closure.created_at.ToDatetime(tzinfo=timezone.utc)
            age = (datetime.now(timezone.utc) - created_at).total_seconds()
        quick = min(max(age, 0.0), self.poll_interval)
        return skip_looks(look_intervals(self.poll_interval, self.max_poll_interval), quick)

    def _seconds_left(self) -> float:
        return float("inf") if self.deadline is None else self.deadline - time.time()

    def _ended(self, execution: execution_pb2.Execution) -> dict[str, Any]:
        from flyteidl.core.execution_pb2 import ExecutionError

        from flyte_provider._client import phases

        closure = execution.closure
        phase = phases.phase_name(closure.phase)
        error = None
        if closure.phase == phases.FAILED:
            kind = str(ExecutionError.ErrorKind.Name(closure.error.kind))
            error = {"kind": kind, "code": closure.error.code, "message": closure.error.message[:1000]}
        return self._event(phase.lower(), phase=phase, error=error, outputs_uri=closure.outputs.uri)

    def _event(
        self,
        status: str,
        phase: str = "UNKNOWN",
        error: dict[str, str] | None = None,
        outputs_uri: str = "",
    ) -> dict[str, Any]:
        return {
            "status": status,
            "phase": phase,
            "error": error,
            "project": self.project,
            "domain": self.domain,
            "name": self.name,
            "url": self.url,
            "outputs_uri": outputs_uri,
        }


_client: Any = None


async def _load_client() -> Any:
    """Return the asynchronous client's module; loading it takes long enough for a thread of its own."""
    global _client
    if _client is None:
        _client = await asyncio.to_thread(importlib.import_module, "flyte_provider._client.aio")
    return _client


def _client_progress() -> Progress:
    from flyte_provider._client.progress import Progress

    return Progress()


def _is_terminal(execution: execution_pb2.Execution) -> bool:
    from flyte_provider._client import phases

    return phases.is_terminal(execution)


def _describe(error: FlyteProviderError) -> dict[str, str]:
    return {"kind": type(error).__name__, "code": getattr(error, "code", ""), "message": str(error)}

"""One task process's hold on one execution: looking until it ends, and what a kill does to it meanwhile.

Airflow 3 calls ``on_kill`` from a signal handler and then lets the task go on, for a user's kill and for a
worker's shutdown alike. So the handler only wakes the loop, and the loop asks Airflow which of the two it
was: a user's kill terminates the execution, a shutdown leaves it to the next try. Airflow 2 ends the task in
the handler, so there the handler itself terminates.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flyteidl.admin import execution_pb2
from flyteidl.core import identifier_pb2

from flyte_provider import _airflow, _airflow_private
from flyte_provider._client import phases
from flyte_provider._client.admin import FlyteClient
from flyte_provider._client.progress import Progress
from flyte_provider._waiting import ErrorBudget, TaskLog, Wakeup
from flyte_provider.exceptions import (
    FlyteExecutionAbortedError,
    FlyteExecutionDetachedError,
    FlyteServerError,
)

#: A killed task has five seconds before SIGKILL; the question to Airflow takes some of them.
KILL_RPC_SECONDS = 3.0
#: Between two questions for the nodes; the first quick looks go without.
PROGRESS_SECONDS = 2.0
_NOTHING_TO_TERMINATE = {"FAILED_PRECONDITION", "NOT_FOUND"}


class KillRequested(BaseException):
    """Raised in the loop after Airflow asked to stop; never leaves :meth:`Watch.guard`.

    A BaseException, so that a sensor's ``silent_fail`` does not take it for a failed poke.
    """


class Watch:
    """Holds one execution for one task.

    :param context: Airflow's
    :param log: the task's log
    :param cancels: whether a kill terminates the execution; a sensor finds out after its first look
    :param detaches: whether a worker's shutdown leaves the execution to the next try
    :param task_name: for causes, as in ``dag.task``
    :param tells_progress: whether the log tells how the nodes fare
    """

    def __init__(
        self,
        context: Any,
        log: TaskLog,
        *,
        cancels: bool,
        detaches: bool,
        task_name: str,
        tells_progress: bool = False,
    ) -> None:
        self._context = context
        self._log = log
        self.cancels = cancels
        self.tells_progress = tells_progress
        self._progress = Progress()
        self._next_progress_at = 0.0
        self._detaches = detaches
        self._task_name = task_name
        self._wakeup = Wakeup()
        self._is_guarded = False
        self._is_terminated = False
        self._client: FlyteClient | None = None
        self._find_id: Callable[[], identifier_pb2.WorkflowExecutionIdentifier | None] = lambda: None
        self.url = ""

    def hold(
        self,
        client: FlyteClient,
        find_id: Callable[[], identifier_pb2.WorkflowExecutionIdentifier | None],
        url: str = "",
    ) -> None:
        """Say which execution it is.

        :param find_id: called when a kill arrives; may return None while nothing was launched
        """
        self._client = client
        self._find_id = find_id
        self.url = url

    # -- waiting ---------------------------------------------------------------------------------------------

    def pause(self, seconds: float) -> None:
        """Sleep.

        :raises KillRequested: as soon as Airflow asks to stop
        """
        self._wakeup.pause(seconds)
        if self._wakeup.is_called:
            raise KillRequested

    def check_still_wanted(self) -> None:
        """Ask Airflow once more before the task defers, since a kill is heard up to five seconds late.

        :raises KillRequested: when somebody has acted on the task meanwhile: its deferral would be refused,
            and nobody would be left to terminate the execution
        """
        if _airflow_private.is_running_no_more(self._context):
            raise KillRequested

    def look_until_end(
        self,
        execution_id: identifier_pb2.WorkflowExecutionIdentifier,
        intervals: Iterator[float],
        budget: ErrorBudget,
        seconds: float = float("inf"),
    ) -> execution_pb2.Execution | None:
        """Return the execution once it is terminal, None when ``seconds`` have passed before."""
        ends_at = time.monotonic() + seconds
        for interval in intervals:
            left = ends_at - time.monotonic()
            if left <= 0:
                return None
            self.pause(min(interval, left))
            execution = self.look(execution_id, budget)
            self.tell_progress(execution_id, execution)
            if execution is not None and phases.is_terminal(execution):
                return execution
        return None

    def look(
        self, execution_id: identifier_pb2.WorkflowExecutionIdentifier, budget: ErrorBudget
    ) -> execution_pb2.Execution | None:
        """Return the execution as it is, None when an error within the budget hid it."""
        assert self._client is not None, "hold() comes first"
        try:
            execution = self._client.look_at_execution(execution_id)
        except FlyteServerError as exc:
            _airflow_private.count("flyte.poll_errors", code=exc.code)
            budget.failed(exc)
            return None
        budget.answered()
        return execution

    def tell_progress(
        self,
        execution_id: identifier_pb2.WorkflowExecutionIdentifier,
        execution: execution_pb2.Execution | None,
    ) -> None:
        """Tell what is new about the nodes: at the end, and not too often before; an error is no news."""
        if not self.tells_progress or self._client is None or execution is None:
            return
        now = time.monotonic()
        if now < self._next_progress_at and not phases.is_terminal(execution):
            return
        self._next_progress_at = now + PROGRESS_SECONDS
        try:
            for line in self._progress.take(self._client.list_changed_nodes(execution_id)):
                self._log.info("%s", line)
        except FlyteServerError as exc:
            self._log.info("No news of the nodes: %s", exc)

    # -- being killed ----------------------------------------------------------------------------------------

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Answer kills and Airflow's ``execution_timeout`` while the body runs."""
        self._is_guarded = True
        try:
            yield
        except KillRequested:
            self._is_guarded = False
            raise self._answer_kill() from None
        except _airflow.AirflowTaskTimeout:
            self._is_guarded = False
            self.terminate(timeout_cause(self._context))
            raise
        finally:
            self._is_guarded = False

    def on_kill(self) -> None:
        """Do what ``BaseOperator.on_kill`` has to; may run in a signal handler; never raises.

        Outside of :meth:`guard` there is nothing to do: a task that has just deferred or succeeded must not
        take its execution along when its worker is stopped in the same moment.
        """
        if not self._is_guarded:
            return
        if _airflow_private.is_airflow_3():
            self._wakeup.call()
        else:
            self.terminate(f"Airflow: task {self._task_name} killed")

    def _answer_kill(self) -> Exception:
        """Terminate or let go; return what ends the task."""
        execution_id = self._find_id()
        name = execution_id.name if execution_id else ""
        if self._is_shutdown():
            return FlyteExecutionDetachedError(
                f"Execution {name} left running: this worker is shutting down, the next try attaches to it; "
                f"{self.url}",
                name=name,
                url=self.url,
            )
        cause = f"Airflow: task {self._task_name} killed"
        self.terminate(cause)
        ended = "aborted" if self.cancels else "left running"
        return FlyteExecutionAbortedError(
            f"Execution {name} {ended}: {cause}; {self.url}", name=name, url=self.url
        )

    def _is_shutdown(self) -> bool:
        """Whether Airflow still has the task as running and will try again, so that nothing need end."""
        if not self._detaches or not _airflow_private.has_tries_left(self._context):
            return False
        return _airflow_private.read_state_of(self._context) == "running"

    def terminate(self, cause: str) -> None:
        """Terminate the execution once, where this task may; log what comes of it, never raise."""
        if not self.cancels or self._is_terminated or self._client is None:
            return
        execution_id = self._find_id()
        if execution_id is None:
            return
        self._is_terminated = True
        terminate_quietly(self._client, execution_id, cause, self._log)


def terminate_quietly(
    client: FlyteClient,
    execution_id: identifier_pb2.WorkflowExecutionIdentifier,
    cause: str,
    log: TaskLog,
) -> None:
    """Ask Flyte to terminate and log what comes of it; an execution that has ended needs nothing."""
    began = time.monotonic()
    try:
        client.terminate_execution(execution_id, cause, timeout=KILL_RPC_SECONDS)
    except FlyteServerError as exc:
        if exc.code in _NOTHING_TO_TERMINATE:
            log.info("Execution %s needs no termination: %s", execution_id.name, exc.details)
        else:
            log.warning("Execution %s may still be running: %s", execution_id.name, exc)
        return
    _airflow_private.report_seconds("flyte.cancel_latency", time.monotonic() - began)
    log.info("Terminated execution %s: %s", execution_id.name, cause)


def timeout_cause(context: Any) -> str:
    """Return the cause to give when Airflow's time limit ends an execution."""
    return f"Airflow execution_timeout of {context['task'].execution_timeout} exceeded"

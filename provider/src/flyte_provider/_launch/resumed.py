"""What a resumed task makes of its trigger's event, and how a terminal execution ends a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta, timezone
from typing import Any

from flyteidl.admin import execution_pb2

from flyte_provider import _airflow_private
from flyte_provider._client import phases
from flyte_provider._client.admin import FlyteClient
from flyte_provider._client.failures import FailedNode, find_failed_node
from flyte_provider._client.outcomes import describe_failure, error_of
from flyte_provider._client.task_logs import read_tail
from flyte_provider._waiting import TaskLog
from flyte_provider.exceptions import (
    FlyteAuthenticationError,
    FlyteConfigurationError,
    FlyteEntityNotFoundError,
    FlyteExecutionDeadlineError,
    FlyteExecutionLostError,
    FlyteProviderError,
    FlyteServerError,
)

#: The execution's end was seen; anything else in an event is about the looking.
ENDED = frozenset({"succeeded", "failed", "aborted", "timed_out"})
_STATUSES = ENDED | {"deadline", "lost"}
# Looking on would not have helped; everything else has spent its patience.
_REFUSALS: dict[str, type[FlyteProviderError]] = {
    error.__name__: error
    for error in (
        FlyteAuthenticationError,
        FlyteConfigurationError,
        FlyteEntityNotFoundError,
        FlyteServerError,
    )
}


@dataclass(frozen=True)
class SeenEvent:
    """A trigger's event, checked: it has come through a database and maybe from another version of us."""

    status: str
    project: str
    domain: str
    name: str
    error_kind: str = ""
    error_message: str = ""

    def raise_for_status(self, url: str, execution_timeout: timedelta | None) -> None:
        """Raise what the trigger ran into; return when it saw the end.

        :raises FlyteExecutionDeadlineError: Airflow's time limit passed
        :raises FlyteExecutionLostError: Flyte did not answer for too long
        :raises FlyteProviderError: Flyte refused to answer
        """
        if self.status == "deadline":
            message = (
                f"Execution {self.name} terminated: Airflow execution_timeout of {execution_timeout} exceeded"
            )
            raise FlyteExecutionDeadlineError(f"{message}; {url}", name=self.name, url=url)
        if self.status == "lost":
            if refusal := _REFUSALS.get(self.error_kind):
                raise refusal(self.error_message)
            raise FlyteExecutionLostError(self.error_message, name=self.name, phase="UNKNOWN", url=url)


def read_event(event: Any) -> SeenEvent:
    """Return the event.

    :raises FlyteProviderError: when it is none of :class:`FlyteExecutionTrigger`'s
    """
    if not isinstance(event, Mapping):
        raise FlyteProviderError(f"the trigger's event is {event!r}, expected a dict")
    texts = {key: str(event.get(key) or "") for key in ("status", "project", "domain", "name")}
    if texts["status"] not in _STATUSES or not all(texts.values()):
        raise FlyteProviderError(f"the trigger's event is not understood: {dict(event)!r}")
    error = event.get("error")
    error = error if isinstance(error, Mapping) else {}
    return SeenEvent(
        **texts,
        error_kind=str(error.get("kind") or ""),
        error_message=str(error.get("message") or f"Execution {texts['name']} lost"),
    )


def raise_for_phase(
    client: FlyteClient,
    execution: execution_pb2.Execution,
    url: str,
    log: TaskLog,
    *,
    tells_progress: bool = True,
) -> None:
    """Return when the execution has succeeded; else log why not and raise it.

    :param tells_progress: whether the log gets the end of the failing attempt's own log
    :raises FlyteExecutionError: of the kind that fits the phase
    """
    _report(execution)
    phase = execution.closure.phase
    if phase == phases.SUCCEEDED:
        return
    failed_node = find_failed_node(client, execution.id) if phase == phases.FAILED else None
    if failed_node is not None:
        log.error("%s", describe_failure(failed_node))
        if tells_progress:
            _tell_end_of_log(client, failed_node, log)
    elif phase == phases.FAILED:
        log.error("Execution %s failed: %s", execution.id.name, execution.closure.error.message)
    error = error_of(execution, url, failed_node)
    if error is None:
        name = phases.phase_name(phase)
        raise FlyteProviderError(f"Execution {execution.id.name} has not ended, its phase is {name}; {url}")
    raise error


def _tell_end_of_log(client: FlyteClient, failed_node: FailedNode, log: TaskLog) -> None:
    for name, uri in failed_node.logs.items():
        lines = read_tail(uri, client.connection)
        if lines:
            text = "\n".join(f"  {line}" for line in lines)
            log.error("The last %d lines of %s %s:\n%s", len(lines), name, uri, text)
            return


def _report(execution: execution_pb2.Execution) -> None:
    """Tell Airflow's metrics, and its trace, how long the execution took."""
    closure = execution.closure
    if not closure.HasField("created_at"):
        return
    began_at = closure.created_at.ToDatetime(tzinfo=timezone.utc)
    seconds = closure.duration.ToTimedelta() if closure.HasField("duration") else timedelta(0)
    phase = phases.phase_name(closure.phase)
    _airflow_private.report_seconds("flyte.time_to_terminal", seconds.total_seconds(), phase=phase)
    place = {"flyte.project": execution.id.project, "flyte.domain": execution.id.domain}
    attributes = {**place, "flyte.execution": execution.id.name, "flyte.phase": phase}
    _airflow_private.record_span("flyte execution", began_at, began_at + seconds, attributes)

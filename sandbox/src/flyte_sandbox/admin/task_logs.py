"""How the log links of an attempt are kept.

Source: flyteadmin pkg/repositories/transformers/task_execution.go.
"""

from __future__ import annotations

from flyteidl.admin import task_execution_pb2
from flyteidl.event import event_pb2

from flyte_sandbox.phases import TASK, TASK_TERMINAL

_PENDING = frozenset({TASK.QUEUED, TASK.INITIALIZING})


def merge_logs(
    closure: task_execution_pb2.TaskExecutionClosure, event: event_pb2.TaskExecutionEvent, is_new: bool
) -> None:
    """A new link replaces one of the same address or name; some are only shown before or only until the
    end.
    """
    links = {log.uri: log for log in closure.logs}
    for log in event.logs:
        links = {uri: old for uri, old in links.items() if uri != log.uri and old.name != log.name}
        links[log.uri] = log
    kept = list(links.values())
    if event.phase in TASK_TERMINAL:
        kept = [log for log in kept if not log.HideOnceFinished]
    elif event.phase in _PENDING and not is_new:
        kept = [log for log in kept if log.ShowWhilePending]
    del closure.logs[:]
    closure.logs.extend(kept)

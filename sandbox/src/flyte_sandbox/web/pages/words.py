"""How times, phases and types read on a page."""

from __future__ import annotations

import textwrap
from datetime import datetime, timezone
from typing import Any

from flyteidl.admin import launch_plan_pb2
from flyteidl.core import execution_pb2, types_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from flyte_sandbox.phases import NODE_TERMINAL, TASK_TERMINAL, WORKFLOW_TERMINAL

_TONES = {
    "SUCCEEDED": "good",
    "RECOVERED": "good",
    "FAILED": "bad",
    "FAILING": "bad",
    "TIMED_OUT": "bad",
    "RETRYABLE_FAILED": "bad",
    "ABORTED": "off",
    "ABORTING": "off",
    "SKIPPED": "off",
    "RUNNING": "busy",
    "SUCCEEDING": "busy",
    "DYNAMIC_RUNNING": "busy",
}


class PhaseWord:
    """A phase as a word and a tone.

    :param is_live: it will still change.
    """

    def __init__(self, name: str, is_live: bool) -> None:
        self.name = name
        self.text = name.replace("_", " ").lower()
        self.tone = _TONES.get(name, "wait")
        self.is_live = is_live


def workflow_phase(phase: int) -> PhaseWord:
    name = execution_pb2.WorkflowExecution.Phase.Name(phase)
    return PhaseWord(name, phase not in WORKFLOW_TERMINAL)


def node_phase(phase: int) -> PhaseWord:
    return PhaseWord(execution_pb2.NodeExecution.Phase.Name(phase), phase not in NODE_TERMINAL)


def task_phase(phase: int) -> PhaseWord:
    return PhaseWord(execution_pb2.TaskExecution.Phase.Name(phase), phase not in TASK_TERMINAL)


def launch_plan_state(state: int) -> str:
    return str(launch_plan_pb2.LaunchPlanState.Name(state)).lower()


def moment(closure: Any, field: str) -> datetime | None:
    """:param field: of type Timestamp.
    :return: None when it is not set."""
    stamp: Timestamp = getattr(closure, field)
    if not closure.HasField(field) or not (stamp.seconds or stamp.nanos):
        return None
    return stamp.ToDatetime(timezone.utc)


def span_seconds(closure: Any, is_live: bool, now: datetime) -> float | None:
    """How long something took, or has taken so far; None before it began."""
    if closure.HasField("duration"):
        return _seconds(closure.duration)
    started = moment(closure, "started_at")
    if started is None:
        return None
    ended = now if is_live else moment(closure, "updated_at")
    return max(0.0, ((ended or now) - started).total_seconds())


def _seconds(duration: Duration) -> float:
    return float(duration.seconds + duration.nanos / 1e9)


def duration_text(seconds: float | None) -> str:
    """Two digits that matter: ``0.15 s``, ``12 s``, ``3 m 05 s``, ``2 h 03 m``."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} m" if hours else f"{minutes} m {rest:02} s"


def type_text(kind: types_pb2.LiteralType) -> str:
    """As a Python programmer would write it."""
    which = kind.WhichOneof("type")
    if which == "simple":
        name = str(types_pb2.SimpleType.Name(kind.simple)).lower()
        return kind.structure.tag or _SIMPLE.get(name, name)
    if which == "collection_type":
        return f"list[{type_text(kind.collection_type)}]"
    if which == "map_value_type":
        return f"dict[str, {type_text(kind.map_value_type)}]"
    if which == "union_type":
        return " | ".join(type_text(variant) for variant in kind.union_type.variants)
    if which == "enum_type":
        return "enum(" + ", ".join(kind.enum_type.values) + ")"
    return _other_type(kind, str(which))


def _other_type(kind: types_pb2.LiteralType, which: str) -> str:
    if which == "blob":
        is_many = kind.blob.dimensionality == types_pb2.BlobType.MULTIPART
        name, format_ = "directory" if is_many else "file", kind.blob.format
        return f"{name}[{format_}]" if format_ else name
    if which in ("structured_dataset_type", "schema"):
        columns = getattr(kind, which).columns
        names = ", ".join(column.name for column in columns)
        return f"dataset[{names}]" if names else "dataset"
    return which.replace("_", " ")


_SIMPLE = {
    "integer": "int",
    "float": "float",
    "string": "str",
    "boolean": "bool",
    "none": "None",
    "struct": "dict",
    "duration": "timedelta",
}


def error_parts(message: str) -> tuple[str, str]:
    """flytekit writes the traceback first and what was said last; a reader wants it the other way round.

    Source: flytekit bin/entrypoint.py.

    :return: what was said, and the traceback, which may be empty.
    """
    before, _, said = textwrap.dedent(message).rpartition("\nMessage:\n")
    trace = textwrap.dedent(before.strip().removeprefix("Trace:").strip("\n"))
    return textwrap.dedent(said).strip() or "no message", trace

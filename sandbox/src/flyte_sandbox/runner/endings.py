"""Makes the ends of attempts: from records, and by hand for those that never ran or left no trace."""

from __future__ import annotations

import contextlib
import signal
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from flyte_sandbox.runner.attempts import AttemptExit, AttemptSpec
from flyte_sandbox.runner.template import records

_TAIL_BYTES = 2048
_TAIL_LINES = 80
_CANNOT_RUN = 127


def exit_of(spec: AttemptSpec, record: dict[str, Any]) -> AttemptExit:
    """:param record: the content of ``exit.json``."""
    return AttemptExit(
        key=spec.key,
        code=record["code"],
        signal=record["signal"],
        started_at=_moment(record["started_at"]),
        ended_at=datetime.fromtimestamp(record["ended_at"], timezone.utc),
        is_oom_killed=record.get("is_oom_killed", False),
        max_rss_bytes=record.get("max_rss_bytes"),
        cpu_seconds=record.get("cpu_seconds"),
        log_tail=log_tail(spec.folder / records.LOG),
    )


def lost(spec: AttemptSpec, started_at: float | None) -> AttemptExit:
    return AttemptExit(
        key=spec.key,
        code=None,
        signal=None,
        started_at=_moment(started_at),
        ended_at=datetime.now(timezone.utc),
        lost=True,
        log_tail=log_tail(spec.folder / records.LOG),
    )


def bury(spec: AttemptSpec) -> dict[str, Any] | None:
    """End an attempt that has not been claimed, as SIGTERM would have ended it.

    :return: its record; None when it has been claimed after all.
    """
    return _close_file(spec, {"code": None, "signal": int(signal.SIGTERM)})


def refuse(spec: AttemptSpec, message: str) -> dict[str, Any] | None:
    """End an attempt that cannot be run with a shell's code for that, the reason in its log."""
    record = _close_file(spec, {"code": _CANNOT_RUN, "signal": None})
    if record is not None:
        with contextlib.suppress(OSError), (spec.folder / records.LOG).open("a", encoding="utf-8") as log:
            log.write(message + "\n")
    return record


def _close_file(spec: AttemptSpec, end: dict[str, Any]) -> dict[str, Any] | None:
    """On a full disk the record is only told: whoever hears it stores it."""
    record = {**end, "started_at": None, "ended_at": time.time()}
    with contextlib.suppress(OSError):
        spec.folder.mkdir(parents=True, exist_ok=True)
        if not records.claim(str(spec.folder), records.TOMBSTONE):
            return None
        records.write_exit(str(spec.folder), record)
    return record


def log_tail(path: Path) -> str:
    """The last 2048 bytes, at most 80 lines (Kubernetes' FallbackToLogsOnError)."""
    try:
        with path.open("rb") as log:
            log.seek(0, 2)
            log.seek(max(0, log.tell() - _TAIL_BYTES))
            text = log.read(_TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    return "".join(text.splitlines(keepends=True)[-_TAIL_LINES:])


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)

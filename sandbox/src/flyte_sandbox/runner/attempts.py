"""What an attempt is for those who order it, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from flyte_sandbox.runner.template import records


@dataclass(frozen=True)
class Secrets:
    """What only this attempt may see. Nothing that is printed or kept shows it.

    :param env: more variables.
    :param files: contents by path in the attempt's private folder, :func:`secrets_folder`.
    :param missing: names of what it asked for and does not get, for its log.
    """

    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    missing: tuple[str, ...] = ()


def secrets_folder(folder: Path) -> Path:
    """:param folder: the attempt's. It is private, and goes with the attempt's end."""
    return folder.absolute() / records.WORK / records.SECRETS


@dataclass(frozen=True)
class AttemptSpec:
    """One process to run, once.

    :param key: opaque and unique among all attempts ever, safe as a file name.
    :param folder: the attempt's own folder; the runner makes it and owns what is in it, except ``outputs/``
        and inputs that were written before. An attempt that is to run again needs another key and another
        folder.
    :param argv: the whole command, such as ``("pyflyte-execute", "--inputs", ...)``.
    :param env: the task's variables. PATH, LANG, TZ, HOME, TMPDIR and marks are added; nothing is inherited.
    :param environment: name of the environment whose interpreter runs it.
    :param writable: folders elsewhere that it writes to, given to its user when it has one of its own.
    :param files: a folder whose content lies in the attempt's current folder when it begins, as an image's
        files lie in ``/root``.
    :param memory_limit_bytes: of private memory, all its processes together; beyond it they are killed.
    """

    key: str
    folder: Path
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    environment: str = "default"
    writable: tuple[Path, ...] = ()
    files: Path | None = None
    memory_limit_bytes: int | None = None
    secrets: Secrets = Secrets()


@dataclass(frozen=True)
class AttemptExit:
    """How an attempt ended.

    :param code: the exit code; None when a signal ended it, when it never ran, or when it is lost.
    :param signal: the signal that ended it; SIGTERM also for one that was stopped before it ran.
    :param started_at: None when it never ran, or nobody knows when.
    :param lost: neither a process nor a record of its end is left: Flyte's SYSTEM error ``Interrupted``.
    :param is_oom_killed: it was killed for using more memory than its limit.
    :param max_rss_bytes: peak resident memory when known, pages shared with the template included.
    :param cpu_seconds: user and system time of the process and the children that it waited for, when known.
    :param log_tail: the last 2048 bytes of its log, at most 80 lines (Kubernetes' FallbackToLogsOnError).
    """

    key: str
    code: int | None
    signal: int | None
    started_at: datetime | None
    ended_at: datetime
    lost: bool = False
    is_oom_killed: bool = False
    max_rss_bytes: int | None = None
    cpu_seconds: float | None = None
    log_tail: str = ""

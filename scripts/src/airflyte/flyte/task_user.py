"""Whom tasks run as when root starts the stack: what flyte_sandbox has found, or will most likely find.

It tries it out when it starts, and leaves the answer beside its database.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path

from airflyte.postgres.account import closed_folder
from airflyte.settings import Settings

_RECORD = "task-users.json"
_ENVIRONMENT = "default"


@dataclasses.dataclass(frozen=True)
class TaskUser:
    """
    :param uid: None for root.
    :param reason: why they run as root though they should not; else empty.
    """

    uid: int | None
    reason: str = ""

    def describe(self) -> str:
        if self.uid is not None:
            return f"run as uid {self.uid}"
        return f"run as root: {self.reason}" if self.reason else "run as root, as flyte.task_uid says"


def of(settings: Settings) -> TaskUser | None:
    """:return: None where tasks run as whoever starts the stack, who is not root."""
    if os.geteuid() != 0 or sys.platform != "linux" or settings.flyte != "embedded":
        return None
    return _found(settings.folder.flyte / _RECORD) or _expected(settings)


def _found(record: Path) -> TaskUser | None:
    try:
        return TaskUser(**json.loads(record.read_text(encoding="utf-8"))[_ENVIRONMENT])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _expected(settings: Settings) -> TaskUser:
    """Before the first start nobody has tried."""
    uid = settings.flyte_task_uid
    if uid == 0:
        return TaskUser(None)
    closed = closed_folder(settings.checkout)
    if closed != settings.checkout or not settings.checkout.stat().st_mode & 0o001:
        return TaskUser(None, f"uid {uid} cannot enter {closed}")
    return TaskUser(uid)

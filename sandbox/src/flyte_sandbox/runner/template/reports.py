"""What an attempt tells its template at its end: the modules that it had to import by itself.

It lies in the attempt's work folder, which the task may write to: whatever stands there is read as a
stranger's.
"""

from __future__ import annotations

import json
import os
import stat

from .job import Job

_NAME = "modules.json"
_LARGEST = 4 << 20


def write(job: Job, names: list[str]) -> None:
    try:
        with open(os.path.join(job.work, _NAME), "w", encoding="utf-8") as file:
            json.dump(names, file)
    except OSError:
        pass  # the disk is full, or the task has removed the folder: the next attempt will tell


def read(job: Job) -> list[str]:
    """:return: empty when there is none, as for most attempts, or when it is not what ``write`` writes."""
    try:
        found = json.loads(_content(os.path.join(job.work, _NAME)))
    except (OSError, ValueError, RecursionError):
        return []
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def _content(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # no link, no waiting at a pipe
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is no file")
        return os.read(descriptor, _LARGEST)
    finally:
        os.close(descriptor)

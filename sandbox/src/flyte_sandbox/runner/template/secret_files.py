"""Puts an attempt's secrets into its private folder, which goes with its work folder at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from .job import Job


def write(job: Job) -> None:
    """Nothing happens for an attempt that asked for none. What it does not get stands in its log."""
    for name in job.secrets.get("missing", ()):
        message = f"The secret {name} is not in this sandbox's secrets file: looking it up will fail."
        print(message, file=sys.stderr)  # noqa: T201
    contents: dict[str, str] = job.secrets.get("files", {})
    if contents:
        os.mkdir(job.private, 0o700)
    for name, content in contents.items():
        path = os.path.join(job.private, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(content)


def paths(job: Job) -> Iterator[str]:
    """Everything that ``write`` has made."""
    for folder, _, names in os.walk(job.private):
        yield folder
        yield from (os.path.join(folder, name) for name in names)

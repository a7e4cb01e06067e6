"""What is known about one object: its file's size and time, and what an upload said, while that holds."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat as stat_module
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import format_datetime

_ATTRIBUTE = "user.s3"
_DEFAULT_TYPE = "application/octet-stream"
_EMPTY = '"d41d8cd98f00b204e9800998ecf8427e"'

KEPT_HEADERS = (
    "content-type",
    "content-encoding",
    "content-disposition",
    "content-language",
    "cache-control",
)
_META = "x-amz-meta-"


def kept(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of an upload that come back with the object."""
    found = {name: value for name, value in headers.items() if name in KEPT_HEADERS or name.startswith(_META)}
    codings = [coding.strip() for coding in found.pop("content-encoding", "").split(",")]
    lasting = ", ".join(coding for coding in codings if coding not in ("", "aws-chunked"))
    return found | ({"content-encoding": lasting} if lasting else {})


@dataclass(frozen=True)
class Facts:
    """:param etag: with its quotes.
    :param headers: what the uploader wants to be told again."""

    size: int
    modified: datetime
    etag: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_headers(self) -> dict[str, str]:
        return {
            "content-type": _DEFAULT_TYPE,
            **self.headers,
            "etag": self.etag,
            "last-modified": format_datetime(self.modified.replace(microsecond=0), usegmt=True),
            "accept-ranges": "bytes",
        }


def read(path: str | int) -> Facts:
    """:param path: or an open file.
    :raises FileNotFoundError: when it is not there."""
    stat = os.stat(path)
    modified = datetime.fromtimestamp(stat.st_mtime, timezone.utc)
    if stat_module.S_ISDIR(stat.st_mode):
        return Facts(0, modified, _EMPTY)
    etag, headers = _said(path, stat)
    return Facts(stat.st_size, modified, etag or _made_up(stat), headers)


def remember(path: str | int, etag: str, headers: Mapping[str, str]) -> None:
    """Writes what an upload said beside the bytes, where the file system can. It holds for this content only.

    :param path: or an open file, with all of its bytes written.
    """
    stat = os.stat(path)
    said = {"size": stat.st_size, "mtime": stat.st_mtime_ns, "etag": etag, "headers": kept(headers)}
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # no extended attributes here, or no room for these
            os.setxattr(path, _ATTRIBUTE, json.dumps(said).encode())


def _said(path: str | int, stat: os.stat_result) -> tuple[str, dict[str, str]]:
    """:return: etag and headers, empty when nobody said anything or somebody has written since."""
    if sys.platform != "linux":
        return "", {}
    try:
        said = json.loads(os.getxattr(path, _ATTRIBUTE))
    except OSError:
        return "", {}
    if (said["size"], said["mtime"]) != (stat.st_size, stat.st_mtime_ns):
        return "", {}
    return said["etag"], said["headers"]


def _made_up(stat: os.stat_result) -> str:
    """For what a task has written: changes with it. The dash tells clients that it is no MD5 digest."""
    text = f"{stat.st_ino}-{stat.st_mtime_ns}-{stat.st_size}"
    return f'"{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}-1"'

"""Where the sockets of templates are: beside their files, or in a private folder if that path is too long."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from flyte_sandbox.errors import StartupError

LONGEST_PATH = 103
"""Bytes of a socket's path, without the closing zero (macOS; Linux allows 107)."""


def socket_path(folder: Path, runtime_root: Path = Path("/tmp")) -> Path:  # noqa: S108  # checked below
    """:param folder: the template's own folder, which exists.
    :raises StartupError: the private folder belongs to somebody else.
    """
    path = folder / "socket"
    if len(os.fsencode(path)) <= LONGEST_PATH:
        return path
    return _private_folder(runtime_root / f"flyte-sandbox-{os.getuid()}") / secrets.token_hex(8)


def _private_folder(path: Path) -> Path:
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise StartupError(
            f"{path} must be a folder of yours with mode 0700, because the path of the state folder is too "
            f"long for a socket. Remove {path}, or choose a shorter state folder."
        )
    return path

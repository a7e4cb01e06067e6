"""Short names for places whose own path is too long for a socket (107 bytes on Linux, 103 on macOS).

They are in a folder of the user's own below /tmp, which nobody else may enter or have made.
"""

from __future__ import annotations

import os
import stat

LONGEST_SOCKET = 103
_ROOM_IN_TEMPORARY = 36
"""What multiprocessing adds to TMPDIR for its sockets: ``/pymp-xxxxxxxx/listener-xxxxxxxx``."""


def root(uid: int | None = None) -> str:
    """:param uid: whose; None: of this process's user."""
    return f"/tmp/flyte-sandbox-{os.getuid() if uid is None else uid}"  # noqa: S108  # checked by make_root


def make_root() -> str:
    """:raises PermissionError: somebody else has made it, or may enter it."""
    path = root()
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        found = os.lstat(path)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise PermissionError(
                f"{path} must be a folder of yours with mode 0700, because the path of the state folder is "
                f"too long for sockets. Remove {path}, or choose a shorter state folder."
            ) from None
    return path


def socket_path(folder: str, name: str) -> str:
    """Where a template listens: in its folder when that fits, else under a unique ``name``."""
    path = os.path.join(folder, "socket")
    return path if len(os.fsencode(path)) <= LONGEST_SOCKET else os.path.join(root(), name)


def temporary_path(folder: str, name: str, uid: int | None = None) -> str:
    """An attempt's TMPDIR: a folder of its own, or a link to that under ``name``.

    :param uid: whom the attempt runs as; None: as this process.
    """
    is_short = len(os.fsencode(folder)) + _ROOM_IN_TEMPORARY <= LONGEST_SOCKET
    return folder if is_short else os.path.join(root(uid), name)


def make_link(path: str, folder: str) -> None:
    """Let ``path``, as one of the above gave it, lead to the folder."""
    if path == folder:
        return
    make_root()
    remove_link(path)
    os.symlink(folder, path)


def remove_link(path: str) -> None:
    """Nothing happens when it is the folder itself, or gone already."""
    if os.path.islink(path):
        os.unlink(path)

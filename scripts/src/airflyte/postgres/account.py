"""As whom PostgreSQL runs. It refuses root, so root's server drops to ``nobody`` or to a user namespace.

No mode of any folder above the data is ever changed: where ``nobody`` may not pass, the namespace is tried,
and where the kernel allows none, the start stops with a sentence.
"""

from __future__ import annotations

import dataclasses
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from airflyte.errors import AirflyteError

TRY_SECONDS = 20.0
NOBODY = "nobody"


@dataclasses.dataclass(frozen=True)
class Account:
    """How PostgreSQL's programs are run.

    :param name: in words, for messages.
    :param prefix: put before every command line.
    :param owner: uid and gid that the data must belong to, as seen from outside a namespace.
    """

    name: str
    prefix: tuple[str, ...]
    owner: tuple[int, int]


def choose_account(binaries: Path, folder: Path) -> Account:
    """The account for data in ``folder``, tried out with a real program.

    :param binaries: the folder of ``postgres``.
    :param folder: the folder that holds the data and will be the account's; the one above it exists.
    :raises AirflyteError: when no way is open.
    """
    uid = os.geteuid()
    if uid != 0 and _has_name(uid):
        return Account("its owner", (), (uid, os.getegid()))
    ways = (_nobody(), _namespace()) if uid == 0 else (_namespace(),)
    for account in ways:
        if account and _can_run(account, binaries / "postgres", folder.parent):
            return account
    why = (
        f"PostgreSQL does not run as root, the user {NOBODY} cannot enter "
        f"{closed_folder(folder.parent, binaries)}"
        if uid == 0
        else f"PostgreSQL does not run as a user without a name (uid {uid})"
    )
    raise AirflyteError(
        f"{why}, and this kernel allows no user namespace. Run make as an ordinary user, move the checkout "
        "to a folder that everybody may enter (/srv, /opt), or set AIRFLYTE_DATABASE_URL to a PostgreSQL of "
        "yours."
    )


def closed_folder(*paths: Path) -> Path:
    """The first folder on the way to one of these paths that others may not enter; else the last path."""
    for path in paths:
        for folder in reversed([path, *path.parents]):
            if folder.is_dir() and not folder.stat().st_mode & stat.S_IXOTH:
                return folder
    return paths[-1]


def give(path: Path, owner: tuple[int, int]) -> None:
    """Give a folder and all in it to ``owner``; nothing above it, and no link's target, is touched.

    Only root needs it, when an earlier start ran under another account.
    """
    status = path.stat()
    if (status.st_uid, status.st_gid) == owner:
        return
    for folder, names, files in os.walk(path):
        for name in (*names, *files):
            os.chown(Path(folder) / name, *owner, follow_symlinks=False)
    os.chown(path, *owner)  # last, so that a crash half way is noticed by the next call


def _has_name(uid: int) -> bool:
    """Whether the system knows this user; in containers that run under any uid it does not."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _nobody() -> Account | None:
    setpriv, entry = shutil.which("setpriv"), _entry_of_nobody()
    if setpriv is None or entry is None:
        return None
    prefix = (setpriv, f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups")
    return Account(NOBODY, prefix, (entry.pw_uid, entry.pw_gid))


def _namespace() -> Account | None:
    """Our own account under another number: one with a name, which initdb asks for."""
    unshare, entry = shutil.which("unshare"), _entry_of_nobody()
    if unshare is None or entry is None:
        return None
    prefix = (unshare, "--user", f"--map-user={entry.pw_uid}", f"--map-group={entry.pw_gid}")
    return Account("its owner in a user namespace", prefix, (os.geteuid(), os.getegid()))


def _entry_of_nobody() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(NOBODY)
    except KeyError:
        return None


def _can_run(account: Account, program: Path, folder: Path) -> bool:
    """Whether this account gets as far as ``folder`` and can start the program."""
    probe = ["/bin/sh", "-c", 'cd "$0" && exec "$1" --version', str(folder), str(program)]
    try:
        done = subprocess.run(
            [*account.prefix, *probe], capture_output=True, timeout=TRY_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0

"""As whom tasks run when root has started the sandbox: a uid of their own, where that gets anywhere it must.

Whether it does is tried out, per environment, by running the environment's interpreter under that uid. No
mode of any folder is changed for it: where it cannot get, tasks run as root, and whoever asks is told why.
"""

from __future__ import annotations

import json
import os
import pwd
import stat
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from flyte_sandbox.errors import StartupError

UIDS = range(61000, 61184)
"""Not given to accounts by any distribution, nor to services by systemd; below 65536, which is as far as the
numbers of a container without a map of its own go.
"""

_PROBE_SECONDS = 20.0
_HIDING_UMASK = stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH
_PROBE = """
import os, sys
def is_closed(path):
    try:
        is_folder = os.path.isdir(path) if os.stat(path) else False
        return not os.access(path, os.R_OK | os.X_OK if is_folder else os.R_OK)
    except PermissionError:
        return True
    except OSError:
        return False
def entries(folder):
    names = os.listdir(folder) if os.path.isdir(folder) and not is_closed(folder) else []
    return [os.path.join(folder, name) for name in names if name.endswith((".py", ".so")) or "." not in name]
folders = [folder for folder in sys.path if folder]
paths = [*sys.argv[1:], *folders, *(path for folder in folders for path in entries(folder))]
print(next(filter(is_closed, paths), ""), flush=True)
sys.stdin.read()
"""
"""Looks at what a task of the environment has to read, prints the first path that is closed, and waits."""


@dataclass(frozen=True)
class TaskUser:
    """
    :param uid: None when tasks run as the server's own user.
    :param reason: why they run as root although they were meant not to; else empty.
    """

    uid: int | None = None
    reason: str = ""


class TaskUsers:
    """Answers for each environment. Any thread may ask; the answer is found once.

    :param uid: the one to use; None chooses, 0 runs tasks as root.
    :param folders: what tasks must be able to enter, made when absent.
    :param record: a file that tells other programs the answers; None writes none.
    :raises StartupError: the uid is PostgreSQL's.
    """

    def __init__(self, uid: int | None, folders: Sequence[Path], record: Path | None = None) -> None:
        self.uid = planned_uid(uid)
        self._folders = folders
        self._record = record
        self._found: dict[str, TaskUser] = {}
        self._lock = threading.Lock()

    @property
    def uids(self) -> frozenset[int]:
        """Whom the doors let in besides us, whether or not anybody runs as that."""
        return frozenset() if self.uid is None else frozenset({self.uid})

    def of(self, environment: str, interpreter: Path) -> TaskUser:
        with self._lock:
            if environment not in self._found:
                self._found[environment] = self._decide(interpreter)
                self._write_record()
            return self._found[environment]

    def _decide(self, interpreter: Path) -> TaskUser:
        if self.uid is None:
            return TaskUser()
        for folder in self._folders:
            folder.mkdir(parents=True, exist_ok=True)
        reason = _reason_for_root(self.uid, interpreter, self._folders)
        return TaskUser(None, reason) if reason else TaskUser(self.uid)

    def _write_record(self) -> None:
        if self._record is None:
            return
        draft = self._record.with_suffix(".new")
        draft.write_text(json.dumps({name: asdict(user) for name, user in self._found.items()}))
        draft.replace(self._record)


def planned_uid(wanted: int | None) -> int | None:
    """The uid of tasks if it gets everywhere: the doors let it in before anybody has tried.

    :return: None when tasks run as whoever runs the server.
    :raises StartupError: for PostgreSQL's ``nobody``.
    """
    if os.geteuid() != 0 or sys.platform != "linux" or wanted == 0:
        return None
    if wanted is not None and _account(wanted) == "nobody":
        raise StartupError(
            "task_uid is that of nobody, who is PostgreSQL's; choose a number without an account"
        )
    return wanted if wanted is not None else next(uid for uid in UIDS if not _account(uid))


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def _reason_for_root(uid: int, interpreter: Path, folders: Sequence[Path]) -> str:
    """:return: why tasks cannot run under this uid; empty when they can."""
    umask = _umask()
    if umask & _HIDING_UMASK:
        return f"files made under the umask {umask:04o} are closed to uid {uid}"
    try:
        process = _start_probe(uid, interpreter, folders)
    except PermissionError:
        return f"uid {uid} cannot enter {_closed_folder(interpreter)}"
    except OSError as exc:
        return f"uid {uid} cannot be taken here ({exc.strerror})"
    with process:
        return _ask_probe(process, uid, interpreter)


def _start_probe(uid: int, interpreter: Path, folders: Sequence[Path]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(interpreter), "-E", "-s", "-c", _PROBE, *map(str, folders)],
        env={"LANG": "C.UTF-8"},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        user=uid,
        group=uid,
        extra_groups=[],
        start_new_session=True,
    )


def _ask_probe(process: subprocess.Popen[str], uid: int, interpreter: Path) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    limit = threading.Timer(_PROBE_SECONDS, process.kill)
    limit.start()
    try:
        answer = process.stdout.readline()
        is_visible = _can_see(process.pid)
        process.stdin.close()
    finally:
        limit.cancel()
    if not answer:
        return f"uid {uid} cannot run {interpreter}"
    if closed := answer.rstrip("\n"):
        return f"uid {uid} cannot enter {_closed_folder(Path(closed))}"
    return "" if is_visible else "root may not look at other users' processes here (no CAP_SYS_PTRACE)"


def _can_see(pid: int) -> bool:
    """The marks by which attempts are found and ended stand in their environments."""
    try:
        Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return True


def _closed_folder(path: Path) -> Path:
    """The first folder on the way to it, links followed, that others may not enter; else itself."""
    for place in (path, path.resolve()):
        for folder in reversed(place.parents):
            if not folder.stat().st_mode & stat.S_IXOTH:
                return folder
    return path


def _umask() -> int:
    """As the kernel tells it: asking by setting it would change it for other threads meanwhile."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return 0

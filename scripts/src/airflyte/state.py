"""The state folder ``.airflyte``: what lies where in it, whose it is, and when it must be left alone.

Contents belong to their makers (databases, buckets, environments, secrets); this module owns the layout, the
identity in ``stack.json``, the lock, and the only way to remove it all.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from airflyte import __version__, locks
from airflyte.errors import AirflyteError

FORMAT = 1
"""The version of the layout; a folder with a higher one was made by a newer airflyte."""

MARK = "AIRFLYTE_STACK"
"""The environment variable that every process of a stack carries, with the stack's id."""


@dataclasses.dataclass(frozen=True)
class Stack:
    """What ``stack.json`` says.

    :param stack_id: random; the value of :data:`MARK` in every process of this stack.
    :param path: the state folder when this was written, to notice a moved or copied checkout.
    :param uid: the owner.
    :param versions: by name, of what made the state ("airflyte"; others as their makers add them).
    :param port_offset: an offset that came from the environment, or None.
    :param instead_of: the offset that the file or the default said at that time.
    """

    stack_id: str
    path: str
    uid: int
    created_at: str
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    port_offset: int | None = None
    instead_of: int = 0
    format: int = FORMAT


class StateFolder:
    """One checkout's state.

    :param path: the folder, usually ``<checkout>/.airflyte``; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    # Layout. Properties only name places; makers create them.
    @property
    def stack_json(self) -> Path:
        return self.path / "stack.json"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets.json"

    @property
    def config(self) -> Path:
        return self.path / "config"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def buckets(self) -> Path:
        return self.path / "buckets"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def flyte(self) -> Path:
        return self.path / "flyte"

    @property
    def airflow_home(self) -> Path:
        return self.path / "airflow"

    @property
    def environments(self) -> Path:
        return self.path / "envs"

    @property
    def run(self) -> Path:
        """Sockets and pid files; worthless once no process is left."""
        return self.path / "run"

    @property
    def flyte_config(self) -> Path:
        """The client configuration of this stack's Flyte, for ``FLYTECTL_CONFIG``."""
        return self.config / "flyte.yaml"

    @property
    def stack_id(self) -> str:
        """The id of this stack.

        :raises AirflyteError: when no stack was ever started here.
        """
        stack = self.read()
        if stack is None:
            raise AirflyteError(f"There is no stack in {self.path} yet; type make up.")
        return stack.stack_id

    def read(self) -> Stack | None:
        """What ``stack.json`` says, or None when there is none.

        :raises AirflyteError: when it is damaged, somebody else's, or a newer version's.
        """
        try:
            record = json.loads(self.stack_json.read_text(encoding="utf-8"))
            stack = _stack(record)
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise self._another_owner(self.path.stat().st_uid) from error
        except (ValueError, TypeError, KeyError) as error:
            raise AirflyteError(
                f"{self.stack_json} is damaged ({error}); move {self.path} away and type make up."
            ) from error
        self._check_owner_and_format(stack)
        return stack

    def prepare(self) -> Stack:
        """Make the folder, or take over the one that is there; call it with the lock held.

        A checkout that was moved keeps its id, so that processes from before the move are still found by
        their mark. One that was copied gets an id of its own: two stacks with one mark would end each
        other's processes.

        :raises AirflyteError: when the folder must be left alone or cannot work.
        """
        stack = self.read()
        self.path.mkdir(parents=True, exist_ok=True)
        self._check_writable()
        self._check_sockets()
        here = str(self.path.resolve())
        if stack is None:
            stack = Stack(secrets.token_hex(8), here, os.getuid(), _now())
        elif stack.path != here:
            new_id = secrets.token_hex(8) if _is_stack(Path(stack.path), stack.stack_id) else stack.stack_id
            stack = dataclasses.replace(stack, path=here, stack_id=new_id)
        return self.write(dataclasses.replace(stack, versions={**stack.versions, "airflyte": __version__}))

    def write(self, stack: Stack) -> Stack:
        """Replace ``stack.json`` in one step."""
        write_json(self.stack_json, dataclasses.asdict(stack))
        return stack

    def remember_port_offset(self, offset: int | None, *, instead_of: int = 0) -> None:
        """Keep an offset that came from the environment, or forget one (None)."""
        stack = self.read()
        if stack is not None:
            self.write(dataclasses.replace(stack, port_offset=offset, instead_of=instead_of))

    def remembered_port_offset(self, *, instead_of: int) -> int | None:
        """The remembered offset, unless the file has changed its mind since; None when there is none.

        Reads without any check, because settings are loaded before anything is decided.
        """
        try:
            stack = _stack(json.loads(self.stack_json.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return stack.port_offset if stack.instead_of == instead_of else None

    @contextlib.contextmanager
    def locked(self, for_what: str, say: Callable[[str], object] | None = None) -> Iterator[None]:
        """Hold the stack's lock; a second process waits and says for whom.

        :param for_what: what the holder does, in the words of its user ("airflyte up").
        :param say: prints one sentence; standard error by default.
        """
        with locks.locked(self.lock, for_what, say or _say):
            yield

    def remove(self) -> None:
        """Remove the folder with everything in it; the stack must have been stopped.

        Follows no link, and touches only a real folder with a ``stack.json`` of ours.

        :raises AirflyteError: when the folder is not certainly ours.
        """
        if self.path.is_symlink():
            raise AirflyteError(f"{self.path} is a link; nothing was removed. Remove the link yourself.")
        if not self.path.is_dir():
            return
        if self.stack_json.is_symlink() or self.read() is None:
            raise AirflyteError(
                f"{self.path} holds no stack.json of ours; nothing was removed. If it is airflyte's, "
                f"type rm -rf '{self.path}'."
            )
        shutil.rmtree(self.path)

    def _check_owner_and_format(self, stack: Stack) -> None:
        if stack.uid != os.getuid():
            raise self._another_owner(stack.uid)
        if stack.format > FORMAT:
            version = stack.versions.get("airflyte", "unknown")
            raise AirflyteError(
                f"{self.path} was written by a newer airflyte ({version}, this is {__version__}); "
                "type git pull, or make reset with that version first."
            )

    def _another_owner(self, uid: int) -> AirflyteError:
        return AirflyteError(
            f"{self.path} belongs to uid {uid} and you are uid {os.getuid()}; "
            "run make as that user, or clone the repository to a folder of your own."
        )

    def _check_writable(self) -> None:
        owner = self.path.stat().st_uid
        if owner != os.getuid():
            raise self._another_owner(owner)
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise AirflyteError(f"{self.path} cannot be written to; type chmod u+rwx '{self.path}'.")

    def _check_sockets(self) -> None:
        problem = socket_problem(self.path)
        if problem:
            raise AirflyteError(
                f"The file system of {self.path} knows no sockets ({problem}); "
                "clone the repository to a local disk and type make up there."
            )


def socket_problem(folder: Path) -> str | None:
    """Why no Unix socket can be made in a folder, or None when one can.

    The address goes through ``/proc/self/fd``, because a socket's path may have 107 bytes only.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    name = f".socket-{secrets.token_hex(4)}"
    short = Path(f"/proc/self/fd/{descriptor}")
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.bind(str((short if short.is_dir() else folder) / name))
        (folder / name).unlink()
    except OSError as error:
        return error.strerror or str(error)
    finally:
        os.close(descriptor)
    return None


def write_json(path: Path, content: object, mode: int = 0o600) -> None:
    """Replace a file in one step; a reader sees the old or the new content, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _stack(record: dict[str, Any]) -> Stack:
    """A record of any version: keys that we do not know belong to a newer one and are left out."""
    known = {field.name for field in dataclasses.fields(Stack)}
    if not isinstance(record, dict):
        raise TypeError("not an object")
    return Stack(**{name: value for name, value in record.items() if name in known})


def _is_stack(folder: Path, stack_id: str) -> bool:
    try:
        return bool(json.loads((folder / "stack.json").read_text())["stack_id"] == stack_id)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")

"""The state folder of one server: who holds it, under which port it answers, its secret.

A second server on the same folder would decide about the same executions, so a lock keeps it out.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import IO

from flyte_sandbox.errors import StartupError


class StateFolder:
    """:param path: made when absent."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[str] | None = None

    def hold(self) -> None:
        """Until :meth:`release` or the end of this process, however that comes.

        :raises StartupError: when another server holds it, or the file system knows no locks.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = (self.path / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise StartupError(
                f"Another flyte-sandbox{self._holder()} uses the state folder {self.path}. "
                "End that one first, or name another folder with --state."
            ) from None
        except OSError as exc:
            lock.close()
            raise StartupError(
                f"The file system of {self.path} knows no locks ({exc}); use another."
            ) from exc
        self._lock = lock

    def _holder(self) -> str:
        try:
            return f" (pid {json.loads((self.path / 'server.json').read_text())['pid']})"
        except (OSError, ValueError, KeyError):
            return ""

    def announce(self, port: int) -> None:
        """Tell other processes of this machine where the server answers."""
        draft = self.path / "server.json.new"
        draft.write_text(json.dumps({"pid": os.getpid(), "port": port}))
        draft.rename(self.path / "server.json")

    def release(self) -> None:
        """Safe to call twice."""
        if self._lock is not None:
            (self.path / "server.json").unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def secret(self) -> bytes:
        """Made once, so that signed links stay good over restarts. Readable by its owner alone."""
        path = self.path / "signing.key"
        if not path.exists():
            draft = path.with_suffix(".new")
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(32))
            draft.rename(path)
        return path.read_bytes()

"""A private folder for the unix sockets of the inner servers."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

_MAX_SOCKET_PATH_BYTES = 107


@dataclass(frozen=True)
class Runtime:
    """:param folder: readable by its owner alone."""

    folder: Path

    @property
    def grpc_socket(self) -> Path:
        return self.folder / "grpc.sock"

    @property
    def http_socket(self) -> Path:
        return self.folder / "http.sock"

    def remove(self) -> None:
        """Safe to call twice."""
        shutil.rmtree(self.folder, ignore_errors=True)


def make_runtime(state: Path) -> Runtime:
    """A new folder inside ``state``, or in the temp folder when a socket's path would get too long there.

    What a killed server left in ``state`` is removed; the caller sees to it that no other one lives there.
    """
    state.mkdir(parents=True, exist_ok=True)
    for leftover in state.glob("run-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=state))  # mkdtemp makes it 0700
    runtime = Runtime(folder)
    if len(os.fsencode(runtime.grpc_socket)) > _MAX_SOCKET_PATH_BYTES:
        folder.rmdir()
        runtime = Runtime(Path(tempfile.mkdtemp(prefix="flyte-sandbox-")))
    return runtime

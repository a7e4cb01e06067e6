"""The two processes of a sandbox in the background: which live, where they answer, and ending them.

What runs is known by the pid files in the state folder, together with each process's start time, and by
the mark that every process of this sandbox carries, tasks included.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from flyte_sandbox.cli.serve import MARK

PARTS = ("serve", "s3")
_GRACE_SECONDS = 2.0


def start(state: Path, part: str, command: Sequence[str], **facts: Any) -> None:
    """In a session of its own, its log in the state folder.

    :param facts: kept in its record, ``port`` among them.
    """
    with (state / f"{part}.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, MARK: _mark(state)},
        )
    record = {"pid": process.pid, "created": psutil.Process(process.pid).create_time(), **facts}
    (state / f"{part}.pid").write_text(json.dumps(record))


def process_of(state: Path, part: str) -> psutil.Process | None:
    """None when it does not run."""
    record = read_record(state, part)
    if record is None:
        return None
    try:
        process = psutil.Process(record["pid"])
        is_same = abs(process.create_time() - record["created"]) < 1
        return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def read_record(state: Path, part: str) -> dict[str, Any] | None:
    """What was noted when it was started; None when it was not, or was ended by ``down``."""
    try:
        record: dict[str, Any] = json.loads((state / f"{part}.pid").read_text())
        if not record["port"]:
            # Any free port was asked for; the server has told which one it took.
            record["port"] = json.loads((state / "server.json").read_text())["port"]
    except (FileNotFoundError, ValueError):
        return None
    return record


def answers(state: Path, part: str) -> bool:
    record = read_record(state, part)
    if record is None:
        return False
    try:
        with socket.create_connection(("127.0.0.1", record["port"]), timeout=1) as connection:
            connection.sendall(b"GET /healthcheck HTTP/1.0\r\nHost: localhost:%d\r\n\r\n" % record["port"])
            return connection.recv(5) == b"HTTP/"
    except OSError:
        return False


def end(state: Path, parts: Sequence[str]) -> None:
    """Together, the server ending its tasks; then, by force, what is left of them and of everything else."""
    ending = [process for part in parts if (process := process_of(state, part))]
    for process in ending:
        _signal(process, is_kill=False)
    _, alive = psutil.wait_procs(ending, timeout=_GRACE_SECONDS * 4)
    for process in alive:
        _signal(process, is_kill=True)
    for part in parts:
        (state / f"{part}.pid").unlink(missing_ok=True)


def end_marked(state: Path) -> None:
    """Until none is left: a process may have started another one between our looks."""
    if not (state / "id").exists():
        return
    mark = _mark(state)
    while marked := [process for process in psutil.process_iter() if _carries(process, mark)]:
        for process in marked:
            _signal(process, is_kill=False)
        _, alive = psutil.wait_procs(marked, timeout=_GRACE_SECONDS)
        for process in alive:
            _signal(process, is_kill=True)


def _mark(state: Path) -> str:
    """An id of this sandbox, the same after every start."""
    path = state / "id"
    if not path.exists():
        path.write_text(f"flyte-sandbox-{secrets.token_hex(8)}")
    return path.read_text()


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
        return False


def _signal(process: psutil.Process, is_kill: bool) -> None:
    try:
        process.kill() if is_kill else process.terminate()
    except psutil.NoSuchProcess:
        return

"""Skipping the time of a server in another process: a socket that only its owner reaches.

A server listens here only when it was started with ``--skippable-clock``. How far its time is ahead is kept
in the state folder, so that time does not go back when it is started again, or killed.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import socket
import tempfile
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flyte_sandbox.clock import SkippingClock
from flyte_sandbox.config import SandboxConfig
from flyte_sandbox.errors import StartupError
from flyte_sandbox.testing.running import TestSandbox

logger = logging.getLogger(__name__)

OPTION = "--skippable-clock"
_RECORD = "clock.json"
_MOST_BYTES = 1000
_SECONDS_TO_ASK = 10.0


class SkipError(Exception):
    """The time of a server could not be skipped; the message says why."""


def kept_clock(state: Path) -> SkippingClock:
    """A clock that is as far ahead as the last one of this state folder was."""
    return SkippingClock(timedelta(seconds=_read(state).get("skipped_seconds", 0.0)))


def check_unskipped(state: Path) -> None:
    """For a server whose clock cannot be skipped.

    :raises StartupError: what is in the folder would be of a time to come.
    """
    skipped = timedelta(seconds=_read(state).get("skipped_seconds", 0.0))
    if skipped:
        raise StartupError(
            f"A test has moved the time of the state folder {state} ahead by {skipped}. "
            f"Start with {OPTION} to go on from there, or remove the folder."
        )


def skip(state: Path, span: timedelta) -> datetime:
    """Let time pass at once for the server that uses a state folder.

    :return: its new time.
    :raises SkipError: there is none, it cannot skip, or the span is below zero.
    """
    path = _read(state).get("socket")
    if path is None:
        raise SkipError(f"no server with a skippable clock uses {state}; start it with {OPTION}")
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_SECONDS_TO_ASK)
            connection.connect(path)
            connection.sendall(json.dumps({"skip_seconds": span.total_seconds()}).encode() + b"\n")
            answer = json.loads(connection.makefile().readline())
    except (OSError, ValueError) as exc:
        raise SkipError(f"the server that uses {state} does not answer ({exc}); is it running?") from exc
    if "error" in answer:
        raise SkipError(answer["error"])
    return datetime.fromisoformat(answer["now"])


class ClockControl:
    """The server's side. ``start`` after the state folder is held, ``close`` before it is let go.

    :param clock: the one that the server was made with.
    """

    def __init__(self, clock: SkippingClock, state: Path) -> None:
        self.clock = clock
        self._state = state
        # In the temporary folder, because a socket's path has to be short; mkdtemp lets nobody else in.
        self._folder = Path(tempfile.mkdtemp(prefix="flyte-sandbox-clock-"))
        self._socket = socket.socket(socket.AF_UNIX)
        self._thread = threading.Thread(target=self._listen, name="clock-control", daemon=True)

    def start(self) -> None:
        _remove_leftover(_read(self._state).get("socket"))
        path = self._folder / "socket"
        self._socket.bind(str(path))
        self._socket.listen()
        self._write(self.clock.skipped, str(path))
        self._thread.start()

    def close(self) -> None:
        """What has been skipped stays skipped."""
        self._write(self.clock.skipped, None)
        # A thread in accept() is woken by this, not by close().
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return  # closed
            with connection:
                connection.settimeout(_SECONDS_TO_ASK)
                try:
                    answer = self._answer(connection.makefile().readline(_MOST_BYTES))
                    connection.sendall(json.dumps(answer).encode() + b"\n")
                except OSError as exc:
                    logger.warning("somebody asked to skip time and hung up: %s", exc)

    def _answer(self, line: str) -> dict[str, str]:
        try:
            span = timedelta(seconds=json.loads(line)["skip_seconds"])
            if span >= timedelta():
                # Written first: a server that is killed in between starts at the later time, never before it.
                self._write(self.clock.skipped + span, str(self._folder / "socket"))
            return {"now": self.clock.skip(span).isoformat()}
        except (ValueError, KeyError, TypeError, OverflowError) as exc:
            return {"error": str(exc)}

    def _write(self, skipped: timedelta, path: str | None) -> None:
        draft = self._state / f"{_RECORD}.new"
        draft.write_text(json.dumps({"skipped_seconds": skipped.total_seconds(), "socket": path}))
        os.replace(draft, self._state / _RECORD)


class SkippableSandbox(TestSandbox):
    """One whose time can be skipped from other processes, by :func:`skip`."""

    def __init__(self, config: SandboxConfig) -> None:
        super().__init__(config, kept_clock(config.state))
        self._control = ClockControl(self.clock, config.state)

    def _bind(self) -> None:
        # The folder is ours from here on, and nobody knows yet that we answer.
        super()._bind()
        self._control.start()

    def stop(self, stop_attempts: bool = True) -> None:
        if self._is_started:
            self._control.close()
        super().stop(stop_attempts)


def _remove_leftover(path: str | None) -> None:
    """The socket of a server that was killed."""
    if path is not None:
        shutil.rmtree(Path(path).parent, ignore_errors=True)


def _read(state: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads((state / _RECORD).read_text())
    except FileNotFoundError:
        return {}
    return record

"""supervisord as this stack uses it: its configuration, its start, and the calls it answers.

It starts components, starts them again when they die, and rotates their logs. It is not trusted to end them;
see ``marks``. Everything it reads lies in the state folder's ``run``, which is also its working folder.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import string
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from airflyte.errors import AirflyteError
from airflyte.processes.components import Component

CONFIG_NAME = "supervisord.conf"
SOCKET_NAME = "supervisord.sock"
LOG_NAME = "supervisord"
START_SECONDS = 10.0
CALL_SECONDS = 3.0

GIVEN_UP = "FATAL"
RUNNING = frozenset({"STARTING", "RUNNING"})
_SPAWN_ERROR, _ALREADY_STARTED, _NOT_RUNNING = 50, 60, 70
"""Fault codes of the supervisor's own, ``supervisor.xmlrpc.Faults``."""


class Supervisor:
    """The supervisor of one stack, running or not.

    :param run: the folder of its files; made by :meth:`write`.
    :param logs: where the components' logs go.
    """

    def __init__(self, run: Path, logs: Path) -> None:
        self.run = run
        self.logs = logs

    @property
    def log(self) -> Path:
        return self.log_of(LOG_NAME)

    def log_of(self, name: str) -> Path:
        """The log of a component."""
        return self.logs / f"{name}.log"

    def write(self, components: Sequence[Component], templates: Path) -> None:
        """Write its configuration and each component's script.

        :param templates: the folder with ``supervisord.conf`` and ``program.conf``.
        """
        self.run.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.run.chmod(0o700)
        self.logs.mkdir(parents=True, exist_ok=True)
        for component in components:
            write_private(self.run / component.script_name, component.script())
        write_private(self.run / CONFIG_NAME, _config(components, templates))

    def start(self, environment: Mapping[str, str]) -> int:
        """Start it, and return its pid once it answers.

        :param environment: its whole environment, which all components inherit; it holds the stack's mark.
        :raises AirflyteError: when it ends or does not answer in time.
        """
        self.socket_path.unlink(missing_ok=True)
        with self._start_log.open("wb") as output:
            try:
                # It opens its socket, then goes to the background, and the process we wait for ends.
                done = subprocess.run(
                    [sys.executable, "-m", "supervisor.supervisord", "-c", CONFIG_NAME],
                    cwd=self.run,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    timeout=START_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise self._no_start(f"within {START_SECONDS:.0f} seconds") from error
        pid = self.pid() if done.returncode == 0 else None
        if pid is None:
            raise self._no_start(f"(exit code {done.returncode})")
        return pid

    @property
    def _start_log(self) -> Path:
        return self.log_of(f"{LOG_NAME}-start")

    def _no_start(self, how: str) -> AirflyteError:
        return AirflyteError(f"The process supervisor did not start {how}.", log=self._start_log)

    def pid(self) -> int | None:
        """The pid of the supervisor that answers on our socket, or None when none does."""
        try:
            with self._proxy() as call:
                return int(call.supervisor.getPID())
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return None

    def states(self) -> dict[str, ComponentState]:
        """What it says of each component, by name.

        :raises OSError: when it does not answer.
        """
        with self._proxy() as call:
            return {info["name"]: ComponentState(info) for info in call.supervisor.getAllProcessInfo()}

    def start_component(self, name: str) -> None:
        """Have a component started, if it is not running; returns before it is ready.

        One that has ended by then is an error to the supervisor; it tries again, and its state says the rest.
        """
        with self._proxy() as call, _tolerating(_ALREADY_STARTED, _SPAWN_ERROR):
            call.supervisor.startProcess(name, False)

    def stop_component(self, name: str) -> None:
        """Have a component's stop signal sent; returns before it has ended."""
        with self._proxy() as call, _tolerating(_NOT_RUNNING):
            call.supervisor.stopProcess(name, False)

    def shut_down(self) -> None:
        """Ask the supervisor itself to end; it returns long before that has happened."""
        with self._proxy() as call:
            call.supervisor.shutdown()

    @property
    def socket_path(self) -> Path:
        return self.run / SOCKET_NAME

    @contextlib.contextmanager
    def _proxy(self) -> Iterator[Any]:
        with _short_address(self.run) as address:
            transport = _Transport(f"{address}/{SOCKET_NAME}")
            with xmlrpc.client.ServerProxy("http://localhost", transport=transport) as proxy:
                yield proxy


class ComponentState:
    """The supervisor's view of one component.

    :param info: an element of ``getAllProcessInfo``.
    """

    def __init__(self, info: Mapping[str, Any]) -> None:
        self.name: str = info["name"]
        self.phase: str = info["statename"]
        self.pid: int | None = info["pid"] or None
        self.started_at: float | None = float(info["start"]) if info["pid"] else None
        self.description: str = info["description"]
        self.spawn_error: str = info["spawnerr"]

    @property
    def is_running(self) -> bool:
        return self.phase in RUNNING

    @property
    def is_given_up(self) -> bool:
        """True when it ended too often, too soon, and will not be started again by itself."""
        return self.phase == GIVEN_UP


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read; the old content stays until the new one is whole."""
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


def _config(components: Sequence[Component], templates: Path) -> str:
    """The configuration; its values are names and numbers only, paths in it are relative."""
    head = string.Template((templates / CONFIG_NAME).read_text(encoding="utf-8"))
    program = string.Template((templates / "program.conf").read_text(encoding="utf-8"))
    # The supervisor makes its socket's path absolute, and only 107 bytes of a path fit into an address.
    socket_folder = "/proc/self/cwd" if sys.platform == "linux" else "."
    sections = [head.substitute(socket=f"{socket_folder}/{SOCKET_NAME}", user=_own_user())]
    sections.extend(
        program.substitute(
            name=component.name,
            script=component.script_name,
            stop_signal=component.stop_signal,
            steady_seconds=component.steady_seconds,
        )
        for component in components
    )
    return "\n".join(sections)


def _own_user() -> str:
    # Said aloud, it keeps the supervisor from warning about root in its log.
    return "user=root" if os.geteuid() == 0 else ""


@contextlib.contextmanager
def _short_address(folder: Path) -> Iterator[str]:
    """A path to the folder that fits into a socket's address however deep the folder lies."""
    if sys.platform != "linux":
        yield str(folder)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _tolerating(*codes: int) -> Iterator[None]:
    try:
        yield
    except xmlrpc.client.Fault as fault:
        if fault.faultCode not in codes:
            raise


class _Transport(xmlrpc.client.Transport):
    """XML-RPC over a Unix socket."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = _Connection(self._address)
        self._connection = (host, connection)  # what the base class closes
        return connection


class _Connection(http.client.HTTPConnection):
    def __init__(self, address: str) -> None:
        super().__init__("localhost", timeout=CALL_SECONDS)
        self._address = address

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(CALL_SECONDS)
        self.sock.connect(self._address)

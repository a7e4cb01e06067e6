"""The loop of a template process: takes orders, forks, reaps, preloads, and knows when to end."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import socket
import time
from typing import Any

from . import isolation
from .children import Children
from .config import Config
from .connections import Connection
from .job import Closable, Forked, Job
from .memory import Memory
from .preloading import Preloading
from .warmth import Warmth

_SAVE_AGAIN_SECONDS = 1.0


def serve(config_path: str, listener_fd: int) -> Forked | None:
    """:return: in a forked child, what it has to do; None when the template has ended."""
    _reset_signals()
    config = Config.read(config_path)
    isolation.find_placeholder()
    template = Template(config, socket.socket(fileno=listener_fd))
    forked = template.run()
    if forked is None:
        _clean_up(config)
    return forked


def _clean_up(config: Config) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(config.socket)
    shutil.rmtree(config.folder, ignore_errors=True)


def _reset_signals() -> None:
    """Whoever started this process may have ignored some, and a cold run's interpreter would see that."""
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


class Template:
    """One thread, and nothing that a fork could not take: forks happen from here."""

    def __init__(self, config: Config, listener: socket.socket) -> None:
        self._config = config
        self._listener = listener
        self._wakeup, self._wakeup_writer = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._connections: list[Connection] = []
        self._children = Children(config, self._tell)
        self._is_retiring = False
        self._is_terminating = False
        self._alone_since = time.monotonic()

    def run(self) -> Forked | None:
        self._warmth = Warmth(self._config.warm)
        memory = Memory.read(self._config.memory) if self._warmth.flytekit else Memory("")
        self._preloading = Preloading(self._warmth, memory, self._config.preload_after_seconds)
        self._watch()
        while not self._is_over():
            forked = self._turn()
            if forked is not None:
                return forked
        self._children.preparations.discard_all()
        return None

    def _watch(self) -> None:
        for sock in (self._listener, self._wakeup, self._wakeup_writer):
            sock.setblocking(False)
        self._install_signals()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._selector.register(self._wakeup, selectors.EVENT_READ, None)
        self._alone_since = time.monotonic()  # importing may have taken longer than the patience for servers

    def _install_signals(self) -> None:
        signal.set_wakeup_fd(self._wakeup_writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._terminate)

    def _terminate(self, *_: object) -> None:
        self._is_terminating = True

    # ---- one turn of the loop ----

    def _turn(self) -> Forked | None:
        ready = self._selector.select(self._patience())
        for key, _ in ready:
            forked = self._answer(key)
            if forked is not None:
                return forked
        self._children.reap()
        self._children.kill_the_late()
        self._children.preparations.discard_late()
        self._children.look_after()
        self._children.save_again()
        self._learn()
        if not ready and self._preloading.is_due and not self._is_retiring:
            self._preload()
        if self._is_terminating:
            self._retire("terminated")
            self._children.stop_all()
        return None

    def _patience(self) -> float | None:
        """Seconds until something has to be done without being asked; None: until asked."""
        deadlines = [self._children.next_deadline]
        if not self._is_retiring:
            deadlines.append(self._preloading.next_step)
        if self._children.unsaved:
            deadlines.append(time.monotonic() + _SAVE_AGAIN_SECONDS)
        if not self._connections and self._children.is_empty:
            deadlines.append(self._alone_since + self._config.linger_seconds)
        known = [deadline for deadline in deadlines if deadline is not None]
        return max(0.0, min(known) - time.monotonic()) if known else None

    def _is_over(self) -> bool:
        if not self._children.is_empty:
            return False
        if self._is_retiring:
            return not any(connection.unsent for connection in self._connections)
        return not self._connections and time.monotonic() >= self._alone_since + self._config.linger_seconds

    def _preload(self) -> None:
        self._preloading.step()
        self._install_signals()  # the import may have set its own
        if self._preloading.is_spoilt:
            self._retire("spoilt")

    def _learn(self) -> None:
        """Read what children that have ended had to import."""
        while self._children.reports:
            self._preloading.learn(self._children.reports.pop())

    # ---- servers ----

    def _answer(self, key: selectors.SelectorKey) -> Forked | None:
        if key.fileobj is self._listener:
            self._accept()
        elif key.fileobj is self._wakeup:
            self._wakeup.recv(4096)
        else:
            return self._hear(key.data)
        return None

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return  # it has gone again
        connection = Connection(sock)
        self._connections.append(connection)
        self._selector.register(sock, selectors.EVENT_READ, connection)
        connection.send(self._hello())

    def _hello(self) -> dict[str, Any]:
        return {
            "event": "hello",
            "pid": os.getpid(),
            "version": self._config.version,
            "is_warm": self._warmth.flytekit is not None,
            "is_retiring": self._is_retiring,
            "running": self._children.keys,
            "unsaved": {key: record for key, (_, record) in self._children.unsaved.items()},
        }

    def _hear(self, connection: Connection) -> Forked | None:
        connection.flush()
        messages = connection.receive()
        if messages is None:
            self._forget(connection)
            return None
        for message in messages:
            forked = self._obey(connection, message)
            if forked is not None:
                return forked
        self._expect_writing(connection)
        return None

    def _forget(self, connection: Connection) -> None:
        self._selector.unregister(connection.sock)
        self._connections.remove(connection)
        connection.close()
        self._alone_since = time.monotonic()

    def _obey(self, connection: Connection, message: dict[str, Any]) -> Forked | None:
        if message["order"] == "start":
            return self._start(Job.from_message(message))
        if message["order"] == "prepare":
            return self._prepare(Job.from_message(message))
        if message["order"] == "stop":
            self._children.stop(message["key"])
        elif message["order"] == "ping":
            connection.send({"event": "pong"})
        elif message["order"] == "retire":
            self._retire("asked")
        return None

    def _start(self, job: Job) -> Forked | None:
        self._preloading.hurry()
        if not self._is_retiring:
            self._check_fitness()
        if self._is_retiring:
            self._tell({"event": "returned", "key": job.key, "reason": "retiring"})
            return None
        try:
            return self._children.fork(job, self._warmth, self._own())
        except OSError as exc:
            self._tell({"event": "returned", "key": job.key, "reason": f"cannot fork: {exc}"})
            return None

    def _prepare(self, job: Job) -> Forked | None:
        """Ahead of time; an order that comes to nothing costs the attempt nothing."""
        if not self._is_retiring:
            self._check_fitness()
        if self._is_retiring or self._warmth.flytekit is None:
            return None
        return self._children.prepare(job, self._warmth, self._own())

    def _check_fitness(self) -> None:
        reason = self._warmth.reason_to_end()
        if reason == "threads" and not self._preloading.refuse_all():
            self._warmth.give_up(
                reason
            )  # flytekit's own import is to blame; a next template would be no better
        elif reason is not None:
            self._retire(reason)

    def _own(self) -> list[Closable]:
        sockets = [self._listener, self._wakeup, self._wakeup_writer]
        return [*sockets, *self._connections, self._selector]

    def _retire(self, reason: str) -> None:
        """Fork no more, end with the last child."""
        if not self._is_retiring:
            self._is_retiring = True
            self._children.preparations.discard_all()
            self._tell({"event": "retiring", "reason": reason})

    def _tell(self, message: dict[str, Any]) -> None:
        for connection in self._connections:
            connection.send(message)
            self._expect_writing(connection)

    def _expect_writing(self, connection: Connection) -> None:
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.unsent else 0)
        if self._selector.get_key(connection.sock).events != wanted:
            self._selector.modify(connection.sock, wanted, connection)

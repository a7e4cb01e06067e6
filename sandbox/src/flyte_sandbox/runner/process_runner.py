"""Runs attempts as processes and tells how they end. Knows nothing of Flyte's phases or errors.

One thread owns the sockets to the template processes and everything that follows from them; the public
methods only post to it.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from flyte_sandbox.errors import StartupError
from flyte_sandbox.runner.attempts import AttemptExit, AttemptSpec
from flyte_sandbox.runner.dispatching import Dispatcher
from flyte_sandbox.runner.idling import Idling
from flyte_sandbox.runner.readiness import Readiness
from flyte_sandbox.runner.task_users import TaskUsers
from flyte_sandbox.runner.template_process import TemplateProcess
from flyte_sandbox.runner.templates import Patience, TemplateError, Templates

_log = logging.getLogger(__name__)

_LOOK_AGAIN_SECONDS = 0.2
_CLOSE_SECONDS = 5.0


class ProcessRunner:
    """Orders attempts from template processes, one per environment, which fork them and outlive this server.

    Every method may be called from any thread. The callbacks come from the runner's own thread and must not
    block.

    :param environments: interpreters by name of environment.
    :param templates_folder: holds one folder per environment; the state of the templates.
    :param mark: name and value of a variable that every process of the stack carries.
    :param warm: fork from a process that has flytekit loaded; else, and on macOS, each attempt starts an
        interpreter.
    :param grace_seconds: between SIGTERM and SIGKILL.
    :param on_started: called with key and time when an attempt's process exists, adopted ones too.
    :param on_end: called exactly once for each attempt that was started or resumed.
    :param idle_seconds: how long a template of another environment than the default one is kept without work.
    :param linger_seconds: how long a template without attempts waits for the next server.
    :param preload_after_seconds: how long a new template waits with what earlier attempts had to import.
    :param users: decides as whom attempts run; None: as the server.
    """

    def __init__(
        self,
        environments: Mapping[str, Path],
        templates_folder: Path,
        mark: tuple[str, str] | None,
        warm: bool,
        grace_seconds: float,
        on_started: Callable[[str, datetime], None],
        on_end: Callable[[AttemptExit], None],
        idle_seconds: float = 300.0,
        linger_seconds: float = 10.0,
        preload_after_seconds: float = 0.0,
        users: TaskUsers | None = None,
    ) -> None:
        patience = Patience(grace_seconds, linger_seconds, preload_after_seconds)
        users = users or TaskUsers(0, ())
        self._templates = Templates(environments, templates_folder, mark, warm, patience, users)
        self._dispatcher = Dispatcher(self._templates, grace_seconds, on_started, on_end)
        self._readiness = Readiness(self._dispatcher)
        self._idling = Idling(self._dispatcher.needs, idle_seconds)
        self._grace_seconds = grace_seconds
        self._posted: deque[Callable[[], None]] = deque()
        self._wakeup, self._wakeup_writer = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wakeup, selectors.EVENT_READ, None)
        self._close_at: float | None = None
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="process-runner", daemon=True)
        self._thread.start()

    def start(self, spec: AttemptSpec) -> None:
        """Order an attempt; returns at once. Safe to repeat: an attempt runs at most once."""
        self._post(lambda: self._dispatcher.start(spec))

    def prepare(self, spec: AttemptSpec) -> None:
        """An attempt that will probably be started next: load its code meanwhile, if that can be done."""
        self._post(lambda: self._dispatcher.prepare(spec))

    def stop(self, key: str) -> None:
        """SIGTERM, and after the grace SIGKILL, to every process of the attempt; ``on_end`` follows."""
        self._post(lambda: self._dispatcher.stop(key))

    def resume(self, specs: Sequence[AttemptSpec]) -> None:
        """Pick up an earlier server's attempts: adopt, report or start each of them, and stop all others."""
        self._post(lambda: self._dispatcher.resume(specs))

    def prewarm(self, environment: str = "default") -> None:
        """Start the template of an environment before its first attempt; returns at once."""
        self._post(lambda: self._prewarm(environment))

    def ready(self, timeout_seconds: float, environment: str = "default") -> None:
        """Wait until a template of the environment has answered.

        :raises StartupError: none did in time; the message names the environment and its log.
        """
        question = self._readiness.question(environment)
        self._post(lambda: self._readiness.ask(question))
        log = self._templates.log(environment)
        if not question.is_answered.wait(timeout_seconds):
            raise StartupError(
                f"The template process of environment {environment!r} has not answered within "
                f"{timeout_seconds:g} s; see {log}."
            )
        if question.failure:
            raise StartupError(question.failure)

    def close(self, stop_attempts: bool) -> None:
        """End the runner's thread; afterwards no callback comes. Safe to repeat.

        :param stop_attempts: stop all attempts first, each with its ``on_end``; else they go on.
        """
        self._post(lambda: self._begin_to_close(stop_attempts))
        self._thread.join()

    # ---- the runner's thread ----

    def _post(self, order: Callable[[], None]) -> None:
        self._posted.append(order)
        try:
            self._wakeup_writer.send(b"\0")
        except OSError:
            return  # closed, or so many wake-ups are waiting that one more makes no difference

    def _run(self) -> None:
        self._guarded(self._find_templates)
        while not self._is_over:
            self._guarded(self._turn)
        self._templates.leave()
        for each in (self._selector, self._wakeup, self._wakeup_writer):
            each.close()

    def _guarded(self, step: Callable[[], None]) -> None:
        """Whatever goes wrong with one attempt or callback, the others still need this thread."""
        try:
            step()
        except Exception:  # noqa: BLE001  # a loop that must go on, like the engine's
            _log.exception("The process runner goes on after an error")

    def _find_templates(self) -> None:
        self._templates.find()

    def _turn(self) -> None:
        self._watch_templates()
        for key, _ in self._selector.select(self._patience()):
            if key.data is None:
                self._wakeup.recv(4096)
            else:
                self._listen(key.data)
        while self._posted:
            self._guarded(self._posted.popleft())
        if self._dispatcher.is_watching:
            self._dispatcher.look_again()
        if self._close_at is None:
            self._readiness.advance()
        self._idling.advance(self._templates.all)
        self._templates.reap()
        self._advance_closing()

    def _patience(self) -> float | None:
        is_waiting = self._dispatcher.is_watching or self._close_at is not None or self._templates.is_leaving
        return _LOOK_AGAIN_SECONDS if is_waiting else self._idling.patience

    def _watch_templates(self) -> None:
        watched = {key.fileobj: key for key in self._selector.get_map().values()}
        for template in self._templates.all:
            sock = template.connection.sock
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if template.connection.unsent else 0)
            if sock not in watched:
                self._selector.register(sock, events, template)
            elif watched[sock].events != events:
                self._selector.modify(sock, events, template)

    def _listen(self, template: TemplateProcess) -> None:
        template.connection.flush()
        messages = template.connection.receive()
        if messages is None:
            self._selector.unregister(template.connection.sock)
            self._templates.forget(template)
            self._dispatcher.lose(template)
            return
        for message in messages:
            self._guarded(lambda message=message: self._hear(template, message))  # type: ignore[misc]

    def _hear(self, template: TemplateProcess, message: dict[str, object]) -> None:
        if message["event"] == "pong":
            self._readiness.answer(template)
        else:
            self._dispatcher.hear(template, message)

    def _prewarm(self, environment: str) -> None:
        try:
            self._dispatcher.prewarm(environment)
        except TemplateError as exc:
            _log.warning("%s", exc)

    # ---- closing ----

    def _begin_to_close(self, stop_attempts: bool) -> None:
        if not stop_attempts:
            self._is_over = True
        elif self._close_at is None:
            self._close_at = time.monotonic() + self._grace_seconds + _CLOSE_SECONDS
            self._dispatcher.stop_all()

    def _advance_closing(self) -> None:
        """Attempts first, then the templates, which end when they are told to and have no child."""
        if self._close_at is None:
            return
        if self._dispatcher.is_idle:
            for template in self._templates.all:
                if not template.is_told_to_retire:
                    template.retire()
        is_done = self._dispatcher.is_idle and not self._templates.all and self._templates.reap()
        if is_done or time.monotonic() > self._close_at:
            self._templates.kill()
            self._is_over = True

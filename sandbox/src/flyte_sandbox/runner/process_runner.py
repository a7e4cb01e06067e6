"""Runs attempts as processes and tells how they end. Knows nothing of Flyte's phases or errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from flyte_sandbox.runner.attempts import AttemptExit, AttemptSpec


class ProcessRunner:
    """Orders attempts from template processes, one per environment, which fork them and outlive this server.

    Every method may be called from any thread. The callbacks come from the runner's own thread.

    :param environments: interpreters by name of environment.
    :param templates_folder: holds one folder per environment; the state of the templates.
    :param mark: name and value of a variable that every process of the stack carries.
    :param warm: fork from a process that has flytekit loaded; else each attempt is a fresh process.
    :param grace_seconds: between SIGTERM and SIGKILL.
    :param on_started: called with key and time when an attempt's process exists, adopted ones too.
    :param on_end: called exactly once for each attempt that was started or resumed.
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
    ) -> None:
        raise NotImplementedError

    def start(self, spec: AttemptSpec) -> None:
        """Order an attempt; returns at once. Safe to repeat: an attempt runs at most once."""
        raise NotImplementedError

    def stop(self, key: str) -> None:
        """SIGTERM, and after the grace SIGKILL, to every process of the attempt; ``on_end`` follows."""
        raise NotImplementedError

    def resume(self, specs: Sequence[AttemptSpec]) -> None:
        """Pick up an earlier server's attempts: adopt, report or start each of them, and stop all others."""
        raise NotImplementedError

    def prewarm(self, environment: str = "default") -> None:
        """Start the template of an environment before its first attempt; returns at once."""
        raise NotImplementedError

    def ready(self, timeout_seconds: float, environment: str = "default") -> None:
        """Wait until a template of the environment has answered.

        :raises StartupError: none did in time; the message names the environment and its log.
        """
        raise NotImplementedError

    def close(self, stop_attempts: bool) -> None:
        """End the runner's thread; afterwards no callback comes.

        :param stop_attempts: stop all attempts first, each with its ``on_end``; else they go on.
        """
        raise NotImplementedError

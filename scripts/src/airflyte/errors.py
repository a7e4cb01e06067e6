"""The one error that the command line shows to its user, and what may be shown with it."""

from __future__ import annotations

from pathlib import Path


class AirflyteError(Exception):
    """Something the user can understand and act on; the command line prints it and ends with 1.

    :param message: one sentence: what failed, on what, and what to do next.
    :param log: a log file whose last lines explain it.
    :param cause: the likely cause, where one is known.
    :param command: one command worth trying.
    """

    def __init__(
        self,
        message: str,
        *,
        log: Path | None = None,
        cause: str | None = None,
        command: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.log = log
        self.cause = cause
        self.command = command
        self.is_shown = False
        """True once a step has printed it, so that it is not printed a second time."""

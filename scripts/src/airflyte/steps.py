"""What a verb shows while it works: numbered steps with a clock, live on a terminal, plain lines elsewhere.

Only presentation is here; what a step does belongs to the verb. Without ``rich`` (the very first start,
before any environment exists) the plain form is used everywhere.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from airflyte.errors import AirflyteError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

NAME_WIDTH = 11
LINE_WIDTH = 92
LOG_LINES = 20
NOTE_SECONDS = 5.0
"""In the plain form a step that takes long says what it is doing this often, when that has changed."""


class Step:
    """One running step: says what it does now, and what came of it.

    The text that was said last is what stays on the step's line when it ends.
    """

    def __init__(self, name: str, clock: Callable[[], float]) -> None:
        self.name = name
        self.text = ""
        self.done: float | None = None
        self.total: float | None = None
        self.log: Path | None = None
        """The log whose last lines are shown when the step fails; an error's own log comes first."""
        self.has_clock = True
        """False for a step that only sets something going, so that no duration is claimed for it."""
        self._clock = clock
        self._started = clock()

    def say(self, text: str) -> None:
        """Say what the step is doing, or what came of it; ends a bar. Callable from any thread."""
        self.text = text
        self.done = self.total = None

    def advance(self, done: float, total: float | None, text: str | None = None) -> None:
        """Show a bar.

        :param done: how much is done, in any unit.
        :param total: how much there is in the same unit; None when nobody knows.
        :param text: what is being done, as for :meth:`say`.
        """
        self.text = self.text if text is None else text
        self.done, self.total = done, total

    @property
    def seconds(self) -> float:
        """Seconds since the step began."""
        return self._clock() - self._started


class Steps:
    """The steps of one verb, printed in order.

    :param total: how many steps there will be.
    :param stream: where to print; standard output by default.
    :param is_live: force (True) or forbid (False) the live form; None looks at the stream.
    :param clock: seconds, for tests.
    :param note_seconds: see :data:`NOTE_SECONDS`.
    """

    def __init__(
        self,
        total: int,
        *,
        stream: TextIO | None = None,
        is_live: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
        note_seconds: float = NOTE_SECONDS,
    ) -> None:
        self.total = total
        self.number = 0
        self._stream = stream or sys.stdout
        self._is_live = _can_be_live(self._stream) if is_live is None else is_live
        self._clock = clock
        self._note_seconds = note_seconds

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Run one step; its line is printed when the block ends, in red with the log's end when it fails."""
        self.number += 1
        step = Step(name, self._clock)
        try:
            with self._shown(step):
                yield step
        except BaseException as error:
            self._print_failure(step, error)
            raise
        self._print_line(step, step.text or "done", "green")

    def print(self, text: str = "") -> None:
        """Print a line of its own between steps."""
        self._stream.write(text + "\n")
        self._stream.flush()

    def _shown(self, step: Step) -> contextlib.AbstractContextManager[object]:
        if not self._is_live:
            return self._noting(step)
        from rich.live import Live

        return Live(
            console=self._console(),
            get_renderable=lambda: self._live_line(step),
            transient=True,
            refresh_per_second=8,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def _console(self) -> Console:
        from rich.console import Console

        return Console(file=self._stream, highlight=False)

    def _live_line(self, step: Step) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 1))
        cells: list[RenderableType] = [
            Text(f"{self._head(step)} {step.text}", overflow="ellipsis", no_wrap=True)
        ]
        if step.done is not None:
            cells.append(
                ProgressBar(total=step.total, completed=step.done, width=24, pulse=step.total is None)
            )
        cells.append(Text(f"{step.seconds:.1f} s", style="dim", no_wrap=True))
        grid.add_row(*cells)
        return grid

    @contextlib.contextmanager
    def _noting(self, step: Step) -> Iterator[None]:
        """Print now and then what a long step is doing, from a thread: the step itself may be waiting."""
        ended = threading.Event()

        def note() -> None:
            noted = ""
            while not ended.wait(self._note_seconds):
                if step.text and step.text != noted:
                    noted = step.text
                    self.print(f"{self._head(step)} … {noted}")

        thread = threading.Thread(target=note, name=f"notes of {step.name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _head(self, step: Step) -> str:
        return f"[{self.number}/{self.total}] {step.name:<{NAME_WIDTH}}"

    def _print_line(self, step: Step, text: str, style: str) -> None:
        clock = f"{step.seconds:.1f} s" if step.has_clock else ""
        head = self._head(step)
        body = f"{text:<{max(LINE_WIDTH - len(head) - 9, 0)}} {clock:>7}".rstrip()
        if not self._is_live:
            self.print(f"{head} {body}")
            return
        from rich.text import Text

        self._console().print(Text.assemble((head, f"bold {style}"), " ", body), soft_wrap=True)

    def _print_failure(self, step: Step, error: BaseException) -> None:
        if isinstance(error, KeyboardInterrupt):
            self._print_line(step, "interrupted", "red")
            return
        message = error.message if isinstance(error, AirflyteError) else f"{type(error).__name__}: {error}"
        self._print_line(step, f"failed: {message}", "red")
        for line in explanation(error, step.log):
            self.print(f"      {line}")
        if isinstance(error, AirflyteError):
            error.is_shown = True


def explanation(error: BaseException, log: Path | None = None) -> list[str]:
    """What helps with a failure: the end of the log, the likely cause, one command to try.

    :param log: the log to show when the error names none.
    """
    known = error if isinstance(error, AirflyteError) else None
    log = (known.log if known else None) or log
    lines = last_lines(log) if log else []
    if lines:
        lines = [f"last lines of {log}:", *(f"| {line}" for line in lines)]
    if known and known.cause:
        lines.append(f"Likely cause: {known.cause}")
    if known and known.command:
        lines.append(f"Try: {known.command}")
    return lines


def last_lines(log: Path, count: int = LOG_LINES) -> list[str]:
    """The last lines of a log file, reading only its end; empty when there is no such file."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - 64 * 1024, 0))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return text.splitlines()[-count:]


def _can_be_live(stream: TextIO) -> bool:
    return stream.isatty() and importlib.util.find_spec("rich") is not None

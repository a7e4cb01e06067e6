"""What a row gets to work with: a scratch folder, servers of its own, and a voice."""

from __future__ import annotations

import contextlib
import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar, cast

from .server import Server

T = TypeVar("T")


class Workshop:
    """One run of the benchmark. What rows share is made by the first that needs it and ended by ``close``.

    :param folder: scratch, removed by whoever made it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.closing = contextlib.ExitStack()
        self._numbers = itertools.count()
        self._shared: dict[object, object] = {}

    def say(self, text: str) -> None:
        """An explanation for whoever watches; results go elsewhere."""
        sys.stderr.write(f"   {text}\n")
        sys.stderr.flush()

    def new_folder(self, name: str) -> Path:
        """An empty folder that nobody else has."""
        path = self.folder / f"{name}-{next(self._numbers)}"
        path.mkdir()
        return path

    def shared(self, make: Callable[[Workshop], T]) -> T:
        """What several rows use: made by the first that asks, known by what makes it."""
        if make not in self._shared:
            self._shared[make] = make(self)
        return cast(T, self._shared[make])

    @contextlib.contextmanager
    def server(self, state: Path | None = None, *, warm: bool = True) -> Iterator[Server]:
        """A running sandbox, ended with everything that it started.

        :param state: its folder; a new one when None.
        :param warm: wait until a task process has answered, too.
        """
        server = Server(state or self.new_folder("state"))
        try:
            server.start()
            if warm:
                server.wait_for_tasks()
            yield server
        finally:
            server.end()


@contextlib.contextmanager
def open_workshop() -> Iterator[Workshop]:
    """A workshop in a folder of its own, ended and removed in any case."""
    with tempfile.TemporaryDirectory(prefix="airflyte-bench-", ignore_cleanup_errors=True) as folder:
        workshop = Workshop(Path(folder))
        with workshop.closing:
            yield workshop

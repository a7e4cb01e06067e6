"""Brings the deck of a task that still runs to where clients look for it, each time that it has changed.

The deck that counts is read with the other outputs when the task has ended; see ``outcomes``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from flyte_sandbox.blobs.mapping import publicise_html
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.engine.alarms import Alarms
from flyte_sandbox.engine.left_files import TooLargeError, read_left
from flyte_sandbox.engine.messages import WatchDeck
from flyte_sandbox.runner.template.records import read_exit

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 2.0
_MAX_DECK_BYTES = 64 * 1024 * 1024


class LiveDecks:
    """:param folder_of: the folder of an attempt, by its key."""

    def __init__(self, folder_of: Callable[[str], Path], store: Store, alarms: Alarms) -> None:
        self._folder_of = folder_of
        self._store = store
        self._alarms = alarms
        self._watched: set[str] = set()

    def watch(self, act: WatchDeck) -> None:
        """Until the attempt has ended. Safe to repeat."""
        if act.key not in self._watched:
            self._watched.add(act.key)
            self._look_later(act, None)

    def _look_later(self, act: WatchDeck, seen: tuple[int, int] | None) -> None:
        self._alarms.ring_in(_LOOK_SECONDS, lambda: self._look(act, seen))

    def _look(self, act: WatchDeck, seen: tuple[int, int] | None) -> None:
        """:param seen: time and size of the deck that was brought last."""
        folder = self._folder_of(act.key)
        if read_exit(str(folder)) is not None or not folder.exists():
            self._watched.discard(act.key)
            return
        try:
            seen = self._bring(folder / "outputs" / "deck.html", act.uri, seen)
        except (OSError, TooLargeError):
            logger.exception("the deck of attempt %s cannot be shown while it runs", act.key)
        self._look_later(act, seen)

    def _bring(self, path: Path, uri: str, seen: tuple[int, int] | None) -> tuple[int, int] | None:
        if not path.is_file():
            return seen
        status = path.lstat()
        found = (status.st_mtime_ns, status.st_size)
        deck = read_left(path, _MAX_DECK_BYTES) if found != seen else None
        if deck is not None:
            self._store.write(uri, publicise_html(deck, self._store))
        return found

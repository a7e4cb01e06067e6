"""What a forked child is told: the attempt, and what of its template it has to leave or to know."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from . import records
from .config import Config
from .warmth import Warmth

if TYPE_CHECKING:
    from .prepared import Word


@dataclass(frozen=True)
class Job:
    """One attempt as it was ordered.

    :param env: the whole environment, ``mark`` one of its values.
    :param uid: whom it runs as; None: as its template.
    :param writable: folders elsewhere that are this attempt's to write to.
    :param files: a folder whose content is copied into the current folder; empty: none.
    :param secrets: ``env``, ``files`` by path in the private folder, and names of the ``missing`` ones.
    :param memory_limit_bytes: what all its processes together may use.
    """

    key: str
    folder: str
    argv: list[str]
    env: dict[str, str]
    mark: str
    uid: int | None = None
    writable: tuple[str, ...] = ()
    files: str = ""
    memory_limit_bytes: int | None = None
    secrets: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> Job:
        names = ("key", "folder", "argv", "env", "mark", "uid", "files", "memory_limit_bytes", "secrets")
        return cls(**{name: message[name] for name in names}, writable=tuple(message["writable"]))

    @property
    def work(self) -> str:
        """Removed when the attempt has ended."""
        return os.path.join(self.folder, records.WORK)

    @property
    def cwd(self) -> str:
        return os.path.join(self.work, records.CWD)

    @property
    def temporary(self) -> str:
        """Of the attempt's own; TMPDIR is it or a link to it."""
        return os.path.join(self.work, records.TEMPORARY)

    @property
    def private(self) -> str:
        """Holds the attempt's secrets."""
        return os.path.join(self.work, records.SECRETS)

    @property
    def outputs(self) -> str:
        return os.path.join(self.folder, records.OUTPUTS)

    @property
    def log(self) -> str:
        return os.path.join(self.folder, records.LOG)


class Closable(Protocol):
    def close(self) -> None: ...


@dataclass(frozen=True)
class Forked:
    """Handed up the stack of a new child, to where user code is run.

    :param own: sockets and selectors of the template, which the child closes.
    :param word: what to wait for before the inputs are looked at; None: they are there.
    """

    job: Job
    config: Config
    warmth: Warmth
    own: list[Closable]
    template_pid: int
    template_identity: str | None
    started_at: float
    word: Word | None = None

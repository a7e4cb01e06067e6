"""What the templates of one environment remember on disk: which modules to preload, and which never."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field

_MOST_MODULES = 20_000


@dataclass
class Memory:
    """
    :ivar modules: in the order in which their imports ended, so what others need comes first.
    :ivar refused: modules, and packages with all that is in them, whose import does not suit a process
        that forks.
    """

    path: str
    modules: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: str) -> Memory:
        """A file that is missing or broken is an empty memory: it only costs time."""
        try:
            with open(path, encoding="utf-8") as file:
                found = json.load(file)
            return cls(path, list(found["modules"]), list(found["refused"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls(path)

    def learn(self, names: list[str]) -> list[str]:
        """:return: those that are new and welcome."""
        new = [name for name in names if name not in self.modules and not self.is_refused(name)]
        self.modules = [*self.modules, *new][:_MOST_MODULES]
        if new:
            self._write()
        return new

    def refuse(self, names: list[str]) -> None:
        self.refused = [*self.refused, *(name for name in names if name not in self.refused)]
        self.modules = [name for name in self.modules if not self.is_refused(name)]
        self._write()

    def is_refused(self, name: str) -> bool:
        return any(name == each or name.startswith(each + ".") for each in self.refused)

    def _write(self) -> None:
        draft = f"{self.path}.{os.getpid()}"
        try:
            with open(draft, "w", encoding="utf-8") as file:
                json.dump({name: value for name, value in asdict(self).items() if name != "path"}, file)
            os.replace(draft, self.path)
        except OSError:
            pass  # forgetting costs the next template time, nothing else

"""What the server tells a template when it starts it, as a JSON file in the template's folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Config:
    """
    :param environment: its name, for the server that finds this file.
    :param folder: this template's own, removed when it ends.
    :param socket: path of the socket that it listens on.
    :param bin: the environment's folder of scripts, from which cold runs start theirs.
    :param warm: import flytekit; else only fork and exec.
    :param memory: file that remembers the modules to preload, shared by all templates of the environment.
    :param linger_seconds: how long to wait for a server when there is nothing left to wait for.
    :param preload_after_seconds: how long to leave the processor to others before preloading; an attempt that
        comes earlier imports for itself, and ends the wait.
    :param version: changes with these files, so that a new server does not talk to an old template.
    """

    environment: str
    folder: str
    socket: str
    bin: str
    warm: bool
    memory: str
    grace_seconds: float
    linger_seconds: float
    preload_after_seconds: float
    version: str

    def write(self, path: str) -> None:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file)

    @classmethod
    def read(cls, path: str) -> Config:
        with open(path, encoding="utf-8") as file:
            return cls(**json.load(file))

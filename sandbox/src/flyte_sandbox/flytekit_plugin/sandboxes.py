"""Which Flyte an image is being built for, and whether that is a sandbox.

flytekit does not tell a builder. The ``FlyteRemote`` that registers is on the call stack, though, whoever has
made it: ``pyflyte run``, ``pyflyte register`` or user code. Where there is none (``pyflyte package``), the
configuration decides. A Flyte is a sandbox only when it says so itself, without TLS, under a path that no
other one has; in any doubt it is not, and the image is built as it would be without this plugin.
"""

from __future__ import annotations

import functools
import http.client
import json
import os
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from flyte_sandbox.environments import BuiltEnvironments

_PATH = "/sandbox/environments"
_SERVER = "flyte-sandbox"
_SECONDS = 2.0


@dataclass(frozen=True)
class Sandbox:
    """What a sandbox says about itself.

    :param id: also in its folder of built environments.
    :param uv: a uv that it knows.
    :param interpreters: of the environments in its settings, by image name.
    """

    endpoint: str
    id: str
    folder: Path
    uv: Path | None = None
    interpreters: dict[str, Path] = field(default_factory=dict)

    @property
    def built(self) -> BuiltEnvironments:
        return BuiltEnvironments(self.folder)

    def is_on_this_machine(self) -> bool:
        """Whether its folder is one that we see, and may write to."""
        try:
            return (self.folder / "id").read_text(encoding="utf-8") == self.id
        except OSError:
            return False


def find() -> Sandbox | None:
    """The sandbox that is being registered with; None when it is any other Flyte, or nobody can tell."""
    platform = _platform()
    if platform is None or not platform.insecure:
        return None
    return _ask(str(platform.endpoint).removeprefix("dns:///"))


def _platform() -> Any:
    """flytekit's ``PlatformConfig`` of the Flyte that is meant; None when nothing says which."""
    remote = _remote_on_the_stack()
    if remote is not None:
        return remote.config.platform
    from flytekit.configuration import Config, get_config_file

    path = _config_file_of_the_command()
    is_told = get_config_file(path) is not None or "FLYTE_PLATFORM_URL" in os.environ
    return Config.auto(path).platform if is_told else None


def _remote_on_the_stack() -> Any:
    """The innermost ``FlyteRemote`` that a caller has as ``self`` or, in ``pyflyte register``, ``remote``."""
    from flytekit.remote import FlyteRemote

    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        for name in ("self", "remote"):
            candidate = frame.f_locals.get(name)
            if isinstance(candidate, FlyteRemote):
                return candidate
        frame = frame.f_back
    return None


def _config_file_of_the_command() -> str | None:
    """What ``pyflyte --config`` was given."""
    import click

    context = click.get_current_context(silent=True)
    found = context.obj.get("config_file") if context and isinstance(context.obj, dict) else None
    return str(found) if found else None


@functools.cache
def _ask(endpoint: str) -> Sandbox | None:
    """Ask whoever answers there, past any proxy; once in the life of a process."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{endpoint}{_PATH}", timeout=_SECONDS) as answer:
            return _read(endpoint, json.load(answer))
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None


def _read(endpoint: str, answer: dict[str, Any]) -> Sandbox | None:
    if answer["server"] != _SERVER:
        return None
    return Sandbox(
        endpoint=endpoint,
        id=answer["id"],
        folder=Path(answer["folder"]),
        uv=Path(answer["uv"]) if answer["uv"] else None,
        interpreters={name: Path(path) for name, path in answer["interpreters"].items()},
    )

"""The template processes of all environments: which takes orders, which are left over, which to start."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flyte_sandbox.runner import environment as variables
from flyte_sandbox.runner.template_process import FOLDER_PREFIX, TemplateProcess, TemplateSettings

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,39}")


def folder_name(environment: str) -> str:
    """Names of environments are names of images: they may hold slashes and be long."""
    if _PLAIN_NAME.fullmatch(environment):
        return environment
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", environment).strip(".-")[:40]
    return f"{plain}-{hashlib.sha256(environment.encode()).hexdigest()[:8]}"


class TemplateError(Exception):
    """No template process can be started; the message says of which environment and why."""


@dataclass(frozen=True)
class Patience:
    """How long templates wait: for attempts that were told to stop, for a server when there is none, and
    before they preload.
    """

    grace_seconds: float
    linger_seconds: float
    preload_after_seconds: float


class Templates:
    """Used by the runner's thread only.

    :ivar all: every living template that this server talks to.
    """

    def __init__(
        self,
        environments: Mapping[str, Path],
        folder: Path,
        mark: tuple[str, str] | None,
        warm: bool,
        patience: Patience,
    ) -> None:
        self.all: list[TemplateProcess] = []
        self._leaving: list[TemplateProcess] = []
        self._folder = folder
        self.mark = mark
        self._warm = warm and sys.platform == "linux"
        self._patience = patience
        self._settings = {name: self._settings_of(name, path) for name, path in environments.items()}

    def _settings_of(self, name: str, interpreter: Path) -> TemplateSettings:
        folder = self._folder.absolute() / folder_name(name)
        return TemplateSettings(
            environment=name,
            interpreter=interpreter.absolute(),
            scripts=variables.scripts_of(interpreter),
            folder=folder,
            base=variables.base_environment(interpreter, folder / "home", self.mark),
            warm=self._warm,
            grace_seconds=self._patience.grace_seconds,
            linger_seconds=self._patience.linger_seconds,
            preload_after_seconds=self._patience.preload_after_seconds,
        )

    def settings(self, environment: str) -> TemplateSettings:
        """:raises KeyError: there is no such environment."""
        return self._settings[environment]

    def log(self, environment: str) -> Path:
        """Where the templates of an environment write what goes wrong."""
        return self._folder.absolute() / folder_name(environment) / "log"

    def find(self) -> list[TemplateProcess]:
        """Connect to what an earlier server left; what does not fit any more gets no new attempts."""
        folders = self._folder.glob(f"*/{FOLDER_PREFIX}*/config.json")
        found = [each for path in folders if (each := TemplateProcess.find(path.parent))]
        for template in found:
            settings = self._settings.get(template.environment)
            if settings is None or not settings.fits(template.config):
                template.retire()
        self.all.extend(found)
        return found

    def current(self, environment: str) -> TemplateProcess | None:
        """The one that takes orders, ready or still loading."""
        mine = [each for each in self.all if each.environment == environment and not each.is_retiring]
        return next((each for each in mine if each.is_ready), mine[0] if mine else None)

    def spawn(self, environment: str) -> TemplateProcess:
        """:raises TemplateError: there is no such environment, or its interpreter cannot be run."""
        if environment not in self._settings:
            raise TemplateError(f"There is no environment {environment!r} in the settings.")
        settings = self._settings[environment]
        try:
            settings.folder.mkdir(parents=True, exist_ok=True)
            (settings.folder / "home").mkdir(mode=0o700, exist_ok=True)
            template = TemplateProcess.spawn(settings)
        except OSError as exc:
            raise TemplateError(
                f"The template of environment {environment!r} cannot be started: {exc}."
            ) from exc
        self.all.append(template)
        return template

    def forget(self, template: TemplateProcess) -> None:
        """Its connection is closed; it is waited for until it is gone."""
        self.all.remove(template)
        template.connection.close()
        self._leaving.append(template)

    def reap(self) -> bool:
        """:return: whether all templates that were forgotten have exited."""
        for template in [each for each in self._leaving if each.has_exited()]:
            template.clean_up()
            self._leaving.remove(template)
        return not self._leaving

    @property
    def is_leaving(self) -> bool:
        """Whether one that was forgotten has yet to exit."""
        return bool(self._leaving)

    def kill(self) -> None:
        """End those that this server started and that have not ended when they were told to."""
        for template in [*self.all, *self._leaving]:
            if template.process is not None:
                template.process.kill()
                template.process.wait()
                template.clean_up()

    def leave(self) -> None:
        """Let them all live without this server."""
        for template in [*self.all, *self._leaving]:
            template.leave()
        self.all.clear()
        self._leaving.clear()

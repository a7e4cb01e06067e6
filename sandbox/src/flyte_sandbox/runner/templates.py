"""The template processes of all environments: which takes orders, which are left over, which to start."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flyte_sandbox.environments import folder_name
from flyte_sandbox.runner import environment as variables
from flyte_sandbox.runner.task_users import TaskUsers
from flyte_sandbox.runner.template_process import FOLDER_PREFIX, TemplateProcess, TemplateSettings

_USER = "flyte"
"""What tasks under a uid of their own, which has no account, are told as their name."""


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
        users: TaskUsers,
    ) -> None:
        self.all: list[TemplateProcess] = []
        self._leaving: list[TemplateProcess] = []
        self._folder = folder
        self.mark = mark
        self._warm = warm and sys.platform == "linux"
        self._patience = patience
        self._users = users
        self._environments = environments
        self._settings: dict[str, TemplateSettings] = {}

    def _settings_of(self, name: str, interpreter: Path) -> TemplateSettings:
        folder = self._folder.absolute() / folder_name(name)
        uid = self._users.of(name, interpreter.absolute()).uid
        home = folder / ("home" if uid is None else f"home-{uid}")
        user = "" if uid is None else _USER
        return TemplateSettings(
            environment=name,
            interpreter=interpreter.absolute(),
            scripts=variables.scripts_of(interpreter),
            folder=folder,
            base=variables.base_environment(interpreter, home, self.mark, user),
            warm=self._warm,
            grace_seconds=self._patience.grace_seconds,
            linger_seconds=self._patience.linger_seconds,
            preload_after_seconds=self._patience.preload_after_seconds,
            task_uid=uid,
        )

    def settings(self, environment: str) -> TemplateSettings:
        """:raises KeyError: there is no such environment."""
        if environment not in self._settings:  # made when first asked for, as its user is found by trying
            self._settings[environment] = self._settings_of(environment, self._environments[environment])
        return self._settings[environment]

    def log(self, environment: str) -> Path:
        """Where the templates of an environment write what goes wrong."""
        return self._folder.absolute() / folder_name(environment) / "log"

    def find(self) -> list[TemplateProcess]:
        """Connect to what an earlier server left; what does not fit any more gets no new attempts."""
        folders = self._folder.glob(f"*/{FOLDER_PREFIX}*/config.json")
        found = [each for path in folders if (each := TemplateProcess.find(path.parent))]
        for template in found:
            is_known = template.environment in self._environments
            if not is_known or not self.settings(template.environment).fits(template.config):
                template.retire()
        self.all.extend(found)
        return found

    def current(self, environment: str) -> TemplateProcess | None:
        """The one that takes orders, ready or still loading."""
        mine = [each for each in self.all if each.environment == environment and not each.is_retiring]
        return next((each for each in mine if each.is_ready), mine[0] if mine else None)

    def spawn(self, environment: str) -> TemplateProcess:
        """:raises TemplateError: there is no such environment, or its interpreter cannot be run."""
        if environment not in self._environments:
            raise TemplateError(f"There is no environment {environment!r} in the settings.")
        settings = self.settings(environment)
        try:
            settings.folder.mkdir(parents=True, exist_ok=True)
            _make_home(settings)
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


def _make_home(settings: TemplateSettings) -> None:
    home = settings.base["HOME"]
    os.makedirs(home, mode=0o700, exist_ok=True)
    if settings.task_uid is not None:
        os.chown(home, settings.task_uid, settings.task_uid)

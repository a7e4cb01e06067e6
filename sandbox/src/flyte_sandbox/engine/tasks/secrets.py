"""Secrets of tasks: a file of this machine's, and how its values reach those attempts that ask for them.

The file is TOML, for its owner alone (mode 0600), and is read anew for each attempt::

    [openai]                                # a group
    api_key = "sk-…"                        # a key; flytekit: Secret(group="openai", key="api_key")
    certificate = { file = "openai.pem" }   # the content of another file, beside this one or absolute

    [openai.v2]                             # the same with group_version="v2"
    api_key = "sk-…"

Source: flytepropeller pkg/webhook/{k8s_secrets,utils}.go, flytekit core/context_manager.py
``SecretsManager``. A secret that is absent does not keep a task from starting there, either: its own look-up
fails. Different here: groups may have versions, which flytekit asks for and Kubernetes does not know.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import tomllib
from flyteidl.core import security_pb2

from flyte_sandbox.errors import StartupError
from flyte_sandbox.runner import Secrets

Secret: TypeAlias = security_pb2.Secret
FILE_NAME = "secrets.toml"

_ENV_PREFIX = "_FSEC_"
_SAFE_NAME = re.compile(r"[-._a-zA-Z0-9]+")
_READABLE_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class SecretsError(Exception):
    """The file cannot be used, or a task asks for what cannot be; the message holds no secret."""


def open_secrets(named: Path | None, state: Path) -> SecretsFile:
    """:param named: in the settings, if it is.

    :param state: has the file otherwise, if there is one.
    :raises StartupError: a named file is not there; others may read it; it is not as above.
    """
    secrets = SecretsFile(named or state / FILE_NAME)
    if named and not named.exists():
        raise StartupError(f"The secrets file {named} does not exist.")
    try:
        secrets.check()
    except SecretsError as exc:
        raise StartupError(str(exc)) from exc
    return secrets


class SecretsFile:
    """:param path: need not exist; then nobody has secrets."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def check(self) -> None:
        """:raises SecretsError: others may read it, or it is not as above."""
        self._read()

    def deliver(self, secrets: Iterable[Secret], folder: Path) -> Secrets:
        """:param folder: the attempt's private folder, for variables that name a file in it.

        :raises SecretsError: see :meth:`check`; also for a secret without group or key.
        """
        wanted = list(secrets)
        if not wanted:
            return Secrets()
        known = self._read()
        env = {
            "FLYTE_SECRETS_ENV_PREFIX": _ENV_PREFIX,
            "FLYTE_SECRETS_DEFAULT_DIR": str(folder),
            "FLYTE_SECRETS_FILE_PREFIX": "",
        }
        files: dict[str, str] = {}
        missing = []
        for secret in wanted:
            value = self._value(known, _names(secret))
            if value is None:
                missing.append("/".join(_names(secret)))
            else:
                _hand_over(secret, value, env, files, folder)
        return Secrets(env, files, tuple(missing))

    def _read(self) -> dict[str, Any]:
        try:
            with self.path.open("rb") as file:
                if _is_open_to_others(os.fstat(file.fileno()).st_mode):
                    raise SecretsError(
                        f"The secrets file {self.path} is open to other users of this machine; "
                        f"type: chmod 600 '{self.path}'"
                    )
                return tomllib.load(file)
        except FileNotFoundError:
            return {}
        except OSError as exc:
            raise SecretsError(f"The secrets file {self.path} cannot be read: {exc.strerror}.") from exc
        except ValueError as exc:  # of TOML or of UTF-8; it names lines and columns, no contents
            place = re.search(r"\(at .*\)", str(exc))
            where = f" {place[0]}" if place else ""
            raise SecretsError(f"The secrets file {self.path} is not valid TOML{where}.") from None

    def _value(self, known: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
        found: Any = known
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, dict) and set(found) == {"file"}:
            return self._content(found["file"], names)
        if found is None or isinstance(found, str):
            return found
        raise SecretsError(f"The secret {'/'.join(names)} in {self.path} is neither a string nor a file.")

    def _content(self, path: object, names: tuple[str, ...]) -> str:
        try:
            return (self.path.parent / str(path)).read_text(encoding="utf-8", errors="surrogateescape")
        except OSError as exc:
            raise SecretsError(
                f"The file of the secret {'/'.join(names)} in {self.path} cannot be read: {exc.strerror}."
            ) from exc


def _is_open_to_others(mode: int) -> bool:
    return stat.S_ISREG(mode) and bool(mode & _READABLE_BY_OTHERS)


def _names(secret: Secret) -> tuple[str, ...]:
    """Group, version if any, key.

    :raises SecretsError: one is missing, or would lead out of the attempt's folder.
    """
    if not secret.group or not secret.key:
        raise SecretsError(
            "k8s Secrets Webhook require both key and group to be set. "
            f"Secret: [group '{secret.group}', key '{secret.key}']"
        )
    names = tuple(filter(None, (secret.group, secret.group_version, secret.key)))
    for name in names:
        if not _SAFE_NAME.fullmatch(name) or name in (".", ".."):
            raise SecretsError(f"'{name}' is no name of a secret: letters, digits, '-', '_' and '.' are.")
    return names


def _hand_over(secret: Secret, value: str, env: dict[str, str], files: dict[str, str], folder: Path) -> None:
    names = _names(secret)
    if secret.mount_requirement == Secret.ENV_VAR:
        env[_ENV_PREFIX + "_".join(names).upper()] = value
        given = value
    else:
        path = "/".join(names).lower()
        files[path] = value
        given = str(folder / path)
    if secret.env_var:
        env[secret.env_var] = given

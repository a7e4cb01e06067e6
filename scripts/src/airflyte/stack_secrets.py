"""The stack's secrets: made once, kept in the state folder for its owner only, the same after every
restart.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import secrets
from pathlib import Path

from airflyte.errors import AirflyteError
from airflyte.state import StateFolder, write_json


@dataclasses.dataclass(frozen=True, repr=False)
class Secrets:
    """All of them; never printed as a whole.

    :param airflow_password: of the one user of Airflow's UI.
    :param postgres_password: of the stack's own PostgreSQL.
    :param fernet_key: with which Airflow encrypts connections in its database.
    :param jwt_secret: with which Airflow signs the tokens of users and tasks.
    :param api_secret_key: with which Airflow signs sessions.
    :param name_namespace: no secret, but as lasting: what keeps the names of Flyte executions that this
        Airflow makes apart from those of another Airflow in the same Flyte project.
    """

    airflow_password: str
    postgres_password: str
    fernet_key: str
    jwt_secret: str
    api_secret_key: str
    name_namespace: str


def load_or_make(folder: StateFolder) -> Secrets:
    """The secrets of a stack; those that are missing are made and kept. Call it with the stack's lock held.

    :raises AirflyteError: when the file is damaged; a new Fernet key could not read Airflow's connections.
    """
    kept = _read(folder.secrets)
    wanted = {field.name: kept.get(field.name) or _make(field.name) for field in dataclasses.fields(Secrets)}
    if wanted != kept:
        write_json(folder.secrets, {**kept, **wanted}, mode=0o600)
    return Secrets(**wanted)


def load(folder: StateFolder) -> Secrets:
    """The secrets of a stack that was started before.

    :raises AirflyteError: when there are none.
    """
    kept = _read(folder.secrets)
    try:
        return Secrets(**{field.name: kept[field.name] for field in dataclasses.fields(Secrets)})
    except KeyError as error:
        raise AirflyteError(f"There is no stack in {folder.path} yet; type make up.") from error


def _make(name: str) -> str:
    if name == "fernet_key":
        return base64.urlsafe_b64encode(os.urandom(32)).decode()
    if name == "name_namespace":
        return secrets.token_hex(6)
    if name == "airflow_password":
        return secrets.token_hex(8)  # typed by people now and then
    return secrets.token_urlsafe(48)  # 64 characters: SHA512, which signs Airflow's tokens, wants no fewer


def _read(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise _damaged(path) from error
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise _damaged(path)
    return content


def _damaged(path: Path) -> AirflyteError:
    return AirflyteError(
        f"{path} is damaged. Put a good copy back; or type make reset, which forgets Airflow's connections "
        "and runs."
    )

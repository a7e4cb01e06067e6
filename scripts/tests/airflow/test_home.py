"""AIRFLOW_HOME holds what the stack needs, in a form that Airflow itself reads back unchanged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflyte.airflow.home import AirflowHome
from airflyte.stack_secrets import Secrets

SECRETS = Secrets("password", "postgres", "fernet%", "jwt%(x)s", "key", "namespace")

READ = """
import json, sys
from airflow.configuration import conf
wanted = json.load(sys.stdin)
found = {s: {o: conf.get(s, o, fallback="<unknown>") for o in options} for s, options in wanted.items()}
print(json.dumps(found))
"""


@pytest.fixture
def home(tmp_path: Path) -> AirflowHome:
    folder = tmp_path / "100% air ;#flyte ü"
    made = AirflowHome(
        folder=folder / "airflow",
        dags=folder / "dags",
        logs=folder / "logs",
        port=18080,
        user="me",
        parallelism=4,
        database_url="postgresql+psycopg2://me:p%40ss@127.0.0.1:30001/airflow",
        secrets=SECRETS,
    )
    made.write()
    return made


def test_airflow_reads_back_what_was_written(home: AirflowHome) -> None:
    wanted = {
        section: {option: str(value) for option, value in options.items()}
        for section, options in home.config().items()
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    done = subprocess.run(
        [sys.executable, "-c", READ],
        input=json.dumps(wanted),
        env={**environment, "AIRFLOW_HOME": str(home.folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == wanted


def test_files_with_secrets_are_for_their_owner_only(home: AirflowHome) -> None:
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in home.folder.iterdir()} == {
        "airflow.cfg": "0o600",
        "passwords.json": "0o600",
    }
    assert oct(home.folder.stat().st_mode & 0o777) == "0o700"


def test_the_user_logs_in_with_the_generated_password(home: AirflowHome) -> None:
    assert json.loads((home.folder / "passwords.json").read_text()) == {"me": "password"}


def test_writing_again_replaces_an_edited_file(home: AirflowHome) -> None:
    before = (home.folder / "airflow.cfg").read_text()
    (home.folder / "airflow.cfg").write_text("[core]\n")
    home.write()
    assert (home.folder / "airflow.cfg").read_text() == before

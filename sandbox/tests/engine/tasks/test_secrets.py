"""The file of secrets, and what of it an attempt gets."""

from __future__ import annotations

from pathlib import Path

import pytest
from flyteidl.core.security_pb2 import Secret

from flyte_sandbox.engine.tasks.secrets import SecretsError, SecretsFile, open_secrets
from flyte_sandbox.errors import StartupError
from flyte_sandbox.runner import AttemptSpec, Secrets

FOLDER = Path("/attempt/secrets")
BASICS = {
    "FLYTE_SECRETS_ENV_PREFIX": "_FSEC_",
    "FLYTE_SECRETS_DEFAULT_DIR": "/attempt/secrets",
    "FLYTE_SECRETS_FILE_PREFIX": "",
}


@pytest.fixture
def file(tmp_path: Path) -> SecretsFile:
    path = tmp_path / "secrets.toml"
    path.write_text(
        '[db]\npassword = "pa55"\nCert = { file = "db.pem" }\nnumber = 7\n[db.v2]\npassword = "new"\n'
    )
    path.chmod(0o600)
    (tmp_path / "db.pem").write_bytes(b"-----\xff\n")
    return SecretsFile(path)


@pytest.mark.parametrize(
    ("secret", "env", "files"),
    [
        (
            Secret(group="db", key="password", mount_requirement=Secret.ENV_VAR),
            {"_FSEC_DB_PASSWORD": "pa55"},
            {},
        ),
        (Secret(group="db", key="password", mount_requirement=Secret.FILE), {}, {"db/password": "pa55"}),
        (Secret(group="db", key="password"), {}, {"db/password": "pa55"}),
        (Secret(group="db", key="Cert"), {}, {"db/cert": "-----\udcff\n"}),
        (
            Secret(group="db", group_version="v2", key="password", mount_requirement=Secret.ENV_VAR),
            {"_FSEC_DB_V2_PASSWORD": "new"},
            {},
        ),
        (Secret(group="db", group_version="v2", key="password"), {}, {"db/v2/password": "new"}),
        (
            Secret(group="db", key="password", mount_requirement=Secret.ENV_VAR, env_var="PGPASSWORD"),
            {"_FSEC_DB_PASSWORD": "pa55", "PGPASSWORD": "pa55"},
            {},
        ),
        (
            Secret(group="db", key="password", mount_requirement=Secret.FILE, env_var="PGPASSFILE"),
            {"PGPASSFILE": "/attempt/secrets/db/password"},
            {"db/password": "pa55"},
        ),
    ],
)
def test_a_secret_comes_as_it_was_asked_for(file, secret, env, files):
    assert file.deliver([secret], FOLDER) == Secrets({**BASICS, **env}, files)


def test_who_asks_for_none_gets_none(file):
    assert file.deliver([], FOLDER) == Secrets()


@pytest.mark.parametrize(
    "names",
    [
        {"group": "db", "key": "x"},
        {"group": "x", "key": "y"},
        {"group": "db", "group_version": "v3", "key": "password"},
    ],
)
def test_what_is_missing_is_named_and_keeps_nobody_from_starting(file, names):
    delivered = file.deliver([Secret(**names)], FOLDER)
    assert delivered == Secrets(BASICS, {}, ("/".join(names.values()),))


def test_without_a_file_everything_is_missing(tmp_path):
    delivered = SecretsFile(tmp_path / "none").deliver([Secret(group="a", key="b")], FOLDER)
    assert delivered.missing == ("a/b",)


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        (Secret(group="db"), "both key and group"),
        (Secret(key="password"), "both key and group"),
        (Secret(group="..", key="password"), "no name of a secret"),
        (Secret(group="db", key="../../etc/passwd"), "no name of a secret"),
        (Secret(group="db", key="number"), "neither a string nor a file"),
        (Secret(group="db", key="v2"), "neither a string nor a file"),
    ],
)
def test_what_cannot_be_is_refused(file, secret, message):
    with pytest.raises(SecretsError, match=message):
        file.deliver([secret], FOLDER)


def test_a_file_that_a_secret_names_must_be_there(file, tmp_path):
    (tmp_path / "db.pem").unlink()
    with pytest.raises(SecretsError, match=r"db/Cert in .* cannot be read: No such file"):
        file.deliver([Secret(group="db", key="Cert")], FOLDER)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_read_is_refused_at_the_start_and_later(file, mode, tmp_path):
    file.path.chmod(mode)
    with pytest.raises(StartupError, match="type: chmod 600"):
        open_secrets(None, tmp_path)
    with pytest.raises(SecretsError, match="open to other users"):
        file.deliver([Secret(group="db", key="password")], FOLDER)


@pytest.mark.parametrize("content", [b'[db]\npassword = "pa55\n', b"pa55", b"\xff\xfe"])
def test_a_broken_file_is_told_without_what_is_in_it(file, content, tmp_path):
    file.path.write_bytes(content)
    with pytest.raises(StartupError, match=r"is not valid TOML") as raised:
        open_secrets(None, tmp_path)
    assert "pa55" not in str(raised.value)
    assert raised.value.__cause__ is None or "pa55" not in str(raised.value.__cause__)


def test_a_file_that_the_settings_name_must_be_there(tmp_path):
    with pytest.raises(StartupError, match="does not exist"):
        open_secrets(tmp_path / "none", tmp_path)
    assert open_secrets(None, tmp_path).path == tmp_path / "secrets.toml"


def test_an_edit_counts_for_the_next_attempt(file):
    file.path.write_text('[db]\npassword = "changed"\n')
    assert file.deliver([Secret(group="db", key="password")], FOLDER).files == {"db/password": "changed"}


def test_nothing_that_is_printed_shows_one(file):
    wanted = [Secret(group="db", key="password", mount_requirement=kind) for kind in (0, 1, 2)]
    spec = AttemptSpec("k", Path("/a"), ("x",), secrets=file.deliver(wanted, FOLDER))
    assert "pa55" not in repr(spec) + str(spec)

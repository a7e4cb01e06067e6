"""Secrets are made once, stay, and are for their owner only."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path

import pytest

from airflyte import stack_secrets
from airflyte.errors import AirflyteError
from airflyte.state import StateFolder


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / ".airflyte")


def test_they_are_the_same_after_every_start(folder: StateFolder) -> None:
    first = stack_secrets.load_or_make(folder)
    assert stack_secrets.load_or_make(folder) == first == stack_secrets.load(folder)
    assert oct(folder.secrets.stat().st_mode & 0o777) == "0o600"


def test_no_two_stacks_have_the_same(folder: StateFolder, tmp_path: Path) -> None:
    first = dataclasses.asdict(stack_secrets.load_or_make(folder))
    second = dataclasses.asdict(stack_secrets.load_or_make(StateFolder(tmp_path / "other")))
    assert not set(first.values()) & set(second.values())


def test_a_later_versions_secret_is_kept_and_a_missing_one_is_made(folder: StateFolder) -> None:
    first = stack_secrets.load_or_make(folder)
    kept = json.loads(folder.secrets.read_text())
    del kept["jwt_secret"]
    folder.secrets.write_text(json.dumps({**kept, "later": "kept"}))
    second = stack_secrets.load_or_make(folder)
    assert second.fernet_key == first.fernet_key
    assert second.jwt_secret
    assert json.loads(folder.secrets.read_text())["later"] == "kept"


def test_the_fernet_key_is_one(folder: StateFolder) -> None:
    assert len(base64.urlsafe_b64decode(stack_secrets.load_or_make(folder).fernet_key)) == 32


def test_the_jwt_secret_is_long_enough_for_sha512(folder: StateFolder) -> None:
    assert len(stack_secrets.load_or_make(folder).jwt_secret) >= 64


@pytest.mark.parametrize("content", ["{", "[]", '{"fernet_key": 1}'])
def test_a_damaged_file_stops_with_a_sentence_and_is_not_replaced(folder: StateFolder, content: str) -> None:
    folder.path.mkdir()
    folder.secrets.write_text(content)
    with pytest.raises(AirflyteError, match="damaged"):
        stack_secrets.load_or_make(folder)
    assert folder.secrets.read_text() == content


def test_a_stack_that_was_never_started_has_none(folder: StateFolder) -> None:
    with pytest.raises(AirflyteError, match=r"no stack .* yet; type make up"):
        stack_secrets.load(folder)


def test_printing_them_shows_nothing(folder: StateFolder) -> None:
    made = stack_secrets.load_or_make(folder)
    assert made.airflow_password not in repr(made)

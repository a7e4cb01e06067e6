"""What the card and doctor say about whom tasks run as."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from airflyte import card, doctor, stack_secrets
from airflyte.checks import task_user as check
from airflyte.checks.finding import Finding
from airflyte.flyte import task_user
from airflyte.flyte.task_user import TaskUser
from airflyte.settings import TASK_UID, Settings
from airflyte.stack.parts import Stack


@pytest.fixture
def settings(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a stack that root has started."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    settings = Settings(checkout)
    settings.folder.path.mkdir()
    settings.folder.flyte.mkdir()
    stack_secrets.load_or_make(settings.folder)
    return settings


def record(settings: Settings, uid: int | None, reason: str) -> None:
    text = json.dumps({"default": {"uid": uid, "reason": reason}})
    (settings.folder.flyte / "task-users.json").write_text(text)


def said(settings: Settings) -> tuple[str, Finding]:
    """By the card and by doctor."""
    (row,) = (line for line in card.lines(Stack(settings), is_terminal=False) if line.startswith("Tasks"))
    (finding,) = check.look(settings, {})
    return row.removeprefix("Tasks").strip(), finding


def test_a_uid_of_their_own(settings: Settings) -> None:
    record(settings, 61000, "")
    row, finding = said(settings)
    assert (row, finding.level, finding.text) == ("run as uid 61000", "ok", "run as uid 61000")


def test_root_with_the_reason(settings: Settings) -> None:
    record(settings, None, "uid 61000 cannot enter /closed")
    row, finding = said(settings)
    assert row == finding.text == "run as root: uid 61000 cannot enter /closed"
    assert finding.level == "warning"
    assert "move the checkout" in finding.advice


def test_root_because_the_settings_say_so_is_no_warning(settings: Settings) -> None:
    record(settings, None, "")
    row, finding = said(settings)
    assert (row, finding.level) == ("run as root, as flyte.task_uid says", "ok")


def test_before_the_first_start_the_folders_modes_tell(settings: Settings) -> None:
    settings.checkout.chmod(0o700)
    user = task_user.of(settings)
    assert user is not None
    assert user.reason.startswith(f"uid {TASK_UID} cannot enter /")
    assert task_user.of(dataclasses.replace(settings, flyte_task_uid=0)) == TaskUser(None)


def test_an_ordinary_user_is_told_no_more_than_that(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not [line for line in card.lines(Stack(settings), is_terminal=False) if line.startswith("Tasks")]
    (finding,) = check.look(settings, {})
    assert (finding.level, finding.text) == ("ok", "run as the user who starts the stack")


def test_doctor_looks_at_it() -> None:
    assert set(check.CHECKS) <= set(doctor.CHECKS)


def test_another_uid_is_passed_on_to_both_servers(settings: Settings) -> None:
    changed = dataclasses.replace(settings, flyte_task_uid=61055)
    for component in Stack(changed).flyte_components():
        command = list(component.command)
        assert command[command.index("--task-uid") + 1] == "61055"
    assert not any("--task-uid" in component.command for component in Stack(settings).flyte_components())

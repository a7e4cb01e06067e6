"""``reset`` removes a state folder of ours and nothing else, and only when it was told to."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from airflyte.errors import AirflyteError
from airflyte.processes import marks
from airflyte.settings import Settings
from airflyte.state import MARK
from airflyte.verbs import reset


def run(settings: Settings, *, yes: bool = True) -> int:
    return reset.run(argparse.Namespace(yes=yes), settings)


@pytest.fixture
def settings(checkout: Path) -> Settings:
    settings = Settings(checkout)
    settings.folder.prepare()
    (settings.state / "buckets").mkdir()
    (settings.state / "buckets" / "object").write_text("content")
    return settings


def test_it_stops_the_stack_and_removes_its_folder(settings: Settings) -> None:
    environment = {**os.environ, MARK: settings.folder.stack_id}
    with subprocess.Popen(
        [sys.executable, "-c", "import signal; signal.pause()"], env=environment
    ) as process:
        assert run(settings) == 0
        assert not marks.is_alive(psutil.Process(process.pid)) or process.wait(timeout=5)
    assert not settings.state.exists()
    assert settings.checkout.is_dir()


def test_without_a_terminal_it_wants_to_be_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(AirflyteError, match="no terminal to ask; type make reset ARGS=--yes"):
            run(settings, yes=False)
    assert (settings.state / "buckets" / "object").exists()


def test_a_folder_that_is_not_ours_stays(checkout: Path) -> None:
    state = checkout / ".airflyte"
    state.mkdir()
    (state / "precious").write_text("yours")
    with pytest.raises(AirflyteError, match=r"no stack\.json of ours; nothing was removed"):
        run(Settings(checkout))
    assert (state / "precious").read_text() == "yours"
    assert [path.name for path in state.iterdir()] == ["precious"]


def test_a_link_is_not_followed(checkout: Path, settings: Settings, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    settings.state.rename(elsewhere)
    settings.state.symlink_to(elsewhere)
    with pytest.raises(AirflyteError, match="is a link; nothing was removed"):
        run(settings)
    assert (elsewhere / "buckets" / "object").exists()


def test_links_inside_are_removed_and_their_targets_stay(settings: Settings, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("yours")
    (settings.state / "link").symlink_to(outside)
    assert run(settings) == 0
    assert (outside / "file").read_text() == "yours"


def test_nothing_there_is_no_failure(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Settings(checkout)) == 0
    assert "nothing to reset" in capsys.readouterr().out
    assert not (checkout / ".airflyte").exists()

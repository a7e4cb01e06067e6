"""``flyte-sandbox environments`` lists what was built, and removes it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from flyte_sandbox.cli import main
from flyte_sandbox.environments import BuiltEnvironments, Manifest, Standing


@pytest.fixture
def built(tmp_path: Path) -> BuiltEnvironments:
    built = BuiltEnvironments(tmp_path / "environments")
    for name, image in (("image-1", "app:1"), ("image-2", "app:2")):
        built.path(name).mkdir(parents=True)
        Manifest(image, "3.11", []).write(built.path(name))
        built.appoint(Standing(image, name))
    built.path("image-half").mkdir()
    return built


def say(tmp_path: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["environments", "--state", str(tmp_path), *arguments])
    return code, *capsys.readouterr()


def test_it_lists_environments_with_their_images(
    built: BuiltEnvironments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = say(tmp_path, capsys)
    first, second, half = (line.split() for line in out.splitlines())
    assert code == 0
    assert (first[0], first[-1]) == ("image-1", "app:1")
    assert (second[0], second[-1]) == ("image-2", "app:2")
    assert half[:3] == ["image-half", "half", "built"]


@pytest.mark.parametrize("name", ["image-1", "app:1"])
def test_it_removes_one_by_its_own_or_its_images_name(
    built: BuiltEnvironments, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert say(tmp_path, capsys, "--remove", name)[0] == 0
    assert built.names() == ["image-2", "image-half"]
    assert built.find("app:1") is None
    assert built.images() == {"app:2": "image-2"}


def test_pruning_removes_what_stands_for_no_image(
    built: BuiltEnvironments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    built.appoint(Standing("app:1", "image-2"))
    assert say(tmp_path, capsys, "--prune")[0] == 0
    assert built.names() == ["image-2"]
    assert built.images() == {"app:1": "image-2", "app:2": "image-2"}


def test_what_is_not_there_is_named_with_what_is(
    built: BuiltEnvironments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = say(tmp_path, capsys, "--remove", "app:3")
    assert code == 1
    assert "There is no built environment app:3; there are: image-1, image-2, image-half" in err


def test_without_any_it_says_how_to_get_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = say(tmp_path, capsys)
    assert (code, out) == (0, "No environment has been built; register a task with an ImageSpec.\n")


def test_where_only_the_plugin_is_wanted_a_verb_says_what_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "flyte_sandbox.cli.built", None)
    code, _, err = say(tmp_path, capsys)
    assert code == 1
    assert err == f"flyte-sandbox: {sys.executable} has no flyte_sandbox.cli.built, which this needs.\n"

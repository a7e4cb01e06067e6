"""What is on disk about environments, and what of it counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyte_sandbox.environments import BuiltEnvironments, Environment, Environments, Manifest, Standing

MANIFEST = Manifest("app:1", "3.11", ["pandas"])
IMAGE = "ghcr.io/me/app:1"


@pytest.fixture
def built(tmp_path: Path) -> BuiltEnvironments:
    return BuiltEnvironments(tmp_path / "environments")


def complete(built: BuiltEnvironments, name: str = "image-1", image: str = IMAGE) -> None:
    built.path(name).mkdir(parents=True)
    MANIFEST.write(built.path(name))
    built.appoint(Standing(image, name, {"COLOUR": "red"}, ["No apt."]))


def test_a_complete_environment_stands_for_its_image(built: BuiltEnvironments) -> None:
    complete(built)
    assert built.find(IMAGE) == Environment(
        "image-1", built.path("image-1") / "bin/python", {"COLOUR": "red"}, None, ("No apt.",)
    )


def test_one_without_a_manifest_is_half_built_and_stands_for_nothing(built: BuiltEnvironments) -> None:
    built.path("image-1").mkdir(parents=True)
    built.appoint(Standing(IMAGE, "image-1"))
    assert built.find(IMAGE) is None
    assert built.names() == ["image-1"]
    assert list(Environments({"default": Path("python")}, built)) == ["default"]


def test_a_broken_manifest_or_name_counts_as_none(built: BuiltEnvironments) -> None:
    complete(built)
    (built.path("image-1") / "image.json").write_text("{")
    assert built.find(IMAGE) is None
    for path in (built.folder / "names").iterdir():
        path.write_text("broken")
    assert built.standing(IMAGE) is None
    assert built.images() == {}


def test_several_images_may_have_one_environment_and_an_image_may_change_its(
    built: BuiltEnvironments,
) -> None:
    complete(built)
    built.appoint(Standing("other:1", "image-1"))
    assert built.images() == {IMAGE: "image-1", "other:1": "image-1"}
    complete(built, "image-2", IMAGE)
    standing = built.standing(IMAGE)
    assert standing
    assert standing.environment == "image-2"
    built.forget("image-1")
    assert built.images() == {IMAGE: "image-2"}


def test_a_built_environment_is_seen_while_a_server_runs(built: BuiltEnvironments) -> None:
    environments = Environments({"default": Path("python")}, built)
    assert "image-1" not in environments
    complete(built)
    assert environments["image-1"] == built.interpreter("image-1")
    assert set(environments) == {"default", "image-1"}
    assert len(environments) == 2


def test_names_that_are_no_environments_are_not_read(built: BuiltEnvironments) -> None:
    environments = Environments({"default": Path("python")}, built)
    built.folder.mkdir()
    MANIFEST.write(built.folder)
    for name in ("../environments", "names", ""):
        with pytest.raises(KeyError):
            environments[name]


def test_what_was_configured_wins(built: BuiltEnvironments) -> None:
    complete(built)
    environments = Environments({IMAGE: Path("mine")}, built)
    assert environments.find(IMAGE) == Environment(IMAGE, Path("mine"))
    assert Environments({}).find(IMAGE) is None


def test_the_folder_has_an_id_that_stays(built: BuiltEnvironments) -> None:
    assert built.identify() == built.identify()
    assert BuiltEnvironments(built.folder).identify() == built.identify()

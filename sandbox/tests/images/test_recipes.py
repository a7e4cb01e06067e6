"""What becomes of each field of an ``ImageSpec``, without building anything."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from flytekit import ImageSpec, __version__

from flyte_sandbox.environments import Manifest, Standing
from flyte_sandbox.flytekit_plugin.recipes import Recipe, make_recipe
from flyte_sandbox.flytekit_plugin.sandboxes import Sandbox

FLYTEKIT = f"flytekit=={__version__}"


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    interpreters = {"default": Path(sys.executable)}
    sandbox = Sandbox("localhost:1", "", tmp_path / "environments", interpreters=interpreters)
    sandbox.built.identify()
    return sandbox


def recipe(sandbox: Sandbox, **fields: object) -> Recipe:
    return make_recipe(ImageSpec(name="app", **fields), sandbox)


def test_packages_are_followed_by_flytekit_of_the_clients_version(sandbox: Sandbox) -> None:
    assert recipe(sandbox, packages=["pandas", "numpy<3"]).all_requirements() == [
        "pandas",
        "numpy<3",
        FLYTEKIT,
    ]


@pytest.mark.parametrize("line", ["flytekit", "flytekit==1.15.0", "flytekit >1", "flytekit[extra]"])
def test_flytekit_is_not_named_twice(sandbox: Sandbox, line: str) -> None:
    assert recipe(sandbox, packages=[line]).all_requirements() == [line]


def test_a_package_whose_name_begins_like_flytekit_is_another_one(sandbox: Sandbox) -> None:
    lines = ["flytekitplugins-pandera", "flytekit-extras"]
    assert recipe(sandbox, packages=lines).all_requirements() == [*lines, FLYTEKIT]


def test_a_file_of_requirements_counts_with_its_content(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("pandas==2.2.0\n")
    first = recipe(sandbox, requirements=str(path), packages=["numpy"])
    name = first.name
    assert first.all_requirements() == ["pandas==2.2.0", "numpy", FLYTEKIT]
    path.write_text("pandas==2.3.0\n")
    assert recipe(sandbox, requirements=str(path), packages=["numpy"]).name != name


def test_indexes_and_further_arguments_reach_uv(sandbox: Sandbox) -> None:
    made = recipe(
        sandbox,
        pip_index="https://a.example/simple",
        pip_extra_index_url=["https://b"],
        pip_extra_args="--pre",
    )
    assert made.arguments == ["--default-index", "https://a.example/simple", "--index", "https://b", "--pre"]


def test_the_clients_own_python_is_the_default_and_another_version_may_be_asked_for(sandbox: Sandbox) -> None:
    mine = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert recipe(sandbox).python == recipe(sandbox, python_version=mine).python == sys.executable
    assert recipe(sandbox, python_version="3.10").python == "3.10"


def test_an_interpreter_may_be_named_that_brings_its_packages(sandbox: Sandbox) -> None:
    made = recipe(sandbox, python_exec=sys.executable)
    assert (made.python, made.has_system_packages) == (sys.executable, True)
    missing = recipe(sandbox, python_exec="/opt/image/python")
    assert (missing.python, missing.has_system_packages) == (sys.executable, False)
    assert missing.notes == ["There is no /opt/image/python on this machine; another Python was taken."]


def test_variables_are_those_of_the_image(sandbox: Sandbox) -> None:
    spec = ImageSpec(name="app", env={"COLOUR": "red"})
    assert make_recipe(spec, sandbox).env == {"PYTHONPATH": "/root", "COLOUR": "red", "_F_IMG_ID": spec.id}
    assert recipe(sandbox, env={"PYTHONPATH": "/root/src"}).env["PYTHONPATH"] == "/root/src"


def test_images_with_the_same_content_share_an_environment(sandbox: Sandbox) -> None:
    one, two = (make_recipe(ImageSpec(name=name, env={"N": name}), sandbox) for name in ("one", "two"))
    assert one.image != two.image
    assert one.name == two.name


def test_what_no_environment_has_is_noted(sandbox: Sandbox) -> None:
    notes = recipe(
        sandbox,
        apt_packages=["curl", "git"],
        conda_packages=["gdal"],
        commands=["make", "make install"],
        entrypoint=["/bin/init"],
        cuda="12.1",
        cudnn="8",
        base_image="nvcr.io/pytorch:24",
    ).notes
    assert notes == [
        "The base image nvcr.io/pytorch:24 was not used; the environment begins with flytekit alone.",
        "The packages of apt were not installed: curl, git.",
        "The packages of conda were not installed: gdal.",
        "The commands of the image were not run: make, make install.",
        "The entrypoint of the image was not used: /bin/init.",
        "CUDA was not installed: 12.1.",
        "cuDNN was not installed: 8.",
    ]


@pytest.mark.parametrize(
    "image", ["cr.flyte.org/flyteorg/flytekit:py3.11-1.16.31", "ghcr.io/flyteorg/flytekit:x"]
)
def test_flytekits_own_image_is_no_base_and_no_note(sandbox: Sandbox, image: str) -> None:
    made = recipe(sandbox, base_image=image)
    assert (made.base, made.notes) == (None, [])


def test_a_configured_environment_is_a_base_with_all_its_packages(sandbox: Sandbox) -> None:
    made = recipe(sandbox, base_image="default")
    assert made.base is not None
    assert made.python == sys.executable
    assert any(line.lower().startswith("pytest==") for line in made.base.pinned)


def test_a_built_base_gives_variables_notes_and_files(sandbox: Sandbox, tmp_path: Path) -> None:
    built = sandbox.built
    (built.path("image-1") / "bin").mkdir(parents=True)
    built.interpreter("image-1").symlink_to(sys.executable)
    built.files("image-1").mkdir()
    Manifest("base:1", "3.11", []).write(built.path("image-1"))
    built.appoint(Standing("base:1", "image-1", {"COLOUR": "red", "SIZE": "1"}, ["No apt."]))
    before = recipe(sandbox, base_image="base:1", env={"SIZE": "2"})
    assert (before.env["COLOUR"], before.env["SIZE"], before.notes) == ("red", "2", ["No apt."])
    name = before.name
    (built.files("image-1") / "notes.txt").write_text("new")
    assert recipe(sandbox, base_image="base:1").name != name


def test_copied_files_count_with_their_content(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("a")
    first = recipe(sandbox, copy=["data"])
    assert first.files == {"data/a.txt": tmp_path / "data" / "a.txt"}
    name = first.name
    (tmp_path / "data" / "a.txt").write_text("b")
    assert recipe(sandbox, copy=["data"]).name != name


@pytest.mark.parametrize("entry", ["/etc/passwd", "../x"])
def test_files_outside_of_the_current_folder_are_refused(sandbox: Sandbox, entry: str) -> None:
    spec = ImageSpec(name="app", tag_format="fixed", copy=[entry])
    with pytest.raises(ValueError, match="below the current folder"):
        make_recipe(spec, sandbox)

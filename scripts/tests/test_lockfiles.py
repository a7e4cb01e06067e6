"""The locks are what their inputs make of them, name no index, and keep heavy or foreign packages out."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from airflyte import lockfiles, uv

CHECKOUT = Path(__file__).resolve().parents[2]
NAMES = list(lockfiles.INPUTS)
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "aarch64-apple-darwin")


def lock(name: str) -> Path:
    return lockfiles.folder(CHECKOUT) / f"{name}.txt"


def versions(name: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for package, version in lockfiles.entries(lock(name)):
        found.setdefault(package, set()).add(version)
    return found


def test_no_lock_is_older_than_its_inputs() -> None:
    assert lockfiles.stale(CHECKOUT) == [], "type make lock"


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_is_pinned_by_version_and_hash_and_nothing_else_is_said(name: str) -> None:
    text = lock(name).read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=\S)", text.strip())[1:]
    form = re.compile(r"[a-z0-9][a-z0-9.-]*==\S+( ; [^\\]+?)?( \\\n    --hash=sha256:[0-9a-f]{64})+")
    assert [block for block in blocks if not form.fullmatch(block)] == []
    assert len(blocks) == len(lockfiles.entries(lock(name)))


@pytest.mark.parametrize("name", NAMES)
def test_no_lock_has_an_address(name: str) -> None:
    assert "://" not in lock(name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_no_lock_installs_somebody_elses_provider(name: str) -> None:
    assert "airflow-provider-flyte" not in versions(name)


@pytest.mark.parametrize("name", ["sandbox", "airflow"])
def test_flytekit_and_the_heavy_packages_stay_with_the_workflows(name: str) -> None:
    heavy = {"flytekit", "pandas", "numpy", "scikit-learn", "xgboost", "xgboost-cpu", "pyarrow"}
    assert heavy & versions(name).keys() == set()


@pytest.mark.parametrize("name", ["dev", "workflows"])
def test_xgboost_is_the_slim_one_on_linux(name: str) -> None:
    lines = lock(name).read_text(encoding="utf-8").splitlines()
    marked = [line.rstrip(" \\") for line in lines if line.startswith("xgboost")]
    assert marked == [
        "xgboost==3.2.0 ; sys_platform == 'darwin'",
        "xgboost-cpu==3.2.0 ; sys_platform == 'linux'",
    ]


@pytest.mark.parametrize("name", ["sandbox", "airflow", "workflows"])
def test_what_the_tests_saw_is_what_runs(name: str) -> None:
    tested = versions("dev")
    assert {package: found for package, found in versions(name).items() if not found <= tested[package]} == {}


@pytest.mark.parametrize("name", ["sandbox", "airflow", "dev"])
def test_our_packages_find_their_build_backend_without_the_network(name: str) -> None:
    assert {"hatchling", "editables"} <= versions(name).keys()


@pytest.mark.parametrize("name", ["sandbox", "scripts", "provider"])
def test_a_changed_dependency_makes_exactly_the_locks_with_it_stale(name: str, tmp_path: Path) -> None:
    for package in ("sandbox", "scripts", "provider"):
        (tmp_path / package).mkdir()
        shutil.copy(CHECKOUT / package / "pyproject.toml", tmp_path / package)
    shutil.copytree(lockfiles.folder(CHECKOUT), lockfiles.folder(tmp_path))
    assert lockfiles.stale(tmp_path) == []
    project = tmp_path / name / "pyproject.toml"
    project.write_text(project.read_text().replace("dependencies = [", 'dependencies = [\n    "extra",', 1))
    assert lockfiles.stale(tmp_path) == [lock for lock, inputs in lockfiles.INPUTS.items() if name in inputs]


def test_a_comment_makes_no_lock_stale(tmp_path: Path) -> None:
    shutil.copytree(lockfiles.folder(CHECKOUT), lockfiles.folder(tmp_path))
    file = lockfiles.folder(tmp_path) / "workflows.in"
    before = lockfiles.digest(tmp_path, "workflows")
    file.write_text("# Another word.\n\n" + file.read_text())
    assert lockfiles.digest(tmp_path, "workflows") == before
    file.write_text("joblib-extra\n" + file.read_text())
    assert lockfiles.digest(tmp_path, "workflows") != before


@pytest.mark.slow  # asks the index about every entry 24 times; hashes alone do not tell the platforms
@pytest.mark.parametrize("python", ["3.11", "3.12"])
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", ["sandbox", "airflow", "workflows", "dev"])
def test_every_entry_has_a_wheel_for(name: str, platform: str, python: str, tmp_path: Path) -> None:
    tool = uv.find(os.environ, Path("/none")) or uv.Uv(
        Path(sys.executable).with_name("uv"), uv.environment(os.environ)
    )
    how = ["--no-deps", "--only-binary", ":all:", "--python-platform", platform, "--python-version", python]
    log = tmp_path / "log"
    code = tool.run(
        ["pip", "compile", *how, "--quiet", str(lock(name)), "-o", str(tmp_path / "out")], log=log
    )
    assert code == 0, log.read_text()

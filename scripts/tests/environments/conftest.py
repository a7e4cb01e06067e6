"""A package index in a folder: two tiny wheels, one of them a build backend, and a checkout for them."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from airflyte import environments, uv
from airflyte.environments import Environments
from airflyte.state import StateFolder

BACKEND = '''
"""Builds an editable wheel of the package that it is called in."""
import pathlib, tomllib, zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    project = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]
    name, version = project["name"], project["version"]
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.pth": str(pathlib.Path("src").resolve()) + "\\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        f"{info}/RECORD": "",
    }
    file = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, file), "w") as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)
    return file

build_wheel = build_editable
'''


class Recorder:
    """A progress that remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def advance(self, done: float, total: float | None, text: str | None = None) -> None:
        self.said.append(f"{text} {done:g}/{total}")


def make_wheel(folder: Path, name: str, version: str, content: str = "") -> str:
    """Put a wheel into the index; its line for a lock file."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": content or f"version = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},{_record_hash(text)},{len(text)}\n" for path, text in files.items())
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            wheel.writestr(file, text)
    return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def write_package(checkout: Path, name: str) -> None:
    """A package of ours, built by the tiny backend."""
    source = checkout / name / "src" / f"our_{name}"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text("")
    (checkout / name / "pyproject.toml").write_text(
        f'[project]\nname = "our_{name}"\nversion = "1"\n'
        '[build-system]\nrequires = ["tinybackend"]\nbuild-backend = "tinybackend"\n'
    )


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


@pytest.fixture
def environ(wheels: Path, tmp_path: Path) -> dict[str, str]:
    """An environment in which uv knows that index only, and has a cache of its own."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(tmp_path / "home"),
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": str(wheels),
    }


@pytest.fixture
def stocked(checkout: Path, wheels: Path) -> Path:
    """A checkout with a lock for "sandbox", and its two packages of ours."""
    locks = checkout / "deploy" / "environments"
    locks.mkdir(parents=True)
    lines = make_wheel(wheels, "tinybackend", "1.0", BACKEND) + make_wheel(wheels, "thing", "1.0")
    (locks / "sandbox.txt").write_text(lines)
    for name in environments.PACKAGES["sandbox"]:
        write_package(checkout, name)
    return checkout


@pytest.fixture
def ours(stocked: Path, environ: dict[str, str]) -> Environments:
    return make(stocked, environ)


@pytest.fixture
def progress() -> Recorder:
    return Recorder()


def make(checkout: Path, environ: dict[str, str], request: str | None = None) -> Environments:
    """Environments of a checkout, with the uv of this environment and this interpreter."""
    program = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert program, "the environment dev has uv"
    return Environments(
        checkout,
        StateFolder(checkout / ".airflyte"),
        request=request,
        get_uv=lambda: uv.Uv(Path(program), uv.environment(environ)),
        find_python=lambda: os.path.realpath(sys._base_executable),
    )


def _record_hash(text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
    return f"sha256={digest.decode()}"

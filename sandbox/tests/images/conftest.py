"""A sandbox, a client beside which our package is installed, and a package that no index has."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from flytekit.configuration import Config, PlatformConfig
from flytekit.remote import FlyteRemote

from flyte_sandbox.environments import BuiltEnvironments
from flyte_sandbox.testing import Sandbox, running_sandbox

PYFLYTE = Path(sys.executable).parent / "pyflyte"
SOURCES = Path(__file__).parents[2] / "src"
UV = shutil.which("uv") or str(Path(sys.executable).parent / "uv")

Pyflyte = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two versions of the package ``palette``, which needs nothing."""
    folder = tmp_path_factory.mktemp("wheels")
    for version in ("1.0", "2.0"):
        write_wheel(folder, "palette", version, f"VERSION = {version!r}\n")
    return folder


def write_wheel(folder: Path, name: str, version: str, code: str) -> None:
    """The smallest wheel: one module."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in files.items())
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            wheel.writestr(path, text)


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What tells flytekit of our plugin where this package is on the path and not installed."""
    folder = tmp_path_factory.mktemp("installed")
    info = folder / "flyte_sandbox-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: flyte-sandbox\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(
        "[flytekit.plugins]\nflyte_sandbox = flyte_sandbox.flytekit_plugin\n"
    )
    return folder


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("state"), uv=Path(UV)) as sandbox:
        yield sandbox


@pytest.fixture
def built(sandbox: Sandbox) -> BuiltEnvironments:
    return BuiltEnvironments(sandbox.config.built_environments)


@pytest.fixture
def remote(sandbox: Sandbox) -> FlyteRemote:
    platform = PlatformConfig(endpoint=f"localhost:{sandbox.port}", insecure=True)
    return FlyteRemote(Config(platform=platform), "flytesnacks", "development")


@pytest.fixture
def client(installed: Path, wheels: Path, tmp_path: Path) -> Mapping[str, str]:
    """Variables of a client that knows no Flyte, and finds ``palette`` in a folder."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FLYTE", "AIRFLYTE"))}
    cache = subprocess.run([UV, "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
    return {
        **kept,
        "HOME": str(home),
        "UV_CACHE_DIR": cache,
        "UV_FIND_LINKS": str(wheels),
        "PYTHONPATH": os.pathsep.join([str(SOURCES), str(installed)]),
        # No Docker, whatever this machine has.
        "DOCKER_HOST": f"unix://{tmp_path / 'no-docker.sock'}",
    }


@pytest.fixture
def pyflyte(client: Mapping[str, str], tmp_path: Path) -> Pyflyte:
    """The stock command, told of a Flyte by a configuration file, in any folder."""

    def run(folder: Path, *arguments: str, endpoint: str = "") -> subprocess.CompletedProcess[str]:
        config = tmp_path / "flyte.yaml"
        config.write_text(f"admin:\n  endpoint: {endpoint}\n  insecure: true\n")
        return call([str(PYFLYTE), "--config", str(config), *arguments], folder, client)

    return run


def call(command: list[str], folder: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def run(remote: FlyteRemote, name: str, /, **inputs: object) -> object:
    """Run the newest version of a launch plan and take its one output."""
    plan = remote.fetch_launch_plan(name=name)
    execution = remote.execute(plan, inputs=inputs)
    ended = remote.wait(execution, timeout=timedelta(seconds=60), poll_interval=timedelta(seconds=0.1))
    assert ended.error is None, ended.error
    return ended.outputs["o0"]

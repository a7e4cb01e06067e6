"""One environment at a time, whole or not at all: with real builders, stopped and side by side."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from flyte_sandbox.environments import BuiltEnvironments

from .conftest import UV

BUILDER = """
    import sys
    from pathlib import Path
    from flyte_sandbox.flytekit_plugin.building import build
    from flyte_sandbox.flytekit_plugin.recipes import Recipe
    from flyte_sandbox.flytekit_plugin.sandboxes import Sandbox

    sandbox = Sandbox("localhost:1", "", Path(sys.argv[1]), Path(sys.argv[2]))
    recipe = Recipe(sys.argv[3], sys.executable, ["palette==1.0"])
    build(recipe, sandbox, lambda text: print(text, flush=True))
"""


class Builder:
    """:param folder: of environments."""

    def __init__(self, folder: Path, client: Mapping[str, str]) -> None:
        self.built = BuiltEnvironments(folder)
        self.built.identify()
        self._client = client

    def start(self, image: str = "app:1", uv: str = UV, **env: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", textwrap.dedent(BUILDER), str(self.built.folder), uv, image]
        return subprocess.Popen(
            command, env={**self._client, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __call__(self, image: str = "app:1", **env: str) -> str:
        out, err = (process := self.start(image, **env)).communicate(timeout=60)
        assert process.returncode == 0, err
        return out


@pytest.fixture
def build(tmp_path: Path, client: Mapping[str, str]) -> Builder:
    return Builder(tmp_path / "environments", client)


def slow_uv(folder: Path) -> tuple[Path, Path]:
    """A uv that makes an environment and then waits for a file, and a file that says that it waits."""
    waits, go = folder / "waits", folder / "go"
    program = folder / "bin" / "uv"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\n"{UV}" "$@" || exit\n[ "$1" = venv ] || exit 0\n'
        f'touch "{waits}"\nwhile [ ! -e "{go}" ]; do sleep 0.02; done\n'
    )
    program.chmod(0o755)
    return waits, go


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists():
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.02)


def slow_path(tmp_path: Path, client: Mapping[str, str]) -> dict[str, str]:
    return {"PATH": f"{tmp_path / 'bin'}:{client['PATH']}"}


def test_what_is_built_is_not_built_again_and_may_stand_for_another_image(build: Builder) -> None:
    assert "building the environment" in build()
    assert "is there" in build("other:1")
    (name,) = build.built.names()
    assert build.built.images() == {"app:1": name, "other:1": name}
    version = [build.built.interpreter(name), "-c", "import palette; print(palette.VERSION)"]
    assert subprocess.run(version, capture_output=True, text=True, check=True).stdout == "1.0\n"


def test_of_two_builders_one_builds_and_the_other_waits(
    build: Builder, tmp_path: Path, client: Mapping[str, str]
) -> None:
    waits, go = slow_uv(tmp_path)
    first = build.start(**slow_path(tmp_path, client))
    wait_for(waits, first)
    second = build.start("other:1")
    assert second.stdout is not None
    assert "waiting for somebody else" in second.stdout.readline()
    assert build.built.find("app:1") is None
    go.touch()
    assert "building" in first.communicate(timeout=60)[0]
    assert "is there" in second.communicate(timeout=60)[0]
    assert set(build.built.images()) == {"app:1", "other:1"}


def test_a_killed_builder_leaves_nothing_that_counts_and_the_next_one_builds_anew(
    build: Builder, tmp_path: Path, client: Mapping[str, str]
) -> None:
    waits, go = slow_uv(tmp_path)
    first = build.start(**slow_path(tmp_path, client))
    wait_for(waits, first)
    first.send_signal(signal.SIGKILL)
    go.touch()
    first.communicate(timeout=60)
    (name,) = build.built.names()
    assert build.built.interpreter(name).exists()
    assert build.built.find("app:1") is None
    assert "building the environment" in build()
    assert build.built.find("app:1") is not None


def test_without_uv_it_says_how_to_get_it(build: Builder, tmp_path: Path) -> None:
    process = build.start(uv="/nowhere/uv", PATH=str(tmp_path))
    _, err = process.communicate(timeout=60)
    assert "needs uv; type: pip install uv" in " ".join(err.split())


def test_without_a_network_uvs_cache_is_enough(build: Builder) -> None:
    unreachable = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "HTTPS_PROXY": "http://127.0.0.1:9"}
    assert "building the environment" in build(**unreachable)

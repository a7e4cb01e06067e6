"""Builds one environment with uv: once, whoever asks for it at the same time, and whole or not at all.

An environment is built where it will lie, because its scripts hold that path, and counts when its manifest is
there; what an interrupted build has left is removed by the next.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from flyte_sandbox.environments import BuiltEnvironments, Manifest, Standing
from flyte_sandbox.flytekit_plugin.bases import Base, copy_editable
from flyte_sandbox.flytekit_plugin.recipes import Recipe
from flyte_sandbox.flytekit_plugin.sandboxes import Sandbox


def build(recipe: Recipe, sandbox: Sandbox, say: Callable[[str], object]) -> str:
    """Build what is not built yet, and let it stand for the image.

    :return: the name of the environment.
    :raises RuntimeError: it cannot be built; the message says why in uv's words.
    """
    built, name = sandbox.built, recipe.name
    with _locked(built.folder, name, say):
        if built.manifest(name) is None:
            say(f"{recipe.image}: building the environment {name}")
            _build(recipe, built, sandbox.uv)
        else:
            say(f"{recipe.image}: the environment {name} is there")
    built.appoint(Standing(recipe.image, name, recipe.env, recipe.notes))
    for note in recipe.notes:
        say(f"{recipe.image}: {note}")
    return name


@contextlib.contextmanager
def _locked(folder: Path, name: str, say: Callable[[str], object]) -> Iterator[None]:
    """One builder for one environment; the others wait and find it built. A dead one holds nothing."""
    with (folder / f".{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for somebody else to build the environment {name}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(recipe: Recipe, built: BuiltEnvironments, uv: Path | None) -> None:
    folder, interpreter = built.path(recipe.name), built.interpreter(recipe.name)
    shutil.rmtree(folder, ignore_errors=True)
    tool = _Uv(_find_uv(uv), recipe)
    site = ["--system-site-packages"] if recipe.has_system_packages else []
    tool.run("venv", "--no-project", "--python", recipe.python, *site, str(folder))
    if recipe.base is not None:
        _begin_as(recipe.base, interpreter, tool)
    tool.install(interpreter, recipe.requirement_files, recipe.requirements, tool.arguments)
    _put_files(recipe, built.files(recipe.name))
    version = subprocess.run(
        [interpreter, "-c", "import platform; print(platform.python_version())"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    Manifest(recipe.image, version, recipe.all_requirements()).write(folder)


def _begin_as(base: Base, interpreter: Path, tool: _Uv) -> None:
    """Put everything that a base has into a new environment."""
    if base.pinned:
        tool.install(interpreter, [], base.pinned, ["--no-deps", *tool.arguments])
    copy_editable(base, interpreter)


def _put_files(recipe: Recipe, folder: Path) -> None:
    if recipe.base is not None and recipe.base.files is not None:
        shutil.copytree(recipe.base.files, folder)
    for name, path in recipe.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, folder / name)


def _find_uv(known: Path | None) -> str:
    """The user's own uv first: it has the user's settings."""
    found = shutil.which("uv") or (str(known) if known and os.access(known, os.X_OK) else None)
    if found is None:
        raise RuntimeError("Building the environment of an ImageSpec needs uv; type: pip install uv")
    return found


class _Uv:
    """:param path: the program.

    :ivar arguments: of the recipe, for every installation.
    """

    def __init__(self, path: str, recipe: Recipe) -> None:
        self._path = path
        self._recipe = recipe
        self.arguments = recipe.arguments

    def install(self, interpreter: Path, files: list[Path], lines: list[str], arguments: list[str]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "requirements.txt")
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            named = [part for each in [*files, path] for part in ("--requirement", str(each))]
            self.run("pip", "install", "--python", str(interpreter), *arguments, *named)

    def run(self, *arguments: str) -> str:
        """Without the network first: what is in uv's cache needs none.

        :raises RuntimeError: in uv's words.
        """
        for offline in (["--offline"], []):
            done = subprocess.run(
                [self._path, *arguments, *offline],
                capture_output=True, text=True, check=False, env=_environment(),
            )  # fmt: skip
            if done.returncode == 0:
                return done.stdout
        raise RuntimeError(
            f"The environment of {self._recipe.image} cannot be built: uv {' '.join(arguments[:2])} "
            f"says:\n{done.stderr.strip()}"
        )


def _environment() -> dict[str, str]:
    """The caller's, without the environment that the caller is in."""
    left_out = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "UV_SYSTEM_PYTHON", "UV_PROJECT_ENVIRONMENT")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return {**kept, "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}

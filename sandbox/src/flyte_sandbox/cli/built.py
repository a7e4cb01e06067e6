"""``flyte-sandbox environments``: what was built from an ``ImageSpec``, and how to be rid of it."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from flyte_sandbox.config import SandboxConfig
from flyte_sandbox.environments import BuiltEnvironments
from flyte_sandbox.errors import StartupError


def environments(parsed: argparse.Namespace) -> int:
    """List them, after removing what is to be removed. A server that runs needs not be stopped."""
    built = BuiltEnvironments(SandboxConfig(state=parsed.state.resolve()).built_environments)
    for name in [*_named(built, parsed.remove), *(_useless(built) if parsed.prune else [])]:
        remove(built, name)
        print(f"removed {name}")
    _print_table(built)
    return 0


def remove(built: BuiltEnvironments, name: str) -> None:
    """It stands for nothing before its files go, so that no task begins in half an environment."""
    built.forget(name)
    built.manifest_path(name).unlink(missing_ok=True)
    shutil.rmtree(built.path(name), ignore_errors=True)


def _named(built: BuiltEnvironments, wanted: list[str]) -> list[str]:
    """:raises StartupError: for what is neither an environment nor an image of one."""
    images, names = built.images(), built.names()
    for each in wanted:
        if each not in names and each not in images:
            known = ", ".join([*names, *images]) or "none"
            raise StartupError(f"There is no built environment {each}; there are: {known}.")
    return [images.get(each, each) for each in wanted]


def _useless(built: BuiltEnvironments) -> list[str]:
    used = set(built.images().values())
    return [name for name in built.names() if built.manifest(name) is None or name not in used]


def _print_table(built: BuiltEnvironments) -> None:
    if not built.names():
        print("No environment has been built; register a task with an ImageSpec.")
    for name in built.names():
        manifest = built.manifest(name)
        images = [image for image, environment in built.images().items() if environment == name]
        what = f"Python {manifest.python}" if manifest else "half built"
        print(f"{name}  {what:12}  {_megabytes(built.path(name)):6.0f} MB  {', '.join(images) or '-'}")


def _megabytes(folder: Path) -> float:
    """What its files hold; uv shares most of them with its cache."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6

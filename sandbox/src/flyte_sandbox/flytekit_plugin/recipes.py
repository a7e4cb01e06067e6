"""Turns an ``ImageSpec`` into what uv is to do, and into the name of the environment that comes of it.

Everything that decides the content is in the name, so that a built environment never changes. Source:
flytekit image_spec/default_builder.py, which makes a Dockerfile of the same fields.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from flytekit import __version__ as flytekit_version
from flytekit.constants import CopyFileDetection
from flytekit.image_spec.image_spec import _F_IMG_ID, ImageSpec

from flyte_sandbox.environments import BUILT_PREFIX
from flyte_sandbox.flytekit_plugin.bases import Base, read_base
from flyte_sandbox.flytekit_plugin.locks import read_lock
from flyte_sandbox.flytekit_plugin.sandboxes import Sandbox

_NAME_DIGITS = 12
_IMAGE_FOLDER = "/root"
_FLYTEKIT_IMAGES = ("cr.flyte.org/flyteorg/flytekit", "ghcr.io/flyteorg/flytekit")


@dataclass(frozen=True)
class Recipe:
    """All that is needed to build an environment.

    :param python: a version, or the path of an interpreter.
    :param requirement_files: given to uv where they lie, because they may name others beside them.
    :param requirements: lines, after those of the files.
    :param arguments: further ones for ``uv pip install``.
    :param files: what lies in the image's ``/root``, by path below it.
    :param env: the image's variables.
    :param notes: sentences about what is left out.
    """

    image: str
    python: str
    requirements: list[str]
    requirement_files: list[Path] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    has_system_packages: bool = False
    base: Base | None = None
    files: dict[str, Path] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @functools.cached_property
    def name(self) -> str:
        """The name of the environment. Variables and notes are the image's, not the environment's."""
        content = {
            "python": self.python,
            "requirements": self.all_requirements(),
            "arguments": self.arguments,
            "system": self.has_system_packages,
            "base": [*self.base.pinned, *map(str, self.base.editable)] if self.base else [],
            "files": {path: _digest(source) for path, source in sorted(self._all_files().items())},
        }
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        return f"{BUILT_PREFIX}{digest[:_NAME_DIGITS]}"

    def _all_files(self) -> dict[str, Path]:
        """Those of the base, too."""
        folder = self.base.files if self.base else None
        found = [path for path in folder.rglob("*") if path.is_file()] if folder else []
        return {path.relative_to(str(folder)).as_posix(): path for path in found} | self.files

    def all_requirements(self) -> list[str]:
        """The lines of the files, then the others."""
        lines = [line for path in self.requirement_files for line in path.read_text("utf-8").splitlines()]
        return [*lines, *self.requirements]


def make_recipe(spec: ImageSpec, sandbox: Sandbox) -> Recipe:
    """:raises ValueError: for a specification that flytekit's own builder would refuse, too."""
    base, base_env, notes = _base(spec, sandbox)
    return Recipe(
        image=spec.image_name(),
        python=_python(spec, base),
        requirements=_requirements(spec),
        requirement_files=_requirement_files(spec),
        arguments=_arguments(spec),
        has_system_packages=_has_python_exec(spec),
        base=base,
        files=dict(_files(spec)),
        env={"PYTHONPATH": _IMAGE_FOLDER, **base_env, **(spec.env or {}), _F_IMG_ID: spec.id},
        notes=[*notes, *_notes(spec)],
    )


def _base(spec: ImageSpec, sandbox: Sandbox) -> tuple[Base | None, dict[str, str], list[str]]:
    """The base, the variables that come with it, and what is to be said of it."""
    image = spec.base_image
    if not image or str(image).startswith(_FLYTEKIT_IMAGES):
        return None, {}, []
    if image in sandbox.interpreters:
        return read_base(sandbox.interpreters[image]), {}, []
    built = sandbox.built.find(image)
    if built is not None:
        return read_base(built.interpreter, built.files), dict(built.env), list(built.notes)
    return None, {}, [f"The base image {image} was not used; the environment begins with flytekit alone."]


def _python(spec: ImageSpec, base: Base | None) -> str:
    if spec.python_exec and _has_python_exec(spec):
        return str(spec.python_exec)
    if base is not None and not spec.python_version:
        return str(base.interpreter)
    mine = f"{sys.version_info.major}.{sys.version_info.minor}"
    # Of this process's version there is one for sure, and pickled code needs no other.
    return sys.executable if (spec.python_version or mine) == mine else str(spec.python_version)


def _has_python_exec(spec: ImageSpec) -> bool:
    return bool(spec.python_exec) and Path(spec.python_exec).exists()


def _requirement_files(spec: ImageSpec) -> list[Path]:
    path = Path(spec.requirements).absolute() if spec.requirements else None
    return [path] if path and path.suffix != ".lock" else []


def _requirements(spec: ImageSpec) -> list[str]:
    """flytekit comes last, unless somebody has named it."""
    lines = read_lock(spec) if spec.requirements and Path(spec.requirements).suffix == ".lock" else []
    lines += spec.packages or []
    known = [line for path in _requirement_files(spec) for line in path.read_text("utf-8").splitlines()]
    if any(_is_flytekit(line) for line in [*lines, *known]):
        return lines
    is_release = flytekit_version and "dev" not in flytekit_version
    return [*lines, f"flytekit=={flytekit_version}" if is_release else "flytekit"]


def _is_flytekit(line: str) -> bool:
    name = line.strip().partition(" ")[0]
    return name.startswith("flytekit") and not name[len("flytekit") :][:1].replace("-", "x").isalnum()


def _arguments(spec: ImageSpec) -> list[str]:
    arguments = ["--default-index", spec.pip_index] if spec.pip_index else []
    for url in spec.pip_extra_index_url or []:
        arguments += ["--index", url]
    return [*arguments, *shlex.split(spec.pip_extra_args or "")]


def _files(spec: ImageSpec) -> Iterator[tuple[str, Path]]:
    for path in _source_files(spec):
        yield path.relative_to(Path(spec.source_root).absolute()).as_posix(), path
    for entry in spec.copy or []:
        if PurePosixPath(entry).is_absolute() or ".." in PurePosixPath(entry).parts:
            raise ValueError(f"ImageSpec(copy=…) takes paths below the current folder, not {entry!r}.")
        found = Path(entry)
        for path in sorted(found.rglob("*")) if found.is_dir() else [found]:
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.as_posix(), path.absolute()


def _source_files(spec: ImageSpec) -> list[Path]:
    """What flytekit would put into the image; nothing with fast registration."""
    if spec.source_copy_mode in (None, CopyFileDetection.NO_COPY) or not spec.source_root:
        return []
    from flytekit.tools.ignore import DockerIgnore, GitIgnore, IgnoreGroup, StandardIgnore
    from flytekit.tools.script_mode import ls_files

    root = str(Path(spec.source_root).absolute())
    ignored = IgnoreGroup(root, [GitIgnore, DockerIgnore, StandardIgnore])
    found, _ = ls_files(root, spec.source_copy_mode, deref_symlinks=False, ignore_group=ignored)
    return [Path(path) for path in found]


def _notes(spec: ImageSpec) -> Iterator[str]:
    """What a container would have and an environment has not."""
    for fields, sentence in (
        (spec.apt_packages, "The packages of apt were not installed: {}."),
        (spec.conda_packages, "The packages of conda were not installed: {}."),
        (spec.commands, "The commands of the image were not run: {}."),
        (spec.entrypoint, "The entrypoint of the image was not used: {}."),
        ([spec.cuda] if spec.cuda else [], "CUDA was not installed: {}."),
        ([spec.cudnn] if spec.cudnn else [], "cuDNN was not installed: {}."),
    ):
        if fields:
            yield sentence.format(", ".join(fields))
    if spec.python_exec and not _has_python_exec(spec):
        yield f"There is no {spec.python_exec} on this machine; another Python was taken."


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

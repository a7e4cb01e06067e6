"""The environments that stand for images: which there are, where they lie, and what they give to tasks.

Some are configured, as a name and an interpreter; others were built from an ``ImageSpec`` by
``flytekit_plugin``, in the process of whoever registered it. Both sides meet in this module, which therefore
needs the standard library only: it reads and writes what lies in the folder of built environments.

===============================  =========================================================================
``id``                           whose folder this is, so that a client can tell it from another machine's
``names/<image>.json``           :class:`Standing`: which environment stands for this image
``<environment>/``               a virtual environment
``<environment>/image.json``     :class:`Manifest`; written last, so that one without it is only half built
``<environment>/image-files/``   what the image would have had in ``/root``
===============================  =========================================================================
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

DEFAULT = "default"
"""The environment of every image that nobody knows."""

BUILT_PREFIX = "image-"
_MANIFEST = "image.json"
_FILES = "image-files"
_NAMES = "names"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,39}")


def folder_name(name: str) -> str:
    """Names of environments are names of images: they may hold slashes and be long."""
    if _PLAIN_NAME.fullmatch(name):
        return name
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip(".-")[:40]
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Environment:
    """What stands for an image.

    :param name: unique among environments; templates and messages use it.
    :param env: the image's variables.
    :param files: copied into the current folder of each attempt, as they would lie in ``/root``.
    :param notes: sentences about what of the image is missing here.
    """

    name: str
    interpreter: Path
    env: Mapping[str, str] = field(default_factory=dict)
    files: Path | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """What a built environment was made from.

    :param image: the first one that it was built for.
    :param requirements: as they were given to uv, in order.
    """

    image: str
    python: str
    requirements: list[str]

    def write(self, folder: Path) -> None:
        write_json(folder / _MANIFEST, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """:return: None for an environment that is missing or half built."""
        try:
            return cls(**json.loads((folder / _MANIFEST).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


@dataclass(frozen=True)
class Standing:
    """Which environment stands for an image. Several images may have the same one.

    :param env: the image's variables.
    :param notes: see :class:`Environment`.
    """

    image: str
    environment: str
    env: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Standing | None:
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


class BuiltEnvironments:
    """The folder of built environments. Every method looks at the disk, so that several processes agree."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def identify(self) -> str:
        """Whose folder this is; made when it is not there yet. Called by the server when it starts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "id"
        if not path.exists():
            write_text(path, secrets.token_hex(16))
        return path.read_text(encoding="utf-8")

    def path(self, name: str) -> Path:
        return self.folder / name

    def files(self, name: str) -> Path:
        """Where the files of an image lie, or would."""
        return self.path(name) / _FILES

    def interpreter(self, name: str) -> Path:
        return self.path(name) / "bin" / "python"

    def appoint(self, standing: Standing) -> None:
        """Let an environment stand for an image from now on."""
        path = self._name_path(standing.image)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, asdict(standing))

    def standing(self, image: str) -> Standing | None:
        """What stands for an image, if it is complete."""
        found = Standing.read(self._name_path(image))
        is_usable = found and found.image == image and self.manifest(found.environment)
        return found if is_usable else None

    def manifest_path(self, name: str) -> Path:
        """An environment is complete when this is there."""
        return self.path(name) / _MANIFEST

    def manifest(self, name: str) -> Manifest | None:
        return Manifest.read(self.path(name)) if name.startswith(BUILT_PREFIX) else None

    def find(self, image: str) -> Environment | None:
        """What stands for an image."""
        standing = self.standing(image)
        if standing is None:
            return None
        files = self.files(standing.environment)
        return Environment(
            name=standing.environment,
            interpreter=self.interpreter(standing.environment),
            env=standing.env,
            files=files if files.is_dir() else None,
            notes=tuple(standing.notes),
        )

    def names(self) -> list[str]:
        """All folders of environments, half built ones too."""
        return sorted(path.name for path in self.folder.glob(f"{BUILT_PREFIX}*") if path.is_dir())

    def images(self) -> dict[str, str]:
        """Environments by image."""
        found = [Standing.read(path) for path in sorted((self.folder / _NAMES).glob("*.json"))]
        return {standing.image: standing.environment for standing in found if standing}

    def forget(self, name: str) -> None:
        """Let it stand for no image any more."""
        for image, environment in self.images().items():
            if environment == name:
                self._name_path(image).unlink(missing_ok=True)

    def _name_path(self, image: str) -> Path:
        return self.folder / _NAMES / f"{folder_name(image)}.json"


class Environments(Mapping[str, Path]):
    """All environments; as a mapping, their interpreters by name.

    :param configured: interpreters by image name, ``default`` among them.
    :param built: those made from an ``ImageSpec``; None when nobody builds any.
    """

    def __init__(self, configured: Mapping[str, Path], built: BuiltEnvironments | None = None) -> None:
        self._configured = dict(configured)
        self._built = built

    def find(self, image: str) -> Environment | None:
        """What stands for an image; None when nobody knows it."""
        if image in self._configured:
            return Environment(image, self._configured[image])
        return self._built.find(image) if self._built else None

    def __getitem__(self, name: str) -> Path:
        if name in self._configured:
            return self._configured[name]
        if self._built and self._built.manifest(name):
            return self._built.interpreter(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        yield from self._configured
        for name in self._built.names() if self._built else []:
            if name in self:
                yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)


def write_json(path: Path, value: object) -> None:
    """All of it or nothing: a reader never sees half a file."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """See :func:`write_json`."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, path)

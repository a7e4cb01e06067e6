"""The environments of the stack: what each is for, where it lies, and how it becomes what its lock says.

``deploy/environments/<name>.txt`` is the lock. A stamp in the environment says what it was made from, so
that an unchanged one costs a few file reads; one without a stamp was interrupted and is made anew. Which
interpreter and which uv are used is decided elsewhere.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from airflyte import interpreters, locks, uv
from airflyte.errors import AirflyteError
from airflyte.settings import Settings
from airflyte.state import StateFolder, write_json

PACKAGES: dict[str, tuple[str, ...]] = {
    "sandbox": ("sandbox", "scripts"),
    "airflow": ("provider",),
    "workflows": ("sandbox",),
    "dev": ("sandbox", "provider", "scripts"),
}
"""Our own packages, by environment: folders of the checkout, installed editable after the sync.

Tasks need none of them. ``sandbox`` is in theirs for its plugin of flytekit, which makes environments of
ImageSpecs for whoever registers from there; what the server needs is not.
"""

STAMP = "airflyte-stamp.json"


def of(settings: Settings, environ: Mapping[str, str], say: Callable[[str], object]) -> Environments:
    """The environments of a checkout, with uv and an interpreter found, or fetched, on this machine.

    :param environ: for PATH and the index settings, usually ``os.environ``.
    :param say: gets what is being fetched.
    """
    state = settings.state

    def get_uv() -> uv.Uv:
        return uv.find_or_fetch(state, settings.checkout, environ, say)

    def install() -> str | None:
        return get_uv().install_python(
            interpreters.INSTALLED, state / "python", settings.folder.logs / "python.log"
        )

    def find_python() -> str:
        return interpreters.find(settings.python, install)

    return Environments(
        settings.checkout, settings.folder, request=settings.python, get_uv=get_uv, find_python=find_python
    )


class Progress(Protocol):
    """Where a sync says how far it is; :class:`airflyte.steps.Step` is one."""

    def say(self, text: str) -> None: ...

    def advance(self, done: float, total: float | None, text: str | None = None) -> None: ...


class Environments:
    """The environments of one checkout.

    :param checkout: the repository.
    :param request: the interpreter that the settings ask for; another one means other environments.
    :param get_uv: called when something has to be installed, and not before.
    :param find_python: gives the path of a base interpreter; called like ``get_uv``.
    """

    def __init__(
        self,
        checkout: Path,
        folder: StateFolder,
        *,
        request: str | None,
        get_uv: Callable[[], uv.Uv],
        find_python: Callable[[], str],
    ) -> None:
        self.checkout = checkout
        self.folder = folder
        self._request = request
        self._get_uv = get_uv
        self._find_python = find_python

    def path(self, name: str) -> Path:
        """The folder of an environment."""
        return self.folder.environments / name

    def bin(self, name: str, program: str) -> Path:
        """A program of an environment; it need not exist."""
        return self.path(name) / "bin" / program

    def python(self, name: str) -> Path:
        """The interpreter of an environment; it need not exist."""
        return self.bin(name, "python")

    def lock(self, name: str) -> Path:
        """The lock file that an environment is made from."""
        return self.checkout / "deploy" / "environments" / f"{name}.txt"

    def log(self, name: str) -> Path:
        """What uv said while it made an environment."""
        return self.folder.logs / f"environment-{name}.log"

    def is_fresh(self, name: str) -> bool:
        """Whether an environment is what its lock, our packages and the wanted interpreter make of it."""
        stamp = self._stamp(name)
        return stamp is not None and stamp == self._wanted(name, stamp.python.path)

    def sync(self, name: str, progress: Progress) -> bool:
        """Make an environment what its lock says; at once, and without uv, when it already is.

        :return: whether anything had to be done.
        :raises AirflyteError: when something cannot be downloaded or installed.
        """
        if self.is_fresh(name):
            return False
        with locks.locked(
            self.folder.environments / f".{name}.lock", f"making environment {name}", progress.say
        ):
            if self.is_fresh(name):
                return False
            self._make(name, progress)
        return True

    def _make(self, name: str, progress: Progress) -> None:
        wanted = self._wanted(name, self._base_python())
        old = self._stamp(name)
        self._stamp_path(name).unlink(missing_ok=True)
        self.log(name).unlink(missing_ok=True)
        if old is None or (old.path, old.python) != (wanted.path, wanted.python):
            progress.say(f"{name}: making it")
            self._run_uv(name, ["venv", "--clear", "--python", wanted.python.path, str(self.path(name))])
        self._install(name, progress)
        write_json(self._stamp_path(name), dataclasses.asdict(wanted), mode=0o644)

    def _base_python(self) -> str:
        """The interpreter of the environment ``sandbox`` while it is there, so that all have the same one and
        another PATH does not change it; else a new choice."""
        stamp = self._stamp("sandbox")
        if stamp and stamp.request == self._request and Path(stamp.python.path).exists():
            return stamp.python.path
        return self._find_python()

    def _install(self, name: str, progress: Progress) -> None:
        pinned = ["--require-hashes", "--only-binary", ":all:", "--compile-bytecode", str(self.lock(name))]
        self._run_uv(
            name, ["pip", "sync", "--python", str(self.path(name)), *pinned], _Downloads(name, progress)
        )
        if PACKAGES[name]:
            progress.say(f"{name}: our own packages")
            self._run_uv(name, self._editable(name), offline=True)

    def _editable(self, name: str) -> list[str]:
        folders = [
            argument for package in PACKAGES[name] for argument in ("-e", str(self.checkout / package))
        ]
        flags = ["--no-deps", "--no-build-isolation", "--python", str(self.path(name))]
        return ["pip", "install", *flags, *folders]

    def _run_uv(
        self,
        name: str,
        arguments: list[str],
        on_line: Callable[[str], object] | None = None,
        *,
        offline: bool = False,
    ) -> None:
        """Run uv without the network first: what is in its cache needs none, and asking costs a moment."""
        tool = self._get_uv()
        if tool.run(arguments, log=self.log(name), on_line=on_line, offline=True) == 0:
            return
        if not offline and tool.run(arguments, log=self.log(name), on_line=on_line) == 0:
            return
        raise AirflyteError(
            f"Environment {name} could not be made: {uv.failure(self.log(name)) or 'uv failed'}.",
            log=self.log(name),
            cause=None
            if offline
            else "no network, or an index that is not named (UV_DEFAULT_INDEX, HTTPS_PROXY)",
            command="make doctor",
        )

    def _stamp_path(self, name: str) -> Path:
        return self.path(name) / STAMP

    def _stamp(self, name: str) -> _Stamp | None:
        try:
            record = json.loads(self._stamp_path(name).read_text(encoding="utf-8"))
            return _Stamp(**{**record, "python": _Identity(**record["python"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _wanted(self, name: str, python: str) -> _Stamp:
        """The stamp that an environment made now with this interpreter would have."""
        return _Stamp(
            lock=_sha256(self.lock(name)),
            packages={
                folder: _sha256(self.checkout / folder / "pyproject.toml") for folder in PACKAGES[name]
            },
            path=str(self.path(name).resolve()),
            python=_identity(python),
            request=self._request,
        )


@dataclasses.dataclass(frozen=True)
class _Identity:
    """An interpreter as it was: one that the system upgrades in place is another one."""

    path: str
    size: int
    changed_at_ns: int


@dataclasses.dataclass(frozen=True)
class _Stamp:
    """What an environment was made from.

    :param packages: hash of each pyproject of ours: its scripts and entry points are written at installation.
    :param path: where it lay; environments hold absolute paths and cannot be moved.
    """

    lock: str
    packages: dict[str, str]
    path: str
    python: _Identity
    request: str | None


class _Downloads:
    """Turns uv's lines into progress."""

    def __init__(self, name: str, progress: Progress) -> None:
        self._name = name
        self._progress = progress
        self._begun = 0
        self._done = 0

    def __call__(self, line: str) -> None:
        begun = re.match(r"Downloading (\S+) \((.+)\)", line)
        if begun:
            self._begun += 1
            self._advance(f"downloading {begun[1]} {begun[2]}")
        elif line.lstrip().startswith("Downloaded "):
            self._done += 1
            self._advance(f"downloaded {line.split()[-1]}")
        elif installed := re.match(r"Installed (\d+) packages?", line):
            self._progress.say(f"{self._name}: compiling {installed[1]} packages")

    def _advance(self, what: str) -> None:
        self._progress.advance(self._done, self._begun, f"{self._name}: {what}")


def _identity(path: str) -> _Identity:
    try:
        stat = Path(path).stat()
    except OSError:
        return _Identity(path, 0, 0)
    return _Identity(path, stat.st_size, stat.st_mtime_ns)


def _sha256(path: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    raise AirflyteError(f"{path} is missing from this checkout; type git status to see what else is.")

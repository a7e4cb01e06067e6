"""A checkout of somebody who has just cloned the repository, and that person's shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
OWN_FOLDERS = ("dags", "workflows")
"""What the stories bring along, beside the repository's own."""

RUN_SECONDS = 240
_FROM_THE_CALLER = ("PIP_", "UV_", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Where packages come from is a property of the machine, not of the person."""


@dataclass(frozen=True)
class Made:
    """What came of one command.

    :param output: what it printed, standard output and standard error in the order in which they came.
    """

    code: int
    output: str
    seconds: float

    def check(self) -> Made:
        """Insist that it went well."""
        assert self.code == 0, self.output
        return self


def run(line: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Made:
    """Run a command to its end.

    :param environment: its whole environment; its PATH is where the command is looked for.
    """
    started = time.monotonic()
    done = subprocess.run(
        ["/usr/bin/env", *line],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    return Made(done.returncode, done.stdout, time.monotonic() - started)


class Checkout:
    """A checkout with a shell of its own.

    :param path: the folder of the checkout.
    :param home: an empty home.
    :param temporary: ``TMPDIR``.
    """

    def __init__(self, path: Path, home: Path, temporary: Path) -> None:
        self.path = path
        self.home = home
        self.temporary = temporary

    def make(self, verb: str, *arguments: str, **variables: str) -> Made:
        """Type ``make``.

        :param arguments: what goes into ``ARGS``.
        :param variables: set for this command.
        """
        return self.type(["make", verb, *([f"ARGS={' '.join(arguments)}"] if arguments else [])], **variables)

    def type(self, line: Sequence[str], **variables: str) -> Made:
        """Type any command in the checkout's folder."""
        return run(line, self.path, {**self.environment(), **variables})

    def environment(self) -> dict[str, str]:
        """What a newcomer's shell has, and where packages come from."""
        given = {name: value for name, value in os.environ.items() if _is_from_the_caller(name)}
        return {
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "UV_CACHE_DIR": _uv_cache(os.environ),
            **given,
        }


def copy_checkout(folder: Path, name: str = "air flyte ü") -> Checkout:
    """Copy the working tree as git knows it, with the stories' own Dags and workflows.

    An older copy is brought up to date.

    :param folder: where the checkout, a home and a temporary folder are made.
    """
    path = folder / name
    for source in _files_of_the_working_tree():
        target = path / source
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / source, target)
    for own in OWN_FOLDERS:
        shutil.copytree(REPOSITORY / "tests" / "e2e" / own, path / own, dirs_exist_ok=True, ignore=_caches)
    checkout = Checkout(path, folder / f"home of {name}", folder / f"tmp of {name}")
    checkout.home.mkdir(exist_ok=True)
    checkout.temporary.mkdir(exist_ok=True)
    return checkout


_caches = shutil.ignore_patterns("__pycache__")


def _files_of_the_working_tree() -> list[str]:
    """Tracked files and new ones, as they are now; nothing that git ignores."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True).stdout.decode()
    return [name for name in listed.split("\0") if name and (REPOSITORY / name).is_file()]


def _is_from_the_caller(name: str) -> bool:
    return name.startswith(_FROM_THE_CALLER) or name.lower().endswith("_proxy")


def _uv_cache(environ: Mapping[str, str]) -> str:
    cache = environ.get("XDG_CACHE_HOME") or f"{environ['HOME']}/.cache"
    return environ.get("UV_CACHE_DIR") or f"{cache}/uv"

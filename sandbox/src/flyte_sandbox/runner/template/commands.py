"""Recognises flytekit's entrypoints, and does what ``pyflyte-fast-execute`` does before its command.

Source: flytekit bin/entrypoint.py ``fast_execute_task_cmd``, tools/fast_registration.py
``download_distribution``. Different here: the distribution is a local file, archives are unpacked by our
rules instead of by ``tar``, and a destination outside the attempt's current folder means that folder (an
image's ``/root`` is not ours to write to).
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import NoReturn

from . import archives

FAST = "pyflyte-fast-execute"
IN_PROCESS = {"pyflyte-execute": "execute_task_cmd", "pyflyte-map-execute": "map_execute_task_cmd"}
_PICKLE = "pkl.gz"


class CodeError(Exception):
    """The code of the task cannot be put in place; flytekit's own entrypoint would end with code 1."""


@dataclass(frozen=True)
class FastCommand:
    """
    :param distribution: absolute path of the code, an archive or notebook pickle; None when only to pass on.
    :param destination: as it was given; ``.`` when it was not.
    :param command: what is to run with the code in place.
    """

    distribution: str | None
    destination: str
    command: list[str]

    def folder(self) -> str:
        """Where the code goes: inside the current folder."""
        cwd = os.path.realpath(os.getcwd())
        wanted = os.path.realpath(os.path.expanduser(self.destination))
        return wanted if os.path.commonpath([wanted, cwd]) == cwd else cwd


def entrypoint_name(argv: list[str], scripts: str) -> str:
    """:return: the plain name, when there is no path to it or that of the environment's scripts; else ''."""
    folder, name = os.path.split(argv[0]) if argv else ("", "")
    return name if folder in ("", scripts) else ""


def parse_fast(argv: list[str], scripts: str) -> FastCommand | None:
    """:return: None when it is something else, or when it is for flytekit itself to refuse or to fetch."""
    if entrypoint_name(argv, scripts) != FAST or "--" not in argv:
        return None
    end = argv.index("--")
    options = _options(argv[1:end])
    if options is None or end + 1 == len(argv):
        return None
    distribution = options.get("--additional-distribution")
    if distribution is not None and not os.path.isabs(distribution):
        return None
    return FastCommand(distribution, options.get("--dest-dir") or ".", argv[end + 1 :])


def _options(words: list[str]) -> dict[str, str] | None:
    options: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name not in ("--additional-distribution", "--dest-dir"):
            return None
        given = value if equals else next(rest, None)
        if given is None:
            return None
        options[name] = given
    return options


def put_code_in_place(fast: FastCommand) -> list[str]:
    """Fetch and unpack the code, and name its folder in PYTHONPATH.

    :return: the command to run, told where the code came from, so that a dynamic task can pass it on.
    :raises CodeError: there is no such code, or it cannot be unpacked.
    """
    if fast.distribution is not None:
        _fetch(fast.distribution, fast.folder())
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = before + os.pathsep + fast.folder() if before is not None else fast.folder()
    return _told(fast)


def _fetch(distribution: str, folder: str) -> None:
    name = os.path.basename(distribution)
    if not os.path.isdir(folder):
        raise CodeError(f"the destination {folder} is not a directory")
    if not name.endswith(".tar.gz") and name != _PICKLE:
        raise CodeError(f"Unrecognized additional distribution format for {distribution}")
    try:
        copy = shutil.copyfile(distribution, os.path.join(folder, name))
        if name != _PICKLE:
            archives.unpack(copy, folder)
    except FileNotFoundError as exc:
        raise CodeError(f"task execution code was not found: {exc}") from exc
    except (OSError, archives.ArchiveError) as exc:
        raise CodeError(str(exc)) from exc


def _told(fast: FastCommand) -> list[str]:
    if fast.distribution is None or "--resolver" not in fast.command:
        return fast.command
    place = fast.command.index("--resolver")
    told = ["--dynamic-addl-distro", fast.distribution, "--dynamic-dest-dir", fast.destination]
    return [*fast.command[:place], *told, *fast.command[place:]]


def execute(argv: list[str]) -> NoReturn:
    """Become the command, found on the attempt's PATH; when that is impossible, end with a shell's code."""
    code = 126
    try:
        os.execvpe(argv[0], argv, os.environ)  # noqa: S606  # a list, no shell
    except FileNotFoundError:
        code = 127
        print(f"{argv[0]}: not found on {os.environ.get('PATH')}", file=sys.stderr)  # noqa: T201
    except (OSError, ValueError, IndexError) as exc:
        print(f"cannot run {argv!r}: {exc}", file=sys.stderr)  # noqa: T201
    os._exit(code)

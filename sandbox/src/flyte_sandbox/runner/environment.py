"""The environment variables of templates and attempts, made from nothing; the server's own are not inherited.

Pure. The values are a container's: UTC, C.UTF-8, a HOME that is not the user's, the environment's scripts
first on PATH.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from flyte_sandbox.runner.attempts import AttemptSpec
from flyte_sandbox.runner.template import processes, records, short_paths

_IMAGE_FOLDER = "/root"
"""Where flytekit's images have the code of tasks."""

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def scripts_of(interpreter: Path) -> Path:
    """The environment's folder of scripts. Links are kept: a virtual environment's interpreter is one."""
    return interpreter.absolute().parent


def base_environment(
    interpreter: Path, home: Path, mark: tuple[str, str] | None, user: str = ""
) -> dict[str, str]:
    """What a template and all its attempts have in common.

    :param user: the name of one that the system does not know, for those who ask it ("who am I?").
    """
    base = {
        "PATH": f"{scripts_of(interpreter)}:{_SYSTEM_PATH}",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "HOME": str(home),
        "PYTHONUNBUFFERED": "1",  # a log shows what was printed before a crash, in order with stderr
        processes.MARK: "0" * processes.MARK_LENGTH,
    }
    names = {"USER": user, "LOGNAME": user} if user else {}
    return base | names | dict([mark] if mark else [])


def attempt_environment(
    spec: AttemptSpec, base: Mapping[str, str], mark: tuple[str, str] | None, uid: int | None = None
) -> dict[str, str]:
    """The task's own variables win over the base, except for TMPDIR and the marks."""
    scripts = base["PATH"].partition(":")[0]
    env = {**base, **spec.env}
    if env["PATH"].partition(":")[0] != scripts:
        env["PATH"] = f"{scripts}:{env['PATH']}"
    env["TMPDIR"] = temporary_path(spec, uid)
    if "PYTHONPATH" in spec.env:
        env["PYTHONPATH"] = _python_path(spec)
    env[processes.MARK] = attempt_mark(spec)
    return env | dict([mark] if mark else [])


def _python_path(spec: AttemptSpec) -> str:
    """An image's ``/root`` is not ours to write to; the attempt's current folder stands for it.

    What is below it may also be a folder of this machine's root, unless files of an image are there.
    """
    cwd = str(spec.folder.absolute() / records.WORK / records.CWD)
    below = _IMAGE_FOLDER + "/"
    return ":".join(
        cwd + entry[len(_IMAGE_FOLDER) :]
        if entry.rstrip("/") == _IMAGE_FOLDER or (spec.files and entry.startswith(below))
        else entry
        for entry in spec.env["PYTHONPATH"].split(":")
    )


def attempt_mark(spec: AttemptSpec) -> str:
    """Told by the folder too: two sandboxes on one machine may use the same keys."""
    text = f"{spec.folder.absolute()}\0{spec.key}"
    return hashlib.sha256(text.encode()).hexdigest()[: processes.MARK_LENGTH]


def temporary_path(spec: AttemptSpec, uid: int | None = None) -> str:
    """TMPDIR: in the attempt's work folder, perhaps under a shorter name.

    :param uid: whom it runs as; None: as this process.
    """
    folder = spec.folder.absolute() / records.WORK / records.TEMPORARY
    return short_paths.temporary_path(str(folder), attempt_mark(spec)[:12], uid)

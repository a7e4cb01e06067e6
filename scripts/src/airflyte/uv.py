"""Finds or fetches uv, and runs it: which version, with whose index settings, and what its failures mean.

Runs before anything is installed, on whatever Python the machine has: standard library only, and syntax that
Python 3.8 still reads.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from airflyte.errors import AirflyteError

FITTING = ((0, 8), (1, 0))
"""From this version on, and below that one."""

# What pip is told about indexes and certificates, uv must know as well: it reads neither pip's variables nor
# its files, and a company's mirror is usually named only there.
_FROM_PIP = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
}
_OLD_NAMES = {"UV_DEFAULT_INDEX": "UV_INDEX_URL", "UV_INDEX": "UV_EXTRA_INDEX_URL"}


class Uv:
    """A uv that fits.

    :param path: its executable.
    :param environ: the environment to give it; see :func:`environment`.
    """

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self.path = path
        self.environ = dict(environ)

    def run(
        self,
        arguments: Sequence[str],
        *,
        log: Path,
        on_line: Callable[[str], object] | None = None,
        offline: bool = False,
    ) -> int:
        """Run uv to its end, its words going to a log.

        :param log: appended to.
        :param on_line: called with each line as it comes.
        :param offline: allow only what is in the cache.
        :return: uv's exit code.
        """
        command = [str(self.path), *arguments, *(["--offline"] if offline else [])]
        return _run(command, self.environ, log, on_line or (lambda _: None))

    def install_python(self, version: str, folder: Path, log: Path) -> str | None:
        """Have uv fetch an interpreter into a folder; its path, or None when it cannot be had."""
        ours = Uv(self.path, {**self.environ, "UV_PYTHON_INSTALL_DIR": str(folder)})
        if ours.run(["python", "install", "--no-bin", version], log=log) != 0:
            return None
        said: list[str] = []
        code = ours.run(["python", "find", "--managed-python", version], log=log, on_line=said.append)
        return said[-1] if code == 0 and said else None


def find_or_fetch(
    state: Path, checkout: Path, environ: Mapping[str, str], say: Callable[[str], object]
) -> Uv:
    """uv from PATH or our private one below the state folder; fetched when there is neither."""
    private = state / "uv"
    found = find(environ, private)
    if found:
        return found
    requirements = checkout / "deploy" / "environments" / "uv.txt"
    return fetch(private, sys.executable, requirements, environ, log=state / "logs" / "uv.log", say=say)


def find(environ: Mapping[str, str], private: Path) -> Uv | None:
    """uv from PATH in a version that fits, else our private one, else None.

    :param private: the folder of the private one; see :func:`fetch`.
    """
    on_path = shutil.which("uv", path=environ.get("PATH", ""))
    for candidate in (on_path, _executable(private)):
        if candidate and fits(version(Path(candidate))):
            return Uv(Path(candidate), environment(environ))
    return None


def fits(found: tuple[int, ...] | None) -> bool:
    """Whether this version of uv knows what we ask of it."""
    return found is not None and FITTING[0] <= found < FITTING[1]


def version(path: Path) -> tuple[int, ...] | None:
    """The version of a uv, or None when it does not run."""
    try:
        run = subprocess.run([str(path), "--version"], capture_output=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    numbers = re.match(r"uv (\d+)\.(\d+)\.(\d+)", run.stdout.decode("utf-8", "replace"))
    return tuple(int(number) for number in numbers.groups()) if numbers else None


def fetch(
    private: Path,
    python: str,
    requirements: Path,
    environ: Mapping[str, str],
    *,
    log: Path,
    say: Callable[[str], object],
) -> Uv:
    """Make a private virtual environment with nothing in it but uv, its hash pinned.

    :param python: any interpreter that runs; uv is a program, not a library.
    :param requirements: the lock file of uv.
    :raises AirflyteError: when there is no way to get it.
    """
    _ensure_ensurepip(python, environ, log)
    say("fetching uv")
    shutil.rmtree(private, ignore_errors=True)
    pip = [str(private / "bin" / "python"), "-I", "-m", "pip", "--disable-pip-version-check", "install"]
    pinned = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "-r", str(requirements)]
    _must(
        [python, "-I", "-m", "venv", str(private)],
        environ,
        log,
        "A private environment for uv cannot be made",
    )
    _must([*pip, *pinned], environ, log, "uv cannot be downloaded")
    if not fits(version(_executable(private))):
        raise AirflyteError(f"The uv in {private} does not run on this machine; put uv on PATH.", log=log)
    return Uv(_executable(private), environment(environ))


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for uv: the caller's, and pip's index settings where uv has none of its own."""
    result = {name: value for name, value in environ.items() if name not in ("VIRTUAL_ENV", "CONDA_PREFIX")}
    for setting, value in _pip_settings(environ).items():
        name = _FROM_PIP.get(setting)
        if name and name not in environ and _OLD_NAMES.get(name, name) not in environ:
            result[name] = _existing_links(value) if name == "UV_FIND_LINKS" else value
    # As pip does with several indexes. Safe here, because every file must have the hash in its lock.
    result.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    result.update({"UV_NO_PROGRESS": "1", "NO_COLOR": "1"})
    return {name: value for name, value in result.items() if not _unsets(name, value)}


def failure(log: Path) -> str:
    """uv's own words for what went wrong, shortened to its last cause; empty when it said nothing."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    since = max((number for number, line in enumerate(lines) if line.startswith("$ ")), default=0)
    said = [line for line in lines[since:] if line.lstrip().startswith(("error:", "cause:"))]
    words = [line.split(":", 1)[1].strip() for line in said]
    return ": ".join(dict.fromkeys(words[:2] + words[-1:]))


def _executable(private: Path) -> Path:
    return private / "bin" / "uv"


def _existing_links(value: str) -> str:
    """pip passes over a folder that is not there, uv stops at it."""
    return ",".join(link for link in value.split() if "://" in link or os.path.isdir(link))


def _unsets(name: str, value: str) -> bool:
    return not value and name.startswith(("UV_", "SSL_CERT"))


def _pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """pip's settings by their long name; its variables win over its files."""
    settings: dict[str, str] = {}
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(_pip_files(environ), encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        parser = configparser.ConfigParser()
    for section in ("global", "install"):
        if parser.has_section(section):
            settings.update({name: " ".join(value.split()) for name, value in parser.items(section)})
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            settings[name[4:].lower().replace("_", "-")] = value
    return settings


def _pip_files(environ: Mapping[str, str]) -> list[str]:
    home = environ.get("HOME") or os.path.expanduser("~")
    config = environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    files = ["/etc/pip.conf", os.path.join(home, ".pip", "pip.conf"), os.path.join(config, "pip", "pip.conf")]
    return [*files, environ.get("PIP_CONFIG_FILE") or os.devnull]


def _ensure_ensurepip(python: str, environ: Mapping[str, str], log: Path) -> None:
    """Debian keeps ``ensurepip`` in a package of its own, without which no environment gets a pip."""
    if _has_ensurepip(python):
        return
    package = _debian_package(python)
    if package is None:
        raise AirflyteError(
            f"{python} has no ensurepip and uv is not on PATH; install uv or this Python's venv package, "
            "then type make up again."
        )
    if os.geteuid() != 0:
        raise AirflyteError(
            f"{python} cannot make environments because Debian's package {package} is missing; "
            f"type: sudo apt-get update && sudo apt-get install -y {package}"
        )
    _tell(f"Debian's package {package} is missing; installing it with apt-get.")
    apt = {**environ, "DEBIAN_FRONTEND": "noninteractive", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    what = f"apt-get could not install {package}"
    _must(["apt-get", "-q", "update"], apt, log, what)
    _must(["apt-get", "-q", "-y", "--no-install-recommends", "install", package], apt, log, what)


def _tell(text: str) -> None:
    """A line that stays, because what it announces changes the machine."""
    sys.stderr.write(("\r\033[K" if sys.stderr.isatty() else "") + f"airflyte: {text}\n")
    sys.stderr.flush()


def _has_ensurepip(python: str) -> bool:
    probe = [python, "-I", "-c", "import venv, ensurepip; ensurepip.version()"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def _debian_package(python: str) -> str | None:
    """The package with this interpreter's ensurepip, or None when Debian did not make the interpreter."""
    numbered = re.fullmatch(r"/usr/bin/python(\d+\.\d+)", os.path.realpath(python))
    is_debian = os.path.exists("/etc/debian_version") and shutil.which("apt-get", path="/usr/bin:/bin")
    return f"python{numbered.group(1)}-venv" if numbered and is_debian else None


def _must(command: Sequence[str], environ: Mapping[str, str], log: Path, what: str) -> None:
    if _run(command, environ, log, lambda _: None) != 0:
        raise AirflyteError(
            f"{what}; the reason is in {log}. Check the network (HTTPS_PROXY, PIP_INDEX_URL), "
            "or put uv on PATH, then type make up again.",
            log=log,
        )


def _run(
    command: Sequence[str], environ: Mapping[str, str], log: Path, on_line: Callable[[str], object]
) -> int:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8", buffering=1) as file:
        file.write("$ " + " ".join(command) + "\n")
        with subprocess.Popen(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                file.write(line)
                on_line(line.rstrip())
    return process.returncode

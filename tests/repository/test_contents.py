"""What may not be in a file of the repository: folders of one machine, addresses of a package index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from airflyte import lockfiles

from .tree import CHECKOUT, files, name

MACHINE_PATH = re.compile(r"(?<![\w.~%*-])/(?:tmp|root|work|home|mnt|Users)\b[\w/.-]*")
INDEX = re.compile(
    r"pypi\.org|pythonhosted\.org|registry\.npmjs\.org"
    r"|https?://(?![\w.-]*\.example\b|127\.0\.0\.1\b)[^\s\"']*/simple\b"
)

IMAGE = "the working folder of Flyte's images, which clients send and we do not use"
SOCKETS = "paths of sockets must be short"
MADE_UP = "a home that is on no machine of ours"
ALLOWED: dict[tuple[str, str], str] = {
    ("docs/differences.md", "/root"): IMAGE,
    ("docs/user-guide.md", "/root"): IMAGE,
    ("sandbox/src/flyte_sandbox/differences.py", "/root"): IMAGE,
    ("sandbox/src/flyte_sandbox/environments.py", "/root"): IMAGE,
    ("sandbox/src/flyte_sandbox/flytekit_plugin/recipes.py", "/root"): IMAGE,
    ("sandbox/src/flyte_sandbox/runner/attempts.py", "/root"): IMAGE,
    ("sandbox/src/flyte_sandbox/runner/environment.py", "/root"): IMAGE,
    ("sandbox/src/flyte_sandbox/runner/template/commands.py", "/root"): IMAGE,
    ("sandbox/src/flyte_sandbox/runner/template/short_paths.py", "/tmp"): SOCKETS,  # noqa: S108
    ("sandbox/src/flyte_sandbox/runner/template/short_paths.py", "/tmp/flyte-sandbox-"): SOCKETS,  # noqa: S108
    ("sandbox/tests/images/test_recipes.py", "/root"): IMAGE,
    ("sandbox/tests/images/test_recipes.py", "/root/src"): IMAGE,
    ("sandbox/tests/runner/test_commands.py", "/root"): IMAGE,
    ("sandbox/tests/runner/test_environment.py", "/root"): IMAGE,
    ("sandbox/tests/runner/test_environment.py", "/root/project"): IMAGE,
    ("sandbox/tests/runner/test_environment.py", "/root/src"): IMAGE,
    ("sandbox/tests/runner/test_forked_as_cold.py", "/root"): IMAGE,
    ("scripts/tests/test_verbs.py", "/home/me"): MADE_UP,
    ("workflows/README.md", "/root"): IMAGE,
}
"""By file and what is found in it: why it may stand there."""


def texts() -> Iterator[tuple[Path, str]]:
    """Every file that is text, but for the one that lists what must not be found."""
    for path in files():
        data = path.read_bytes()
        if b"\0" not in data and path != Path(__file__).resolve():
            yield path, data.decode("utf-8", "replace")


def test_no_file_names_a_folder_of_one_machine() -> None:
    found = {(name(path), each) for path, text in texts() for each in MACHINE_PATH.findall(text)}
    assert sorted(found - ALLOWED.keys()) == []


def test_what_is_allowed_is_still_there() -> None:
    found = {(name(path), each) for path, text in texts() for each in MACHINE_PATH.findall(text)}
    assert sorted(ALLOWED.keys() - found) == []


def test_no_file_names_a_package_index() -> None:
    assert [(name(path), each) for path, text in texts() for each in INDEX.findall(text)] == []


def test_every_lock_is_one_of_those_that_are_looked_at() -> None:
    """What a lock must be is tested in ``scripts/tests/test_lockfiles.py``."""
    pinned = re.compile(r"^\S+==\S+", re.MULTILINE)
    locks = {path for path in files(".txt", ".lock") if pinned.search(path.read_text(encoding="utf-8"))}
    known = {lockfiles.folder(CHECKOUT) / f"{each}.txt" for each in lockfiles.INPUTS}
    assert locks == known


def test_no_page_installs_the_provider_from_an_index() -> None:
    """There that name is somebody else's."""
    install = re.compile(r"(?:pip|uv) (?:pip )?(?:install|add)[^\n]*\bairflow-provider-flyte\b(?! *@)")
    assert [name(path) for path, text in texts() if install.search(text)] == []

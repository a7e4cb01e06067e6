"""The variables of attempts, and names and places that must fit where they go."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from flyte_sandbox.errors import StartupError
from flyte_sandbox.runner import AttemptSpec
from flyte_sandbox.runner.environment import attempt_environment, attempt_mark, base_environment
from flyte_sandbox.runner.sockets import LONGEST_PATH, socket_path
from flyte_sandbox.runner.template.shadows import top_level_names
from flyte_sandbox.runner.templates import folder_name

BASE = base_environment(Path("/env/bin/python"), Path("/state/home"), ("STACK", "s1"))


def make(env: dict[str, str]) -> dict[str, str]:
    return attempt_environment(AttemptSpec("k", Path("/attempts/k"), ("x",), env), BASE, ("STACK", "s1"))


def test_the_base_is_that_of_a_container():
    assert {name: BASE[name] for name in ("LANG", "TZ", "HOME", "STACK")} == {
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "HOME": "/state/home",
        "STACK": "s1",
    }
    assert BASE["PATH"].startswith("/env/bin:")


def test_nothing_of_the_servers_own_environment_gets_in(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/server")
    monkeypatch.setenv("SECRET", "x")
    assert not {"PYTHONPATH", "SECRET"} & make({}).keys()


def test_the_tasks_variables_win_but_for_marks_and_temporary_folder():
    env = make({"TZ": "Asia/Tokyo", "TMPDIR": "/elsewhere", "STACK": "other", "MINE": "1"})
    assert (env["TZ"], env["MINE"], env["STACK"]) == ("Asia/Tokyo", "1", "s1")
    assert env["TMPDIR"] == "/attempts/k/work/tmp"


def test_the_environments_scripts_stay_first_on_a_path_of_the_tasks_own():
    assert make({"PATH": "/mine"})["PATH"] == "/env/bin:/mine"
    assert make({"PATH": "/env/bin:/mine"})["PATH"] == "/env/bin:/mine"


def test_marks_differ_by_folder_and_have_one_length():
    marks = {attempt_mark(AttemptSpec("k", Path(folder), ())) for folder in ("/a", "/b", "c" * 300)}
    assert {len(mark) for mark in marks} == {32}
    assert len(marks) == 3


@pytest.mark.parametrize("name", ["default", "py3.11", "my_env-2"])
def test_plain_names_of_environments_are_folders(name):
    assert folder_name(name) == name


@pytest.mark.parametrize(
    "name", ["ghcr.io/org/image:v1", "../up", "ü", ".", "..", "x" * 100, "a/b", "a:b", "-x"]
)
def test_other_names_are_made_fit(name):
    folder = folder_name(name)
    assert len(folder) < 60
    assert folder not in (".", "..", name)
    assert set(folder) <= set("abcdefghijklmnopqrstuvwxyz0123456789-._")


def test_different_names_never_share_a_folder():
    assert folder_name("a/b") != folder_name("a:b")


def test_a_short_path_keeps_its_socket_beside_it(tmp_path):
    assert socket_path(Path("/t"), tmp_path) == Path("/t/socket")


def test_a_long_path_has_its_socket_in_a_private_folder(tmp_path):
    with tempfile.TemporaryDirectory() as short:
        path = socket_path(tmp_path / ("x" * 120), Path(short))
        assert len(str(path)) <= LONGEST_PATH
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert path != socket_path(tmp_path / ("x" * 120), Path(short))


def test_a_private_folder_that_others_may_enter_is_refused(tmp_path):
    (tmp_path / f"flyte-sandbox-{os.getuid()}").mkdir(mode=0o755)
    with pytest.raises(StartupError, match="mode 0700"):
        socket_path(tmp_path / ("x" * 120), tmp_path)


def test_a_private_folder_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / f"flyte-sandbox-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StartupError, match="must be a folder of yours"):
        socket_path(tmp_path / ("x" * 120), tmp_path)


def test_modules_and_packages_shadow_but_plain_folders_do_not(tmp_path):
    for name in (
        "module.py",
        "native.cpython-311-x86_64-linux-gnu.so",
        "text.txt",
        "package/__init__.py",
        "plain/x.py",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = top_level_names([str(tmp_path), "/no/such/folder"])
    assert {"module", "package"} <= names
    assert not {"plain", "text"} & names

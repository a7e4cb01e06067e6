"""The variables of attempts, and names and places that must fit where they go."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyte_sandbox.runner import AttemptSpec
from flyte_sandbox.runner.environment import attempt_environment, attempt_mark, base_environment
from flyte_sandbox.runner.template import short_paths
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


@pytest.mark.parametrize(
    ("files", "given", "expected"),
    [
        (None, "/a:/root", "/a:/attempts/k/work/cwd"),
        (None, "/root/project:/rootless", "/root/project:/rootless"),
        (Path("/image/files"), "/root/src:/b", "/attempts/k/work/cwd/src:/b"),
    ],
)
def test_the_current_folder_stands_for_roots_home_in_an_image(files, given, expected):
    spec = AttemptSpec("k", Path("/attempts/k"), ("x",), {"PYTHONPATH": given}, files=files)
    assert attempt_environment(spec, BASE, None)["PYTHONPATH"] == expected


def test_a_uid_of_its_own_has_short_names_of_its_own():
    long = AttemptSpec("k", Path("/attempts") / ("k" * 100), ("x",))
    env = attempt_environment(long, BASE, None, uid=61000)
    assert Path(env["TMPDIR"]).parent.name == "flyte-sandbox-61000"


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


def test_a_short_path_is_used_as_it_is():
    assert short_paths.socket_path("/t", "name") == "/t/socket"
    assert short_paths.temporary_path("/t", "name") == "/t"


@pytest.mark.parametrize("make_path", [short_paths.socket_path, short_paths.temporary_path])
def test_a_long_path_gets_a_short_name_in_a_folder_of_ones_own(make_path):
    path = make_path("/state/" + "x" * 120, "name")
    assert path == f"{short_paths.root()}/name"
    assert len(path) <= short_paths.LONGEST_SOCKET


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(short_paths, "root", lambda: str(tmp_path / "root"))
    return tmp_path / "root"


def test_a_short_name_leads_to_the_folder_until_it_is_removed(root, tmp_path):
    for _ in range(2):
        short_paths.make_link(str(root / "name"), str(tmp_path))
    assert (root / "name").resolve() == tmp_path
    assert root.stat().st_mode & 0o777 == 0o700
    for _ in range(2):
        short_paths.remove_link(str(root / "name"))
    assert list(root.iterdir()) == []


def test_a_folder_without_another_name_is_left_alone(root, tmp_path):
    short_paths.make_link(str(tmp_path), str(tmp_path))
    short_paths.remove_link(str(tmp_path))
    assert tmp_path.is_dir()
    assert not root.exists()


def test_a_private_folder_that_others_may_enter_is_refused(root):
    root.mkdir(mode=0o755)
    with pytest.raises(PermissionError, match="mode 0700"):
        short_paths.make_root()


def test_a_private_folder_that_is_a_link_is_refused(root, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    root.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError, match="must be a folder of yours"):
        short_paths.make_root()


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

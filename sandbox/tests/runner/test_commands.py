"""Which command lines are flytekit's own, and how its code is put in place."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from flyte_sandbox.runner.template import commands

INNER = ["pyflyte-execute", "--inputs", "i", "--resolver", "r", "--", "task-module", "m"]


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("pyflyte-execute", "pyflyte-execute"),
        ("/env/bin/pyflyte-execute", "pyflyte-execute"),
        ("/other/bin/pyflyte-execute", ""),
        ("./pyflyte-execute", ""),
        ("python", "python"),
    ],
)
def test_only_the_environments_own_scripts_are_recognised(command, name):
    assert commands.entrypoint_name([command, "--x"], "/env/bin") == name


@pytest.mark.parametrize(
    ("options", "distribution", "destination"),
    [
        (["--additional-distribution", "/d/x.tar.gz", "--dest-dir", "/root"], "/d/x.tar.gz", "/root"),
        (["--additional-distribution=/d/x.tar.gz", "--dest-dir=."], "/d/x.tar.gz", "."),
        (["--additional-distribution", "/d/x.tar.gz"], "/d/x.tar.gz", "."),
        ([], None, "."),
    ],
)
def test_fast_commands_are_taken_apart(options, distribution, destination):
    fast = commands.parse_fast(["pyflyte-fast-execute", *options, "--", *INNER], "/env/bin")
    assert fast == commands.FastCommand(distribution, destination, INNER)


@pytest.mark.parametrize(
    "argv",
    [
        ["pyflyte-execute", "--", "x"],
        ["pyflyte-fast-execute", "--additional-distribution", "s3://bucket/x.tar.gz", "--", "x"],
        ["pyflyte-fast-execute", "--additional-distribution", "/d/x.tar.gz"],
        ["pyflyte-fast-execute", "--additional-distribution", "/d/x.tar.gz", "--"],
        ["pyflyte-fast-execute", "--dest-dir", "--", "x"],
        ["pyflyte-fast-execute", "--unknown", "y", "--", "x"],
    ],
)
def test_what_is_no_plain_fast_command_is_left_to_flytekit(argv):
    assert commands.parse_fast(argv, "/env/bin") is None


@pytest.fixture
def cwd(tmp_path, monkeypatch):
    folder = tmp_path / "cwd"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return folder


@pytest.fixture
def archive(tmp_path):
    (tmp_path / "m.py").write_text("x = 1")
    path = tmp_path / "code.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(tmp_path / "m.py", "m.py")
    return str(path)


@pytest.mark.parametrize("destination", [".", "/root", "~", "..", "./."])
def test_code_never_goes_anywhere_but_into_the_current_folder(cwd, archive, destination, monkeypatch):
    fast = commands.FastCommand(archive, destination, INNER)
    assert commands.put_code_in_place(fast) == [
        *("pyflyte-execute", "--inputs", "i", "--dynamic-addl-distro", archive),
        *("--dynamic-dest-dir", destination, "--resolver", "r", "--", "task-module", "m"),
    ]
    assert (cwd / "m.py").read_text() == "x = 1"
    assert commands.os.environ["PYTHONPATH"] == str(cwd)


def test_a_folder_inside_the_current_one_is_honoured(cwd, archive):
    (cwd / "sub").mkdir()
    commands.put_code_in_place(commands.FastCommand(archive, "sub", INNER))
    assert (cwd / "sub/m.py").exists()
    assert commands.os.environ["PYTHONPATH"] == str(cwd / "sub")


def test_code_comes_after_the_tasks_own_pythonpath(cwd, archive, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/first")
    commands.put_code_in_place(commands.FastCommand(archive, ".", INNER))
    assert commands.os.environ["PYTHONPATH"] == f"/first:{cwd}"


def test_a_notebooks_pickle_is_left_as_it_is(cwd, tmp_path):
    (tmp_path / "pkl.gz").write_bytes(b"pickle")
    commands.put_code_in_place(commands.FastCommand(str(tmp_path / "pkl.gz"), ".", INNER))
    assert (cwd / "pkl.gz").read_bytes() == b"pickle"


@pytest.mark.parametrize(
    ("name", "destination", "message"),
    [
        ("absent.tar.gz", ".", "task execution code was not found"),
        ("code.zip", ".", "Unrecognized additional distribution format"),
        ("broken.tar.gz", ".", "cannot unpack"),
        ("broken.tar.gz", "no/such/folder", "is not a directory"),
    ],
)
def test_code_that_cannot_be_put_in_place_says_why(cwd, tmp_path: Path, name, destination, message):
    (tmp_path / "broken.tar.gz").write_bytes(b"broken")
    with pytest.raises(commands.CodeError, match=message):
        commands.put_code_in_place(commands.FastCommand(str(tmp_path / name), destination, INNER))


def test_a_command_without_code_only_gets_the_path(cwd):
    assert commands.put_code_in_place(commands.FastCommand(None, ".", INNER)) == INNER
    assert commands.os.environ["PYTHONPATH"] == str(cwd)

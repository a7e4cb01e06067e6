"""The state folder knows whose it is, and is removed only when it is certainly ours."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from airflyte.errors import AirflyteError
from airflyte.state import FORMAT, StateFolder, socket_problem


@pytest.fixture
def folder(checkout: Path) -> StateFolder:
    return StateFolder(checkout / ".airflyte")


def change(folder: StateFolder, **values: object) -> None:
    record = json.loads(folder.stack_json.read_text())
    folder.stack_json.write_text(json.dumps({**record, **values}))


def test_a_stack_keeps_its_id(folder: StateFolder) -> None:
    first = folder.prepare()
    assert folder.prepare().stack_id == first.stack_id == folder.stack_id
    assert stat.S_IMODE(folder.stack_json.stat().st_mode) == 0o600


def test_two_stacks_have_different_ids(tmp_path: Path) -> None:
    assert StateFolder(tmp_path / "a").prepare().stack_id != StateFolder(tmp_path / "b").prepare().stack_id


def test_there_is_no_id_before_the_first_up(folder: StateFolder) -> None:
    assert folder.read() is None
    with pytest.raises(AirflyteError, match="type make up"):
        _ = folder.stack_id


def test_a_moved_stack_keeps_its_id_so_that_its_processes_are_found(tmp_path: Path) -> None:
    before = StateFolder(tmp_path / "before").prepare()
    shutil.move(tmp_path / "before", tmp_path / "after")
    after = StateFolder(tmp_path / "after").prepare()
    assert after.stack_id == before.stack_id
    assert after.path == str(tmp_path / "after")


def test_a_copied_stack_gets_an_id_of_its_own(tmp_path: Path) -> None:
    original = StateFolder(tmp_path / "original").prepare()
    shutil.copytree(tmp_path / "original", tmp_path / "copy")
    assert StateFolder(tmp_path / "copy").prepare().stack_id != original.stack_id
    assert StateFolder(tmp_path / "original").prepare().stack_id == original.stack_id


def test_a_copy_whose_original_was_reset_still_is_one_stack(tmp_path: Path) -> None:
    original = StateFolder(tmp_path / "original").prepare()
    shutil.copytree(tmp_path / "original", tmp_path / "copy")
    StateFolder(tmp_path / "original").remove()
    StateFolder(tmp_path / "original").prepare()
    assert StateFolder(tmp_path / "copy").prepare().stack_id == original.stack_id


def test_another_owners_stack_is_refused(folder: StateFolder) -> None:
    folder.prepare()
    change(folder, uid=os.getuid() + 1)
    with pytest.raises(AirflyteError, match=rf"belongs to uid {os.getuid() + 1} .* clone the repository"):
        folder.prepare()


def test_a_newer_versions_state_is_refused_with_its_version(folder: StateFolder) -> None:
    folder.prepare()
    change(folder, format=FORMAT + 1, versions={"airflyte": "9.9.9"}, something_new=1)
    with pytest.raises(AirflyteError, match=r"newer airflyte \(9\.9\.9, .* git pull"):
        folder.prepare()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"stack_id": 1', "null"])
def test_a_damaged_record_is_refused(content: str, folder: StateFolder) -> None:
    folder.prepare()
    folder.stack_json.write_text(content)
    with pytest.raises(AirflyteError, match="is damaged"):
        folder.prepare()


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_refused(folder: StateFolder) -> None:
    folder.prepare()
    folder.path.chmod(0o500)
    with pytest.raises(AirflyteError, match=r"chmod u\+rwx"):
        folder.prepare()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused_even_without_a_record(folder: StateFolder) -> None:
    folder.path.mkdir()
    os.chown(folder.path, 12345, -1)
    with pytest.raises(AirflyteError, match="belongs to uid 12345"):
        folder.prepare()


def test_sockets_are_tried_however_long_the_path_is(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    assert socket_problem(deep) is None
    assert list(deep.iterdir()) == []


def test_a_file_system_without_sockets_is_noticed() -> None:
    assert socket_problem(Path("/proc/self")) is not None


def test_remove_takes_everything_and_follows_no_link(folder: StateFolder, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep")
    folder.prepare()
    (folder.path / "link").symlink_to(precious)
    (folder.path / "sub").mkdir()
    (folder.path / "sub" / "link").symlink_to(precious / "file")
    folder.remove()
    assert not folder.path.exists()
    assert (precious / "file").read_text() == "keep"


def test_remove_refuses_a_folder_without_our_record(folder: StateFolder) -> None:
    folder.path.mkdir()
    (folder.path / "file").write_text("somebody's")
    with pytest.raises(AirflyteError, match=r"no stack\.json of ours; nothing was removed"):
        folder.remove()
    assert (folder.path / "file").exists()


def test_remove_refuses_a_link_to_another_stack(folder: StateFolder, tmp_path: Path) -> None:
    other = StateFolder(tmp_path / "other")
    other.prepare()
    folder.path.symlink_to(other.path)
    with pytest.raises(AirflyteError, match="is a link; nothing was removed"):
        folder.remove()
    assert other.stack_json.exists()


def test_remove_refuses_another_owners_stack(folder: StateFolder) -> None:
    folder.prepare()
    change(folder, uid=os.getuid() + 1)
    with pytest.raises(AirflyteError, match="belongs to uid"):
        folder.remove()
    assert folder.stack_json.exists()


def test_removing_nothing_is_no_error(folder: StateFolder) -> None:
    folder.remove()

"""The files that decide who runs an attempt and tell how it ended."""

from __future__ import annotations

import pytest

from flyte_sandbox.runner.template import records


@pytest.mark.parametrize("is_synced", [True, False])
def test_an_end_is_read_as_it_was_written(tmp_path, is_synced):
    records.write_exit(str(tmp_path), {"code": 7}, is_synced)
    records.sync_exit(str(tmp_path))
    assert records.read_exit(str(tmp_path)) == {"code": 7}
    assert [path.name for path in tmp_path.iterdir()] == ["exit.json"]


def test_an_end_that_has_gone_needs_no_syncing(tmp_path):
    records.sync_exit(str(tmp_path))
    records.sync_exit(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("left", ["", '{"code": ', "[]"])
def test_what_a_loss_of_power_left_counts_as_not_there(tmp_path, left):
    (tmp_path / records.EXIT).write_text(left)
    (tmp_path / records.CLAIM).write_text(left)
    assert records.read_exit(str(tmp_path)) is None
    assert records.read_claim(str(tmp_path)) is None

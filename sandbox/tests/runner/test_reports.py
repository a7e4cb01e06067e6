"""What a task may have put in the place of its report does not harm the template that reads it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flyte_sandbox.runner.template import reports
from flyte_sandbox.runner.template.job import Job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "work").mkdir()
    return Job("k", str(tmp_path), [], {}, "")


def test_what_was_written_is_read(job):
    reports.write(job, ["a.b", "c"])
    assert reports.read(job) == ["a.b", "c"]


def test_most_attempts_have_nothing_to_report(job):
    assert reports.read(job) == []


@pytest.mark.parametrize("text", ["", "{", "null", "7", '{"a": 1}', "[" * 100_000, "\xff"])
def test_garbage_is_nothing(job, text):
    Path(job.work, "modules.json").write_text(text, encoding="latin-1")
    assert reports.read(job) == []


def test_only_names_count(job):
    Path(job.work, "modules.json").write_text('["a", 1, null, ["b"]]')
    assert reports.read(job) == ["a"]


def test_neither_links_nor_pipes_are_followed(job, tmp_path):
    (tmp_path / "elsewhere").write_text('["a"]')
    os.symlink(tmp_path / "elsewhere", Path(job.work, "modules.json"))
    assert reports.read(job) == []
    os.unlink(Path(job.work, "modules.json"))
    os.mkfifo(Path(job.work, "modules.json"))
    assert reports.read(job) == []


def test_a_work_folder_that_is_gone_keeps_nothing_from_ending(job):
    os.rmdir(job.work)
    reports.write(job, ["a"])
    assert reports.read(job) == []

"""``logs`` finds logs by name, shows their end, and follows them over a rotation."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflyte.errors import AirflyteError
from airflyte.verbs.logs import Log, choose


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("airflow-scheduler", "airflow-triggerer", "flyte", "s3"):
        (tmp_path / f"{name}.log").write_text(f"{name} says hello\n")
    return tmp_path


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def test_a_name_its_beginning_or_nothing_choose_logs(folder: Path) -> None:
    assert names(choose(folder, "flyte")) == ["flyte.log"]
    assert names(choose(folder, "airflow")) == ["airflow-scheduler.log", "airflow-triggerer.log"]
    assert len(choose(folder, None)) == 4


def test_an_unknown_name_gets_the_list(folder: Path) -> None:
    with pytest.raises(AirflyteError, match="no log of 'kafka'; there are airflow-scheduler, "):
        choose(folder, "kafka")


def test_without_a_stack_there_are_no_logs(tmp_path: Path) -> None:
    with pytest.raises(AirflyteError, match="type make up"):
        choose(tmp_path / "logs", None)


def test_the_last_lines_come_first_and_then_only_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "flyte.log"
    path.write_text("one\ntwo\nthree\nfo")
    log = Log(path, is_named=False)
    assert list(log.last(2)) == ["two\n", "three\n"]
    with path.open("a") as file:
        file.write("ur\nfive\n")
    assert list(log.new()) == ["four\n", "five\n"]
    assert list(log.new()) == []


def test_following_goes_on_after_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "flyte.log"
    path.write_text("old\n")
    log = Log(path, is_named=True)
    assert [line.split("|")[1] for line in log.last(5)] == [" old\n"]
    path.rename(tmp_path / "flyte.log.1")
    assert list(log.new()) == []
    path.write_text("new\n")
    assert list(log.new()) == ["flyte                  | new\n"]


def test_a_line_that_is_no_text_is_shown_with_marks(tmp_path: Path) -> None:
    path = tmp_path / "flyte.log"
    path.write_bytes(b"caf\xe9\n")
    assert list(Log(path, is_named=False).last(1)) == ["caf\N{REPLACEMENT CHARACTER}\n"]

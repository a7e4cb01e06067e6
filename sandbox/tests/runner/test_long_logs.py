"""A log that gets too long keeps its beginning and its end, and says what is missing."""

from __future__ import annotations

import os

from flyte_sandbox.runner.template import long_logs

MIB = 1 << 20


def test_a_short_one_is_left_alone(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"x" * 100)
    long_logs.cut(str(log), most_bytes=100)
    assert log.read_bytes() == b"x" * 100


def test_the_middle_of_a_long_one_goes(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"a" * MIB + b"b" * (40 * MIB) + b"c" * (8 * MIB))
    long_logs.cut(str(log), most_bytes=20 * MIB)
    assert log.read_bytes() == b"a" * MIB + long_logs.NOTE + b"c" * (8 * MIB)


def test_who_writes_need_not_know(tmp_path):
    log = tmp_path / "log"
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, b"x" * (21 * MIB))
    long_logs.cut(str(log), most_bytes=20 * MIB)
    os.write(descriptor, b"more\n")
    os.close(descriptor)
    text = log.read_bytes()
    assert text.endswith(b"xxxmore\n")
    assert len(text) < 10 * MIB
    assert b"\0" not in text


def test_again_and_again(tmp_path):
    log = tmp_path / "log"
    for _ in range(5):
        with log.open("ab") as file:
            file.write(b"y" * (21 * MIB))
        long_logs.cut(str(log), most_bytes=20 * MIB)
    assert log.stat().st_size < 10 * MIB
    assert log.read_bytes().count(long_logs.NOTE) == 1


def test_neither_a_missing_one_nor_a_link_matters(tmp_path):
    long_logs.cut(str(tmp_path / "log"))
    (tmp_path / "other").write_bytes(b"z" * 100)
    (tmp_path / "log").symlink_to(tmp_path / "other")
    long_logs.cut(str(tmp_path / "log"), most_bytes=10)
    assert (tmp_path / "other").stat().st_size == 100

"""A log is readable while it is being written, wherever one has read to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from flyte_sandbox.web.pages import logs as module
from flyte_sandbox.web.pages.logs import read_piece, read_tail

LOG = "/console/logs/flytesnacks/development/arunning4kx/n1/0"
ENDED = "/console/logs/flytesnacks/development/alxq8c2vdrtkp9w4mz7s/n1/0"


@pytest.fixture
def log(examples: Any, logs: Any, tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_text("one\n")
    logs.paths[("arunning4kx", "n1", 0)] = logs.paths[("alxq8c2vdrtkp9w4mz7s", "n1", 0)] = path
    return path


async def test_the_page_shows_the_text_and_where_it_goes_on(client: httpx.AsyncClient, log: Path) -> None:
    text = (await client.get(LOG)).text
    assert 'data-cursor="4" data-follow>one\n</pre>' in text
    assert "data-follow" not in (await client.get(ENDED)).text


async def test_an_ended_attempt_without_a_word_says_so(client: httpx.AsyncClient, log: Path) -> None:
    said = "this attempt has written nothing"
    assert said not in (await client.get(ENDED)).text
    log.write_text("")  # noqa: ASYNC240
    assert said in (await client.get(ENDED)).text
    assert said not in (await client.get(LOG)).text, "it runs and may still write"


async def test_a_cursor_reads_on(client: httpx.AsyncClient, log: Path) -> None:
    with log.open("a") as file:
        file.write("two <b>\n")
    answer = await client.get(f"{LOG}?cursor=4")
    assert answer.text == "two <b>\n"
    assert answer.headers["content-type"].startswith("text/plain")
    assert (answer.headers["x-log-cursor"], answer.headers["x-log-live"]) == ("12", "1")
    answer = await client.get(f"{ENDED}?cursor=12")
    assert (answer.text, answer.headers["x-log-live"]) == ("", "0")


async def test_the_log_of_an_element_is_followed_while_its_run_goes_on(
    client: httpx.AsyncClient, log: Path, logs: Any
) -> None:
    for run, is_live in (("arunning4kx", True), ("ffailed7bzkq2n9", False)):
        logs.paths[(run, "n1-n0-2", 0)] = log
        text = (await client.get(f"/console/logs/flytesnacks/development/{run}/n1-n0-2/0")).text
        assert ("data-follow" in text) is is_live
        assert "<span>n1-n0-2</span>" in text


async def test_the_whole_file_comes_as_it_is(client: httpx.AsyncClient, log: Path) -> None:
    log.write_bytes(b"\x1b[31mred\x1b[0m \xff\n")  # noqa: ASYNC240
    assert (await client.get(f"{LOG}?raw=1")).content == b"\x1b[31mred\x1b[0m \xff\n"
    assert "<b>" not in (await client.get(LOG)).text


async def test_what_a_task_prints_is_never_markup(client: httpx.AsyncClient, log: Path) -> None:
    """Neither on the page nor as a file, which a browser might take for a page of ours."""
    log.write_text("</pre><script>alert(1)</script>\n")  # noqa: ASYNC240
    page = (await client.get(LOG)).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    for query in ("?raw=1", "?cursor=0"):
        answer = await client.get(LOG + query)
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.headers["x-content-type-options"] == "nosniff"
        policy = answer.headers["content-security-policy"]
        assert "sandbox" in policy
        assert "allow-same-origin" not in policy


@pytest.mark.parametrize("cursor", ["x", "-1", ""])
async def test_a_cursor_that_is_none_is_refused(client: httpx.AsyncClient, log: Path, cursor: str) -> None:
    assert (await client.get(f"{LOG}?cursor={cursor}")).status_code == 400


async def test_a_log_that_went_is_not_found(client: httpx.AsyncClient, log: Path) -> None:
    log.unlink()  # noqa: ASYNC240
    for query in ("", "?cursor=0", "?raw=1"):
        assert (await client.get(LOG + query)).status_code == 404


def test_colours_and_titles_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\x1b[1;32mINFO\x1b[0m \x1b]0;title\x07done\x1b[2K\n")
    assert read_piece(path, 0).text == "INFO done\n"


def test_a_letter_is_not_torn(tmp_path: Path) -> None:
    path = tmp_path / "log"
    whole = "grün".encode()
    path.write_bytes(whole[:3])
    first = read_piece(path, 0)
    path.write_bytes(whole)
    assert first.text + read_piece(path, first.cursor).text == "grün"


def test_who_has_read_further_than_the_file_is_now_gets_its_end(tmp_path: Path) -> None:
    """A log that gets too long loses its middle while it is followed."""
    path = tmp_path / "log"
    path.write_text("begin\n[left out]\nend\n")
    piece = read_piece(path, 10_000)
    assert (piece.text, piece.cursor) == ("begin\n[left out]\nend\n", path.stat().st_size)


def test_a_long_log_is_read_in_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PIECE_BYTES", 10)
    path = tmp_path / "log"
    path.write_text("12345\n12345\n12345\n")
    pieces, cursor = [], 0
    while piece := read_piece(path, cursor):
        if not piece.text:
            break
        pieces.append(piece.text)
        cursor = piece.cursor
    assert pieces == ["12345\n"] * 3
    tail = read_tail(path)
    assert (tail.text, tail.cursor, tail.is_cut) == ("12345\n", 18, True)

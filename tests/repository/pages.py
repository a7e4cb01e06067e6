"""Reads Markdown as far as the tests need it: code, links and headings of a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from .tree import files

_FENCE = re.compile(r"^ *```(?P<language>\w*)\n(?P<code>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^(?: {4}.*\n)+", re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_SHELL = ("", "sh", "bash", "shell", "console")


def pages() -> tuple[Path, ...]:
    return files(".md")


def shell_lines(page: Path) -> Iterator[str]:
    """What a page shows to be typed: lines of its code blocks, and code within sentences."""
    text = page.read_text(encoding="utf-8")
    for block in _FENCE.finditer(text):
        if block["language"] in _SHELL:
            yield from block["code"].splitlines()
    rest = _FENCE.sub("", text)
    for indented in _INDENTED.finditer(rest):
        yield from indented[0].splitlines()
    yield from _SPAN.findall(rest)


def links(page: Path) -> list[str]:
    """The targets of a page's links, as they are written."""
    text = _SPAN.sub("", _FENCE.sub("", page.read_text(encoding="utf-8")))
    return _LINK.findall(text)


def anchors(page: Path) -> set[str]:
    """What a link may name behind ``#``, made from headings as GitHub makes it."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")
        for heading in _HEADING.findall(text)
    }

"""Every link of every page leads to a file, and every page of the documentation is linked."""

from __future__ import annotations

import re
from pathlib import Path

from .pages import anchors, links, pages
from .tree import CHECKOUT, name

DOCS = CHECKOUT / "docs"
RESULTS = DOCS / "proof"  # of test-all, read by date
PARTS = ["## Context", "## Decision", "## Consequences"]


def test_every_link_leads_somewhere() -> None:
    found = [(page, link) for page in pages() for link in links(page)]
    assert [f"{name(page)}: {link}" for page, link in found if not _leads_somewhere(page, link)] == []


def _leads_somewhere(page: Path, link: str) -> bool:
    if "://" in link or link.startswith("mailto:"):
        return True
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not anchor or anchor in anchors(target))


def test_every_page_of_the_documentation_can_be_reached_from_its_index() -> None:
    reached, waiting = set(), [DOCS / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links(page)]
    wanted = {page for page in pages() if DOCS in page.parents and RESULTS not in page.parents}
    assert [name(page) for page in sorted(wanted - reached)] == []


def test_every_decision_has_its_parts() -> None:
    decisions = sorted((DOCS / "adr").glob("0*.md"))
    assert [int(page.name[:4]) for page in decisions] == list(range(1, len(decisions) + 1))
    for page in decisions:
        lines = page.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith(f"# {int(page.name[:4])}. "), page.name
        assert re.match(r"\d{4}-\d\d-\d\d · ", lines[2]), f"{page.name}: the third line begins with the date"
        assert [line for line in lines if line.startswith("## ")] == PARTS, page.name

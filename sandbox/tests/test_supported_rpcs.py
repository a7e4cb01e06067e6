"""The page of calls is the one that the code prints, and leaves none out."""

from __future__ import annotations

from pathlib import Path

from flyte_sandbox.supported_rpcs import page
from flyte_sandbox.web.routes import SERVICES, Routes

PAGE = Path(__file__).parents[2] / "docs" / "supported-rpcs.md"
HOW = "type: python -m flyte_sandbox.supported_rpcs > docs/supported-rpcs.md"


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), HOW


def test_every_call_and_every_address_is_on_it() -> None:
    text = page()
    for service in SERVICES:
        for method in service.methods:
            assert f"| `{method.name}` |" in text
    for route in Routes():
        assert f"`{route.verb} /{'/'.join(route.segments)}`" in text

"""A stack id of its own for each test, whose processes are all ended afterwards, whatever the test did."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from airflyte.processes import marks


@pytest.fixture
def stack_id() -> Iterator[str]:
    stack_id = f"test-{secrets.token_hex(8)}"
    yield stack_id
    marks.end_marked(stack_id, grace_seconds=0)

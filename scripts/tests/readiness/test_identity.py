"""An answer counts only when it comes from a process with the mark that is younger than the start."""

from __future__ import annotations

import time

import pytest

from airflyte.readiness import identity

from .conftest import Listen


def test_a_marked_process_that_is_younger_than_the_start_is_believed(stack_id: str, listen: Listen) -> None:
    started_at = time.time()
    identity.check("flyte", listen(stack_id), stack_id, started_at)


def test_a_process_of_another_stack_is_not_believed(stack_id: str, listen: Listen) -> None:
    port = listen("another-stack")
    with pytest.raises(ConnectionError, match=rf"(?s)port {port} is held by pid \d+ .*not of this stack"):
        identity.check("flyte", port, stack_id, time.time())


def test_a_process_from_before_the_start_is_not_believed(stack_id: str, listen: Listen) -> None:
    port = listen(stack_id)
    with pytest.raises(ConnectionError, match="was there before this start"):
        identity.check("flyte", port, stack_id, time.time() + 3600)


def test_a_port_that_nobody_has_is_not_believed(stack_id: str) -> None:
    with pytest.raises(ConnectionError, match="nobody listens on port 1"):
        identity.check("flyte", 1, stack_id, time.time())

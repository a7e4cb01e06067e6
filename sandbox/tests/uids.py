"""Whether tasks can have a uid of their own where the tests run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from flyte_sandbox.runner import TaskUsers


def need_a_uid_for_tasks() -> None:
    """Skips for anyone but root, and for root's own interpreter, which no other user can run."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can give tasks another uid")
    if reason := TaskUsers(None, []).of("default", Path(sys.executable)).reason:
        pytest.skip(reason)

"""A Flyte of a test's own with workflows of this repository, for tests that only talk to its port."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ..gates.environments import CHECKOUT, plain_environ

SYSTEM_TESTS_LAUNCH = ("basics/hello_world.py", "basics/waiting.py")


@contextmanager
def running(folder: Path, *modules: str) -> Iterator[Any]:
    """Run an embedded Flyte in this process; skip where it is not installed.

    :param folder: an empty one
    :param modules: what to register in version ``v1``, as in ``basics/hello_world.py``
    """
    testing = pytest.importorskip("flyte_sandbox.testing")
    with testing.running_sandbox(folder) as sandbox:
        pyflyte = Path(sys.executable).with_name("pyflyte")
        words = ["register", "--project", "flytesnacks", "--domain", "development", "--version", "v1"]
        subprocess.run(
            [pyflyte, *words, *modules],
            cwd=CHECKOUT / "workflows",
            env=plain_environ(**testing.client_env(sandbox)),
            check=True,
            timeout=120,
        )
        yield sandbox


def connection(sandbox: Any) -> dict[str, Any]:
    """Return the Airflow connection to it."""
    extra = {"project": "flytesnacks", "domain": "development"}
    return {"conn_type": "flyte", "host": f"http://{sandbox.endpoint}", "extra": extra}

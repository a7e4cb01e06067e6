"""What makes an Airflow of :mod:`.airflow` one with CeleryExecutor: a Redis of its own and a worker."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .airflow import COMPONENTS, wait_until

# After these seconds Redis hands out again what a vanished worker had taken.
_VISIBILITY_TIMEOUT = 10


def components(concurrency: int) -> dict[str, list[str]]:
    """Return Airflow's components with a worker that runs so many tasks at a time."""
    worker = ["celery", "worker", "--skip-serve-logs", "--without-mingle", "--without-gossip"]
    return COMPONENTS | {"worker": [*worker, "--concurrency", str(concurrency)]}


def environ(broker: str) -> dict[str, str]:
    """Return the environment of all components."""
    return {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CELERY__BROKER_URL": broker,
        "AIRFLOW__CELERY__RESULT_BACKEND": broker,
        "AIRFLOW__CELERY__SYNC_PARALLELISM": "1",
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": str(_VISIBILITY_TIMEOUT),
    }


@contextmanager
def running_redis() -> Iterator[str]:
    """Run redis-server on a socket in a folder of its own; yield its address for Celery.

    The test is skipped where the program or Airflow's Celery provider is missing.
    """
    pytest.importorskip("airflow.providers.celery", reason="apache-airflow-providers-celery is not installed")
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is missing; sudo apt-get install -y redis-server")
    # Not pytest's folder: a socket's path may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        path = Path(folder) / "redis.sock"
        words = ["--port", "0", "--unixsocket", str(path), "--dir", folder, "--save", ""]
        process = subprocess.Popen([program, *words], stdout=subprocess.DEVNULL)
        try:
            wait_until(path.exists, 30, "redis-server")
            yield f"redis+socket://{path}"
        finally:
            process.kill()
            process.wait(30)

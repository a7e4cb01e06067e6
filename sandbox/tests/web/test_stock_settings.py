"""What was made for the real sandbox works as it is: its ports, its keys, its bucket, its configuration file.

These ports cannot be chosen; where something else holds one of them, there is nothing to try.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

GRPC_PORT, S3_PORT = 30080, 30002
BUCKET = "my-s3-bucket"

CONFIG_SANDBOX = """
admin:
  # For GRPC endpoints you might want to use dns:///flyte.myexample.com
  endpoint: localhost:30080
  authType: Pkce
  insecure: true
console:
  endpoint: http://localhost:30080
logger:
  show-source: true
  level: 0
"""
"""``~/.flyte/config-sandbox.yaml``, as ``flytectl demo start`` writes it."""

WORKFLOW = """
from flytekit import task, workflow
from flytekit.types.file import FlyteFile

@task
def shout(source: FlyteFile) -> FlyteFile:
    with open(source) as file, open("loud.txt", "w") as loud:
        loud.write(file.read().upper())
    return FlyteFile("loud.txt")

@task
def size(loud: FlyteFile) -> int:
    with open(loud) as file:
        return len(file.read())

@workflow
def loud(source: FlyteFile) -> int:
    return size(loud=shout(source=source))
"""


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A user's home with the configuration in it, beside a sandbox on the stock ports."""
    for port in (GRPC_PORT, S3_PORT):
        if not _is_free(port):
            pytest.skip(f"port {port} is taken, and the stock settings know no other")
    home: Path = tmp_path_factory.mktemp("home")
    (home / ".flyte").mkdir()
    (home / ".flyte" / "config-sandbox.yaml").write_text(CONFIG_SANDBOX)
    (home / "loud.py").write_text(textwrap.dedent(WORKFLOW))
    _sandbox(home, "up", "--python", sys.executable)
    yield home
    _sandbox(home, "down")


def _sandbox(home: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "flyte_sandbox", *arguments]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    client = boto3.client(
        "s3",
        endpoint_url=f"http://localhost:{S3_PORT}",
        aws_access_key_id="minio",
        aws_secret_access_key="miniostorage",
        region_name="us-east-1",
    )
    yield client
    client.close()


def _pyflyte(home: Path, *arguments: str, **env: str) -> str:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
    command = [Path(sys.executable).parent / "pyflyte", *arguments]
    environment = {**kept, "HOME": str(home), **env}
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("way", ["variable", "option", "no configuration at all"])
def test_pyflyte_runs_with_the_stock_configuration(home: Path, s3: Any, way: str) -> None:
    key = f"from-outside/{way.replace(' ', '-')}.txt"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"quiet words")
    config = str(home / ".flyte" / "config-sandbox.yaml")
    first = ["-c", config] if way == "option" else []
    env = {"FLYTECTL_CONFIG": config} if way == "variable" else {}
    before = _keys(s3)
    run = ["run", "--remote", "--wait", "loud.py", "loud", "--source", f"s3://{BUCKET}/{key}"]
    said = _pyflyte(home, *first, *run, **env)
    assert (
        f"http://localhost:{GRPC_PORT}/console/projects/flytesnacks/domains/development/executions/" in said
    )
    made = _keys(s3) - before
    assert any(key.endswith("outputs.pb") for key in made)
    texts = [s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in made if key.endswith("loud.txt")]
    assert texts == [b"QUIET WORDS"]


def _keys(s3: Any) -> set[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return {found["Key"] for page in pages for found in page.get("Contents", [])}

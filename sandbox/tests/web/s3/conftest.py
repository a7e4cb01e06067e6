"""One S3 endpoint for all tests here, each test with a prefix of its own, and clients for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from flyte_sandbox.web.s3.run import S3Server

BUCKET = "my-s3-bucket"


class Served:
    """:param root: the folder of the buckets.
    :param url: where they are served."""

    def __init__(self, root: Path, port: int) -> None:
        self.root = root
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    @property
    def bucket(self) -> Path:
        return self.root / BUCKET

    def client(self, **settings: Any) -> Any:
        keys = {"aws_access_key_id": "minio", "aws_secret_access_key": "miniostorage"}
        config = settings.pop("config", Config(retries={"max_attempts": 1}))
        return boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", config=config, **{**keys, **settings}
        )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(20)

    root = tmp_path_factory.mktemp("s3 ü") / "buckets"
    server = S3Server(root, "127.0.0.1", 0)
    yield Served(root, run(server.start()))
    run(server.stop())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def s3(served: Served) -> Iterator[Any]:
    """A boto3 client as users make it; the bucket is empty again afterwards."""
    client = served.client()
    yield client
    client.close()
    for found in sorted(served.bucket.rglob("*"), reverse=True):
        found.rmdir() if found.is_dir() and not found.is_symlink() else found.unlink()

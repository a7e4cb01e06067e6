"""How fast the S3 endpoint lists what many executions wrote."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from pathlib import Path

import boto3

from flyte_sandbox.web.s3.run import S3Server

from .figures import Measurement, MeasurementError, spread
from .workshop import Workshop

_BUCKET = "my-s3-bucket"
_EXECUTIONS = 1000
_FILES = ("inputs.pb", "0/outputs.pb", "0/deck.html")
_ROUNDS = 5
_SECONDS = 20.0


def list_(workshop: Workshop) -> Measurement:
    """A recursive list of the outputs of 1,000 executions, all pages, by boto3 over HTTP."""
    root = workshop.new_folder("buckets")
    _fill(root / _BUCKET)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = S3Server(root, "127.0.0.1", 0)
    try:
        port = asyncio.run_coroutine_threadsafe(server.start(), loop).result(_SECONDS)
        seconds = [_list_all(port) for _ in range(_ROUNDS)]
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    workshop.say(f"seconds: {spread(seconds)}")
    return Measurement(statistics.median(seconds))


def _fill(bucket: Path) -> None:
    for number in range(_EXECUTIONS):
        data = bucket / "metadata" / "propeller" / f"flytesnacks-development-a{number:05}" / "n0" / "data"
        (data / "0").mkdir(parents=True)
        for name in _FILES:
            (data / name).write_bytes(b"x")


def _list_all(port: int) -> float:
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="minio",
        aws_secret_access_key="miniostorage",
    )
    started = time.perf_counter()
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=_BUCKET, Prefix="metadata/")
    found = sum(page["KeyCount"] for page in pages)
    taken = time.perf_counter() - started
    client.close()
    if found != _EXECUTIONS * len(_FILES):
        raise MeasurementError(f"{found} objects were listed, not {_EXECUTIONS * len(_FILES)}")
    return taken

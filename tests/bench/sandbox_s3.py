"""How fast the S3 endpoint lists what many executions wrote."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import threading
from pathlib import Path

from flyte_sandbox.web.s3.run import S3Server

from .figures import Measurement, MeasurementError, spread
from .places import MEASURED, interpreter, plain_environment
from .workshop import Workshop

_BUCKET = "my-s3-bucket"
_EXECUTIONS = 1000
_FILES = ("inputs.pb", "0/outputs.pb", "0/deck.html")
_ROUNDS = 5
_SECONDS = 20.0


def list_(workshop: Workshop) -> Measurement:
    """A recursive list of the outputs of 1,000 executions, all pages, by botocore over HTTP."""
    root = workshop.new_folder("buckets")
    _fill(root / _BUCKET)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = S3Server(root, "127.0.0.1", 0)
    try:
        port = asyncio.run_coroutine_threadsafe(server.start(), loop).result(_SECONDS)
        seconds = _list_all(port)
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


def _list_all(port: int) -> list[float]:
    """Seconds of each round, in an interpreter that has a client for S3."""
    arguments = [MEASURED / "list_bucket.py", port, _BUCKET, "metadata/", _ROUNDS]
    command = [str(interpreter("workflows")), *map(str, arguments)]
    done = subprocess.run(command, env=plain_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MeasurementError(f"listing failed: {done.stderr[-500:]}")
    rounds = json.loads(done.stdout)
    if {count for count, _ in rounds} != {_EXECUTIONS * len(_FILES)}:
        raise MeasurementError(f"{rounds[0][0]} objects were listed, not {_EXECUTIONS * len(_FILES)}")
    return [seconds for _, seconds in rounds]

"""The S3 endpoint over a sandbox's buckets, inside the test's own process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from flyte_sandbox.web.s3.run import S3Server

T = TypeVar("T")


class S3Thread:
    """``start`` and ``stop`` once each.

    :param buckets: the folder whose sub-folders are the buckets.
    """

    def __init__(self, buckets: Path) -> None:
        self._server = S3Server(buckets, "127.0.0.1", 0)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="s3", daemon=True)

    def start(self) -> int:
        """:return: the port on which it answers."""
        self._thread.start()
        return self._in_loop(self._server.start())

    def stop(self) -> None:
        self._in_loop(self._server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _in_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

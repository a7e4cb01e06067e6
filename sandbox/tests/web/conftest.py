"""An app whose RPCs are answered by a table, and a browser-less client for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from flyteidl.core import identifier_pb2
from google.protobuf.message import Message

from flyte_sandbox.blobs.signing import Signer
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.clock import ManualClock
from flyte_sandbox.config import SandboxConfig
from flyte_sandbox.errors import Unimplemented
from flyte_sandbox.web.app import create_app

PORT = 30080
BASE = f"http://localhost:{PORT}"


class FakeCall:
    """Answers from ``answers``: a message, an error, or a function of the request. Keeps what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Message | Exception | Callable[[Any], Message]] = {}
        self.asked: list[tuple[str, Message]] = []

    async def __call__(self, name: str, request: Message) -> Message:
        self.asked.append((name.rpartition("/")[2], request))
        answer = self.answers.get(name.rpartition("/")[2])
        if answer is None:
            raise Unimplemented(f"{name} is not there")
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Message) else answer(request)


class FakeLogs:
    """Finds logs in a table by execution name, node and attempt."""

    def __init__(self) -> None:
        self.paths: dict[tuple[str, str, int], Path] = {}

    def __call__(
        self, id: identifier_pb2.WorkflowExecutionIdentifier, node_id: str, attempt: int
    ) -> Path | None:
        return self.paths.get((id.name, node_id, attempt))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "buckets")


@pytest.fixture
def signer(clock: ManualClock) -> Signer:
    return Signer(b"0123456789abcdef", clock)


@pytest.fixture
def call() -> FakeCall:
    return FakeCall()


@pytest.fixture
def logs() -> FakeLogs:
    return FakeLogs()


@pytest.fixture
def config(tmp_path: Path) -> SandboxConfig:
    return SandboxConfig(state=tmp_path, port=PORT)


@pytest.fixture
async def client(
    config: SandboxConfig, call: FakeCall, store: Store, signer: Signer, logs: FakeLogs
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(config, call, store, signer, logs)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        yield client

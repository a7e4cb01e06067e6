"""One sandbox for all of the fuzzing, with something registered and something launched in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from flyteidl.admin import execution_pb2
from google.protobuf.message import Message

from flyte_sandbox.testing import TestSandbox, running_sandbox

from . import corpus
from .strategies import tame

CALL_SECONDS = 20.0
"""What takes longer hangs."""

_WATCHED = {
    **dict.fromkeys(("projects", "tasks", "workflows", "launch_plans"), "max(updated_at)"),
    **dict.fromkeys(("named_entities", "description_entities", "matchable_attributes"), "max(updated_at)"),
    **dict.fromkeys(("executions", "execution_tags", "signals"), "max(id)"),
}
"""Tables that only calls write to, not the engine, and what changes in them with a row."""

_UNTOLD = ("see the server's log", "Traceback", "Exception calling application")


@dataclass(frozen=True)
class Outcome:
    """:param answer: serialised; None when the call was refused."""

    code: grpc.StatusCode
    message: str
    answer: bytes | None


class Calls:
    """Makes calls with bytes as they are, and holds each against the rules."""

    def __init__(self, sandbox: TestSandbox, channel: grpc.Channel) -> None:
        self.sandbox = sandbox
        self._channel = channel
        self._database = sqlite3.connect(sandbox.config.state / "flyte.db", isolation_level=None)

    def ask(self, name: str, request: Message) -> Outcome:
        return self.ask_bytes(name, request.SerializeToString())

    def ask_bytes(self, name: str, request: bytes) -> Outcome:
        method = self._channel.unary_unary(corpus.METHODS[name].name)
        try:
            outcome = Outcome(grpc.StatusCode.OK, "", method(request, timeout=CALL_SECONDS))
        except grpc.RpcError as error:
            outcome = Outcome(error.code(), error.details() or "", None)
        assert outcome.code is not grpc.StatusCode.UNKNOWN, outcome
        assert outcome.code is not grpc.StatusCode.DEADLINE_EXCEEDED, f"{name} hangs"
        assert not any(text in outcome.message for text in _UNTOLD), outcome
        return outcome

    def rows(self) -> dict[str, Any]:
        """What would be another after a write."""
        return {
            table: self._database.execute(f"SELECT count(*), {newest} FROM {table}").fetchone()  # noqa: S608
            for table, newest in _WATCHED.items()
        }

    def close(self) -> None:
        self._database.close()


@pytest.fixture(scope="session")
def calls() -> Iterator[Calls]:
    with (
        running_sandbox(warm=False, first_look_seconds=0.0) as sandbox,
        grpc.insecure_channel(sandbox.endpoint) as channel,
    ):
        calls = Calls(sandbox, channel)
        yield calls
        calls.close()


@pytest.fixture(scope="session")
def registrations(calls: Calls) -> list[tuple[str, Message]]:
    """What has been registered; no task in it runs any code."""
    found = [(name, tame(request)) for name, request in corpus.registrations()]
    for name, request in found:
        outcome = calls.ask(name, request)
        assert outcome.code in (grpc.StatusCode.OK, grpc.StatusCode.ALREADY_EXISTS), (name, outcome)
    return found


@pytest.fixture(scope="session")
def launched(calls: Calls, registrations: list[tuple[str, Message]]) -> None:
    """An execution that has failed, and one that waits at a gate."""
    request: Any = corpus.call("CreateExecution")
    assert calls.ask("CreateExecution", request).code is grpc.StatusCode.OK
    request.name, request.spec.launch_plan.name = corpus.WAITING, corpus.WAITING_PLAN
    request.inputs.Clear()
    request.inputs.literals["number"].scalar.primitive.integer = 3
    outcome = calls.ask("CreateExecution", request)
    assert outcome.code is grpc.StatusCode.OK, outcome
    calls.ask("GetOrCreateSignal", corpus.call("GetOrCreateSignal"))


@pytest.fixture(scope="session")
def end(calls: Calls) -> Callable[[bytes | None], None]:
    """Ends an execution that was launched by chance, given the answer that says so."""

    def end(answer: bytes | None) -> None:
        created = execution_pb2.ExecutionCreateResponse.FromString(answer or b"")
        if created.HasField("id"):
            calls.ask(
                "TerminateExecution", execution_pb2.ExecutionTerminateRequest(id=created.id, cause="fuzz")
            )

    return end

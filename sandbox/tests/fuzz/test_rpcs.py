"""Whatever is sent to an RPC, the answer is one of Flyte's, in time, and a refusal changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from . import corpus
from .conftest import Calls, Outcome
from .strategies import messages, mutated

pytestmark = [pytest.mark.processes, pytest.mark.usefixtures("launched")]

NAMES = sorted(corpus.METHODS)
LAUNCHES = ("CreateExecution", "RelaunchExecution", "RecoverExecution")
REGISTERS = ("CreateTask", "CreateWorkflow", "CreateLaunchPlan")
Check = Callable[[str, Any], Outcome]

_QUIET = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large)


def examples(number: int) -> settings:
    """The same ones each time."""
    return settings(
        max_examples=number, deadline=None, database=None, derandomize=True, suppress_health_check=_QUIET
    )


def deeply(number: int) -> settings:
    """Others each time; a failure prints how to have it again."""
    return settings(
        max_examples=number, deadline=None, database=None, print_blob=True, suppress_health_check=_QUIET
    )


@pytest.fixture
def check(calls: Calls, end: Callable[[bytes | None], None]) -> Check:
    def check(name: str, request: Message | bytes) -> Outcome:
        before = calls.rows()
        sent = request if isinstance(request, bytes) else request.SerializeToString()
        outcome = calls.ask_bytes(name, sent)
        if outcome.code is not grpc.StatusCode.OK:
            assert calls.rows() == before, f"{name} was refused ({outcome.message}) and wrote"
        elif name in LAUNCHES:
            end(outcome.answer)
        return outcome

    return check


def made_up(name: str, number: settings, check: Check) -> None:
    @number
    @given(messages(corpus.METHODS[name].request))
    def each(request: Message) -> None:
        check(name, request)

    each()


def changed(name: str, valid: list[Message], number: settings, check: Check) -> None:
    @number
    @given(st.sampled_from(valid).flatmap(mutated))
    def each(request: Message) -> None:
        check(name, request)

    each()


def garbled(name: str, valid: Message, number: settings, check: Check) -> None:
    data = valid.SerializeToString()

    @number
    @given(st.binary(max_size=40), st.integers(0, len(data)), st.integers(0, 8))
    def each(noise: bytes, start: int, cut: int) -> None:
        check(name, data[:start] + noise + data[start + cut :])

    each()


@pytest.fixture
def valid(request: pytest.FixtureRequest, registrations: list[tuple[str, Message]]) -> list[Message]:
    """Requests for the test's RPC that are answered with OK, or nearly."""
    name = request.getfixturevalue("name")
    if name in REGISTERS:
        return [message for known, message in registrations if known == name]
    return [corpus.call(name)]


@pytest.mark.parametrize("name", NAMES)
def test_any_request_gets_an_answer_of_flytes(name: str, valid: list[Message], check: Check) -> None:
    made_up(name, examples(30), check)
    changed(name, valid, examples(30), check)
    garbled(name, valid[0], examples(8), check)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", NAMES)
def test_any_request_gets_an_answer_of_flytes_in_depth(name: str, valid: list[Message], check: Check) -> None:
    made_up(name, deeply(500), check)
    changed(name, valid, deeply(1000), check)
    garbled(name, valid[0], deeply(200), check)


def test_what_is_valid_is_not_called_invalid(check: Check) -> None:
    """Else the fuzzing would only ever meet the first check of each RPC."""
    for name in NAMES:
        if name not in REGISTERS:
            outcome = check(name, corpus.call(name))
            assert outcome.code is not grpc.StatusCode.INVALID_ARGUMENT, (name, outcome)


@pytest.mark.parametrize("kind", [0, 2, 3, 99])
@pytest.mark.parametrize("target", ["task_node", "workflow_node"])
def test_a_reference_of_another_kind_is_refused(
    check: Check, registrations: list[tuple[str, Message]], target: str, kind: int
) -> None:
    """Found by the fuzzing: the row was looked for in a table of that kind."""
    request: Any = next(
        message
        for name, message in registrations
        if name == "CreateWorkflow" and any(node.HasField(target) for node in message.spec.template.nodes)  # type: ignore[attr-defined]
    )
    copy = type(request)()
    copy.CopyFrom(request)
    copy.id.version = "other"
    for node in copy.spec.template.nodes:
        if node.HasField("task_node"):
            node.task_node.reference_id.resource_type = kind
        elif node.workflow_node.HasField("launchplan_ref"):
            node.workflow_node.launchplan_ref.resource_type = kind
    assert check("CreateWorkflow", copy).code in (
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
    )


@pytest.mark.parametrize("name", ["CreateWorkflowEvent", "CreateNodeEvent", "CreateTaskEvent"])
@pytest.mark.parametrize(("seconds", "nanos"), [(1, -1), (1, 10**9), (-(2**62), 0), (2**62, 0)])
def test_an_event_of_no_time_is_refused(check: Check, name: str, seconds: int, nanos: int) -> None:
    """Found by the fuzzing: it was written down, and the execution's metrics could not be read any more."""
    request: Any = corpus.call(name)
    request.event.occurred_at.seconds, request.event.occurred_at.nanos = seconds, nanos
    assert check(name, request).code is grpc.StatusCode.INVALID_ARGUMENT
    assert check("GetExecutionMetrics", corpus.call("GetExecutionMetrics")).code is grpc.StatusCode.OK

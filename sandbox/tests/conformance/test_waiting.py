"""Gate nodes and signals."""

from __future__ import annotations

import grpc
import pytest
from flyteidl.admin import signal_pb2
from flyteidl.core import identifier_pb2, types_pb2
from flyteidl.core.execution_pb2 import WorkflowExecution
from flyteidl.service.signal_pb2_grpc import SignalServiceStub
from flytekit.remote import FlyteRemote

from ..waiting import eventually
from .index import covers
from .running import launch, run


@covers("node gate signal", "node gate approve", "rpc ListSignals", "rpc SetSignal")
def test_a_workflow_waits_for_a_value_and_an_approval(remote: FlyteRemote, registered: str) -> None:
    execution = launch(remote, "waiting.asks", registered, number=3)
    eventually(lambda: len(remote.list_signals(execution.id.name)) == 2)
    remote.set_input("more", execution.id.name, 100, python_type=int)
    remote.approve("is-it-right", execution.id.name)
    ended = remote.wait(execution, poll_interval=0.1)
    assert ended.outputs["o0"] == 106


def test_a_rejection_fails_the_workflow(remote: FlyteRemote, registered: str) -> None:
    execution = launch(remote, "waiting.asks", registered, number=3)
    eventually(lambda: len(remote.list_signals(execution.id.name)) == 2)
    remote.reject("is-it-right", execution.id.name)
    ended = remote.wait(execution, poll_interval=0.1)
    assert ended.closure.phase == WorkflowExecution.FAILED
    assert ended.error.code == "ReceivedRejectSignal"


def test_a_value_of_another_type_is_refused(remote: FlyteRemote, registered: str) -> None:
    execution = launch(remote, "waiting.asks", registered, number=3)
    eventually(lambda: len(remote.list_signals(execution.id.name)) == 2)
    with pytest.raises(Exception, match="is not castable to existing signal type"):
        remote.set_input("more", execution.id.name, "many", python_type=str)
    remote.terminate(execution, "seen enough")


def test_a_signal_that_nobody_waits_for_is_refused(remote: FlyteRemote, registered: str) -> None:
    execution = launch(remote, "hello.hello", registered)
    with pytest.raises(Exception, match="failed to validate that signal"):
        remote.set_input("more", execution.id.name, 1, python_type=int)


@covers("rpc GetOrCreateSignal")
def test_a_signal_that_is_there_is_given_back(remote: FlyteRemote, registered: str, endpoint: str) -> None:
    execution = launch(remote, "waiting.asks", registered, number=3)
    eventually(lambda: len(remote.list_signals(execution.id.name)) == 2)
    id = identifier_pb2.SignalIdentifier(signal_id="more", execution_id=execution.id.to_flyte_idl())
    integer = types_pb2.LiteralType(simple=types_pb2.INTEGER)
    with grpc.insecure_channel(endpoint) as channel:
        request = signal_pb2.SignalGetOrCreateRequest(id=id, type=integer)
        signal = SignalServiceStub(channel).GetOrCreateSignal(request)
    assert (signal.id, signal.type) == (id, integer)
    assert not signal.value.HasField("scalar")
    remote.terminate(execution, "seen enough")


@covers("node gate sleep")
def test_a_pause_passes(remote: FlyteRemote, registered: str) -> None:
    execution = run(remote, "waiting.pauses", registered)
    assert execution.outputs["o0"] == 4
    assert execution.node_executions["n0"].closure.duration.total_seconds() >= 1

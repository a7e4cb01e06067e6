"""The worked example of the behaviour specification, event by event, as it is written down."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flyteidl.admin import execution_pb2, node_execution_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2
from flyteidl.event import event_pb2

from flyte_sandbox.engine import loop
from flyte_sandbox.engine.messages import Attempt, NodeEvent
from flyte_sandbox.engine.tasks.ordering import Orders
from flyte_sandbox.testing import Sandbox, client_env, running_sandbox

from ..waiting import eventually
from .server import WORKFLOWS

NAME = "a2b3c4d5e6f7g8h9i0jk"
MD = f"s3://my-s3-bucket/metadata/propeller/flytesnacks-development-{NAME}"
RAW = "s3://my-s3-bucket/data"
SUCCEEDED, FAILED = "SUCCEEDED", "FAILED"
WORKFLOW_PHASE = core_execution_pb2.WorkflowExecution.Phase.Name
NODE_PHASE = core_execution_pb2.NodeExecution.Phase.Name
TASK_PHASE = core_execution_pb2.TaskExecution.Phase.Name


class Recorder:
    """Every event of the execution in the order in which it was written, and every attempt ordered."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.ordered: list[Attempt] = []

    def __call__(self, connection: Any, records: Any, now: Any) -> None:
        self._write(connection, records, now)
        self.events += [one.event if isinstance(one, NodeEvent) else one for one in records]

    _write = staticmethod(loop.write_records)
    _start = staticmethod(Orders.start)

    def order(self, orders: Orders, attempt: Attempt) -> None:
        self.ordered.append(attempt)
        self._start(orders, attempt)

    def of(self, kind: type) -> list[Any]:
        return [one for one in self.events if isinstance(one, kind)]

    def nodes(self) -> dict[str, list[event_pb2.NodeExecutionEvent]]:
        found = defaultdict(list)
        for event in self.of(event_pb2.NodeExecutionEvent):
            found[event.id.node_id].append(event)
        return dict(found)

    def attempts(self) -> dict[tuple[str, int], list[event_pb2.TaskExecutionEvent]]:
        found = defaultdict(list)
        for event in self.of(event_pb2.TaskExecutionEvent):
            found[event.parent_node_execution_id.node_id, event.retry_attempt].append(event)
        return dict(found)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Recorder, Sandbox]]:
    recorder = Recorder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "write_records", recorder)
        patch.setattr(Orders, "start", lambda orders, attempt: recorder.order(orders, attempt))
        with running_sandbox(state=tmp_path_factory.mktemp("golden")) as sandbox:
            register(sandbox)
            launch(sandbox)
            request = execution_pb2.WorkflowExecutionGetRequest(id=execution_id())
            get = sandbox.admin.executions.get
            eventually(lambda: get(request).closure.phase in (4, 6), seconds=60)
            yield recorder, sandbox


def register(sandbox: Sandbox) -> None:
    pyflyte = Path(sys.executable).parent / "pyflyte"
    command = [pyflyte, "register", "--version", "v1", "-p", "flytesnacks", "-d", "development"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(sandbox.config.state), **client_env(sandbox)}
    done = subprocess.run(
        [*command, "examples/golden.py"],
        cwd=WORKFLOWS,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def execution_id() -> identifier_pb2.WorkflowExecutionIdentifier:
    return identifier_pb2.WorkflowExecutionIdentifier(project="flytesnacks", domain="development", name=NAME)


def launch(sandbox: Sandbox) -> None:
    plan = identifier_pb2.Identifier(
        resource_type=identifier_pb2.LAUNCH_PLAN,
        project="flytesnacks",
        domain="development",
        name="examples.golden.worked_example",
        version="v1",
    )
    spec = execution_pb2.ExecutionSpec(launch_plan=plan)
    sandbox.admin.launching.create(
        execution_pb2.ExecutionCreateRequest(
            project="flytesnacks", domain="development", name=NAME, spec=spec
        )
    )


def phases(events: list[Any]) -> list[str]:
    return [NODE_PHASE(event.phase) for event in events]


def versioned(events: list[Any]) -> list[tuple[str, int]]:
    return [(TASK_PHASE(event.phase), event.phase_version) for event in events]


def test_the_execution_goes_through_its_phases(recorded: tuple[Recorder, Sandbox]) -> None:
    events = recorded[0].of(event_pb2.WorkflowExecutionEvent)
    assert [WORKFLOW_PHASE(event.phase) for event in events] == ["RUNNING", "SUCCEEDING", SUCCEEDED]
    assert events[-1].output_uri == f"{MD}/end-node/data/0/outputs.pb"


def test_every_node_has_its_events_in_their_order(recorded: tuple[Recorder, Sandbox]) -> None:
    plain = ["QUEUED", "RUNNING", SUCCEEDED]
    assert {uid: phases(events) for uid, events in recorded[0].nodes().items()} == {
        "start-node": [SUCCEEDED],
        "n0": plain,
        "n1": ["QUEUED", "RUNNING", "DYNAMIC_RUNNING", SUCCEEDED],
        "n1-0-start-node": [SUCCEEDED],
        "n1-0-dn0": plain,
        "n1-0-end-node": ["QUEUED", SUCCEEDED],
        "n2": plain,
        "n2-0-n2-n1": plain,
        "end-node": ["QUEUED", SUCCEEDED],
    }


def test_nothing_of_the_arm_that_was_not_taken_is_told(recorded: tuple[Recorder, Sandbox]) -> None:
    assert not [uid for uid in recorded[0].nodes() if uid.endswith("n2-n0")]


@pytest.mark.parametrize(
    ("uid", "spec_id", "parent", "folder"),
    [
        ("n0", "n0", "", "n0/data"),
        ("n1", "n1", "", "n1/data"),
        ("n2", "n2", "", "n2/data"),
        ("end-node", "end-node", "", "end-node/data"),
        ("n1-0-dn0", "dn0", "n1", "n1/data/0/dn0"),
        ("n1-0-end-node", "end-node", "n1", "n1/data/0/end-node"),
        ("n2-0-n2-n1", "n2-n1", "n2", "n2/data/0/n2-n1"),
    ],
)
def test_a_node_says_where_it_belongs_and_where_its_files_lie(
    recorded: tuple[Recorder, Sandbox], uid: str, spec_id: str, parent: str, folder: str
) -> None:
    events = recorded[0].nodes()[uid]
    attempt = 1 if uid == "n0" else 0
    assert {event.spec_node_id for event in events} == {spec_id}
    assert {event.parent_node_metadata.node_id for event in events} == {parent}
    assert {event.retry_group for event in events} == {"0" if parent else ""}
    assert {event.input_uri for event in events} == {f"{MD}/{folder}/inputs.pb"}
    assert events[-1].output_uri == f"{MD}/{folder}/{attempt}/outputs.pb"
    store = recorded[1].store
    assert store.path(events[-1].input_uri).is_file()
    assert store.path(events[-1].output_uri).is_file()


def test_the_first_attempt_fails_and_the_second_succeeds(recorded: tuple[Recorder, Sandbox]) -> None:
    attempts = recorded[0].attempts()
    assert versioned(attempts["n0", 0]) == [("QUEUED", 0), ("RUNNING", 0), (FAILED, 0)]
    assert versioned(attempts["n0", 1]) == [("QUEUED", 0), ("RUNNING", 0), (SUCCEEDED, 0)]
    error = attempts["n0", 0][-1].error
    assert (error.code, error.kind) == ("USER:Recoverable", core_execution_pb2.ExecutionError.USER)
    assert attempts["n0", 1][-1].output_uri == f"{MD}/n0/data/1/outputs.pb"
    assert [event.metadata.generated_name for event in (attempts["n0", 0][0], attempts["n0", 1][0])] == [
        f"{NAME}-n0-0",
        f"{NAME}-n0-1",
    ]


def test_the_second_attempt_knows_the_checkpoint_of_the_first(recorded: tuple[Recorder, Sandbox]) -> None:
    first, second = (one for one in recorded[0].ordered if one.node_uid == "n0")
    assert (first.prev_checkpoint, first.raw_output_prefix) == ("", f"{RAW}/mb/{NAME}-n0-0")
    assert second.prev_checkpoint == f"{RAW}/mb/{NAME}-n0-0/_flytecheckpoints"
    last = recorded[0].nodes()["n0"][-1]
    assert last.task_node_metadata.checkpoint_uri.endswith(f"/{NAME}-n0-1/_flytecheckpoints")
    assert last.task_node_metadata.checkpoint_uri.startswith(RAW)


def test_the_dynamic_task_becomes_a_parent(recorded: tuple[Recorder, Sandbox]) -> None:
    events = {NODE_PHASE(event.phase): event for event in recorded[0].nodes()["n1"]}
    assert not events["RUNNING"].is_dynamic
    told = events["DYNAMIC_RUNNING"]
    assert told.is_dynamic
    assert told.is_parent
    workflow = told.task_node_metadata.dynamic_workflow
    assert workflow.id.name == "dynamic_n1"
    assert workflow.dynamic_job_spec_uri == f"{MD}/n1/data/0/futures.pb"
    assert versioned(recorded[0].attempts()["n1", 0]) == [("QUEUED", 0), ("RUNNING", 0), (SUCCEEDED, 0)]


def test_the_array_has_one_attempt_that_tells_of_its_elements(recorded: tuple[Recorder, Sandbox]) -> None:
    events = recorded[0].attempts()["n1-0-dn0", 0]
    told = versioned(events)
    assert told[0] == ("QUEUED", 0)
    assert told[-1] == (SUCCEEDED, 0)
    assert told[1:-1] == [("RUNNING", version) for version in range(len(told) - 2)]
    assert {event.task_type for event in events} == {"container_array"}
    assert {event.metadata.plugin_identifier for event in events} == {"k8s-array"}
    assert [one.index for one in events[0].metadata.external_resources] == [0, 1, 2]
    last = events[-1].metadata.external_resources
    assert [one.external_id for one in last] == [f"{NAME}-n1-0-dn0-0-n{index}-0" for index in range(3)]
    assert [TASK_PHASE(one.phase) for one in last] == [SUCCEEDED] * 3
    assert all(event.is_array for event in recorded[0].nodes()["n1-0-dn0"])
    assert events[0].task_id.name.endswith("-arraynode")


def test_elements_run_on_the_whole_lists_in_folders_of_their_own(
    recorded: tuple[Recorder, Sandbox],
) -> None:
    for index in range(3):
        uri = f"{MD}/n1/data/0/dn0/0/{index}/0/outputs.pb"
        outputs = literals_pb2.LiteralMap.FromString(recorded[1].store.read(uri))
        assert outputs.literals["o0"].scalar.primitive.integer == (index + 1) ** 2


def order_of(recorder: Recorder, uid: str, phase: str) -> int:
    nodes = recorder.of(event_pb2.NodeExecutionEvent)
    return next(
        index
        for index, event in enumerate(nodes)
        if event.id.node_id == uid and NODE_PHASE(event.phase) == phase
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("start-node", SUCCEEDED), ("n0", "QUEUED")),
        (("n0", SUCCEEDED), ("n1", "QUEUED")),
        (("n0", SUCCEEDED), ("n2", "QUEUED")),
        (("n1", "DYNAMIC_RUNNING"), ("n1-0-start-node", SUCCEEDED)),
        (("n1-0-end-node", SUCCEEDED), ("n1", SUCCEEDED)),
        (("n2", "RUNNING"), ("n2-0-n2-n1", "QUEUED")),
        (("n2-0-n2-n1", SUCCEEDED), ("n2", SUCCEEDED)),
        (("n1", SUCCEEDED), ("end-node", "QUEUED")),
        (("n2", SUCCEEDED), ("end-node", "QUEUED")),
    ],
)
def test_what_depends_on_something_comes_after_it(
    recorded: tuple[Recorder, Sandbox], before: tuple[str, str], after: tuple[str, str]
) -> None:
    assert order_of(recorded[0], *before) < order_of(recorded[0], *after)


def node_of(event: Any) -> str:
    if isinstance(event, event_pb2.TaskExecutionEvent):
        return str(event.parent_node_execution_id.node_id)
    return str(event.id.node_id) if isinstance(event, event_pb2.NodeExecutionEvent) else ""


@pytest.mark.parametrize("uid", ["n0", "n1-0-dn0", "n2-0-n2-n1"])
def test_an_attempt_succeeds_before_its_node(recorded: tuple[Recorder, Sandbox], uid: str) -> None:
    ends = [one for one in recorded[0].events if node_of(one) == uid and one.HasField("output_uri")]
    assert [type(one).__name__ for one in ends] == ["TaskExecutionEvent", "NodeExecutionEvent"]


def test_later_events_have_later_times(recorded: tuple[Recorder, Sandbox]) -> None:
    for events in recorded[0].nodes().values():
        stamps = [event.occurred_at.ToNanoseconds() for event in events]
        assert stamps == sorted(set(stamps))


def test_the_top_level_lists_five_nodes(recorded: tuple[Recorder, Sandbox]) -> None:
    request = node_execution_pb2.NodeExecutionListRequest(workflow_execution_id=execution_id(), limit=100)
    listed = recorded[1].admin.node_executions.list(request).node_executions
    assert {one.id.node_id for one in listed} == {"start-node", "n0", "n1", "n2", "end-node"}

"""A state folder that moves takes everything with it: nothing that is kept or told names the old place.

Work folders and logs of attempts are of their time and stay what they were.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from flyteidl.admin import common_pb2, execution_pb2, node_execution_pb2, project_pb2, task_execution_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.core import identifier_pb2
from flyteidl.service import dataproxy_pb2
from flyteidl.service.admin_pb2_grpc import AdminServiceStub
from flyteidl.service.dataproxy_pb2_grpc import DataProxyServiceStub
from google.protobuf.message import Message

from flyte_sandbox.testing import TestSandbox, running_sandbox

from ..waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

PROJECT, DOMAIN, VERSION = "flytesnacks", "development", "v1"
W = core_execution_pb2.WorkflowExecution
_END_SECONDS = 90.0
_TERMINAL = (W.SUCCEEDED, W.FAILED, W.ABORTED)


class Running:
    """What a client can ask of a running sandbox, and where it keeps its things."""

    def __init__(self, sandbox: TestSandbox, channel: grpc.Channel) -> None:
        self.sandbox = sandbox
        self.admin = AdminServiceStub(channel)
        self.data = DataProxyServiceStub(channel)

    # ---- doing ------------------------------------------------------------------------------------------

    def register(self) -> None:
        source = Path(__file__).parent / "places.py"
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
        env = {**kept, "FLYTE_PLATFORM_URL": self.sandbox.endpoint, "FLYTE_PLATFORM_INSECURE": "true"}
        command = [Path(sys.executable).parent / "pyflyte", "register", "-p", PROJECT, "-d", DOMAIN]
        command += ["--version", VERSION, source.name]
        env["HOME"] = str(self.sandbox.config.state)
        done = subprocess.run(
            command, cwd=source.parent, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def launch(self, name: str, plan: str) -> Any:
        request = execution_pb2.ExecutionCreateRequest(project=PROJECT, domain=DOMAIN, name=name)
        request.spec.launch_plan.CopyFrom(
            identifier_pb2.Identifier(
                resource_type=identifier_pb2.LAUNCH_PLAN,
                project=PROJECT,
                domain=DOMAIN,
                name=f"places.{plan}",
                version=VERSION,
            )
        )
        request.spec.metadata.SetInParent()
        request.inputs.literals["text"].scalar.primitive.string_value = "words"
        return self.ended(self.admin.CreateExecution(request).id)

    def ended(self, id: Any) -> Any:
        """The execution, once it has."""
        look = execution_pb2.WorkflowExecutionGetRequest(id=id)
        eventually(
            lambda: self.admin.GetExecution(look).closure.phase in _TERMINAL,
            f"{id.name} to end",
            _END_SECONDS,
        )
        return self.admin.GetExecution(look)

    # ---- looking ----------------------------------------------------------------------------------------

    def answers(self) -> Iterator[Message]:
        """Everything that reading RPCs tell."""
        place = common_pb2.NamedEntityIdentifier(project=PROJECT, domain=DOMAIN)
        several = common_pb2.ResourceListRequest(id=place, limit=1000)
        yield self.admin.ListProjects(project_pb2.ProjectListRequest())
        yield self.admin.ListTasks(several)
        yield self.admin.ListLaunchPlans(several)
        workflows = self.admin.ListWorkflows(several)
        yield workflows
        for workflow in workflows.workflows:
            yield self.admin.GetWorkflow(common_pb2.ObjectGetRequest(id=workflow.id))
        executions = self.admin.ListExecutions(several)
        yield executions
        for execution in executions.executions:
            yield self.admin.GetExecution(execution_pb2.WorkflowExecutionGetRequest(id=execution.id))
            yield self.admin.GetExecutionData(execution_pb2.WorkflowExecutionGetDataRequest(id=execution.id))
            yield from self._of_nodes(execution.id, "")

    def _of_nodes(self, id: Any, parent: str) -> Iterator[Message]:
        request = node_execution_pb2.NodeExecutionListRequest(
            workflow_execution_id=id, limit=1000, unique_parent_id=parent
        )
        nodes = self.admin.ListNodeExecutions(request)
        yield nodes
        for node in nodes.node_executions:
            yield self.admin.GetNodeExecution(node_execution_pb2.NodeExecutionGetRequest(id=node.id))
            yield self.admin.GetNodeExecutionData(node_execution_pb2.NodeExecutionGetDataRequest(id=node.id))
            tasks = self.admin.ListTaskExecutions(
                task_execution_pb2.TaskExecutionListRequest(node_execution_id=node.id, limit=100)
            )
            yield tasks
            for task in tasks.task_executions:
                yield self.admin.GetTaskExecutionData(
                    task_execution_pb2.TaskExecutionGetDataRequest(id=task.id)
                )
            yield from self._of_nodes(id, node.id.node_id)

    def decks(self) -> Iterator[bytes]:
        for answer in self.answers():
            for node in getattr(answer, "node_executions", ()):
                if node.closure.deck_uri:
                    yield self._deck(node.id)

    def _deck(self, id: Any) -> bytes:
        request = dataproxy_pb2.CreateDownloadLinkRequest(
            artifact_type=dataproxy_pb2.ARTIFACT_TYPE_DECK, node_execution_id=id
        )
        request.expires_in.FromSeconds(60)
        return _fetch(self.data.CreateDownloadLink(request).pre_signed_urls.signed_url[0])

    def pages(self) -> Iterator[bytes]:
        """Every page below the project's, but for logs and what lies in the bucket."""
        base, seen = f"http://localhost:{self.sandbox.port}", set()
        waiting = [f"/console/projects/{PROJECT}/domains/{DOMAIN}"]
        while waiting:
            address = waiting.pop()
            if address in seen or not re.match(r"/console/(?!logs|download|static)", address):
                continue
            seen.add(address)
            page = _fetch(base + address)
            waiting += [link.replace("&amp;", "&") for link in re.findall(r'href="([^"]*)"', page.decode())]
            yield page

    def rows(self) -> Iterator[tuple[str, Any]]:
        database = sqlite3.connect(self.sandbox.config.state / "flyte.db")
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            for row in database.execute(f'SELECT * FROM "{name}"'):  # noqa: S608
                yield name, row
        database.close()

    def files(self) -> Iterator[tuple[Path, bytes]]:
        for path in self.sandbox.config.buckets.rglob("*"):
            if path.is_file():
                yield path, path.read_bytes()


def _fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - our own server's
        return bytes(answer.read())


def _spellings(folder: Path) -> list[bytes]:
    text = str(folder)
    forms = {text, json.dumps(text)[1:-1], quote(text), text.encode("unicode_escape").decode()}
    return [form.encode() for form in forms]


def _check_nothing_names(folder: Path, running: Running) -> None:
    def check(data: bytes, what: str) -> None:
        for form in _spellings(folder):
            at = data.find(form)
            assert at < 0, f"{what}: …{data[max(0, at - 80) : at + 160]!r}…"

    for answer in running.answers():
        check(answer.SerializeToString(), type(answer).__name__)
    for deck in running.decks():
        check(deck, "a deck")
    for page in running.pages():
        check(page, "a page")
    for table, row in running.rows():
        for value in row:
            check(value if isinstance(value, bytes) else str(value).encode(), f"a row of {table}")
    for path, data in running.files():
        check(data, str(path))


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "first place ü & co", tmp_path / "second"


def test_a_state_folder_that_moves_takes_everything_with_it(places: tuple[Path, Path]) -> None:
    first, second = places
    with running_sandbox(first) as sandbox, grpc.insecure_channel(sandbox.endpoint) as channel:
        clock, running = sandbox.clock, Running(sandbox, channel)
        running.register()
        green, red = running.launch("green", "everywhere"), running.launch("red", "refused")
        eager = running.launch("eager", "launches")
        for done in (green, eager):
            assert done.closure.phase == W.SUCCEEDED, done.closure.error
        assert red.closure.phase == W.FAILED
        assert "cannot make sense of s3://my-s3-bucket/" in red.closure.error.message
        assert len(list(running.decks())) >= 1
        assert any(path.name == "o0_offloaded_metadata.pb" for path, _ in running.files())
        _check_nothing_names(first, running)
        told = [answer.SerializeToString(deterministic=True) for answer in running.answers()]
    first.rename(second)
    with running_sandbox(second, clock=clock) as sandbox, grpc.insecure_channel(sandbox.endpoint) as channel:
        running = Running(sandbox, channel)
        _check_nothing_names(first, running)
        _check_nothing_names(second, running)
        _check_same(told, running)
        _check_goes_on(running, green, red)
        _check_nothing_names(first, running)
        _check_nothing_names(second, running)


def _check_same(told: list[bytes], running: Running) -> None:
    """... but for the port in the addresses of logs."""
    port = re.compile(rb"localhost:\d+")
    now = [answer.SerializeToString(deterministic=True) for answer in running.answers()]
    assert [port.sub(b"", data) for data in now] == [port.sub(b"", data) for data in told]


def _check_goes_on(running: Running, green: Any, red: Any) -> None:
    """Old values feed new runs."""
    again = running.admin.RelaunchExecution(execution_pb2.ExecutionRelaunchRequest(id=green.id, name="again"))
    assert running.ended(again.id).closure.phase == W.SUCCEEDED
    recovered = running.admin.RecoverExecution(
        execution_pb2.ExecutionRecoverRequest(id=red.id, name="recovered")
    )
    ended = running.ended(recovered.id)
    assert ended.closure.phase == W.FAILED
    assert "cannot make sense of s3://my-s3-bucket/" in ended.closure.error.message

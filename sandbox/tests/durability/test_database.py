"""A database that cannot be written to, because somebody has locked it or the disk is full: a call waits or
is refused whole, what runs is not run again, and everything goes on when it can be written to.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import grpc
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from flyteidl.admin import common_pb2, execution_pb2
from flyteidl.core.execution_pb2 import WorkflowExecution
from flyteidl.service import dataproxy_pb2
from flyteidl.service.admin_pb2_grpc import AdminServiceStub
from sqlalchemy import event

from flyte_sandbox.engine import loop
from flyte_sandbox.testing import TestSandbox, running_sandbox

from ..conformance.entities import task_request
from ..engine.runs import PROJECT, Request, launch, register_counter, wait
from ..small_disks import MEGABYTE, fill, small_disk
from ..waiting import eventually

TASK = task_request(PROJECT, "late")
FULL = "the disk is full and nothing was changed; make room, then try again"
LOCKED = "the database is locked and nothing was changed; try again"


@contextmanager
def serving(state: Path) -> Iterator[tuple[TestSandbox, AdminServiceStub]]:
    with (
        running_sandbox(state=state, warm=False, first_look_seconds=0.0) as sandbox,
        grpc.insecure_channel(sandbox.endpoint) as channel,
    ):
        yield sandbox, AdminServiceStub(channel)


@contextmanager
def locked(sandbox: TestSandbox) -> Iterator[None]:
    """Somebody looks at it with a tool that takes the lock."""
    tool = sqlite3.connect(sandbox.config.state / "flyte.db", isolation_level=None, timeout=30)
    tool.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        tool.execute("ROLLBACK")
        tool.close()


def lose_patience(sandbox: TestSandbox) -> None:
    """Connections that wait for a lock as good as not at all."""
    event.listen(sandbox.db.engine, "connect", lambda made, _: made.execute("PRAGMA busy_timeout=10"))
    sandbox.db.engine.dispose()


@contextmanager
def refused(code: grpc.StatusCode, message: str) -> Iterator[None]:
    with pytest.raises(grpc.RpcError) as error:
        yield
    assert (error.value.code(), error.value.details()) == (code, message)


def has(admin: AdminServiceStub) -> bool:
    answer = admin.GetTask.future(common_pb2.ObjectGetRequest(id=TASK.id))
    assert answer.code() in (grpc.StatusCode.OK, grpc.StatusCode.NOT_FOUND)
    return answer.code() is grpc.StatusCode.OK


def test_a_call_waits_for_a_lock_and_reads_do_not(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as (sandbox, admin):
        with locked(sandbox):
            waiting = admin.CreateTask.future(TASK)
            assert not has(admin)
            assert not waiting.done()
        waiting.result(timeout=30)
        assert has(admin)


def test_a_call_that_a_lock_outlasts_is_refused_whole(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as (sandbox, admin):
        lose_patience(sandbox)
        with locked(sandbox):
            with refused(grpc.StatusCode.UNAVAILABLE, LOCKED):
                admin.CreateTask(TASK)
            assert not has(admin)
        admin.CreateTask(TASK)
        assert has(admin)


def test_every_door_says_that_the_disk_is_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", megabytes=24) as disk, serving(disk / "state") as (sandbox, admin):
        plan = register_counter(sandbox, tmp_path / "log")
        upload = sandbox.admin.data_proxy.create_upload_location(
            dataproxy_pb2.CreateUploadLocationRequest(
                project=PROJECT, domain="development", filename="data", filename_root="root"
            )
        )
        fill(disk / "big")
        with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, FULL):
            admin.CreateTask(TASK)
        execution = execution_pb2.ExecutionCreateRequest(
            project=PROJECT, domain="development", name="late", spec={"launch_plan": plan}
        )
        with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, FULL):
            admin.CreateExecution(execution)
        with pytest.raises(ClientError, match="XMinioStorageFull"):
            put(sandbox)
        answer = httpx.put(upload.signed_url, content=bytes(MEGABYTE))
        assert (answer.status_code, answer.json()["message"]) == (429, FULL)
        assert not has(admin)
        (disk / "big").unlink()
        admin.CreateTask(TASK)
        assert httpx.put(upload.signed_url, content=bytes(MEGABYTE)).is_success
        put(sandbox)
        created = execution_pb2.WorkflowExecutionGetRequest(id=admin.CreateExecution(execution).id)
        wait(sandbox, created, WorkflowExecution.SUCCEEDED)


def put(sandbox: TestSandbox) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=sandbox.s3_endpoint,
        region_name="us-east-1",
        aws_access_key_id="minio",
        aws_secret_access_key="miniostorage",
        config=Config(retries={"max_attempts": 1}),
    )
    client.put_object(Bucket="my-s3-bucket", Key="object", Body=bytes(MEGABYTE))
    client.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that looks often and bears no failure: waiting does not count as one."""
    monkeypatch.setattr(loop, "_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(loop, "_MAX_FAILURES", 0)


def launch_held(sandbox: TestSandbox, pipe: Path) -> Request:
    """An execution whose task runs until somebody reads from the pipe."""
    os.mkfifo(pipe)
    request = launch(sandbox, register_counter(sandbox, pipe))
    wait(sandbox, request, WorkflowExecution.RUNNING)
    eventually(lambda: attempts(sandbox), "the task to run")
    return request


def attempts(sandbox: TestSandbox) -> list[Path]:
    return list(sandbox.config.attempts.glob("*/log"))


@pytest.mark.usefixtures("impatient")
def test_an_execution_outlasts_a_full_disk_that_the_database_is_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pipe = tmp_path / "pipe"
    with small_disk(tmp_path / "disk", megabytes=24) as disk, serving(disk / "state") as (sandbox, _):
        request = launch_held(sandbox, pipe)
        fill(disk / "big")
        assert pipe.read_text() == "ran\n"
        eventually(lambda: FULL in caplog.text, "the engine to find no room")
        (disk / "big").unlink()
        wait(sandbox, request, WorkflowExecution.SUCCEEDED)
        assert len(attempts(sandbox)) == 1


@pytest.mark.usefixtures("impatient")
def test_an_execution_outlasts_a_lock(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pipe = tmp_path / "pipe"
    with serving(tmp_path / "state") as (sandbox, _):
        request = launch_held(sandbox, pipe)
        lose_patience(sandbox)
        with locked(sandbox):
            assert pipe.read_text() == "ran\n"
            eventually(lambda: LOCKED in caplog.text, "the engine to find the lock")
        wait(sandbox, request, WorkflowExecution.SUCCEEDED)
        assert len(attempts(sandbox)) == 1

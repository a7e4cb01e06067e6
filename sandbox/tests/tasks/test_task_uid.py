"""A sandbox that root has started: its tasks have a uid of their own and get through its doors anyway."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from flyte_sandbox.runner import TaskUsers
from flyte_sandbox.runner.task_users import UIDS
from flyte_sandbox.web.s3.run import S3Server

from ..uids import need_a_uid_for_tasks


@pytest.fixture(scope="module", autouse=True)
def _uid():
    need_a_uid_for_tasks()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="flyte-sandbox-test-") as name:
        os.chmod(name, 0o755)  # noqa: S103  # unlike pytest's own, one that everybody may enter
        yield Path(name)


def test_a_task_writes_what_it_returns_and_gets_through_the_door(make_tasks, open_folder):
    tasks = make_tasks(state=open_folder, task_uid=None)
    code = """
        import os, pathlib, sys, urllib.request
        from flyteidl.core import literals_pb2
        outputs, raw = map(pathlib.Path, sys.argv[1:])
        raw.joinpath("data").write_text("x")
        answer = urllib.request.urlopen(f"http://{os.environ['FLYTE_PLATFORM_URL']}/healthcheck")
        value = literals_pb2.Primitive(string_value=f"{os.getuid()} {answer.status}")
        literal = literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=value))
        returned = literals_pb2.LiteralMap(literals={"o": literal})
        outputs.joinpath("outputs.pb").write_bytes(returned.SerializeToString())
    """
    ended = tasks.python(code, "{{.outputPrefix}}", "{{.rawOutputDataPrefix}}", outputs=["o"])
    assert ended.phase == "SUCCEEDED", ended.error
    told = (ended.folder() / "outputs/outputs.pb").read_bytes()
    assert f"{UIDS[0]} 200".encode() in told
    assert not [reason for reason in ended.reasons() if "root" in reason]
    assert json.loads((open_folder / "task-users.json").read_text())["default"]["uid"] == UIDS[0]


def test_it_is_said_when_a_task_ran_as_root_instead(make_tasks, tmp_path):
    """pytest's own folders are closed to others."""
    tasks = make_tasks(state=tmp_path / "state", task_uid=None)
    ended = tasks.run("python", "-c", "pass")
    assert ended.phase == "SUCCEEDED", ended.error
    (note,) = (reason for reason in ended.reasons() if "root" in reason)
    assert note.startswith(f"The task ran as root: uid {UIDS[0]} cannot enter /")
    assert json.loads((tmp_path / "state/task-users.json").read_text())["default"]["uid"] is None


async def test_the_s3_endpoint_lets_it_in(open_folder):
    for uids, is_welcome in ((TaskUsers(None, ()).uids, True), (frozenset(), False)):
        server = S3Server(open_folder / "buckets", "127.0.0.1", 0, more_uids=uids)
        port = await server.start()
        assert await _gets_an_answer(port) is is_welcome
        await server.stop()


async def _gets_an_answer(port: int) -> bool:
    """An unsigned request is refused, but with an answer."""
    code = f"""
from http.client import HTTPConnection
connection = HTTPConnection("127.0.0.1", {port})
connection.request("GET", "/")
connection.getresponse()
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        user=UIDS[0],
        group=UIDS[0],
        extra_groups=[],
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait() == 0

"""Decks can be read while their task runs, and afterwards."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

from flyteidl.core.execution_pb2 import WorkflowExecution
from flyteidl.service import dataproxy_pb2
from flytekit.exceptions.user import FlyteEntityNotExistException

from ..waiting import eventually
from .server import Server


def read_deck(server: Server, execution: Any) -> str:
    """What a browser gets; nothing while there is none."""
    remote = server.remote()
    request = dataproxy_pb2.CreateDownloadLinkRequest(artifact_type=dataproxy_pb2.ARTIFACT_TYPE_DECK)
    request.node_execution_id.node_id = "n0"
    request.node_execution_id.execution_id.CopyFrom(execution.id.to_flyte_idl())
    try:
        link = remote.client._dataproxy_stub.CreateDownloadLink(request)
    except FlyteEntityNotExistException:
        return ""
    with urllib.request.urlopen(link.pre_signed_urls.signed_url[0]) as answer:  # noqa: S310 - our own
        return str(answer.read().decode())


def test_a_deck_is_there_before_its_task_has_ended(standing_server: Server, tmp_path: Path) -> None:
    remote = standing_server.remote()
    execution = standing_server.launch("slow.shown", gate=tmp_path / "gate")
    eventually(lambda: "n0" in remote.sync(execution, sync_nodes=True).node_executions)
    eventually(lambda: "half way" in read_deck(standing_server, execution))
    assert not remote.sync(execution).is_done
    (tmp_path / "gate").touch()
    ended = remote.wait(execution, poll_interval=0.1)
    assert ended.closure.phase == WorkflowExecution.SUCCEEDED
    assert "half way" in read_deck(standing_server, execution)

"""``flyte://`` addresses: every form that clients may ask for, and what is refused."""

from __future__ import annotations

import pytest
from flyteidl.admin import node_execution_pb2, task_execution_pb2
from flyteidl.service import dataproxy_pb2
from google.protobuf.duration_pb2 import Duration

from flyte_sandbox.errors import InvalidArgument, NotFound
from flyte_sandbox.phases import NODE, TASK

from ..conformance.entities import integer
from .launches import inputs
from .rooms import Rooms
from .teller import Teller


@pytest.fixture
def teller(rooms: Rooms) -> Teller:
    teller = Teller(rooms)
    teller.node(NODE.RUNNING, input_data=inputs(x=1))
    teller.task(TASK.RUNNING, input_data=inputs(x=1))
    teller.task(TASK.FAILED)
    teller.task(TASK.SUCCEEDED, 1, input_data=inputs(x=1), output_data=inputs(o0=3))
    deck = "s3://my-s3-bucket/deck.html"
    rooms.store.write(deck, b"<h1>deck</h1>")
    teller.node(NODE.SUCCEEDED, output_data=inputs(o0=2), deck_uri=deck)
    return teller


def get_data(teller: Teller, tail: str) -> dataproxy_pb2.GetDataResponse:
    base = f"flyte://v1/flytesnacks/development/{teller.id.name}/"
    return teller.admin.data_proxy.get_data(dataproxy_pb2.GetDataRequest(flyte_url=base + tail))


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ("n0/i", {"x": 1}),
        ("n0/o", {"o0": 2}),
        ("n0/0/i", {"x": 1}),
        ("n0/0/o", {}),
        ("n0/1/o", {"o0": 3}),
    ],
)
def test_inputs_and_outputs_of_nodes_and_attempts(
    teller: Teller, tail: str, expected: dict[str, int]
) -> None:
    found = get_data(teller, tail)
    assert found.WhichOneof("data") == "literal_map"
    assert found.literal_map == inputs(**expected)


@pytest.mark.parametrize(("tail", "value"), [("n0/i/x", 1), ("n0/o/o0", 2), ("n0/1/o/o0", 3)])
def test_a_single_literal(teller: Teller, tail: str, value: int) -> None:
    assert get_data(teller, tail).literal == integer(value)


def test_the_deck_of_a_node(teller: Teller) -> None:
    signed = get_data(teller, "n0/d").pre_signed_urls
    (url,) = signed.signed_url
    assert url.startswith("http://localhost:1/signed/my-s3-bucket/deck.html?")
    assert signed.HasField("expires_at")


def test_the_addresses_that_are_given_out_can_be_asked_for(teller: Teller) -> None:
    proxy = teller.admin.data_proxy
    node = teller.admin.node_executions.get_data(
        node_execution_pb2.NodeExecutionGetDataRequest(id=teller.node_id())
    )
    task = teller.admin.task_executions.get_data(
        task_execution_pb2.TaskExecutionGetDataRequest(id=teller.task_id(1))
    )
    for urls, outputs in ((node.flyte_urls, node.full_outputs), (task.flyte_urls, task.full_outputs)):
        found = proxy.get_data(dataproxy_pb2.GetDataRequest(flyte_url=urls.outputs))
        assert found.literal_map == outputs
    assert proxy.get_data(dataproxy_pb2.GetDataRequest(flyte_url=node.flyte_urls.deck)).pre_signed_urls
    assert task.flyte_urls.deck == ""


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "failed to validate resolve artifact request. Error: source is required"),
        ("s3://bucket/key", "failed to validate resolve artifact request"),
        ("flyte://v1/p/d/x/n0", "failed to parse artifact url Error"),
        ("flyte://v2/p/d/x/n0/i", "failed to parse artifact url Error"),
        ("flyte://v1/p/d/x/n.0/i", "failed to parse artifact url Error"),
        ("flyte://v1/p/d/x/n0/d/name", "failed to parse artifact url Error"),
        ("flyte://v1/p/d/x/n0/i/a/b", "failed to parse artifact url Error"),
        ("flyte://v1/p/d/x/n0/i\n", "failed to parse artifact url Error"),
        ("flyte://v1/p/d/x/n0/0/d", "deck type cannot be specified with a retry attempt"),
    ],
)
def test_what_is_no_address(teller: Teller, url: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        teller.admin.data_proxy.get_data(dataproxy_pb2.GetDataRequest(flyte_url=url))


def test_what_an_address_names_has_to_be_there(teller: Teller) -> None:
    with pytest.raises(NotFound, match="missing entity of type node execution"):
        get_data(teller, "n9/i")
    with pytest.raises(InvalidArgument, match="no task executions were listed"):
        get_data(teller, "n0/7/i")
    with pytest.raises(InvalidArgument, match=r"name \[y\] not found in node execution"):
        get_data(teller, "n0/i/y")
    teller.node(NODE.RUNNING, "n1")
    with pytest.raises(NotFound, match="no deckUrl found for request"):
        get_data(teller, "n1/d")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"artifact_type": 0}, "error while validating request. Error: invalid artifact type"),
        ({"node_execution_id": None}, "error while validating request. Error: source is required"),
        ({"expires_in": Duration(seconds=-1)}, "error while validating request. Error: expiresIn"),
        ({"expires_in": Duration(seconds=3601)}, "error while validating request. Error: expiresIn"),
        ({"expires_in": Duration(seconds=2**62)}, "error while validating request. Error: expiresIn"),
    ],
)
def test_what_a_download_link_needs(teller: Teller, fields: dict[str, object], message: str) -> None:
    base = {"artifact_type": dataproxy_pb2.ARTIFACT_TYPE_DECK, "node_execution_id": teller.node_id()}
    request = dataproxy_pb2.CreateDownloadLinkRequest(**{**base, **fields})
    with pytest.raises(InvalidArgument, match=message):
        teller.admin.data_proxy.create_download_link(request)


def test_a_link_to_a_deck_is_told_in_both_fields(teller: Teller) -> None:
    request = dataproxy_pb2.CreateDownloadLinkRequest(
        artifact_type=dataproxy_pb2.ARTIFACT_TYPE_DECK, node_execution_id=teller.node_id()
    )
    link = teller.admin.data_proxy.create_download_link(request)
    assert list(link.signed_url) == list(link.pre_signed_urls.signed_url)
    assert link.expires_at == link.pre_signed_urls.expires_at
    request.node_execution_id.node_id = "n9"
    with pytest.raises(InvalidArgument, match="failed to find node execution"):
        teller.admin.data_proxy.create_download_link(request)

"""A connection from another user of this machine is closed before anything it says is looked at."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flyte_sandbox.web.peers import Address, Peer, PeerCheck, addresses, peer_check
from flyte_sandbox.web.runtime import make_runtime

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who is at the other end")

US = frozenset({os.getuid()})
NOBODY = 65534


@contextlib.contextmanager
def connected(
    family: int = socket.AF_INET, to: str = "127.0.0.1"
) -> Iterator[tuple[socket.socket, socket.socket]]:
    """:return: the client's end and the server's."""
    is_six = family == socket.AF_INET6
    with contextlib.ExitStack() as stack:
        listener = socket.create_server(
            ("::" if is_six else "127.0.0.1", 0), family=family, dualstack_ipv6=is_six
        )
        port = stack.enter_context(listener).getsockname()[1]
        client = stack.enter_context(socket.create_connection((to, port)))
        yield client, stack.enter_context(listener.accept()[0])


@pytest.mark.parametrize(
    ("family", "to"),
    [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "127.0.0.1"), (socket.AF_INET6, "::1")],
)
def test_our_own_connection_is_welcome_over_every_family(family: int, to: str) -> None:
    with connected(family, to) as (_, server):
        assert PeerCheck(US).look(*addresses(server)) is Peer.WELCOME
        assert PeerCheck(frozenset({NOBODY})).look(*addresses(server)) is Peer.FOREIGN


def test_a_client_that_has_only_finished_sending_is_welcome() -> None:
    with connected() as (client, server):
        client.shutdown(socket.SHUT_WR)
        assert PeerCheck(US).look(*addresses(server)) is Peer.WELCOME


def test_who_sends_and_runs_is_not_taken_for_root() -> None:
    with connected() as (client, server):
        ends = addresses(server)
        client.sendall(b"POST / HTTP/1.1\r\n")
        client.close()
        assert PeerCheck(US | {0}).look(*ends) is Peer.GONE


def test_a_local_end_that_nobody_knows_is_not_welcome() -> None:
    here: Address = ("127.0.0.1", 1)
    assert PeerCheck(US).look(("127.0.0.1", 2), here) is Peer.GONE
    assert PeerCheck(US).look(("::1", 2), ("::1", 1)) is Peer.GONE
    assert PeerCheck(US).look(("192.0.2.1", 2), ("192.0.2.1", 1)) is Peer.GONE


def test_another_machine_is_not_asked_for_a_user() -> None:
    assert PeerCheck(US).look(("192.0.2.9", 2), ("192.0.2.1", 1)) is Peer.WELCOME


def test_nobody_is_asked_when_others_are_allowed() -> None:
    assert peer_check(allow_other_users=True) is None
    assert peer_check(allow_other_users=False) is not None


# Names of hosts are encoded by a module that the other user may not be able to read.
_CLIENT = """
import encodings.idna, os, socket, sys
os.setuid(int(sys.argv[2]))
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.sendall(b"hello"), sys.stdin.read()
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(("uid", "wanted"), [(0, Peer.WELCOME), (NOBODY, Peer.FOREIGN)])
def test_a_process_of_another_user_is_told_from_ours(uid: int, wanted: Peer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        argv = [sys.executable, "-c", _CLIENT, str(listener.getsockname()[1]), str(uid)]
        with subprocess.Popen(argv, stdin=subprocess.PIPE) as process:
            server, _ = listener.accept()
            with server:
                assert server.recv(5) == b"hello"
                assert PeerCheck(frozenset({0})).look(*addresses(server)) is wanted
                assert PeerCheck(frozenset({0, NOBODY})).look(*addresses(server)) is Peer.WELCOME
            process.communicate()


def test_the_runtime_folder_is_private_and_short_enough(tmp_path: Path) -> None:
    runtime = make_runtime(tmp_path)
    assert runtime.folder.parent == tmp_path
    assert runtime.folder.stat().st_mode & 0o777 == 0o700
    runtime.remove()
    runtime.remove()
    assert not runtime.folder.exists()


def test_a_long_state_folder_gets_its_sockets_elsewhere(tmp_path: Path) -> None:
    runtime = make_runtime(tmp_path / ("x" * 100))
    try:
        assert len(os.fsencode(runtime.grpc_socket)) <= 107
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(runtime.grpc_socket))
        assert runtime.folder.stat().st_mode & 0o777 == 0o700
    finally:
        runtime.remove()


def test_what_a_killed_server_left_is_removed(tmp_path: Path) -> None:
    first = make_runtime(tmp_path)
    make_runtime(tmp_path)
    assert not first.folder.exists()

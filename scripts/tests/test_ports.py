"""A busy port is named with its holder and the two ways out, before anything has been started."""

from __future__ import annotations

import dataclasses
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from airflyte import ports, settings
from airflyte.errors import AirflyteError
from airflyte.settings import Settings
from airflyte.state import MARK, StateFolder

LISTEN = """
import os, socket, sys
from pathlib import Path
family, folder = sys.argv[1], sys.argv[2]
os.chdir(folder)
server = socket.socket(socket.AF_INET6 if family == "::1" else socket.AF_INET)
if family == "::1":
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
server.bind((family, int(sys.argv[3])))
server.listen()
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def free() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def listening(spawn: Callable, tmp_path: Path) -> Callable[..., tuple[int, int]]:
    """Starts a server in a process of its own; its port and pid."""

    def listen(
        address: str = "127.0.0.1", folder: Path = tmp_path, port: int = 0, **variables: str
    ) -> tuple[int, int]:
        process = spawn(LISTEN, address, folder, port, **variables)
        return int(process.stdout.readline()), process.pid

    return listen


@pytest.fixture
def stack(checkout: Path, free: int) -> Settings:
    """Settings whose Flyte port is a free one, and whose other ports are not looked at."""
    loaded = settings.load(checkout, {})
    return dataclasses.replace(loaded, port_offset=free - 30080)


@pytest.fixture(autouse=True)
def _only_flyte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "needed", lambda settings: {"flyte": settings.ports.flyte})


def test_free_ports_have_no_holder(free: int) -> None:
    assert ports.holders({"flyte": free}) == []


def test_the_holder_is_named_by_pid_and_command(listening: Callable) -> None:
    port, pid = listening()
    [holder] = ports.holders({"flyte": port})
    assert (holder.name, holder.port, holder.pid, holder.checkout) == ("flyte", port, pid, None)
    # Cut to what fits on a line, so a long path is not all there.
    assert holder.command[:40] == f"{sys.executable} -c"[:40]


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_a_server_that_only_ipv6_reaches_makes_the_port_busy_too(listening: Callable) -> None:
    port, pid = listening("::1")
    [holder] = ports.holders({"flyte": port})
    assert holder.pid == pid


def test_a_connection_that_is_closing_does_not_make_a_port_busy() -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            server.accept()[0].close()  # this side closes first, so it keeps TIME_WAIT
            client.recv(1)
    assert not ports.is_busy(port)


def test_a_busy_port_stops_with_both_ways_out(listening: Callable, stack: Settings) -> None:
    _, pid = listening(port=stack.ports.flyte)
    with pytest.raises(AirflyteError) as caught:
        ports.check_free(stack)
    said = str(caught.value)
    assert said.startswith(f"Port {stack.ports.flyte} (flyte) is held by pid {pid} (")
    assert "stop that process, or type AIRFLYTE_PORT_OFFSET=" in said
    assert said.endswith("make up here, which shifts all four ports and is remembered.")


def test_another_stacks_folder_is_named(listening: Callable, stack: Settings, tmp_path: Path) -> None:
    other = StateFolder(tmp_path / "other stack ü" / ".airflyte")
    stack_id = other.prepare().stack_id
    listening(folder=other.path, port=stack.ports.flyte, **{MARK: stack_id})
    with pytest.raises(AirflyteError) as caught:
        ports.check_free(stack)
    assert f"part of the airflyte stack in {tmp_path / 'other stack ü'}" in str(caught.value)
    assert f"type make down in {tmp_path / 'other stack ü'}, or" in str(caught.value)


def test_a_mark_whose_folder_holds_another_stack_names_none(
    listening: Callable, stack: Settings, tmp_path: Path
) -> None:
    other = StateFolder(tmp_path / "other" / ".airflyte")
    other.prepare()
    listening(folder=other.path, port=stack.ports.flyte, **{MARK: "somebody"})
    [holder] = ports.holders({"flyte": stack.ports.flyte})
    assert (holder.stack_id, holder.checkout) == ("somebody", None)


def test_our_own_processes_are_no_obstacle(listening: Callable, stack: Settings) -> None:
    stack_id = stack.folder.prepare().stack_id
    listening(port=stack.ports.flyte, **{MARK: stack_id})
    ports.check_free(stack, stack_id)
    with pytest.raises(AirflyteError):
        ports.check_free(stack, "another")


def test_the_offset_that_is_offered_has_four_free_ports(
    stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = {8080, 8180, 30202}
    monkeypatch.setattr(ports, "is_busy", busy.__contains__)
    assert ports.free_offset(dataclasses.replace(stack, port_offset=0)) == 300
    assert ports.free_offset(dataclasses.replace(stack, port_offset=300)) == 400


def test_only_what_will_listen_is_needed(stack: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert list(ports.needed(stack)) == ["airflow", "flyte", "s3", "postgres"]
    assert "airflow" not in ports.needed(dataclasses.replace(stack, airflow="none"))
    assert "postgres" not in ports.needed(dataclasses.replace(stack, database_url="postgresql://x"))

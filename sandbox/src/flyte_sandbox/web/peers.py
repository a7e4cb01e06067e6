"""Whose process is at the other end of a connection on this machine. Linux only; elsewhere nobody is asked.

Reaching the public port means running code as the user who started the sandbox, and loopback alone does not
tell users apart.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import os
import socket
import sys
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from flyte_sandbox.errors import StartupError

logger = logging.getLogger(__name__)

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_UID, _INODE = 7, 9
_ORPHAN = b"0"

Address = tuple[str, int]


class Peer(enum.Enum):
    """Who is at the other end."""

    WELCOME = enum.auto()
    FOREIGN = enum.auto()
    GONE = enum.auto()
    """Nobody any more: the other end of this machine is closed, so whose it was cannot be told."""


class PeerCheck:
    """Lets in connections of the given users, and those that come from another machine.

    Another machine gets here only when the sandbox listens beyond loopback, which says aloud what that means.

    :param uids: the users that are let in.
    :raises StartupError: where the kernel does not tell.
    """

    def __init__(self, uids: frozenset[int]) -> None:
        self._uids = uids
        if not _TABLES[0].exists():
            raise StartupError(
                f"{_TABLES[0]} is not there, so other users of this machine cannot be kept out;"
                " set allow_other_users if there are none"
            )

    def look(self, peer: Address, here: Address) -> Peer:
        """Whoever has closed the socket already does not own it any more. To turn that away loses nobody who
        waits for an answer, and lets nobody past who sends and runs.

        :param peer: the other end, ``here``: ours; numeric host and port.
        """
        # Twice, because the kernel may skip a line when others go while the table is being read.
        for table in (*_TABLES, *_TABLES):
            uid = _owner(table, peer, here)
            if uid is not None:
                return Peer.GONE if uid < 0 else Peer.WELCOME if uid in self._uids else Peer.FOREIGN
        return Peer.GONE if _is_local(peer[0], here[0]) else Peer.WELCOME


def peer_check(allow_other_users: bool, more_uids: frozenset[int] = frozenset()) -> PeerCheck | None:
    """:param more_uids: users besides ours and root, such as the one that tasks run as.
    :return: None where everybody is let in."""
    if allow_other_users or sys.platform != "linux":
        return None
    return PeerCheck(frozenset({os.getuid(), 0}) | more_uids)


def _owner(table: Path, peer: Address, here: Address) -> int | None:
    """:return: the uid, -1 for a socket without an owner, None when the table does not know the socket."""
    wanted = b" %s %s " % (_spelled(table, peer), _spelled(table, here))
    try:
        text = table.read_bytes()
    except FileNotFoundError:  # a kernel without IPv6
        return None
    start = text.find(wanted)
    if start < 0:
        return None
    line = text[text.rfind(b"\n", 0, start) + 1 : text.find(b"\n", start)].split()
    return -1 if line[_INODE] == _ORPHAN else int(line[_UID])


def _spelled(table: Path, address: Address) -> bytes:
    """As the kernel prints it: words of 32 bits in the machine's byte order, then the port."""
    ip = ip_address(address[0].partition("%")[0])
    if table.name == "tcp6":
        ip = IPv6Address(f"::ffff:{ip}") if isinstance(ip, IPv4Address) else ip
    elif isinstance(ip, IPv6Address):
        ip = ip.ipv4_mapped or ip
    words = (ip.packed[i : i + 4] for i in range(0, len(ip.packed), 4))
    host = "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)
    return f"{host}:{address[1]:04X}".encode()


def _is_local(peer: str, here: str) -> bool:
    ip = ip_address(peer.partition("%")[0])
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return (mapped or ip).is_loopback or peer == here


def addresses(connection: socket.socket) -> tuple[Address, Address]:
    """:return: the other end and this one."""
    return connection.getpeername()[:2], connection.getsockname()[:2]


def admits(check: PeerCheck | None, transport: asyncio.BaseTransport) -> bool:
    """:return: whether a new connection may stay; one of another user is told of in the log."""
    if check is None:
        return True
    try:
        peer, here = addresses(transport.get_extra_info("socket"))
    except OSError:  # gone already
        return False
    found = check.look(peer, here)
    if found is Peer.FOREIGN:
        logger.warning("closed a connection of another user of this machine, from port %d", peer[1])
    return found is Peer.WELCOME

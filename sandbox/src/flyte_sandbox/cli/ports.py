"""Is a port free, and if not, who has it?"""

from __future__ import annotations

import socket

import psutil

from flyte_sandbox.errors import StartupError


def check_free(address: str, port: int, option: str) -> None:
    """:param option: the one that names another port.

    :raises StartupError: naming who has it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            raise StartupError(
                f"Port {port} is taken{_holder(port)}. End that, or choose another with {option}."
            ) from None


def _holder(port: int) -> str:
    """Who listens there; else whose outgoing connection was given this port, which passes by itself."""
    found = [one for one in psutil.net_connections("tcp") if getattr(one.laddr, "port", 0) == port]
    for connection in found:
        if connection.status == psutil.CONN_LISTEN and connection.pid:
            command = " ".join(psutil.Process(connection.pid).cmdline())
            return f" by pid {connection.pid} ({command[:80]})"
    return " by an outgoing connection, for a minute at most if it has been closed" if found else ""

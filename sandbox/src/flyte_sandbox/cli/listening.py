"""What it means to listen on an address, said aloud where others than this machine may reach it."""

from __future__ import annotations

import ipaddress


def meaning(host: str) -> str:
    """:return: empty for an address of this machine alone."""
    if _is_loopback(host):
        return ""
    return (
        f"Listening on {host}: whoever reaches it can run code as this user and read and write the buckets; "
        "nobody is asked who they are. Name the hosts under which others address it with --allowed-host."
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"

"""Idle asyncio loops that an import left behind (flytekit's does): their kernel objects must not be shared.

After a fork an epoll instance and a socket pair are still the same for parent and children, and would mix up
what they wait for. New ones take the place of the old under the same descriptor numbers, so that nobody
holding the loop notices.
"""

from __future__ import annotations

import gc
import os
import select
import socket
import sys
from typing import Any


def find() -> list[Any]:
    """:return: all open selector loops of this process."""
    events = sys.modules.get("asyncio.selector_events")
    if events is None:
        return []
    # By type alone: isinstance() would wake lazy modules and proxies.
    loops = [each for each in gc.get_objects() if issubclass(type(each), events.BaseSelectorEventLoop)]
    return [loop for loop in loops if not loop.is_closed() and hasattr(select, "epoll")]


def renew(loop: Any) -> None:
    epoll = select.epoll()
    os.dup2(epoll.fileno(), loop._selector.fileno(), inheritable=False)
    epoll.close()
    _renew_pair(loop._ssock, loop._csock)
    registered = select.epoll.fromfd(os.dup(loop._selector.fileno()))
    for descriptor in loop._selector.get_map():
        registered.register(descriptor, select.EPOLLIN)
    registered.close()


def _renew_pair(first: socket.socket, second: socket.socket) -> None:
    for new, old in zip(socket.socketpair(), (first, second)):  # noqa: B905  # always two; strict= is of 3.10
        new.setblocking(False)
        os.dup2(new.fileno(), old.fileno(), inheritable=False)
        new.close()

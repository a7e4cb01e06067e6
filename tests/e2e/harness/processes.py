"""Which processes carry a stack's mark, and who listens where, as the machine itself tells."""

from __future__ import annotations

import contextlib
import random
import socket

import psutil

MARK = "AIRFLYTE_STACK"


def marked_processes(stack_id: str) -> dict[psutil.Process, str]:
    """All living processes that carry the mark or descend from one that does, with their command lines."""
    processes = list(psutil.process_iter())
    marked = {each.pid for each in processes if _has_mark(each, stack_id)}
    return {each: _command(each) for each in processes if _is_alive(each) and _descends(each, marked)}


def still_alive(known: dict[psutil.Process, str]) -> dict[psutil.Process, str]:
    """Those of the processes found earlier that have not ended."""
    return {process: command for process, command in known.items() if _is_alive(process)}


def parent_of(process: psutil.Process) -> psutil.Process | None:
    """Its parent; None when it has ended."""
    with contextlib.suppress(psutil.Error):
        return process.parent()
    return None


def is_listening(port: int) -> bool:
    """Whether anybody accepts connections at this port of the machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_offset(numbers: tuple[int, ...], avoiding: int | None = None) -> int:
    """An offset at which nobody listens on any of these ports.

    Downwards: above 32768 begin the ports that the kernel gives to outgoing connections. At random, so that
    others who tell stories on this machine most likely find another one.
    """
    offsets = range(-6_000, -100, 100)
    return next(
        offset
        for offset in random.sample(offsets, len(offsets))
        if offset != avoiding and not any(is_listening(number + offset) for number in numbers)
    )


def _has_mark(process: psutil.Process, stack_id: str) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        return process.environ().get(MARK) == stack_id
    return False


def _descends(process: psutil.Process, marked: set[int]) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.pid in marked or any(parent.pid in marked for parent in process.parents())
    return False


def _is_alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline()) or process.name()
    return "?"

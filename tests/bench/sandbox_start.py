"""How soon the sandbox answers, and what its server weighs."""

from __future__ import annotations

import statistics

from . import many_executions, measured_files
from .figures import Measurement, spread
from .flyte_client import run, text
from .memory import pss_mb
from .server import Server
from .workshop import Workshop

_STARTS = 7
_EXECUTIONS = 5


def ready(workshop: Workshop) -> Measurement:
    """From the start of the process, on an empty folder, to the answer to a first call."""
    _start_once(workshop)  # compiles what was edited since the last run
    seconds = [_start_once(workshop) for _ in range(_STARTS)]
    workshop.say(spread(seconds))
    return Measurement(statistics.median(seconds))


def _start_once(workshop: Workshop) -> float:
    return _start(Server(workshop.new_folder("state")))


def _start(server: Server) -> float:
    try:
        return server.start()
    finally:
        server.end()


def ready_full(workshop: Workshop) -> Measurement:
    """The same with 100,000 executions in the database; reference with none, in turns."""
    full = workshop.shared(many_executions.fill)
    _start_once(workshop)
    with_many, with_none = [], []
    for _ in range(_STARTS):
        with_many.append(_start(Server(full)))
        with_none.append(_start_once(workshop))
    workshop.say(
        f"with {many_executions.COUNT:,} executions {spread(with_many)}; with none {spread(with_none)}"
    )
    return Measurement(statistics.median(with_many), statistics.median(with_none))


def memory(workshop: Workshop) -> Measurement:
    """Of the server's process alone; template processes and tasks have their own row."""
    with workshop.server() as server:
        before = pss_mb([server.pid])
        measured_files.register_two_tasks(workshop, server)
        for number in range(_EXECUTIONS):
            run(server, measured_files.TWO_TASKS, {"name": text(f"number {number}")})
        after = pss_mb([server.pid])
    workshop.say(f"{before:.1f} MB after the start, {after:.1f} MB after {_EXECUTIONS} executions")
    return Measurement(after)

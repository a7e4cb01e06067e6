"""The end of a stack: in order first, then whatever is left, with or without a living supervisor."""

from __future__ import annotations

import contextlib
import http.client
import signal
import time
import xmlrpc.client
from collections.abc import Sequence

import psutil

from airflyte.processes import marks
from airflyte.processes.components import COMPONENT
from airflyte.processes.supervisord import Supervisor

GROUP_SECONDS = 2.0
LOOK_SECONDS = 0.02
_NO_ANSWER = (OSError, http.client.HTTPException, xmlrpc.client.Error)


Order = Sequence[Sequence[str]]
"""Names of components: one group is gone before the next is asked."""


def stop(supervisor: Supervisor, stack_id: str, order: Order) -> None:
    """End every process of the stack, and return when none is left.

    Components are asked group by group, so that a task which is ended still reaches the server that it wants
    to tell; after two seconds a group is killed. What nobody asked (tasks, templates, strays) goes last.

    :param order: components that may be running; others with the mark are ended after them.
    :raises AirflyteError: naming a process that does not end.
    """
    known = marks.find_marked(stack_id)
    for names in order:
        _stop_group(supervisor, stack_id, names)
    with contextlib.suppress(*_NO_ANSWER):
        supervisor.shut_down()
    marks.end_marked(stack_id, also=known)


def end_orphans(supervisor: Supervisor, stack_id: str, order: Order) -> list[str]:
    """End marked processes that no living supervisor owns; nothing when the supervisor answers.

    :return: what was ended, in words.
    """
    orphans = marks.find_marked(stack_id)
    if not orphans or owner(supervisor, orphans):
        return []
    described = sorted({owning_component(each) or "task processes" for each in orphans})
    stop(supervisor, stack_id, order)
    return described


def owner(supervisor: Supervisor, marked: set[psutil.Process]) -> int | None:
    """The pid of the living supervisor of these processes.

    It must be one of them: another program may listen where our socket was.
    """
    pid = supervisor.pid()
    return pid if pid in {process.pid for process in marked} else None


def component_of(process: psutil.Process) -> str | None:
    """The component that a process is, or was started by, as its own environment says."""
    return marks.variable(process.pid, COMPONENT)


def owning_component(process: psutil.Process) -> str | None:
    """As :func:`component_of`, also for a process whose environment cannot be read any more."""
    with contextlib.suppress(psutil.Error):
        return next(filter(None, map(component_of, [process, *process.parents()])), None)
    return None


def _stop_group(supervisor: Supervisor, stack_id: str, names: Sequence[str]) -> None:
    """Ask these components to end, and kill what is left of them after a while.

    Asked is only who has no parent in its component, at first by the supervisor: a component ends its own
    children. Those that it left behind have lost their parent and are asked then. Nobody is asked twice,
    because a second SIGTERM makes some servers drop what they are doing.
    """
    asked_by_supervisor = [name for name in names if _was_asked(supervisor, name)]
    asked = _tops(_of_components(stack_id, asked_by_supervisor))
    deadline = time.monotonic() + GROUP_SECONDS
    while living := _of_components(stack_id, names):
        for process in _tops(living) - asked:
            _send(process, marks.polite_signal(process))
            asked.add(process)
        if time.monotonic() > deadline:
            for process in living:
                _send(process, signal.SIGKILL)
        time.sleep(LOOK_SECONDS)


def _was_asked(supervisor: Supervisor, name: str) -> bool:
    """Have the supervisor send a component its stop signal; False where no supervisor does that."""
    try:
        supervisor.stop_component(name)
    except _NO_ANSWER:
        return False
    return True


def _of_components(stack_id: str, names: Sequence[str]) -> set[psutil.Process]:
    return {process for process in marks.find_marked(stack_id) if component_of(process) in names}


def _tops(processes: set[psutil.Process]) -> set[psutil.Process]:
    """Those whose parent is not among them: the components themselves, which end their own children."""
    pids = {process.pid for process in processes}
    return {process for process in processes if _parent(process) not in pids}


def _parent(process: psutil.Process) -> int | None:
    with contextlib.suppress(psutil.Error):
        return process.ppid()
    return None


def _send(process: psutil.Process, number: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)

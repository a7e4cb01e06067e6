"""Who listens on the stack's ports, and what to tell a user whose port is busy.

Nothing is started or stopped here. A port counts as busy also when only ``::1`` has it, because ``localhost``
would lead a browser there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from airflyte.errors import AirflyteError
from airflyte.processes.marks import command_of
from airflyte.settings import Ports, Settings
from airflyte.state import MARK

OFFSETS = range(100, 2000, 100)
"""The offsets that are offered to somebody whose ports are busy."""

_ADDRESSES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


@dataclasses.dataclass(frozen=True)
class Holder:
    """Who has a port.

    :param name: what the port is for, "airflow".
    :param pid: None when the system does not tell us, because the process is another user's.
    :param stack_id: the mark it carries, when it belongs to an airflyte stack.
    :param checkout: the folder of that stack, where it can be found.
    """

    name: str
    port: int
    pid: int | None = None
    command: str = ""
    stack_id: str | None = None
    checkout: Path | None = None

    def __str__(self) -> str:
        if self.pid is None:
            return "held by a process of another user"
        whose = f", part of the airflyte stack in {self.checkout}" if self.checkout else ""
        return f"held by pid {self.pid} ({self.command}){whose}"


def needed(settings: Settings) -> dict[str, int]:
    """The ports that this stack will listen on, by what they are for."""
    ports = dataclasses.asdict(settings.ports)
    if settings.airflow == "none":
        del ports["airflow"]
    if settings.database_url:
        del ports["postgres"]
    return ports


def holders(ports: Mapping[str, int]) -> list[Holder]:
    """Who holds these ports; empty when all are free.

    :param ports: by what they are for.
    """
    busy = {name: port for name, port in ports.items() if is_busy(port)}
    pids = _listeners(busy.values()) if busy else {}
    return [_holder(name, port, pids.get(port)) for name, port in busy.items()]


def check_free(settings: Settings, own_stack_id: str | None = None) -> None:
    """Stop before anything is started when a port is busy.

    :param own_stack_id: processes with this mark do not count: they are ours and will be dealt with.
    :raises AirflyteError: naming port, pid, command and stack, and the two ways out.
    """
    found = [holder for holder in holders(needed(settings)) if _is_foreign(holder, own_stack_id)]
    if found:
        raise AirflyteError(busy_message(found, settings))


def busy_message(found: list[Holder], settings: Settings) -> str:
    """The sentence about busy ports with the two ways out."""
    who = "; ".join(f"port {holder.port} ({holder.name}) is {holder}" for holder in found)
    return f"{who[0].upper()}{who[1:]}; {way_out(found, settings)}."


def way_out(found: list[Holder], settings: Settings) -> str:
    """What a user can do about busy ports."""
    checkout = next((holder.checkout for holder in found if holder.checkout), None)
    stop = f"type make down in {checkout}" if checkout else "stop that process"
    return (
        f"{stop}, or type AIRFLYTE_PORT_OFFSET={free_offset(settings)} make up here, "
        "which shifts all four ports and is remembered"
    )


def free_offset(settings: Settings) -> int:
    """The first usual offset at which all four ports are free; the first one when none is."""
    for offset in OFFSETS:
        if offset != settings.port_offset and not any(map(is_busy, _numbers(Ports().shifted(offset)))):
            return offset
    return OFFSETS[0]


def is_busy(port: int) -> bool:
    """Whether somebody listens on this port at an address that ``localhost`` can mean."""
    return any(_cannot_bind(family, address, port) for family, address in _ADDRESSES)


def mark_of(process: psutil.Process) -> str | None:
    """The stack's mark that a process carries, or one that it descends from."""
    with contextlib.suppress(psutil.Error):
        for each in (process, *process.parents()):
            with contextlib.suppress(psutil.Error, OSError):
                mark = each.environ().get(MARK)
                if mark:
                    return mark
    return None


def checkout_of(process: psutil.Process, stack_id: str) -> Path | None:
    """The checkout of the stack that a process belongs to, found from where it and its ancestors run."""
    with contextlib.suppress(psutil.Error):
        for each in (process, *process.parents()):
            for state in _state_folders(each):
                if _id_in(state) == stack_id:
                    return state.parent
    return None


def is_orphan(process: psutil.Process, stack_id: str) -> bool:
    """Whether a marked process can no longer be stopped from its stack's folder, because that is gone.

    A sandbox that runs alone has its state elsewhere and says where on its command line.
    """
    with contextlib.suppress(psutil.Error):
        places = [place for each in (process, *process.parents()) for place in _state_folders(each)]
        alone = any(_is_alone(each) for each in (process, *process.parents()))
        return bool(places) and not alone and all(_id_in(place) != stack_id for place in places)
    return False


def _is_alone(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        arguments = process.cmdline()
        if "--state" in arguments[:-1]:
            return Path(arguments[arguments.index("--state") + 1]).is_dir()
    return False


def _is_foreign(holder: Holder, own_stack_id: str | None) -> bool:
    return own_stack_id is None or holder.stack_id != own_stack_id


def _numbers(ports: Ports) -> Iterable[int]:
    return dataclasses.asdict(ports).values()


def _cannot_bind(family: socket.AddressFamily, address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: connections of a server that has just ended do not make its port busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def _listeners(ports: Iterable[int]) -> dict[int, int]:
    """The pids that listen on these ports, as far as the system tells."""
    wanted = set(ports)
    with contextlib.suppress(psutil.AccessDenied):
        return {
            each.laddr.port: each.pid
            for each in psutil.net_connections(kind="tcp")
            if each.status == psutil.CONN_LISTEN and each.pid and each.laddr and each.laddr.port in wanted
        }
    return {}


def _holder(name: str, port: int, pid: int | None) -> Holder:
    if pid is None:
        return Holder(name, port)
    try:
        process = psutil.Process(pid)
    except psutil.Error:
        return Holder(name, port, pid, "it has just ended")
    stack_id = mark_of(process)
    checkout = checkout_of(process, stack_id) if stack_id else None
    return Holder(name, port, pid, command_of(process), stack_id, checkout)


def _state_folders(process: psutil.Process) -> Iterable[Path]:
    """Folders named like a state folder that a process's working folder, program or arguments lie in."""
    places: list[str] = []
    for look in (process.cwd, process.exe):
        with contextlib.suppress(psutil.Error, OSError):
            places.append(look())
    with contextlib.suppress(psutil.Error, OSError):
        places += process.cmdline()
    for place in places:
        head, separator, _ = place.partition("/.airflyte")
        if separator:
            yield Path(head[head.find("/") :]) / ".airflyte"


def _id_in(state: Path) -> str | None:
    try:
        return str(json.loads((state / "stack.json").read_text(encoding="utf-8"))["stack_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None

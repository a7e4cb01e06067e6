"""How much of everything this machine has for tasks. Inside a container its limits count, not the host's."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

_CONTROL_GROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Machine:
    """:param cpu_millis: thousandths of a core, as Kubernetes counts them."""

    cpu_millis: int
    memory_bytes: int
    gpus: int


def this_machine(control_group: Path = _CONTROL_GROUP, devices: Path = Path("/dev")) -> Machine:
    """:param control_group: where the kernel shows the limits that a container sees as its root's."""
    return Machine(_cpu_millis(control_group), _memory_bytes(control_group), _gpus(devices))


def _cpu_millis(control_group: Path) -> int:
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    quota, _, period = _read(control_group / "cpu.max").partition(" ")
    limit = int(quota) * 1000 // int(period) if quota.isdigit() and period.isdigit() else cores * 1000
    return max(1, min(cores * 1000, limit))


def _memory_bytes(control_group: Path) -> int:
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _read(control_group / "memory.max")
    return min(size, int(limit)) if limit.isdigit() else size


def _gpus(devices: Path) -> int:
    """NVIDIA's, which is what a request means unless it says otherwise."""
    return sum(1 for path in devices.glob("nvidia[0-9]*") if path.name.removeprefix("nvidia").isdigit())


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""

"""How much memory the processes of an attempt use that nobody else uses: what would be free without them.

Pages that a fork still shares with its template are not its own; a limit of addresses (RLIMIT_AS) would count
them, and all that was only reserved.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from . import processes

_PRIVATE = (b"Private_Clean:", b"Private_Dirty:", b"Private_Hugetlb:", b"Swap:")


def private_bytes(pids: Iterable[int]) -> int:
    """Of all these processes together. Linux only; 0 elsewhere."""
    return sum(_private_bytes_of(pid) for pid in pids)


def families(marks: Mapping[int, str]) -> dict[int, set[int]]:
    """The living processes of this process's children, each with all that descend from it.

    Those whose parents have ended are this process's own by now, as it inherits them; their marks tell.

    :param marks: of the children, by their pids.
    """
    parents = {each.pid: each.parent for each in processes.everyone() if not each.is_zombie}
    found: dict[int, set[int]] = {pid: set() for pid in marks}
    by_mark = {mark: pid for pid, mark in marks.items()}
    for pid in parents:
        top = _ancestor_below(os.getpid(), pid, parents)
        if top is not None and top not in marks:
            top = by_mark.get(processes.mark_of(top))
        if top is not None:
            found[top].add(pid)
    return found


def _ancestor_below(root: int, pid: int, parents: Mapping[int, int]) -> int | None:
    """:return: the child of ``root`` that the process is or descends from; None for a stranger."""
    while pid in parents:
        if parents[pid] == root:
            return pid
        pid = parents[pid]
    return None


def _private_bytes_of(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            lines = file.read().splitlines()
    except OSError:
        return 0  # it has ended, or the kernel is older than 4.14
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(_PRIVATE))

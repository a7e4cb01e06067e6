"""How much memory processes take: PSS, in which a page that several processes share counts only once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

BYTES_PER_MB = 1_000_000


def pss_mb(pids: Iterable[int]) -> float:
    """The sum over processes; one that has ended meanwhile counts nothing."""
    return sum(_pss_bytes(pid) for pid in pids) / BYTES_PER_MB


def _pss_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    fields = (line.split() for line in lines)
    return next(int(words[1]) * 1024 for words in fields if words[0] == "Pss:")

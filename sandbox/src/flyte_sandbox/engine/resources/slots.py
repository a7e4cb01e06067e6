"""Which attempts may run now: as many as the machine has room for. The rest wait, mostly in order.

A small attempt may overtake a large one that does not fit yet, but not for ever. Attempts whose tasks wait
for executions of their own (eager ones) hold nothing, else they would wait for slots that they keep.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from flyte_sandbox.engine.messages import Attempt
from flyte_sandbox.engine.resources.claims import NOTHING, Claim

_MOST_OVERTAKEN = 50


@dataclass
class _Line:
    """Those that wait for the same claim, in order.

    :ivar overtaken: how often somebody who came later began while the first one waited.
    """

    claim: Claim
    waiting: OrderedDict[str, tuple[int, Attempt]] = field(default_factory=OrderedDict)
    overtaken: int = 0

    @property
    def first(self) -> int:
        """The number of the one that has waited longest."""
        return next(iter(self.waiting.values()))[0]


class Slots:
    """Asked by the engine's thread, given back by the runner's.

    :param capacity: what there is to be held.
    """

    def __init__(self, capacity: Claim) -> None:
        self._free = capacity
        self._taken: dict[str, Claim] = {}
        self._lines: dict[Claim, _Line] = {}
        self._count = 0
        self._lock = threading.Lock()

    def ask(self, attempt: Attempt, claim: Claim) -> list[Attempt]:
        """:return: those that may start now: this one, or nobody, and it waits in line."""
        with self._lock:
            if claim == NOTHING:
                self._take(attempt.key, claim)
                return [attempt]
            self._count += 1
            line = self._lines.setdefault(claim, _Line(claim))
            line.waiting[attempt.key] = (self._count, attempt)
            return self._begin()

    def take(self, key: str, claim: Claim) -> None:
        """For an attempt that runs already, found after a restart, whether or not there is room."""
        with self._lock:
            self._take(key, claim)

    def withdraw(self, key: str) -> list[Attempt] | None:
        """:return: None when it did not wait; else it does not any more, and these may start now."""
        with self._lock:
            for line in self._lines.values():
                if line.waiting.pop(key, None) is not None:
                    self._drop_if_empty(line)
                    return self._begin()
            return None

    def release(self, key: str) -> list[Attempt]:
        """:return: those that may start now."""
        with self._lock:
            claim = self._taken.pop(key, None)
            if claim is not None:
                self._free = self._free.plus(claim)
            return self._begin()

    def taken(self) -> list[str]:
        """Keys of the attempts that have a process, or will in a moment."""
        with self._lock:
            return sorted(self._taken)

    def _take(self, key: str, claim: Claim) -> None:
        self._free = self._free.minus(claim).plus(self._taken.get(key, NOTHING))
        self._taken[key] = claim

    def _begin(self) -> list[Attempt]:
        begun = []
        while (line := self._next_line()) is not None:
            key, (_, attempt) = line.waiting.popitem(last=False)
            line.overtaken = 0
            self._drop_if_empty(line)
            self._take(key, line.claim)
            begun.append(attempt)
        return begun

    def _next_line(self) -> _Line | None:
        """The line whose first one has waited longest of those that fit."""
        passed: list[_Line] = []
        for line in sorted(self._lines.values(), key=lambda each: each.first):
            if line.claim.fits(self._free):
                for each in passed:
                    each.overtaken += 1
                return line
            if line.overtaken >= _MOST_OVERTAKEN:
                return None
            passed.append(line)
        return None

    def _drop_if_empty(self, line: _Line) -> None:
        if not line.waiting:
            del self._lines[line.claim]

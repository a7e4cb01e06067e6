"""Ends templates that nobody needs any more: each holds a hundred megabytes and more.

The default environment's stays, so that the next task begins at once. Used by the runner's thread only.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from flyte_sandbox.environments import DEFAULT
from flyte_sandbox.runner.template_process import TemplateProcess


class Idling:
    """:param is_needed: whether attempts run in a template, or wait for one of its environment.

    :param seconds: for how long a template may be idle.
    """

    def __init__(self, is_needed: Callable[[TemplateProcess], bool], seconds: float) -> None:
        self._is_needed = is_needed
        self._seconds = seconds
        self._idle_since: dict[TemplateProcess, float] = {}

    def advance(self, templates: list[TemplateProcess]) -> None:
        """Retire those whose time is over; an order that comes afterwards starts another one."""
        now = time.monotonic()
        idle = [each for each in templates if self._is_idle(each)]
        self._idle_since = {each: self._idle_since.get(each, now) for each in idle}
        for template, since in self._idle_since.items():
            if now >= since + self._seconds:
                template.retire()

    def _is_idle(self, template: TemplateProcess) -> bool:
        is_mortal = template.environment != DEFAULT and not template.is_retiring
        return is_mortal and not self._is_needed(template)

    @property
    def patience(self) -> float | None:
        """Seconds until a template's time is over; None when no idle one ends."""
        first = min((since for each, since in self._idle_since.items() if not each.is_retiring), default=None)
        return None if first is None else max(0.0, first + self._seconds - time.monotonic())

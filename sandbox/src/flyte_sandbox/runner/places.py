"""An attempt that has not ended yet, and where it is."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from flyte_sandbox.runner.attempts import AttemptSpec
from flyte_sandbox.runner.orphans import Orphan
from flyte_sandbox.runner.template_process import TemplateProcess


class Place(enum.Enum):
    """Where an attempt is."""

    IN_DOUBT = "an earlier server had it; not all of that server's templates have answered yet"
    WAITING = "for a template that takes orders"
    ORDERED = "from a template; perhaps not forked yet"
    RUNNING = "as the child of a living template"
    ORPHANED = "its template is gone; only its process and its files can tell"


@dataclass
class Attempt:
    """
    :ivar ordered_at: when it was ordered last (``time.monotonic``).
    :ivar tries: how often a template could not start it.
    :ivar not_before: when it may be ordered again (``time.monotonic``).
    """

    spec: AttemptSpec
    place: Place
    template: TemplateProcess | None = None
    orphan: Orphan | None = None
    is_stopping: bool = False
    is_told_started: bool = False
    ordered_at: float = 0.0
    tries: int = 0
    not_before: float = 0.0

"""An attempt whose template is gone: watched and stopped from here, though it is no child of ours."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from typing import Any

from flyte_sandbox.runner.attempts import AttemptSpec
from flyte_sandbox.runner.environment import attempt_mark, temporary_path
from flyte_sandbox.runner.template import footprints, long_logs, processes, records, short_paths

_SETTLE_SECONDS = 2.0
"""How long a template that lives out of reach may take to write down the end of its child."""


class Orphan:
    """
    :param claim: of whoever runs the attempt.
    :param spec: what they run.
    :ivar is_oom_killed: it was killed for using more memory than its limit.
    """

    def __init__(self, claim: dict[str, Any], spec: AttemptSpec) -> None:
        self.started_at: float | None = claim["started_at"]
        self._claim = claim
        self._spec = spec
        self._mark = attempt_mark(spec)
        self.is_oom_killed = False
        self._family: dict[int, str | None] = {}
        self._gone_since: float | None = None
        self._kill_at: float | None = None

    def is_alive(self) -> bool:
        """Also ends it when it was asked to stop and its patience is over."""
        if not processes.is_alive(self._claim["pid"], self._claim["identity"]):
            self._gone_since = self._gone_since or time.monotonic()
            return False
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            processes.kill(self._claim["pid"], self._mark)
        self._look_after()
        return True

    def _look_after(self) -> None:
        """What its template did now and then."""
        long_logs.cut(str(self._spec.folder / records.LOG))
        limit, leader = self._spec.memory_limit_bytes, self._claim["pid"]
        family = processes.members(leader, self._mark)
        self._family = {pid: processes.identity(pid) for pid in family}
        if limit and footprints.private_bytes(family) > limit:
            self.is_oom_killed = True
            processes.kill(leader, self._mark)

    def is_beyond_hope(self) -> bool:
        """Whether nobody is left who could still write down how it ended."""
        if self._gone_since is None:
            return False
        template = (self._claim.get("template", 0), self._claim.get("template_identity", ""))
        return not processes.is_alive(*template) or time.monotonic() > self._gone_since + _SETTLE_SECONDS

    def _left_behind(self) -> set[int]:
        return {
            pid for pid, identity in self._family.items() if identity and processes.is_alive(pid, identity)
        }

    def read_exit(self) -> dict[str, Any] | None:
        """For one that has ended: its record, or its own word of its end where it could not write that."""
        folder = self._spec.folder
        record = records.read_exit(str(folder))
        if record is None and self._claim.get("uid") is not None:
            record = records.read_exit(str(folder / records.WORK))
            if record is not None:
                records.write_exit(str(folder), record)
        return record

    def stop(self, grace_seconds: float) -> None:
        if self._kill_at is None and self.is_alive():
            self._kill_at = time.monotonic() + grace_seconds
            processes.send(processes.session_members(self._claim["pid"]), signal.SIGTERM)

    def clean_up(self) -> None:
        """What a template does after its children: end what they left, remove their work.

        The mark counts, and who was seen with it while it lived: nobody inherits them, and the dead leader's
        session may be another's by now.
        """
        processes.kill(processes.NO_SESSION, self._mark, self._left_behind)
        short_paths.remove_link(temporary_path(self._spec, self._claim.get("uid")))
        work = self._spec.folder / records.WORK
        if work.exists():  # perhaps large: not in the runner's thread
            threading.Thread(target=shutil.rmtree, args=(work, True), daemon=True).start()

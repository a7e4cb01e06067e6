"""Which attempt is where, and what follows from what is heard of it. Runs on the runner's thread only.

An attempt waits for a template, is ordered from it, runs, and ends; after a crash it may also be in doubt (an
earlier server ordered it) or orphaned (its template was killed). Whoever makes its ``claim`` runs it, so an
order may be given again whenever there is doubt.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timezone
from typing import Any

from flyte_sandbox.runner import endings
from flyte_sandbox.runner.attempts import AttemptExit, AttemptSpec
from flyte_sandbox.runner.environment import attempt_environment, attempt_mark
from flyte_sandbox.runner.orphans import Orphan
from flyte_sandbox.runner.places import Attempt, Place
from flyte_sandbox.runner.template import records
from flyte_sandbox.runner.template_process import TemplateProcess
from flyte_sandbox.runner.templates import TemplateError, Templates

_MOST_TRIES = 3
_TRY_AGAIN_SECONDS = 0.5
_MOST_SECONDS_TO_FORK = 90.0
"""A template that imports something is deaf for a while, but never for as long as this."""


class Dispatcher:
    """
    :ivar failures: by environment, why its last template did not get ready.
    """

    def __init__(
        self,
        templates: Templates,
        grace_seconds: float,
        on_started: Callable[[str, datetime], None],
        on_end: Callable[[AttemptExit], None],
    ) -> None:
        self._templates = templates
        self._grace_seconds = grace_seconds
        self._on_started = on_started
        self._on_end = on_end
        self._attempts: dict[str, Attempt] = {}
        self._failed_starts: dict[str, int] = {}
        self.failures: dict[str, str] = {}
        self._has_resumed = False

    @property
    def is_idle(self) -> bool:
        return not self._attempts

    @property
    def is_watching(self) -> bool:
        """Whether something can only be found out by looking again after a while."""
        return any(
            each.orphan or each.not_before or each.place is Place.ORDERED for each in self._attempts.values()
        )

    def needs(self, template: TemplateProcess) -> bool:
        """Whether an attempt is with it, or waits for a template of its environment."""
        return any(
            each.template is template
            or (each.place is Place.WAITING and each.spec.environment == template.environment)
            for each in self._attempts.values()
        )

    # ---- orders from the engine ----

    def start(self, spec: AttemptSpec) -> None:
        if spec.key not in self._attempts:
            self._attempts[spec.key] = Attempt(spec, Place.WAITING)
            self._advance(self._attempts[spec.key])

    def prepare(self, spec: AttemptSpec) -> None:
        """Only a template that is ready anyway is asked; nothing comes back."""
        template = self._templates.current(spec.environment)
        if template is not None and template.is_usable and spec.key not in self._attempts:
            template.order("prepare", **self._job(spec))

    def resume(self, specs: Sequence[AttemptSpec]) -> None:
        self._has_resumed = True
        for spec in specs:
            if spec.key not in self._attempts:
                self._attempts[spec.key] = Attempt(spec, Place.IN_DOUBT)
                self._resolve(self._attempts[spec.key])
        for template in self._templates.all:
            self._stop_strangers(template)

    def stop(self, key: str) -> None:
        attempt = self._attempts.get(key)
        if attempt is None or attempt.is_stopping:
            return
        attempt.is_stopping = True
        self._enforce_stop(attempt)

    def stop_all(self) -> None:
        for key in list(self._attempts):
            self.stop(key)

    def _enforce_stop(self, attempt: Attempt) -> None:
        if attempt.place in (Place.ORDERED, Place.RUNNING) and attempt.template is not None:
            attempt.template.order("stop", key=attempt.spec.key)
        elif attempt.place is Place.WAITING:
            self._bury(attempt)
        elif attempt.orphan is not None:
            attempt.orphan.stop(self._grace_seconds)

    # ---- what templates say ----

    def hear(self, template: TemplateProcess, message: dict[str, Any]) -> None:
        event = message["event"]
        if event == "hello":
            self._greet(template, message)
        elif event == "retiring":
            self._replace(template, message["reason"])
        elif (attempt := self._attempts.get(message.get("key", ""))) is not None:
            self._hear_of(attempt, template, message)

    def _replace(self, template: TemplateProcess, reason: str) -> None:
        """One that cannot go on gets a successor before anybody waits for it; one told to end does not."""
        template.is_retiring = True
        if reason in ("packages", "threads", "spoilt"):
            with contextlib.suppress(TemplateError):  # the next attempt will say it
                self.prewarm(template.environment)

    def _greet(self, template: TemplateProcess, message: dict[str, Any]) -> None:
        template.is_ready = True
        template.pid = message["pid"]
        template.is_retiring = template.is_retiring or message["is_retiring"]
        template.running = frozenset(message["running"])
        self._failed_starts.pop(template.environment, None)
        self.failures.pop(template.environment, None)
        for key, record in message["unsaved"].items():
            if key in self._attempts:
                self._end(self._attempts[key], record)
        self._stop_strangers(template)
        for attempt in self._in(Place.IN_DOUBT, Place.ORPHANED):
            self._resolve(attempt)
        for attempt in self._in(Place.WAITING):
            self._advance(attempt)

    def _hear_of(self, attempt: Attempt, template: TemplateProcess, message: dict[str, Any]) -> None:
        if message["event"] == "started":
            attempt.place, attempt.template, attempt.orphan = Place.RUNNING, template, None
            self._tell_started(attempt, message["at"])
            if attempt.is_stopping:
                self._enforce_stop(attempt)
        elif message["event"] == "ended":
            self._end(attempt, message["record"])
        elif message["event"] == "returned":
            self._take_back(attempt, message["reason"])

    def _take_back(self, attempt: Attempt, reason: str) -> None:
        attempt.template = None
        if reason == "claimed":
            self._resolve(attempt)
        elif reason == "retiring":
            self._wait(attempt)
        else:
            self._try_again(attempt, reason)

    def _wait(self, attempt: Attempt) -> None:
        attempt.place = Place.WAITING
        self._advance(attempt)

    def _try_again(self, attempt: Attempt, reason: str) -> None:
        attempt.tries += 1
        if attempt.tries >= _MOST_TRIES:
            self._refuse(attempt, f"The attempt could not be started {attempt.tries} times: {reason}.")
            return
        attempt.not_before = time.monotonic() + attempt.tries * _TRY_AGAIN_SECONDS
        self._wait(attempt)

    def _stop_strangers(self, template: TemplateProcess) -> None:
        """Attempts that an earlier server started and the engine does not ask for."""
        if self._has_resumed:
            for key in template.running - self._attempts.keys():
                template.order("stop", key=key)

    def lose(self, template: TemplateProcess) -> None:
        """A template's connection has ended, and with it the template."""
        for attempt in list(self._attempts.values()):
            if attempt.template is template:
                self._lose_template_of(attempt)
        for attempt in self._in(Place.IN_DOUBT):
            self._resolve(attempt)
        if not template.is_ready and not template.is_found:
            self._count_failed_start(template.environment)
        for attempt in self._in(Place.WAITING):
            self._advance(attempt)

    def _lose_template_of(self, attempt: Attempt) -> None:
        attempt.template = None
        if attempt.place is Place.ORDERED and records.read_claim(str(attempt.spec.folder)) is None:
            self._try_again(attempt, "the template process died")
        else:
            self._resolve(attempt)

    def _count_failed_start(self, environment: str) -> None:
        """After a few failures in a row nobody waits any longer; the next order tries again."""
        count = self._failed_starts.pop(environment, 0) + 1
        if count < _MOST_TRIES:
            self._failed_starts[environment] = count
            return
        log = self._templates.settings(environment).log
        message = f"The template process of environment {environment!r} ends before it is ready; see {log}."
        self.failures[environment] = message
        for attempt in self._in(Place.WAITING):
            if attempt.spec.environment == environment:
                self._refuse(attempt, message)

    # ---- what follows ----

    def look_again(self) -> None:
        """Orphans cannot be waited for, what failed is tried again later, and a deaf template is no use."""
        for attempt in self._in(Place.ORPHANED):
            self._look_at_orphan(attempt)
        for attempt in self._in(Place.WAITING):
            if 0 < attempt.not_before <= time.monotonic():
                attempt.not_before = 0.0
                self._advance(attempt)

        for attempt in self._in(Place.ORDERED):
            if attempt.template and time.monotonic() > attempt.ordered_at + _MOST_SECONDS_TO_FORK:
                attempt.template.kill()  # its end is noticed like any other

    def _resolve(self, attempt: Attempt) -> None:
        """Find out from files, templates and processes where the attempt is."""
        folder = str(attempt.spec.folder)
        record, claim = records.read_exit(folder), records.read_claim(folder)
        has_left_work = (attempt.spec.folder / records.WORK).exists()
        if record is not None and not (claim and has_left_work):
            self._end(attempt, record)
        elif claim is None:
            self._wait(attempt)
        elif record is not None:
            self._watch_orphan(attempt, claim)  # its template did not live to clean up, or is about to
        else:
            self._find_process(attempt, claim)

    def _find_process(self, attempt: Attempt, claim: dict[str, Any]) -> None:
        owner = next((each for each in self._templates.all if attempt.spec.key in each.running), None)
        if owner is not None:
            self._adopt(attempt, owner, claim["started_at"])
        elif any(each.is_found and not each.is_ready for each in self._templates.all):
            attempt.place = Place.IN_DOUBT
        else:
            self._watch_orphan(attempt, claim)

    def _adopt(self, attempt: Attempt, template: TemplateProcess, started_at: float) -> None:
        attempt.place, attempt.template, attempt.orphan = Place.RUNNING, template, None
        self._tell_started(attempt, started_at)
        if attempt.is_stopping:
            self._enforce_stop(attempt)

    def _watch_orphan(self, attempt: Attempt, claim: dict[str, Any]) -> None:
        attempt.place = Place.ORPHANED
        attempt.orphan = attempt.orphan or Orphan(claim, attempt.spec)
        if attempt.orphan.is_alive():
            self._tell_started(attempt, claim["started_at"])
        if attempt.is_stopping:
            attempt.orphan.stop(self._grace_seconds)
        self._look_at_orphan(attempt)

    def _look_at_orphan(self, attempt: Attempt) -> None:
        orphan = attempt.orphan
        if orphan is None or orphan.is_alive():
            return
        # The record is written before its writer goes, so this order of looks misses none.
        is_lost = orphan.is_beyond_hope()
        record = orphan.read_exit()
        if record is None and not is_lost:
            return
        orphan.clean_up()
        if record is not None:
            self._end(attempt, record)
        else:
            ending = endings.lost(attempt.spec, orphan.started_at)
            self._finish(attempt, replace(ending, is_oom_killed=orphan.is_oom_killed))

    def _advance(self, attempt: Attempt) -> None:
        """Order a waiting attempt, or see to it that there will be a template to order it from."""
        if attempt.is_stopping:
            self._bury(attempt)
            return
        if attempt.not_before > time.monotonic():
            return
        template = self._template_for(attempt)
        if template is not None and template.is_usable:
            attempt.place, attempt.template = Place.ORDERED, template
            attempt.ordered_at = time.monotonic()
            template.order("start", **self._job(attempt.spec))

    def _template_for(self, attempt: Attempt) -> TemplateProcess | None:
        try:
            return self.prewarm(attempt.spec.environment)
        except TemplateError as exc:
            self._refuse(attempt, str(exc))
            return None

    def prewarm(self, environment: str) -> TemplateProcess:
        """:return: the template that takes orders or will soon.
        :raises TemplateError: there cannot be one.
        """
        return self._templates.current(environment) or self._templates.spawn(environment)

    def _job(self, spec: AttemptSpec) -> dict[str, Any]:
        settings = self._templates.settings(spec.environment)
        return {
            "key": spec.key,
            "folder": str(spec.folder.absolute()),
            "argv": list(spec.argv),
            "env": attempt_environment(spec, settings.base, self._templates.mark, settings.task_uid),
            "mark": attempt_mark(spec),
            "uid": settings.task_uid,
            "writable": [str(folder) for folder in spec.writable],
            "files": str(spec.files.absolute()) if spec.files else "",
            "memory_limit_bytes": spec.memory_limit_bytes,
            "secrets": asdict(spec.secrets),
        }

    # ---- ends ----

    def _bury(self, attempt: Attempt) -> None:
        """Stopped before it ran: take the claim, so that no template and no later server ever runs it."""
        self._close_file(attempt, endings.bury(attempt.spec), "")

    def _refuse(self, attempt: Attempt, message: str) -> None:
        """It cannot be run; its log says why."""
        self._close_file(attempt, endings.refuse(attempt.spec, message), message)

    def _close_file(self, attempt: Attempt, record: dict[str, Any] | None, message: str) -> None:
        if record is None:  # somebody has just claimed it
            attempt.place = Place.IN_DOUBT
            self._resolve(attempt)
            return
        ending = endings.exit_of(attempt.spec, record)
        self._finish(attempt, replace(ending, log_tail=ending.log_tail or message))

    def _end(self, attempt: Attempt, record: dict[str, Any]) -> None:
        self._finish(attempt, endings.exit_of(attempt.spec, record))

    def _finish(self, attempt: Attempt, ending: AttemptExit) -> None:
        if self._attempts.pop(attempt.spec.key, None) is not None:
            self._on_end(ending)

    def _tell_started(self, attempt: Attempt, at: float) -> None:
        if not attempt.is_told_started:
            attempt.is_told_started = True
            self._on_started(attempt.spec.key, datetime.fromtimestamp(at, timezone.utc))

    def _in(self, *places: Place) -> list[Attempt]:
        return [attempt for attempt in self._attempts.values() if attempt.place in places]

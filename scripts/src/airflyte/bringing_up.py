"""The steps of ``up``, in their order: Airflow first, because it takes longest; all else while it boots."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping
from typing import TextIO

from airflyte import card, demo, doctor, environments, flyte_config, settings
from airflyte.airflow import connection
from airflyte.airflow.rest import AirflowApiError
from airflyte.errors import AirflyteError
from airflyte.processes import stopping
from airflyte.readiness import doors
from airflyte.registration.launcher import register
from airflyte.settings import Settings
from airflyte.stack import launch
from airflyte.stack.launch import AirflowBoot, Launched
from airflyte.stack.parts import STOP_ORDER, Stack
from airflyte.state import MARK
from airflyte.steps import Step, Steps

LOOK_SECONDS = 0.1


class BringUp:
    """One ``up``.

    :param environ: the caller's environment.
    :param stream: where the steps and the card go.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str], stream: TextIO) -> None:
        self.settings = settings
        self.stack = Stack(settings)
        self._environ = dict(environ)
        self._stream = stream
        self._launched: Launched | None = None
        self._boot: AirflowBoot | None = None
        needs_demo = settings.demo and self.stack.has_airflow and demo.last(self.stack) is None
        self._demo_wanted = needs_demo
        self._steps = Steps((6 if self.stack.has_airflow else 4) + needs_demo, stream=stream)

    def run(self) -> int:
        """Do it.

        :return: the exit code: 1 when the demo's Dag run failed; the stack runs then.
        :raises AirflyteError: when the stack could not be brought up; what was started is stopped then.
        """
        folder = self.settings.folder
        folder.path.mkdir(parents=True, exist_ok=True)
        with folder.locked("airflyte up"), self._stopping_on_failure():
            self._bring_up()
        # Without the lock from here: a `down` need not wait for the demo to end.
        code = self._demo() if self._demo_wanted else 0
        for line in card.lines(self.stack, is_terminal=self._stream.isatty()):
            self._steps.print(line)
        return code

    def _bring_up(self) -> None:
        self.settings.folder.prepare()
        _remember_port_offset(self.settings, self._environ)
        # Whatever we run from here on (initdb, uv, migrations) is found and ended with the stack.
        os.environ[MARK] = self.stack.id
        ended = stopping.end_orphans(self.stack.supervisor, self.stack.id, STOP_ORDER)
        if ended:
            self._steps.print(f"Ended what an earlier run had left behind: {', '.join(ended)}.")
        self._check()
        self._make_environments()
        if self.stack.has_airflow:
            self._tell_airflow()
        self._wait_for_flyte()
        self._register()
        if self.stack.has_airflow:
            self._wait_for_airflow()

    def _check(self) -> None:
        with self._steps.step("doctor") as step:
            step.say(doctor.summary(doctor.preflight(self.settings, self._environ)))

    def _make_environments(self) -> None:
        """Make what is missing; Airflow begins to boot as soon as it can, beside the rest."""
        needed_first = ("airflow", "sandbox") if self.stack.has_airflow else ("sandbox",)
        with self._steps.step("packages") as step:
            ours = environments.of(self.settings, self._environ, step.say)
            made = [name for name in needed_first if ours.sync(name, step)]
            self._launch(step)
            if ours.sync("workflows", step):
                made.append("workflows")
            step.say(f"{', '.join(made)} made from the locks" if made else "locked, unchanged")

    def _launch(self, step: Step) -> None:
        flyte_config.write(self.settings)
        self._launched = launch.launch(self.stack, self._environ, step.say)
        if self.stack.has_airflow:
            self._boot = AirflowBoot(self.stack, self._launched.gate, self._environ)
            self._boot.start()

    def _tell_airflow(self) -> None:
        with self._steps.step("airflow") as step:
            step.has_clock = False
            is_new = self._launched is not None and self._launched.is_new
            step.say(
                "api-server, scheduler, dag-processor, triggerer boot in the background" if is_new else "runs"
            )

    def _wait_for_flyte(self) -> None:
        with self._steps.step("flyte") as step:
            assert self._launched is not None
            launch.start_flyte(self.stack)
            limit = self.settings.flyte_ready_seconds
            self._launched.gate.wait(doors.flyte_doors(self.stack), step, limit)
            step.say(f"embedded, ready at localhost:{self.settings.ports.flyte}")

    def _register(self) -> None:
        with self._steps.step("register") as step:
            step.say(str(register(self.settings, step)))

    def _wait_for_airflow(self) -> None:
        with self._steps.step("airflow") as step:
            assert self._launched is not None
            assert self._boot is not None
            while not self._boot.join(LOOK_SECONDS):
                step.say(self._boot.text)
            gate = self._launched.gate
            closed = doors.airflow_doors(self.stack, gate.started_at)
            gate.wait(closed, step, self.settings.airflow_ready_seconds)
            step.say(f"healthy, four heartbeats; connection {connection.NAME} {self._connect()}")

    def _connect(self) -> str:
        try:
            return connection.ensure(self.stack.airflow(), self.settings.ports.flyte)
        except (OSError, AirflowApiError) as error:
            raise AirflyteError(f"The connection {connection.NAME} could not be made: {error}") from error

    def _demo(self) -> int:
        """Run the demo; the stack runs, and the card is shown, whatever comes of it."""
        try:
            with self._steps.step("demo") as step:
                result = demo.run(self.stack, step)
                step.say(result.describe())
        except AirflyteError:
            return 1  # the step has printed it
        if not result.is_success:
            for line in demo.explain_failure(self.stack, result):
                self._steps.print(f"      {line}")
        return 0 if result.is_success else 1

    @contextlib.contextmanager
    def _stopping_on_failure(self) -> Iterator[None]:
        """Stop what this ``up`` started if it does not come to its end, unless it should be kept."""
        try:
            yield
        except BaseException:
            if self._launched is not None and self._launched.is_new:
                self._stop()
            raise

    def _stop(self) -> None:
        if self.settings.keep:
            self._steps.print("What was started runs on (AIRFLYTE_KEEP); make down stops it.")
            return
        self._steps.print("Stopping what was started …")
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it
        try:
            stopping.stop(self.stack.supervisor, self.stack.id, STOP_ORDER)
        finally:
            signal.signal(signal.SIGINT, before)


def _remember_port_offset(given: Settings, environ: Mapping[str, str]) -> None:
    """An offset from the environment holds for later commands too, until the file says something else."""
    if not given.origin.get("port_offset", "").startswith(settings.PREFIX):
        return
    given.folder.remember_port_offset(None)
    without = {name: value for name, value in environ.items() if not name.startswith(settings.PREFIX)}
    instead_of = settings.load(given.checkout, without).port_offset
    given.folder.remember_port_offset(given.port_offset, instead_of=instead_of)

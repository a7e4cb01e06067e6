"""From "not running" to "everything is starting": ports, files, supervisor, then the components in their
order.

Whether they have become ready is asked elsewhere.
"""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Callable, Mapping

from airflyte import ports, stack_secrets
from airflyte.airflow import migration
from airflyte.airflow.processes import environment as airflow_environment
from airflyte.errors import AirflyteError
from airflyte.postgres import databases
from airflyte.postgres.cluster import COMPONENT as POSTGRES
from airflyte.processes import marks, stopping
from airflyte.readiness.doors import database_doors
from airflyte.readiness.waiting import Gate
from airflyte.stack import record
from airflyte.stack.parts import STOP_ORDER, Stack
from airflyte.stack.variables import base_environment

DATABASE_SECONDS = 60.0
"""PostgreSQL starts in a fifth of a second; after a crash it first repeats what it had not written."""


@dataclasses.dataclass(frozen=True)
class Launched:
    """A stack whose supervisor runs.

    :param is_new: whether this call started it; else it ran already, and with the same settings.
    """

    gate: Gate
    is_new: bool


def launch(stack: Stack, environ: Mapping[str, str], say: Callable[[str], object]) -> Launched:
    """Start the supervisor, unless it runs with what we would start now; call it with the stack's lock held.

    A stack that runs with other settings or packages is stopped first.

    :param say: gets a sentence before that.
    :raises AirflyteError: when a port is busy, before anything is started.
    """
    stack_secrets.load_or_make(stack.folder)
    signature = record.signature(stack)
    running = record.read(stack.folder)
    if is_running(stack):
        if running and running.signature == signature:
            return Launched(Gate(stack.supervisor, stack.id, running.started_at), is_new=False)
        say("stopping what runs with other settings or packages")
        stopping.stop(stack.supervisor, stack.id, STOP_ORDER)
    ports.check_free(stack.settings)
    _write(stack)
    started = record.write(stack, signature)
    try:
        stack.supervisor.start(base_environment(environ, stack.id))
    except BaseException:
        stopping.stop(stack.supervisor, stack.id, STOP_ORDER)  # it may have come to life after all
        raise
    return Launched(Gate(stack.supervisor, stack.id, started.started_at), is_new=True)


def is_running(stack: Stack) -> bool:
    """Whether a supervisor of this stack answers."""
    return stopping.owner(stack.supervisor, marks.find_marked(stack.id)) is not None


def start_flyte(stack: Stack) -> None:
    """Have flyte_sandbox and the S3 endpoint started, where they are not running."""
    for component in stack.flyte_components():
        stack.supervisor.start_component(component.name)


class AirflowBoot:
    """Brings PostgreSQL and Airflow up in the background, while the caller does everything else.

    :param environ: the caller's environment.
    """

    def __init__(self, stack: Stack, gate: Gate, environ: Mapping[str, str]) -> None:
        self._stack = stack
        self._gate = gate
        self._environ = environ
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="airflow-boot", daemon=True)
        self.text = ""
        """What it is doing, once that is worth telling."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def is_done(self) -> bool:
        """Whether all processes have been started.

        :raises AirflyteError: what went wrong meanwhile.
        """
        if self._error is not None:
            raise self._error
        return not self._thread.is_alive()

    def join(self, seconds: float) -> bool:
        """Wait a little; then as :meth:`is_done`."""
        self._thread.join(seconds)
        return self.is_done()

    def _run(self) -> None:
        try:
            self._boot()
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits for us
            self._error = error

    def _boot(self) -> None:
        stack = self._stack
        if stack.has_own_postgres:
            self.text = "PostgreSQL starts"
            stack.cluster.prepare(stack.secrets.postgres_password)
            stack.supervisor.start_component(POSTGRES)
            self._gate.wait(database_doors(stack), _Silent(), DATABASE_SECONDS)
        else:
            databases.create_missing(stack.databases)
        self.text = "Airflow's tables are made or brought up to date"
        self._migrate()
        self.text = ""
        for component in stack.airflow_components():
            stack.supervisor.start_component(component.name)

    def _migrate(self) -> None:
        stack = self._stack
        python, home = stack.program("airflow", "python"), stack.folder.airflow_home
        migration.migrate(
            stack.databases.airflow,
            stack.airflow_version,
            python=python,
            home=home,
            environment={**base_environment(self._environ, stack.id), **airflow_environment(python, home)},
            log=stack.folder.logs / "airflow-migrate.log",
        )


class _Silent:
    def say(self, text: str) -> None:
        """Nothing."""

    def advance(self, done: float, total: float | None, text: str | None = None) -> None:
        """Nothing."""


def _write(stack: Stack) -> None:
    """Write everything that the components read when they start."""
    if stack.has_airflow:
        _check_program(stack, "airflow", "python")
        stack.airflow_home.write()
    _check_program(stack, "sandbox", "flyte-sandbox")
    stack.folder.flyte.mkdir(parents=True, exist_ok=True)
    stack.supervisor.write(stack.components(), stack.templates)


def _check_program(stack: Stack, environment: str, name: str) -> None:
    program = stack.program(environment, name)
    if not os.access(program, os.X_OK):
        raise AirflyteError(f"{program} is missing; type make setup, which makes the environments.")

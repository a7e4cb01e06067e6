"""FlyteSensor: waits for an execution that something else launched."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flyte_provider import _airflow, _airflow_private, _settings
from flyte_provider._airflow import BaseSensorOperator
from flyte_provider._kinds import check_count
from flyte_provider._launch import xcoms
from flyte_provider._launch.identity import belongs_to_run
from flyte_provider._lineage import Ended, lineage
from flyte_provider._waiting import ErrorBudget, look_intervals
from flyte_provider.assets.flyte import describe_events
from flyte_provider.exceptions import (
    FlyteConfigurationError,
    FlyteExecutionAbortedError,
    FlyteExecutionError,
    FlyteProviderError,
)
from flyte_provider.hooks.flyte import FlyteHook
from flyte_provider.operators.flyte import FlyteConsoleLink

if TYPE_CHECKING:
    from flyteidl.admin import execution_pb2
    from flyteidl.core.identifier_pb2 import WorkflowExecutionIdentifier

    from flyte_provider._airflow import Context
    from flyte_provider._launch.watch import Watch


class FlyteSensor(_airflow_private.InterruptiblePokes, BaseSensorOperator):
    """
    Wait until a Flyte execution has succeeded.

    :param execution_name: The execution: its name, or the XCom ``flyte_execution`` of a FlyteOperator.
    :param project: The Flyte project; the connection's where None.
    :param domain: The Flyte domain; the connection's where None.
    :param flyte_conn_id: The Flyte connection to use.
    :param deferrable: Whether to wait in the triggerer; ``[operators] default_deferrable`` where None.
    :param defer_after: Seconds to look from the worker slot before deferring; ``[flyte] defer_after`` (5)
        where None.
    :param cancel_on_kill: Whether killing this task terminates the execution. None: when a task of the same
        Dag run launched it. A rescheduled sensor has no process between its pokes that could, and refuses
        True.
    :param terminate_on_timeout: Whether this sensor's ``timeout`` terminates the execution. None: as for
        ``cancel_on_kill``, in reschedule mode too.
    :param fail_on_abort: Whether an aborted execution fails the task; otherwise it skips it.
    :param push_outputs: Whether to push the execution's outputs as XCom ``flyte_outputs``.
    :param xcom_max_bytes: Outputs beyond this size are replaced by the address where Flyte keeps them; None
        for no limit.
    :param log_progress: Whether the task's log tells how the nodes fare, and ends with the last lines of a
        failing attempt's own log where its link can be read.

    ``poke_interval`` is the longest wait between two looks; the first ones come sooner, except in reschedule
    mode.
    """

    template_fields: Sequence[str] = ("execution_name", "project", "domain", "flyte_conn_id")
    ui_color = "#e9d9fb"
    operator_extra_links = (FlyteConsoleLink(),)

    def __init__(
        self,
        *,
        execution_name: str | dict[str, Any],
        project: str | None = None,
        domain: str | None = None,
        flyte_conn_id: str = FlyteHook.default_conn_name,
        deferrable: bool | None = None,
        defer_after: float | None = None,
        cancel_on_kill: bool | None = None,
        terminate_on_timeout: bool | None = None,
        fail_on_abort: bool = True,
        push_outputs: bool = False,
        xcom_max_bytes: int | None = 49152,
        log_progress: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.execution_name = execution_name
        self.project = project
        self.domain = domain
        self.flyte_conn_id = flyte_conn_id
        self.deferrable = _settings.is_deferrable_by_default() if deferrable is None else deferrable
        self.defer_after = defer_after
        self.cancel_on_kill = cancel_on_kill
        self.terminate_on_timeout = terminate_on_timeout
        self.fail_on_abort = fail_on_abort
        self.push_outputs = push_outputs
        self.xcom_max_bytes = xcom_max_bytes
        self.log_progress = log_progress
        self._ended: Ended | None = None
        self._watch: Watch | None = None
        self._budget: ErrorBudget | None = None
        self._has_ended = False
        if xcom_max_bytes is not None:
            check_count("xcom_max_bytes", xcom_max_bytes)
        if defer_after is not None:
            _settings.get_seconds("defer_after", defer_after)
        if self.reschedule and not self.deferrable and cancel_on_kill:
            raise FlyteConfigurationError(
                f"task {self.task_id!r}: cancel_on_kill=True cannot be kept with mode='reschedule', "
                "whose task has no process between pokes; use deferrable=True or mode='poke'"
            )

    # -- the execution ---------------------------------------------------------------------------------------

    @cached_property
    def hook(self) -> FlyteHook:
        """The hook for this task's connection; made after the templates are rendered."""
        place = self.execution_name if isinstance(self.execution_name, Mapping) else {}
        project = self.project or place.get("project")
        return FlyteHook(self.flyte_conn_id, project, self.domain or place.get("domain"))

    @property
    def _name(self) -> str:
        """Return the name, from a name or from a ``flyte_execution``."""
        given = self.execution_name
        name = given.get("name") if isinstance(given, Mapping) else given
        if not isinstance(name, str) or not name:
            raise FlyteConfigurationError(
                f"execution_name: expected a name or a flyte_execution dict, got {given!r}"
            )
        return name

    @property
    def _id(self) -> WorkflowExecutionIdentifier:
        return self.hook.execution_id(self._name)

    def _hold(self, context: Context, *, cancels: bool) -> Watch:
        """Take hold of the execution for this process."""
        from flyte_provider._launch.watch import Watch

        self._watch = Watch(
            context,
            self.log,
            cancels=cancels,
            detaches=True,
            task_name=f"{self.dag_id}.{self.task_id}",
            # Each poke of a rescheduled sensor is a process that would tell everything again.
            tells_progress=self.log_progress and not (self.reschedule and not self.deferrable),
        )
        url = self.hook.console_url(self._name)
        client = self.hook.get_client(pause=self._watch.pause)
        self._watch.hold(client, lambda: self._id, url)
        self._budget = ErrorBudget(
            self._name, url, _settings.get_float("poll_error_timeout"), self.log.warning
        )
        xcoms.push(context, xcoms.CONSOLE_URL_KEY, url)
        place = {"project": self.hook.project, "domain": self.hook.domain, "name": self._name, "url": url}
        xcoms.push(context, xcoms.EXECUTION_KEY, place | xcoms.nothing_yet(self.flyte_conn_id))
        return self._watch

    def _is_cancelled_with_us(self, execution: execution_pb2.Execution, context: Context) -> bool:
        """Return what ``cancel_on_kill`` comes to for this execution."""
        if self.cancel_on_kill is not None:
            return self.cancel_on_kill
        if not context.get("ti"):
            return False
        coordinates = _airflow_private.read_coordinates(context)
        return belongs_to_run(execution.spec.annotations.values, coordinates)

    # -- the task --------------------------------------------------------------------------------------------

    def execute(self, context: Context) -> Any:
        """Poke, reschedule, or look for a while and defer."""
        deadline = time.time() + self.execution_timeout.total_seconds() if self.execution_timeout else None
        watch = self._hold(context, cancels=bool(self.cancel_on_kill))
        try:
            with watch.guard():
                if self.deferrable:
                    return self._look_and_defer(context, deadline)
                return super().execute(context)
        except (_airflow.AirflowSensorTimeout, _airflow.AirflowSkipException):
            # With soft_fail Airflow reports the timeout as a skip; the execution tells the two apart.
            self._terminate_after_timeout(context)
            raise

    def poke(self, context: Context) -> bool:
        """Return whether the execution has succeeded; raise when it ended otherwise."""
        if self._watch is None:
            self._hold(context, cancels=bool(self.cancel_on_kill))
        try:
            execution = self._look(context)
        except FlyteProviderError as exc:
            self._skip_instead(exc)
            raise
        if execution is None or not self._is_terminal(execution):
            self.log.info("Waiting for execution %s to complete", self._name)
            return False
        self._finish(context, execution)
        return True

    def _look(self, context: Context) -> execution_pb2.Execution | None:
        """Return the execution as it is now, None when a passing error hid it."""
        assert self._watch is not None
        assert self._budget is not None
        execution = self._watch.look(self._id, self._budget)
        self._watch.tell_progress(self._id, execution)
        if execution is not None:
            self._watch.cancels = self._is_cancelled_with_us(execution, context)
        return execution

    @staticmethod
    def _is_terminal(execution: execution_pb2.Execution) -> bool:
        from flyte_provider._client import phases

        return phases.is_terminal(execution)

    def _finish(self, context: Context, execution: execution_pb2.Execution) -> None:
        """Push what is known; return when the execution has succeeded, else raise."""
        from flyte_provider._client.results import read_outputs, summarise_execution
        from flyte_provider._launch.resumed import raise_for_phase

        self._has_ended = True
        self._ended = Ended(self._name, self.hook.connection.endpoint, self.hook.console_url(self._name))
        url = self.hook.console_url(self._name)
        summary = summarise_execution(execution, url, self.flyte_conn_id)
        xcoms.push(context, xcoms.EXECUTION_KEY, summary)
        client = self.hook.get_client()
        try:
            raise_for_phase(client, execution, url, self.log, tells_progress=self.log_progress)
        except FlyteExecutionError as exc:
            self._skip_instead(exc)
            raise
        event = {"execution": self._name, "url": url, "outputs_uri": execution.closure.outputs.uri}
        describe_events(context, self.outlets, event)
        if self.push_outputs:
            outputs = read_outputs(client, execution, self.xcom_max_bytes, self.log)
            self._ended.outputs = outputs.values
            xcoms.push(context, xcoms.OUTPUTS_KEY, outputs.as_one())

    def _skip_instead(self, error: FlyteProviderError) -> None:
        """Skip where the task is to be skipped: in every mode alike, which Airflow leaves to each sensor."""
        if isinstance(error, FlyteExecutionAbortedError) and not self.fail_on_abort:
            raise _airflow.AirflowSkipException(str(error)) from error
        self._skip_if_soft(error, str(error))

    def _skip_if_soft(self, error: Exception, message: str) -> None:
        if self.soft_fail or getattr(self, "never_fail", False):
            raise _airflow.AirflowSkipException(message) from error

    # -- poking ----------------------------------------------------------------------------------------------

    def sleep_between_pokes(self, seconds: float, poke_count: int) -> None:
        """Sleep between two pokes, quickly woken by a kill; the first pokes follow each other sooner."""
        assert self._watch is not None
        quick = look_intervals(self.poke_interval, self.poke_interval, random_unit=lambda: 0.5)
        for _ in range(min(poke_count, 64)):
            soon = next(quick)
        self._watch.pause(min(seconds, soon))

    # -- deferring -------------------------------------------------------------------------------------------

    def _look_and_defer(self, context: Context, deadline: float | None) -> None:
        """Look from the worker slot for a while, then go to the triggerer."""
        assert self._watch is not None
        assert self._budget is not None
        if self.poke(context):
            return
        after = _settings.get_seconds("defer_after", self.defer_after)
        seconds = min(after, self.timeout)
        intervals = look_intervals(self.poke_interval, self.poke_interval)
        execution = self._watch.look_until_end(self._id, intervals, self._budget, seconds)
        if execution is not None:
            self._finish(context, execution)
            return
        self._defer_to_triggerer(deadline, max(0.0, self.timeout - seconds))

    def _defer_to_triggerer(self, deadline: float | None, seconds_left: float) -> None:
        from flyte_provider.triggers.flyte import FlyteExecutionTrigger

        assert self._watch is not None
        trigger = FlyteExecutionTrigger(
            conn_id=self.flyte_conn_id,
            project=self.hook.project,
            domain=self.hook.domain,
            name=self._name,
            poll_interval=self.poke_interval,
            max_poll_interval=self.poke_interval,
            deadline=deadline,
            poll_error_timeout=_settings.get_float("poll_error_timeout"),
            cancel_on_kill=self._watch.cancels,
            url=self.hook.console_url(self._name),
            log_progress=self.log_progress,
        )
        timeout = timedelta(seconds=seconds_left)
        self._watch.check_still_wanted()
        self.defer(trigger=trigger, method_name="execute_complete", timeout=timeout)

    def execute_complete(self, context: Context, event: Any = None) -> None:
        """Go on after the triggerer has seen the end."""
        from flyte_provider._launch.resumed import read_event
        from flyte_provider._launch.watch import timeout_cause

        seen = read_event(event)
        self.hook = FlyteHook(self.flyte_conn_id, seen.project, seen.domain)
        self.execution_name = seen.name
        watch = self._hold(context, cancels=bool(self.cancel_on_kill))
        with watch.guard():
            if seen.status == "deadline":
                self._look(context)
                watch.terminate(timeout_cause(context))
            seen.raise_for_status(self.hook.console_url(seen.name), self.execution_timeout)
            self._finish(context, self.hook.get_execution(seen.name))

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume; a deferral longer than ``timeout`` is the sensor's timeout, which Airflow 2 does
        not say.
        """
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except Exception as exc:
            if not (_is_timeout(exc) or _is_timeout(exc.__cause__)):
                raise
            self._terminate_after_timeout(context)
            if isinstance(exc, _airflow.AirflowSkipException):
                raise
            message = f"Sensor has timed out after {self.timeout:g} s"
            self._skip_if_soft(exc, message)
            raise _airflow.AirflowSensorTimeout(message) from exc

    # -- the end ---------------------------------------------------------------------------------------------

    def _terminate_after_timeout(self, context: Context) -> None:
        """Terminate the execution when the sensor gave up on it, where that is wished."""
        if self._has_ended or not self._ends_with_timeout(context):
            return
        from flyte_provider._launch.watch import terminate_quietly

        cause = f"Airflow: sensor {self.dag_id}.{self.task_id} timed out after {self.timeout:g} s"
        terminate_quietly(self.hook.get_client(), self._id, cause, self.log)

    def _ends_with_timeout(self, context: Context) -> bool:
        """Return what ``terminate_on_timeout`` comes to; False when Flyte does not say whose it is."""
        if self.terminate_on_timeout is not None:
            return self.terminate_on_timeout
        if self._watch is None:  # resumed: nothing has looked at the execution yet
            self._hold(context, cancels=bool(self.cancel_on_kill))
            try:
                self._look(context)
            except FlyteProviderError as exc:
                self.log.warning("Execution %s may still be running: %s", self._name, exc)
        assert self._watch is not None
        return self._watch.cancels

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Return the addresses among the outputs, and which execution it was."""
        return lineage(inputs={}, outputs=self._ended.outputs if self._ended else {}, ended=self._ended)

    def on_kill(self) -> None:
        """Terminate the execution where ``cancel_on_kill`` says so; never raises."""
        if self._watch is not None:
            self._watch.on_kill()


def _is_timeout(error: BaseException | None) -> bool:
    if error is None:
        return False
    return isinstance(error, _airflow.AirflowSensorTimeout) or _airflow_private.is_deferral_timeout(error)

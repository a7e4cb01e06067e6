"""FlyteOperator: one Flyte execution per task instance, launched once, awaited, cancelled with its task."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from flyte_provider import _airflow_private, _settings
from flyte_provider._airflow import BaseOperator, BaseOperatorLink, XCom, mask_secret
from flyte_provider._kinds import check_count, check_text
from flyte_provider._launch import xcoms
from flyte_provider._launch.identity import Coordinates
from flyte_provider._launch.target import LaunchOptions, choose_one, choose_target
from flyte_provider._lineage import Ended, lineage, parent_id
from flyte_provider._waiting import ErrorBudget, look_intervals
from flyte_provider.assets.flyte import describe_events
from flyte_provider.exceptions import FlyteConfigurationError
from flyte_provider.hooks.flyte import FlyteHook

if TYPE_CHECKING:
    from flyteidl.admin import execution_pb2
    from flyteidl.core.identifier_pb2 import WorkflowExecutionIdentifier

    from flyte_provider._airflow import Context
    from flyte_provider._launch.launcher import Launched, Launcher
    from flyte_provider._launch.watch import Watch

_STATE_KEY = "flyte_execution"
_RETURN_VALUES = ("execution_name", "outputs", "execution")
_RETRY_STRATEGIES = ("attach", "recover")
_ON_CLEAR = ("terminate", "attach", "ignore")
_ON_WORKER_SHUTDOWN = ("detach", "terminate")


class FlyteConsoleLink(BaseOperatorLink):
    """Link from the task instance to the execution's page in the Flyte console, live while it runs."""

    name = "Flyte console"

    @property
    def xcom_key(self) -> str:
        """The XCom that the operator pushes right after it launched (Airflow 3 reads it without
        this class).
        """
        return xcoms.CONSOLE_URL_KEY

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the link: in a worker on Airflow 3, in the webserver on Airflow 2."""
        return str(XCom.get_value(key=xcoms.CONSOLE_URL_KEY, ti_key=ti_key) or "")


class RegistryLink(BaseOperatorLink):
    """Deprecated link of 0.0.5 to a registry page. It stays importable; no operator has it."""

    name = "Astronomer Registry"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the page that 0.0.5 linked to."""
        return "https://registry.astronomer.io/providers/flyte/modules/flyteoperator"


class FlyteOperator(BaseOperator):
    """
    Launch a Flyte execution and wait for it.

    The task is green when the execution has succeeded. Killing the task terminates the execution; terminating
    the execution fails the task. A retry attaches to the execution that an earlier try left running.

    :param flyte_conn_id: The Flyte connection to use.
    :param project: The Flyte project; the connection's where None.
    :param domain: The Flyte domain; the connection's where None.
    :param launchplan_name: The launch plan to launch. Exactly one of this, task_name and workflow_name is
        required.
    :param task_name: The Flyte task to launch.
    :param workflow_name: The workflow to launch, through its default launch plan.
    :param version: The entity's version. None is the active launch plan, else the newest; ``latest`` is the
        newest.
    :param inputs: Input values keyed by name: numbers, texts, booleans, datetimes, timedeltas, None, lists,
        dicts, dataclasses; files and dataframes by address, or with the extra ``[flytekit]`` as pandas,
        polars, pyarrow and flytekit have them. Checked before anything is launched.
    :param max_parallelism: The most nodes to run at the same time.
    :param raw_output_data_config: Where Flyte puts files and dataframes, as in ``s3://bucket/prefix``.
    :param raw_data_prefix: Deprecated name of raw_output_data_config.
    :param kubernetes_service_account: The Kubernetes service account to run as.
    :param iam_role: The IAM role to run as.
    :param oauth2_client: ``client_id`` and ``client_secret``, the latter naming the Flyte secret that holds
        it.
    :param labels: Labels of the execution.
    :param annotations: Annotations of the execution.
    :param secrets: Flyte secrets as dicts with ``group``, ``key``, ``group_version``, ``mount_requirement``
        and ``env_var``.
    :param notifications: Dicts of ``phases`` (terminal ones, by name or number) and exactly one of ``email``,
        ``slack``, ``pager_duty``, each ``{"recipients_email": [...]}``.
    :param disable_notifications: Send none, not even the launch plan's.
    :param overwrite_cache: Run cached tasks again and store their new outputs.
    :param interruptible: Whether tasks may run on machines that can be taken away.
    :param envs: Environment variables for tasks.
    :param tags: Tags of the execution.
    :param cluster_pool: The cluster pool to run in.
    :param execution_cluster_label: The label of the cluster to run in.
    :param wait_for_completion: Whether to wait for the end; ``[flyte] wait_for_completion`` (True) where
        None.
    :param deferrable: Whether to wait in the triggerer; ``[operators] default_deferrable`` where None.
    :param defer_after: Seconds to look from the worker slot before deferring; ``[flyte] defer_after`` (5)
        where None.
    :param poll_interval: Seconds between looks, once the first quick ones are over; ``[flyte] poll_interval``
        (5) where None.
    :param max_poll_interval: Seconds that the interval grows to; ``[flyte] max_poll_interval`` (30) where
        None.
    :param poll_error_timeout: Seconds without an answer from Flyte after which the try fails, leaving the
        execution running; ``[flyte] poll_error_timeout`` (600) where None.
    :param durable: Whether a retry attaches to the execution of an earlier try.
    :param retry_strategy: What follows an execution that failed: ``attach`` launches anew, ``recover`` reuses
        its finished nodes.
    :param on_clear: What becomes of an execution that still runs when its task is cleared: ``terminate`` it,
        ``attach`` to it or ``ignore`` it.
    :param cancel_on_kill: Whether killing the task terminates the execution.
    :param on_worker_shutdown: ``detach`` leaves the execution to the next try, if there is one;
        ``terminate``.
    :param execution_name: The execution's name; derived from the task instance where None.
    :param success_on_existing: Whether ``execution_name`` may be an execution that somebody else launched.
    :param return_value: What the task returns: ``execution_name``, ``outputs`` or ``execution`` (a summary).
    :param push_outputs: Whether to push the outputs as XCom ``flyte_outputs``.
    :param xcom_max_bytes: Outputs beyond this size are replaced by the address where Flyte keeps them; None
        for no limit.
    :param log_progress: Whether the task's log tells how the nodes fare, and ends with the last lines of a
        failing attempt's own log where its link can be read.
    :param openlineage_inject_parent_job_info: Whether the execution gets this task as its OpenLineage parent,
        as annotation and environment variable ``OPENLINEAGE_PARENT_ID``;
        ``[openlineage] spark_inject_parent_job_info`` where None.
    """

    template_fields: Sequence[str] = (
        "flyte_conn_id",
        "project",
        "domain",
        "launchplan_name",
        "task_name",
        "workflow_name",
        "version",
        "inputs",
        "labels",
        "annotations",
        "envs",
        "tags",
        "raw_output_data_config",
        "kubernetes_service_account",
        "iam_role",
        "execution_name",
        "notifications",
        "secrets",
        "cluster_pool",
        "execution_cluster_label",
    )
    # No template_ext: Airflow would take every templated text with that ending for a file of its own, and
    # "s3://bucket/config.json" is an input. A file for inputs is read in execute.
    template_ext: Sequence[str] = ()
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "inputs": "json",
        "labels": "json",
        "annotations": "json",
        "envs": "json",
        "notifications": "json",
    }
    ui_color = "#e9d9fb"
    operator_extra_links = (FlyteConsoleLink(),)

    def __init__(
        self,
        *,
        flyte_conn_id: str = FlyteHook.default_conn_name,
        project: str | None = None,
        domain: str | None = None,
        launchplan_name: str | None = None,
        task_name: str | None = None,
        max_parallelism: int | None = None,
        raw_output_data_config: str | None = None,
        kubernetes_service_account: str | None = None,
        oauth2_client: dict[str, Any] | None = None,
        labels: dict[str, str] | None = None,
        annotations: dict[str, str] | None = None,
        secrets: list[dict[str, Any]] | None = None,
        notifications: list[dict[str, Any]] | None = None,
        disable_notifications: bool | None = None,
        version: str | None = None,
        inputs: dict[str, Any] | str | None = None,
        workflow_name: str | None = None,
        raw_data_prefix: str | None = None,
        iam_role: str | None = None,
        overwrite_cache: bool | None = None,
        interruptible: bool | None = None,
        envs: dict[str, str] | None = None,
        tags: list[str] | None = None,
        cluster_pool: str | None = None,
        execution_cluster_label: str | None = None,
        wait_for_completion: bool | None = None,
        deferrable: bool | None = None,
        defer_after: float | None = None,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        poll_error_timeout: float | None = None,
        durable: bool = True,
        retry_strategy: str = "attach",
        on_clear: str = "terminate",
        cancel_on_kill: bool = True,
        on_worker_shutdown: str = "detach",
        execution_name: str | None = None,
        success_on_existing: bool = False,
        return_value: str = "execution_name",
        push_outputs: bool = False,
        xcom_max_bytes: int | None = 49152,
        log_progress: bool = True,
        openlineage_inject_parent_job_info: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.flyte_conn_id = flyte_conn_id
        self.project = project
        self.domain = domain
        self.launchplan_name = launchplan_name
        self.task_name = task_name
        self.workflow_name = workflow_name
        self.version = version
        self.inputs = inputs
        self.max_parallelism = max_parallelism
        self.raw_output_data_config = raw_output_data_config
        self.kubernetes_service_account = kubernetes_service_account
        self.iam_role = iam_role
        self.oauth2_client = oauth2_client
        self.labels = labels
        self.annotations = annotations
        self.secrets = secrets
        self.notifications = notifications
        self.disable_notifications = disable_notifications
        self.overwrite_cache = overwrite_cache
        self.interruptible = interruptible
        self.envs = envs
        self.tags = tags
        self.cluster_pool = cluster_pool
        self.execution_cluster_label = execution_cluster_label
        self.wait_for_completion = wait_for_completion
        self.deferrable = _settings.is_deferrable_by_default() if deferrable is None else deferrable
        self.defer_after = defer_after
        self.poll_interval = poll_interval
        self.max_poll_interval = max_poll_interval
        self.poll_error_timeout = poll_error_timeout
        self.durable = durable
        self.retry_strategy = retry_strategy
        self.on_clear = on_clear
        self.cancel_on_kill = cancel_on_kill
        self.on_worker_shutdown = on_worker_shutdown
        self.execution_name = execution_name
        self.success_on_existing = success_on_existing
        self.return_value = return_value
        self.push_outputs = push_outputs
        self.xcom_max_bytes = xcom_max_bytes
        self.log_progress = log_progress
        self.openlineage_inject_parent_job_info = openlineage_inject_parent_job_info
        self._ended: Ended | None = None
        self._watch: Watch | None = None
        if raw_data_prefix is not None:
            warnings.warn("raw_data_prefix is now raw_output_data_config", DeprecationWarning, stacklevel=2)
            self.raw_output_data_config = raw_output_data_config or raw_data_prefix
        if wait_for_completion is False and deferrable:
            warnings.warn(
                f"task {self.task_id!r}: deferrable means nothing without waiting", UserWarning, stacklevel=2
            )
        # Templates are rendered later, but what is None here stays None.
        choose_one(launchplan_name, task_name, workflow_name)
        self._check_choices()

    def _check_choices(self) -> None:
        for name, value, choices in (
            ("return_value", self.return_value, _RETURN_VALUES),
            ("retry_strategy", self.retry_strategy, _RETRY_STRATEGIES),
            ("on_clear", self.on_clear, _ON_CLEAR),
            ("on_worker_shutdown", self.on_worker_shutdown, _ON_WORKER_SHUTDOWN),
        ):
            if value not in choices:
                raise FlyteConfigurationError(f"{name} is {value!r}, expected one of {', '.join(choices)}")
        for name in ("defer_after", "poll_interval", "max_poll_interval", "poll_error_timeout"):
            if getattr(self, name) is not None:
                self._seconds(name)
        if self.xcom_max_bytes is not None:
            check_count("xcom_max_bytes", self.xcom_max_bytes)

    # -- the task --------------------------------------------------------------------------------------------

    def execute(self, context: Context) -> Any:
        """Launch, and wait here or in the triggerer."""
        deadline = time.time() + self.execution_timeout.total_seconds() if self.execution_timeout else None
        waits = self._waits()
        with self._watch_over(context).guard():
            launched = self._launch(context)
            self._publish(context, launched)
            if not waits:
                return self._unawaited_result(context, launched)
            execution = launched.execution if launched.how == "already succeeded" else None
            if execution is None:
                execution = self._look_from_here(launched.id, deadline)
            return self._finish(context, execution)

    def _waits(self) -> bool:
        """Return whether to wait; refuse to return what only a waiting task can know."""
        waits = self.wait_for_completion
        if waits is None:
            waits = _settings.get_bool("wait_for_completion")
        if not waits and (self.return_value == "outputs" or self.push_outputs):
            raise FlyteConfigurationError("outputs need wait_for_completion: they are there at the end only")
        return waits

    @cached_property
    def hook(self) -> FlyteHook:
        """The hook for this task's connection; made after the templates are rendered."""
        return FlyteHook(self.flyte_conn_id, self.project, self.domain)

    def _watch_over(self, context: Context) -> Watch:
        from flyte_provider._launch.watch import Watch

        self._watch = Watch(
            context,
            self.log,
            cancels=self.cancel_on_kill,
            detaches=self.on_worker_shutdown == "detach" and self.durable,
            task_name=f"{self.dag_id}.{self.task_id}",
            tells_progress=self.log_progress,
        )
        return self._watch

    def _launch(self, context: Context) -> Launched:
        from flyte_provider._launch.launcher import Launcher, LaunchRequest

        assert self._watch is not None
        if self.execution_name:
            check_text("execution_name", self.execution_name)
        coordinates = self._coordinates(context)
        request = LaunchRequest(
            project=self.hook.project,
            domain=self.hook.domain,
            target=choose_target(self.launchplan_name, self.task_name, self.workflow_name, self.version),
            inputs=self._read_inputs(context),
            coordinates=coordinates,
            options=self._options(context),
            explicit_name=self.execution_name or "",
            is_durable=self.durable,
            retry_strategy=self.retry_strategy,
            on_clear=self.on_clear,
            takes_existing=self.success_on_existing,
            remembered_name=self._remembered_name(context),
            upload=self.hook.upload,
        )
        client = self.hook.get_client(pause=self._watch.pause)
        launcher = Launcher(client, request, self.log)
        self._watch.hold(client, lambda: self._id_in_launch(launcher))
        return launcher.launch()

    def _coordinates(self, context: Context) -> Coordinates:
        if self.execution_name and not context.get("ti"):
            # Run by hand, or by Flyte's Airflow connector: with a name given nothing of Airflow is needed.
            return Coordinates(dag_id="", run_id="", task_id=self.task_id)
        return _airflow_private.read_coordinates(context)

    def _id_in_launch(self, launcher: Launcher) -> WorkflowExecutionIdentifier | None:
        """Return what a kill in the middle of the launch has to terminate."""
        return self.hook.execution_id(launcher.name) if launcher.name else None

    def _read_inputs(self, context: Context) -> Mapping[str, Any]:
        """Return the inputs; those given as text or as a file beside the Dag are JSON or YAML."""
        inputs: Any = self.inputs
        if isinstance(inputs, str):
            inputs = _airflow_private.load_text(self, inputs, context)
        if inputs is not None and not isinstance(inputs, Mapping):
            kind = type(inputs).__name__
            raise FlyteConfigurationError(f"inputs: expected a dict keyed by input name, got {kind}")
        return inputs or {}

    def _options(self, context: Context) -> LaunchOptions:
        parent = parent_id(context, self.openlineage_inject_parent_job_info) or {}
        client = self.oauth2_client
        secret = client.get("client_secret") if isinstance(client, Mapping) else None
        if isinstance(secret, str) and secret:
            # It should be the name of a Flyte secret; whoever puts the secret itself here shall not find it
            # in logs.
            mask_secret(secret)
        options = LaunchOptions(
            labels=self.labels,
            annotations=self.annotations,
            envs=self.envs,
            tags=self.tags,
            max_parallelism=self.max_parallelism,
            raw_output_data_config=self.raw_output_data_config,
            kubernetes_service_account=self.kubernetes_service_account,
            iam_role=self.iam_role,
            oauth2_client=self.oauth2_client,
            secrets=self.secrets,
            notifications=self.notifications,
            disable_notifications=self.disable_notifications,
            overwrite_cache=self.overwrite_cache,
            interruptible=self.interruptible,
            cluster_pool=self.cluster_pool,
            execution_cluster_label=self.execution_cluster_label,
        )
        annotations, envs = options.annotations or {}, options.envs or {}
        return replace(options, annotations={**parent, **annotations}, envs={**parent, **envs})

    def _remembered_name(self, context: Context) -> str:
        stored = _airflow_private.read_task_state(context, _STATE_KEY) if self.durable else None
        if not isinstance(stored, dict):
            return ""
        is_here = (stored.get("project"), stored.get("domain")) == (self.hook.project, self.hook.domain)
        return str(stored.get("name") or "") if is_here else ""

    def _publish(self, context: Context, launched: Launched) -> None:
        """Tell Airflow before waiting, so that a running, deferred or failed task links out too."""
        name = launched.id.name
        url = self.hook.console_url(name)
        self._hold(launched.id)
        xcoms.push(context, xcoms.CONSOLE_URL_KEY, url)
        summary = {"project": launched.id.project, "domain": launched.id.domain, "name": name, "url": url}
        nothing_yet = xcoms.nothing_yet(self.flyte_conn_id) | {xcoms.CANCELS_KEY: self.cancel_on_kill}
        xcoms.push(context, xcoms.EXECUTION_KEY, summary | nothing_yet)
        if self.durable and context.get("task_state_store") is not None:
            coordinates = _airflow_private.read_coordinates(context)
            state = {"epoch": coordinates.epoch, "clear_number": coordinates.clear_number}
            _airflow_private.write_task_state(context, _STATE_KEY, summary | state)
        self.log.info("Execution %s: %s", name, url)

    def _hold(self, execution_id: WorkflowExecutionIdentifier) -> None:
        assert self._watch is not None
        url = self.hook.console_url(execution_id.name)
        client = self.hook.get_client(pause=self._watch.pause)
        self._watch.hold(client, lambda: execution_id, url)

    def _unawaited_result(self, context: Context, launched: Launched) -> Any:
        url = self.hook.console_url(launched.id.name)
        describe_events(context, self.outlets, {"execution": launched.id.name, "url": url})
        if self.return_value == "execution":
            from flyte_provider._client.results import name_parts

            return {**name_parts(launched.id), "url": url, **xcoms.nothing_yet(self.flyte_conn_id)}
        return str(launched.id.name)

    # -- waiting ---------------------------------------------------------------------------------------------

    def _seconds(self, name: str) -> float:
        """Return the keyword of that name, or the ``[flyte]`` setting."""
        return _settings.get_seconds(name, getattr(self, name))

    def _look_from_here(
        self, execution_id: WorkflowExecutionIdentifier, deadline: float | None
    ) -> execution_pb2.Execution:
        """Look from the worker slot until the end; a deferrable task defers after a while."""
        assert self._watch is not None
        url = self.hook.console_url(execution_id.name)
        poll, max_poll = self._seconds("poll_interval"), self._seconds("max_poll_interval")
        budget = ErrorBudget(execution_id.name, url, self._seconds("poll_error_timeout"), self.log.warning)
        seconds = self._seconds("defer_after") if self.deferrable else float("inf")
        intervals = look_intervals(poll, max_poll)
        execution = self._watch.look_until_end(execution_id, intervals, budget, seconds)
        if execution is None:
            self._defer_to_triggerer(execution_id, url, deadline)
        return execution

    def _defer_to_triggerer(
        self, execution_id: WorkflowExecutionIdentifier, url: str, deadline: float | None
    ) -> None:
        from flyte_provider.triggers.flyte import FlyteExecutionTrigger

        max_poll = self._seconds("max_poll_interval")
        timeout = None
        if deadline is not None:
            # The trigger reports the deadline itself; Airflow's own timeout is for a triggerer that is away.
            timeout = timedelta(seconds=max(0.0, deadline - time.time()) + max(60.0, 2 * max_poll))
        trigger = FlyteExecutionTrigger(
            conn_id=self.flyte_conn_id,
            project=execution_id.project,
            domain=execution_id.domain,
            name=execution_id.name,
            poll_interval=self._seconds("poll_interval"),
            max_poll_interval=max_poll,
            deadline=deadline,
            poll_error_timeout=self._seconds("poll_error_timeout"),
            cancel_on_kill=self.cancel_on_kill,
            url=url,
            log_progress=self.log_progress,
        )
        assert self._watch is not None
        self._watch.check_still_wanted()
        self.log.info("Execution %s is still running, waiting for it in the triggerer", execution_id.name)
        self.defer(trigger=trigger, method_name="execute_complete", timeout=timeout)

    def execute_complete(self, context: Context, event: Any = None) -> Any:
        """Go on after the triggerer has seen the end. The event says where to look, Flyte says what
        happened.
        """
        from flyte_provider._launch.resumed import read_event

        with self._watch_over(context).guard():
            seen = read_event(event)
            self._return_to(seen.project, seen.domain)
            self._hold(self.hook.execution_id(seen.name))
            if seen.status == "deadline":
                self._watch_terminate_for_timeout(context)
            seen.raise_for_status(self.hook.console_url(seen.name), self.execution_timeout)
            return self._finish(context, self.hook.get_execution(seen.name))

    def _return_to(self, project: str, domain: str) -> None:
        """Make this new process look where the one that launched did."""
        self.hook = FlyteHook(self.flyte_conn_id, project, domain)

    def _watch_terminate_for_timeout(self, context: Context) -> None:
        from flyte_provider._launch.watch import timeout_cause

        assert self._watch is not None
        self._watch.terminate(timeout_cause(context))

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Terminate the execution when Airflow's own deferral timeout ends the task, then go on as
        Airflow does.
        """
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except Exception as exc:
            if not _airflow_private.is_deferral_timeout(exc):
                raise
            self._terminate_deferred(context)
            raise

    def _terminate_deferred(self, context: Context) -> None:
        pushed = xcoms.pull_execution(context)
        if pushed is None:
            self.log.warning("Which execution this task has launched is not known any more; it may still run")
            return
        self._watch_over(context)
        self._return_to(pushed["project"], pushed["domain"])
        self._hold(self.hook.execution_id(pushed["name"]))
        self._watch_terminate_for_timeout(context)

    # -- the end ---------------------------------------------------------------------------------------------

    def _finish(self, context: Context, execution: execution_pb2.Execution) -> Any:
        """Push what is known now; return the result, or raise what the execution deserves."""
        from flyte_provider._client.results import Outputs, read_outputs, summarise_execution
        from flyte_provider._launch.resumed import raise_for_phase

        name = execution.id.name
        url = self.hook.console_url(name)
        summary = summarise_execution(execution, url, self.flyte_conn_id)
        xcoms.push(context, xcoms.EXECUTION_KEY, summary)
        self._ended = Ended(execution.id.name, self.hook.connection.endpoint, url)
        client = self.hook.get_client()
        raise_for_phase(client, execution, url, self.log, tells_progress=self.log_progress)
        self.log.info("Execution %s succeeded after %s s", name, summary["duration"])
        event = {"execution": name, "url": url, "outputs_uri": execution.closure.outputs.uri}
        describe_events(context, self.outlets, event)
        outputs = Outputs({}, "")
        if self.push_outputs or self.return_value == "outputs":
            outputs = read_outputs(client, execution, self.xcom_max_bytes, self.log)
            self._ended.outputs = outputs.values
        if self.push_outputs:
            xcoms.push(context, xcoms.OUTPUTS_KEY, outputs.as_one())
        if self.return_value == "outputs":
            # Airflow fails a task whose many outputs are no dict.
            return outputs.as_many() if self.multiple_outputs else outputs.as_one()
        return summary if self.return_value == "execution" else name

    # -- OpenLineage -----------------------------------------------------------------------------------------

    def get_openlineage_facets_on_start(self) -> Any:
        """Return what is known before the launch: the addresses among the inputs."""
        inputs = self.inputs if isinstance(self.inputs, Mapping) else {}
        return lineage(inputs=inputs, outputs={}, ended=None)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Return the addresses among inputs and outputs, and which execution it was."""
        inputs = self.inputs if isinstance(self.inputs, Mapping) else {}
        return lineage(inputs=inputs, outputs=self._ended.outputs if self._ended else {}, ended=self._ended)

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> Any:
        """Return the same as on completion, without outputs."""
        return self.get_openlineage_facets_on_complete(task_instance)

    def on_kill(self) -> None:
        """Terminate the execution, or leave it where the task is only moving; never raises."""
        if self._watch is not None:
            self._watch.on_kill()

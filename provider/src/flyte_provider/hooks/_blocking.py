"""FlyteHook: Flyte from Python code in tasks. Lazy: making one reads no connection and opens nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flyte_provider import _connection_fields, _settings
from flyte_provider._airflow import BaseHook
from flyte_provider._kinds import check_text, check_texts, refuse
from flyte_provider._launch.target import LaunchOptions, choose_target
from flyte_provider.connection import FlyteConnection, parse_connection
from flyte_provider.exceptions import (
    FlyteConfigurationError,
    FlyteEntityNotFoundError,
    FlyteProviderError,
    FlyteServerError,
)

if TYPE_CHECKING:
    import grpc
    from flyteidl.admin import execution_pb2, signal_pb2
    from flyteidl.core import literals_pb2, types_pb2
    from flyteidl.core.identifier_pb2 import WorkflowExecutionIdentifier
    from flytekit.remote.remote import FlyteRemote

    from flyte_provider._client.admin import FlyteClient

_TEST_RPC_SECONDS = 10.0


class ExecutionRef(str):
    """An execution's name, which also knows where it is.

    :param name: the name, what the text is
    :param project: Flyte project
    :param domain: Flyte domain
    :param url: its page in the Flyte console
    """

    __slots__ = ("domain", "project", "url")

    project: str
    domain: str
    url: str

    def __new__(cls, name: str, project: str, domain: str, url: str) -> ExecutionRef:
        """Make the text and remember the rest."""
        ref = super().__new__(cls, name)
        ref.project, ref.domain, ref.url = project, domain, url
        return ref

    @property
    def name(self) -> str:
        """The execution's name."""
        return str(self)


class FlyteHook(BaseHook):
    """
    Interact with a Flyte control plane.

    :param flyte_conn_id: The Flyte connection to use.
    :param project: The project; the connection's where None.
    :param domain: The domain; the connection's where None.
    """

    # Phase numbers of flyteidl's core.WorkflowExecution, without importing it.
    SUCCEEDED = 4
    FAILED = 6
    ABORTED = 7
    TIMED_OUT = 8

    conn_name_attr = "flyte_conn_id"
    default_conn_name = "flyte_default"
    conn_type = _connection_fields.CONN_TYPE
    hook_name = _connection_fields.HOOK_NAME

    def __init__(
        self,
        flyte_conn_id: str = default_conn_name,
        project: str | None = None,
        domain: str | None = None,
    ) -> None:
        super().__init__()
        self.flyte_conn_id = flyte_conn_id
        self._project = project
        self._domain = domain
        self._client: FlyteClient | None = None

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the connection form's extra fields (Airflow before 3.2)."""
        return _connection_fields.form_widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return how the connection form shows the standard fields (Airflow before 3.2)."""
        return _connection_fields.ui_field_behaviour()

    # -- connection ------------------------------------------------------------------------------------------

    @cached_property
    def flyte_conn(self) -> Any:
        """The Airflow connection, read at first use."""
        return self.get_connection(self.flyte_conn_id)

    @cached_property
    def connection(self) -> FlyteConnection:
        """
        The connection, understood.

        :raises FlyteConfigurationError: naming the field that is wrong
        """
        return parse_connection(self.flyte_conn)

    @property
    def project(self) -> str:
        """The project of this hook."""
        return self._given("project", self._project or self.connection.project)

    @property
    def domain(self) -> str:
        """The domain of this hook."""
        return self._given("domain", self._domain or self.connection.domain)

    def _given(self, what: str, name: str) -> str:
        if not name:
            raise FlyteConfigurationError(
                f"Please provide a project and domain: no {what} given, "
                f"and connection {self.flyte_conn_id!r} names none"
            )
        check_text(what, name)
        return name

    def get_client(self, pause: Callable[[float], None] | None = None) -> FlyteClient:
        """Return the RPCs of flyteadmin over this hook's channel. Not stable; the methods below are.

        :param pause: sleeps between repetitions of a failed RPC from now on; plain sleep where none was ever
            given
        """
        if self._client is None:
            from flyte_provider._client.admin import FlyteClient

            self._client = FlyteClient(self.connection)
        if pause is not None:
            self._client.pause = pause
        return self._client

    def get_conn(self) -> grpc.Channel:
        """Return this hook's gRPC channel, for stubs of one's own."""
        return self.get_client().channel

    def close(self) -> None:
        """Close the channel; the hook can be used again."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def test_connection(self) -> tuple[bool, str]:
        """
        Ask Flyte for its version and for something that it tells to authenticated users only.

        :return: whether it answered, and what to show
        """
        try:
            client = self.get_client()
            began = time.monotonic()
            client.list_projects(limit=1, timeout=_TEST_RPC_SECONDS)
            latency = time.monotonic() - began
            version = client.get_version(timeout=_TEST_RPC_SECONDS)
        except FlyteProviderError as exc:
            return False, str(exc)
        # Airflow shows other exceptions by their type's name only, which helps nobody.
        except Exception as exc:  # noqa: BLE001
            return False, f"{type(exc).__name__}: {exc}"
        finally:
            self.close()
        return True, (
            f"Flyte {version or 'of unknown version'} at {self.connection.endpoint} "
            f"answered in {latency * 1000:.0f} ms"
        )

    # -- executions ------------------------------------------------------------------------------------------

    def execution_id(self, execution_name: str) -> WorkflowExecutionIdentifier:
        """
        Return the identifier of an execution of this hook's project and domain.

        :raises FlyteConfigurationError: when the name is empty or no text
        """
        from flyteidl.core.identifier_pb2 import WorkflowExecutionIdentifier

        check_text("execution_name", execution_name)
        return WorkflowExecutionIdentifier(project=self.project, domain=self.domain, name=execution_name)

    def console_url(self, execution_name: str) -> str:
        """Return the address of the execution's page in the Flyte console."""
        base = self.connection.console_base(_settings.get_str("console_url"))
        return f"{base}/console/projects/{self.project}/domains/{self.domain}/executions/{execution_name}"

    def trigger_execution(
        self,
        execution_name: str,
        launchplan_name: str | None = None,
        task_name: str | None = None,
        max_parallelism: int | None = None,
        raw_output_data_config: str | None = None,
        kubernetes_service_account: str | None = None,
        oauth2_client: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        secrets: Sequence[Mapping[str, Any]] | None = None,
        notifications: Sequence[Mapping[str, Any]] | None = None,
        disable_notifications: bool | None = None,
        version: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        workflow_name: str | None = None,
        **options: Any,
    ) -> ExecutionRef:
        """
        Create an execution and return at once.

        :param execution_name: The name of the execution; there must be none of that name.
        :param options: ``overwrite_cache``, ``interruptible``, ``envs``, ``tags``, ``cluster_pool``,
            ``execution_cluster_label`` or ``iam_role``.
        :return: the name, with project, domain and url as attributes
        :raises FlyteInputError: before anything is created

        The other parameters are those of :class:`~flyte_provider.operators.flyte.FlyteOperator`.
        """
        from flyte_provider._client.codec import encode_inputs
        from flyte_provider._client.entities import find_entity
        from flyte_provider._client.requests import build_create_request

        launch_options = LaunchOptions(
            labels=labels,
            annotations=annotations,
            max_parallelism=max_parallelism,
            raw_output_data_config=raw_output_data_config,
            kubernetes_service_account=kubernetes_service_account,
            oauth2_client=oauth2_client,
            secrets=secrets,
            notifications=notifications,
            disable_notifications=disable_notifications,
            **options,
        )
        target = choose_target(launchplan_name, task_name, workflow_name, version)
        entity = find_entity(self.get_client(), target, self.project, self.domain)
        literals = encode_inputs(inputs or {}, entity.interface, self.upload)
        execution_id = self.execution_id(execution_name)
        request = build_create_request(execution_id, entity.id, literals, launch_options)
        created = self.get_client().create_execution(request)
        return self.ref(created.name)

    def ref(self, execution_name: str) -> ExecutionRef:
        """Return the name with project, domain and url."""
        return ExecutionRef(execution_name, self.project, self.domain, self.console_url(execution_name))

    def get_execution(self, execution_name: str) -> execution_pb2.Execution:
        """
        Return the execution as Flyte has it: id, spec and closure.

        :raises FlyteEntityNotFoundError: when there is none of that name
        """
        return self.get_client().get_execution(self.execution_id(execution_name))

    def get_outputs(self, execution_name: str) -> dict[str, Any]:
        """Return the execution's outputs keyed by name; files and dataframes as their addresses."""
        from flyte_provider._client.results import fetch_outputs

        return fetch_outputs(self.get_client(), self.execution_id(execution_name))

    def execution_status(self, execution_name: str, remote: Any = None) -> bool:
        """
        Return whether the execution has succeeded; False while it runs.

        :param remote: taken for compatibility with 0.0.5 and not used
        :raises FlyteExecutionError: when it failed, was aborted or timed out
        """
        from flyte_provider._client.outcomes import has_succeeded

        return has_succeeded(self.get_execution(execution_name), self.console_url(execution_name))

    def wait(
        self,
        execution_name: str,
        *,
        timeout_seconds: float | None = None,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
    ) -> execution_pb2.Execution:
        """
        Return the execution once it has succeeded.

        :param timeout_seconds: how long to wait, None for ever
        :raises FlyteExecutionError: when it failed, was aborted or timed out
        :raises TimeoutError: when it still runs after ``timeout_seconds``
        """
        from flyte_provider._waiting import look_intervals

        give_up_at = time.monotonic() + timeout_seconds if timeout_seconds is not None else float("inf")
        intervals = look_intervals(
            _settings.get_seconds("poll_interval", poll_interval),
            _settings.get_seconds("max_poll_interval", max_poll_interval),
        )
        while not self.execution_status(execution_name):
            left = give_up_at - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"Execution {execution_name} still runs after {timeout_seconds} s")
            time.sleep(min(next(intervals), left))
        return self.get_execution(execution_name)

    def list_executions(
        self,
        *,
        phases: Sequence[str] = (),
        launchplan_name: str | None = None,
        updated_since: str | None = None,
        limit: int = 100,
    ) -> list[execution_pb2.Execution]:
        """
        Return executions of this hook's project and domain, newest first; archived ones do not show.

        :param phases: Only those in one of these phases, as in ``["RUNNING", "QUEUED"]``.
        :param launchplan_name: Only those of this launch plan.
        :param updated_since: Only those that changed then or later (ISO 8601, ending with Z), the change that
            is longest ago first.
        :param limit: The most to return.
        """
        check_texts("phases", phases)
        if type(limit) is not int or limit < 1:
            raise refuse("limit", limit, "a whole number above 0")
        filters = [f"value_in(phase,{';'.join(phases)})"] if phases else []
        if launchplan_name:
            filters.append(f"eq(launch_plan.name,{launchplan_name})")
        if updated_since:
            filters.append(f"gte(execution_updated_at,{updated_since})")
        return self.get_client().list_executions(
            self.project, self.domain, "+".join(filters), limit, by_change=bool(updated_since)
        )

    # -- signals ---------------------------------------------------------------------------------------------

    def list_signals(self, execution_name: str) -> list[dict[str, Any]]:
        """
        Return what the gate nodes of an execution wait for.

        :return: dicts of ``signal_id``, ``type`` (as in ``bool``) and ``value`` (None where none was set)
        """
        from flyte_provider._client.codec import decode
        from flyte_provider._client.codec.type_names import name_type

        signals = self.get_client().list_signals(self.execution_id(execution_name))
        return [
            {
                "signal_id": signal.id.signal_id,
                "type": name_type(signal.type),
                "value": decode(signal.value) if signal.value.WhichOneof("value") else None,
            }
            for signal in signals
        ]

    def set_signal(
        self, execution_name: str, signal_id: str, value: Any, *, timeout_seconds: float = 0.0
    ) -> None:
        """
        Give an execution what one of its gate nodes waits for; True and False approve and reject.

        :param timeout_seconds: how long to wait for the execution to come to the gate
        :raises FlyteEntityNotFoundError: when the execution has not come to a gate of that name
        :raises FlyteInputError: when the value is not of the gate's type
        """
        from flyte_provider._client.codec import encode

        signal = self._wait_for_signal(execution_name, signal_id, timeout_seconds)
        literal = encode(value, signal.type, f"signal {signal_id!r}")
        self.get_client().set_signal(signal.id, literal)

    def _wait_for_signal(
        self, execution_name: str, signal_id: str, timeout_seconds: float
    ) -> signal_pb2.Signal:
        from flyte_provider._client import phases
        from flyte_provider._waiting import look_intervals

        give_up_at = time.monotonic() + timeout_seconds
        intervals = look_intervals(
            _settings.get_float("poll_interval"), _settings.get_float("max_poll_interval")
        )
        while True:
            # In this order: an execution that ends between the two has been asked for its last signals.
            execution = self.get_execution(execution_name)
            signals = self.get_client().list_signals(execution.id)
            for signal in signals:
                if signal.id.signal_id == signal_id:
                    return signal
            left = give_up_at - time.monotonic()
            if left <= 0 or phases.is_terminal(execution):
                waiting = ", ".join(signal.id.signal_id for signal in signals) or "nothing"
                raise FlyteEntityNotFoundError(
                    f"Execution {execution_name} does not wait for a signal {signal_id!r}; it waits for: "
                    f"{waiting}; its phase is {phases.phase_name(execution.closure.phase)}",
                    code="NOT_FOUND",
                )
            time.sleep(min(next(intervals), left))

    # -- ending, going on ------------------------------------------------------------------------------------

    def terminate(self, execution_name: str, cause: str) -> None:
        """
        Terminate an execution; one that has ended already is left as it is.

        :param execution_name: The execution.
        :param cause: Why, for whoever looks at it in Flyte.
        """
        try:
            self.get_client().terminate_execution(self.execution_id(execution_name), cause)
        except FlyteServerError as exc:
            if exc.code != "FAILED_PRECONDITION":
                raise
            self.log.info("Execution %s has ended already", execution_name)

    def recover(self, execution_name: str, new_name: str) -> ExecutionRef:
        """
        Start a new execution that reuses the finished nodes of a failed one.

        :param execution_name: The execution that failed.
        :param new_name: The name of the new one.
        """
        check_text("new_name", new_name)
        recovered = self.get_client().recover_execution(self.execution_id(execution_name), new_name)
        return self.ref(recovered.name)

    def upload(self, value: Any, literal_type: types_pb2.LiteralType) -> literals_pb2.Literal:
        """
        Store a dataframe, a table, or a flytekit file where Flyte can read it, and return its literal.

        :raises AirflowOptionalProviderFeatureException: where flytekit is not installed
        :raises FlyteInputError: when flytekit cannot make the type out of the value
        """
        from flyte_provider._flytekit_remote import store

        return store(self._remote, value, literal_type)

    @cached_property
    def _remote(self) -> FlyteRemote:
        return self.create_flyte_remote()

    # -- flytekit --------------------------------------------------------------------------------------------

    def create_flyte_remote(self) -> FlyteRemote:
        """
        Return flytekit's FlyteRemote for this connection.

        :raises AirflowOptionalProviderFeatureException: where flytekit is not installed
        """
        from flyte_provider._flytekit_remote import make_remote

        extras = dict(self.flyte_conn.extra_dejson or {})
        return make_remote(self.connection, extras, self.project, self.domain)

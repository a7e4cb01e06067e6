"""The errors of this provider. Every message says what failed, where, why, and where to look.

All are ``AirflowException``, so a Dag author's ``retries`` and callbacks see them as usual. Attributes repeat
what the message says, for callbacks and retry policies; a keyword that does not apply stays None or empty.
"""

from __future__ import annotations

from flyte_provider._airflow import AirflowException


class FlyteProviderError(AirflowException):
    """Anything that this provider raises."""


class FlyteConfigurationError(FlyteProviderError):
    """A connection, a setting or a keyword of a task is missing, contradictory or not supported."""


class FlyteServerError(FlyteProviderError):
    """The server refused or failed an RPC.

    :param message: what was asked of which endpoint, and its answer
    :param code: the gRPC status code's name, as in ``UNAVAILABLE``
    :param details: the server's own words
    """

    def __init__(self, message: str, *, code: str = "", details: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.details = details

    @property
    def is_transient(self) -> bool:
        """Whether asking again may help: nothing is known about the request's merit."""
        return self.code in TRANSIENT_CODES


#: UNKNOWN and INTERNAL are here because proxies in front of flyteadmin answer so while it restarts, CANCELLED
#: because a server that stops cancels what it had begun; when we cancel a call, that is no status.
TRANSIENT_CODES = frozenset(
    {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "INTERNAL", "UNKNOWN", "CANCELLED"}
)


class FlyteAuthenticationError(FlyteServerError):
    """The server does not accept who we are (UNAUTHENTICATED) or what we may do (PERMISSION_DENIED)."""


class FlyteEntityNotFoundError(FlyteServerError):
    """A launch plan, task, workflow or execution of that name does not exist."""


class FlyteInputError(FlyteProviderError):
    """An input does not fit the entity's interface; raised before any execution exists.

    :param message: begins with ``input '<name>':``
    :param input_name: the input that is unknown, missing or of the wrong type
    """

    def __init__(self, message: str, *, input_name: str = "") -> None:
        super().__init__(message)
        self.input_name = input_name


class FlyteExecutionError(FlyteProviderError):
    """An execution did not end well, or we lost sight of it.

    :param message: one sentence, beginning with ``Execution <name>``
    :param name: the execution's name
    :param phase: its phase, as in ``FAILED``
    :param url: its page in the Flyte console
    """

    def __init__(self, message: str, *, name: str = "", phase: str = "", url: str = "") -> None:
        super().__init__(message)
        self.name = name
        self.phase = phase
        self.url = url


class FlyteExecutionFailedError(FlyteExecutionError):
    """The execution's phase is FAILED.

    :param kind: ``USER``, ``SYSTEM`` or ``UNKNOWN``, as Flyte classified it
    :param code: Flyte's error code
    :param error_message: Flyte's error message in full
    :param node: path of the node that failed first, empty when it could not be found
    """

    def __init__(
        self,
        message: str,
        *,
        name: str = "",
        phase: str = "FAILED",
        url: str = "",
        kind: str = "UNKNOWN",
        code: str = "",
        error_message: str = "",
        node: str = "",
    ) -> None:
        super().__init__(message, name=name, phase=phase, url=url)
        self.kind = kind
        self.code = code
        self.error_message = error_message
        self.node = node


class FlyteExecutionUserError(FlyteExecutionFailedError):
    """The user's code failed: the same inputs will most likely fail again."""


class FlyteExecutionAbortedError(FlyteExecutionError):
    """Somebody terminated the execution.

    :param by: Flyte's principal, empty where Flyte runs without authentication
    :param cause: the cause that was given
    """

    def __init__(
        self,
        message: str,
        *,
        name: str = "",
        phase: str = "ABORTED",
        url: str = "",
        by: str = "",
        cause: str = "",
    ) -> None:
        super().__init__(message, name=name, phase=phase, url=url)
        self.by = by
        self.cause = cause


class FlyteExecutionTimedOutError(FlyteExecutionError):
    """The execution's phase is TIMED_OUT: Flyte's own limit, not Airflow's."""


class FlyteExecutionDeadlineError(FlyteExecutionError):
    """Airflow's ``execution_timeout`` passed; the execution was terminated, unless that is turned off."""


class FlyteExecutionLostError(FlyteExecutionError):
    """No contact for ``poll_error_timeout``; the execution was left running, the next try attaches to it."""


class FlyteExecutionDetachedError(FlyteExecutionError):
    """The worker was told to stop; the execution was left running, the next try attaches to it."""


class FlyteExecutionConflictError(FlyteExecutionError):
    """An execution of the wanted name exists and is not this task instance's."""


class FlyteConcurrencyLimitError(FlyteExecutionError):
    """The launch plan's concurrency limit is reached and its policy is to skip."""

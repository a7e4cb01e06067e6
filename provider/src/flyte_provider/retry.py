"""FlyteRetryPolicy: which failures of an execution are worth another try. Airflow 3.3 and newer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flyte_provider import exceptions as errors

if TYPE_CHECKING:
    from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy
else:
    try:
        from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy
    except ImportError:
        RetryDecision, RetryPolicy = None, object

# Another try would come to the same end, or somebody has said that there shall be none.
_HOPELESS: tuple[type[BaseException], ...] = (
    errors.FlyteExecutionUserError,
    errors.FlyteExecutionAbortedError,
    errors.FlyteExecutionConflictError,
    errors.FlyteInputError,
    errors.FlyteConfigurationError,
    errors.FlyteEntityNotFoundError,
    errors.FlyteAuthenticationError,
)


class FlyteRetryPolicy(RetryPolicy):
    """
    Fail at once what another try cannot help, and wait before what it can.

    Errors in the user's code, bad inputs, missing entities, refused clients and executions that somebody
    aborted fail; failures of the system, lost contact and concurrency limits are retried; a stopped worker's
    task goes on at once. Everything else is up to the task's ``retries``.

    :param system_delay: Before retrying what the system has failed.
    :param concurrency_delay: Before trying a launch plan again whose limit is reached.
    :raises FlyteConfigurationError: before Airflow 3.3, which has no retry policies
    """

    def __init__(
        self,
        system_delay: timedelta = timedelta(seconds=30),
        concurrency_delay: timedelta = timedelta(seconds=60),
    ) -> None:
        if RetryDecision is None:
            raise errors.FlyteConfigurationError("FlyteRetryPolicy needs Airflow 3.3 or newer")
        self.system_delay = system_delay
        self.concurrency_delay = concurrency_delay

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any = None
    ) -> RetryDecision:
        """Decide; called by Airflow in the worker."""
        if isinstance(exception, _HOPELESS):
            return RetryDecision.fail(f"{type(exception).__name__}: another try would not help")
        if isinstance(exception, errors.FlyteConcurrencyLimitError):
            return RetryDecision.retry(self.concurrency_delay, "the launch plan's concurrency limit")
        if isinstance(exception, errors.FlyteExecutionDetachedError):
            return RetryDecision.retry(timedelta(0), "the worker was stopped")
        if self._is_the_systems(exception):
            return RetryDecision.retry(self.system_delay, "not the user's code")
        return RetryDecision.default()

    @staticmethod
    def _is_the_systems(exception: BaseException) -> bool:
        if isinstance(exception, errors.FlyteExecutionFailedError):
            return exception.kind == "SYSTEM"
        if isinstance(exception, errors.FlyteServerError):
            return exception.is_transient
        return isinstance(exception, errors.FlyteExecutionLostError)

    def serialize(self) -> dict[str, Any]:
        """Return the delays in seconds."""
        return {
            "system_delay": self.system_delay.total_seconds(),
            "concurrency_delay": self.concurrency_delay.total_seconds(),
        }

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> FlyteRetryPolicy:
        """Return the policy that :meth:`serialize` described."""
        return cls(**{name: timedelta(seconds=seconds) for name, seconds in data.items()})

"""Which failure gets another try."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flyte_provider import exceptions as errors
from flyte_provider import retry
from flyte_provider.retry import FlyteRetryPolicy

policy_module = pytest.importorskip("airflow.sdk.definitions.retry_policy", reason="Airflow 3.3 has policies")


@pytest.mark.parametrize(
    ("error", "action", "seconds"),
    [
        (errors.FlyteExecutionUserError("m", kind="USER"), "fail", None),
        (errors.FlyteExecutionAbortedError("m"), "fail", None),
        (errors.FlyteInputError("m"), "fail", None),
        (errors.FlyteConfigurationError("m"), "fail", None),
        (errors.FlyteEntityNotFoundError("m", code="NOT_FOUND"), "fail", None),
        (errors.FlyteAuthenticationError("m", code="UNAUTHENTICATED"), "fail", None),
        (errors.FlyteExecutionConflictError("m"), "fail", None),
        (errors.FlyteExecutionFailedError("m", kind="SYSTEM"), "retry", 30),
        (errors.FlyteExecutionFailedError("m", kind="UNKNOWN"), "default", None),
        (errors.FlyteServerError("m", code="UNAVAILABLE"), "retry", 30),
        (errors.FlyteServerError("m", code="INVALID_ARGUMENT"), "default", None),
        (errors.FlyteExecutionLostError("m"), "retry", 30),
        (errors.FlyteConcurrencyLimitError("m"), "retry", 60),
        (errors.FlyteExecutionDetachedError("m"), "retry", 0),
        (errors.FlyteExecutionTimedOutError("m"), "default", None),
        (ValueError("m"), "default", None),
    ],
)
def test_failures_are_told_apart(error: BaseException, action: str, seconds: float | None) -> None:
    decision = FlyteRetryPolicy().evaluate(error, 1, 3)
    assert decision.action.value == action
    assert decision.retry_delay == (None if seconds is None else timedelta(seconds=seconds))


def test_it_survives_serialisation() -> None:
    policy = FlyteRetryPolicy(system_delay=timedelta(seconds=5))
    again = FlyteRetryPolicy.deserialize(policy.serialize())
    assert (again.system_delay, again.concurrency_delay) == (timedelta(seconds=5), timedelta(seconds=60))


def test_before_3_3_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "RetryDecision", None)
    with pytest.raises(errors.FlyteConfigurationError, match=r"needs Airflow 3\.3 or newer"):
        FlyteRetryPolicy()

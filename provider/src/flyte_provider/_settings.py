"""The ``[flyte]`` section of Airflow's configuration: one table, read when a task needs a value."""

from __future__ import annotations

from typing import Any, NamedTuple

SECTION = "flyte"


class Option(NamedTuple):
    """One option as Airflow's provider information wants it. Airflow keeps defaults as strings."""

    type: str
    default: str
    description: str
    example: str | None = None


OPTIONS: dict[str, Option] = {
    "wait_for_completion": Option(
        "boolean",
        "True",
        "Whether FlyteOperator waits for the execution to end, so that green means that Flyte is green. "
        "False brings back the fire-and-forget of airflow-provider-flyte 0.0.5.",
    ),
    "defer_after": Option(
        "float",
        "5",
        "Seconds that a deferrable task looks at its execution from its worker slot before it defers.",
    ),
    "resume_after": Option(
        "float",
        "5",
        "Seconds that a deferred task waits in the triggerer at least, however soon its execution ends. "
        "Airflow fails a task that is queued again before the scheduler has dealt with the end of its first "
        "process, which takes a busy scheduler a while.",
    ),
    "poll_interval": Option(
        "float", "5", "Seconds between two looks at a running execution, once the first quick looks are over."
    ),
    "max_poll_interval": Option(
        "float", "30", "Seconds that the interval between two looks grows to for long executions."
    ),
    "poll_error_timeout": Option(
        "float",
        "600",
        "Seconds without any answer from Flyte after which a waiting task gives up. "
        "The execution is left running and the next try attaches to it.",
    ),
    "max_polls_in_flight": Option(
        "integer", "16", "Calls to one Flyte that a triggerer has under way at once while it waits."
    ),
    "name_namespace": Option(
        "string",
        "",
        "Goes into every execution's name. "
        "Airflow deployments that share a Flyte project must each set their own.",
        "team-a-production",
    ),
    "console_url": Option(
        "string",
        "",
        "Base address of the Flyte console for links, where it differs from the connection's endpoint.",
        "https://flyte.example.com",
    ),
}


def _conf() -> Any:
    from flyte_provider import _airflow

    return _airflow.conf


def get_float(name: str) -> float:
    """Return a number of seconds."""
    return float(_conf().getfloat(SECTION, name, fallback=float(OPTIONS[name].default)))


def get_seconds(name: str, given: float | None) -> float:
    """Return what was given, else the setting of that name.

    :raises FlyteConfigurationError: when it is no number
    """
    if given is None:
        return get_float(name)
    try:
        return float(given)
    except (TypeError, ValueError):
        # Exceptions come from Airflow, which reads this module's options early in its own start.
        from flyte_provider._kinds import refuse

        raise refuse(name, given, "a number of seconds") from None


def get_int(name: str) -> int:
    """Return a count."""
    return int(_conf().getint(SECTION, name, fallback=int(OPTIONS[name].default)))


def get_bool(name: str) -> bool:
    """Return a switch."""
    return bool(_conf().getboolean(SECTION, name, fallback=OPTIONS[name].default == "True"))


def get_str(name: str) -> str:
    """Return a text, empty when unset."""
    return str(_conf().get(SECTION, name, fallback=OPTIONS[name].default) or "")


def is_deferrable_by_default() -> bool:
    """Return Airflow's own ``[operators] default_deferrable``."""
    return bool(_conf().getboolean("operators", "default_deferrable", fallback=False))

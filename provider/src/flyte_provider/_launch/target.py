"""What a task wants launched, and how: values only, checked where they are turned into a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flyte_provider._kinds import (
    check_count,
    check_dict,
    check_list,
    check_output_prefix,
    check_switch,
    check_text,
    check_texts,
)
from flyte_provider.exceptions import FlyteConfigurationError

LATEST = "latest"


@dataclass(frozen=True)
class Target:
    """The entity to launch.

    :param kind: ``launch plan``, ``task`` or ``workflow``; a workflow stands for its default launch plan
    :param name: its name in Flyte
    :param version: a version, None for the active launch plan (else the newest), ``latest`` for the newest
    """

    kind: str
    name: str
    version: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


def choose_target(
    launchplan_name: str | None, task_name: str | None, workflow_name: str | None, version: str | None
) -> Target:
    """Return the one target that was named.

    :raises FlyteConfigurationError: when none or more than one was, or by something else than a text
    """
    kind, name = choose_one(launchplan_name, task_name, workflow_name)
    check_text(kind, name)
    if version:
        check_text("version", version)
    return Target(kind, name, version or None)


def choose_one(launchplan_name: Any, task_name: Any, workflow_name: Any) -> tuple[str, Any]:
    """Return the kind and the name that was given, which may still be what a task will return.

    :raises FlyteConfigurationError: when none or more than one was
    """
    named = {"launch plan": launchplan_name, "task": task_name, "workflow": workflow_name}
    chosen = [(kind, name) for kind, name in named.items() if name]
    if len(chosen) != 1:
        given = " and ".join(f"{kind} {name!r}" for kind, name in chosen) or "none"
        raise FlyteConfigurationError(
            f"Either task_name or launchplan_name is required, or workflow_name: exactly one; got {given}"
        )
    return chosen[0]


@dataclass(frozen=True)
class LaunchOptions:
    """Everything of an execution's spec but entity and inputs; None and empty leave Flyte's default.

    The operator documents each field under the same name.

    :raises FlyteConfigurationError: naming the option whose value is of the wrong kind
    """

    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None
    envs: Mapping[str, str] | None = None
    tags: Sequence[str] | None = None
    max_parallelism: int | None = None
    raw_output_data_config: str | Mapping[str, str] | None = None
    kubernetes_service_account: str | None = None
    iam_role: str | None = None
    oauth2_client: Mapping[str, Any] | None = field(default=None, repr=False)
    secrets: Sequence[Mapping[str, Any]] | None = None
    notifications: Sequence[Mapping[str, Any]] | None = None
    disable_notifications: bool | None = None
    overwrite_cache: bool | None = None
    interruptible: bool | None = None
    cluster_pool: str | None = None
    execution_cluster_label: str | None = None

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            if value := getattr(self, name):
                check(name, value)


_CHECKS: dict[str, Callable[[str, Any], None]] = {
    "labels": check_dict,
    "annotations": check_dict,
    "envs": check_dict,
    "tags": check_texts,
    "max_parallelism": check_count,
    "raw_output_data_config": check_output_prefix,
    "kubernetes_service_account": check_text,
    "iam_role": check_text,
    "oauth2_client": check_dict,
    "secrets": check_list,
    "notifications": check_list,
    "disable_notifications": check_switch,
    "overwrite_cache": check_switch,
    "interruptible": check_switch,
    "cluster_pool": check_text,
    "execution_cluster_label": check_text,
}

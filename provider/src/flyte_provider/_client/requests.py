"""From launch options to an execution's spec. Unset options leave their field absent, so Flyte's defaults
hold.

Source: flyteidl protos/flyteidl/admin/execution.proto; flyteadmin pkg/manager/impl/validation for what it
refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flyteidl.admin import cluster_assignment_pb2, common_pb2, execution_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2, security_pb2
from google.protobuf import wrappers_pb2

from flyte_provider._client.phases import TERMINAL, phase_name
from flyte_provider._kinds import check_dict, check_text, check_texts, refuse
from flyte_provider._launch.target import LaunchOptions
from flyte_provider.exceptions import FlyteConfigurationError

_CHANNELS = {
    "email": common_pb2.EmailNotification,
    "slack": common_pb2.SlackNotification,
    "pager_duty": common_pb2.PagerDutyNotification,
    # 0.0.5 checked for this name and used the other.
    "pagerduty": common_pb2.PagerDutyNotification,
}

_MOUNTS: dict[str, int] = dict(security_pb2.Secret.MountType.items())
_PHASES: dict[str, int] = dict(core_execution_pb2.WorkflowExecution.Phase.items())


def build_create_request(
    execution_id: identifier_pb2.WorkflowExecutionIdentifier,
    entity_id: identifier_pb2.Identifier,
    inputs: literals_pb2.LiteralMap,
    options: LaunchOptions,
) -> execution_pb2.ExecutionCreateRequest:
    """Return the request.

    :raises FlyteConfigurationError: naming the option that Flyte would not understand
    """
    return execution_pb2.ExecutionCreateRequest(
        project=execution_id.project,
        domain=execution_id.domain,
        name=execution_id.name,
        spec=_build_spec(entity_id, options),
        inputs=inputs,
    )


def _build_spec(entity_id: identifier_pb2.Identifier, options: LaunchOptions) -> execution_pb2.ExecutionSpec:
    spec = execution_pb2.ExecutionSpec(launch_plan=entity_id, metadata=execution_pb2.ExecutionMetadata())
    _set_names_and_values(spec, options)
    _set_security(spec, options)
    _set_notifications(spec, options)
    if options.max_parallelism is not None:
        spec.max_parallelism = options.max_parallelism
    if options.raw_output_data_config:
        spec.raw_output_data_config.output_location_prefix = _output_prefix(options.raw_output_data_config)
    if options.overwrite_cache is not None:
        spec.overwrite_cache = options.overwrite_cache
    if options.interruptible is not None:
        spec.interruptible.CopyFrom(wrappers_pb2.BoolValue(value=options.interruptible))
    if options.cluster_pool:
        pool = cluster_assignment_pb2.ClusterAssignment(cluster_pool_name=options.cluster_pool)
        spec.cluster_assignment.CopyFrom(pool)
    if options.execution_cluster_label:
        spec.execution_cluster_label.value = options.execution_cluster_label
    return spec


def _set_names_and_values(spec: execution_pb2.ExecutionSpec, options: LaunchOptions) -> None:
    if options.labels:
        spec.labels.values.update(_texts(options.labels))
    if options.annotations:
        spec.annotations.values.update(_texts(options.annotations))
    if options.envs:
        for key, value in _texts(options.envs).items():
            spec.envs.values.add(key=key, value=value)
    if options.tags:
        spec.tags.extend(options.tags)


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in values.items()}


def _output_prefix(config: str | Mapping[str, str]) -> str:
    """Take the prefix itself, or flytekit's spelling of it."""
    return config if isinstance(config, str) else str(config["output_location_prefix"])


# -- security ------------------------------------------------------------------------------------------------


def _set_security(spec: execution_pb2.ExecutionSpec, options: LaunchOptions) -> None:
    run_as = spec.security_context.run_as if _has_identity(options) else None
    if run_as is not None:
        run_as.iam_role = options.iam_role or ""
        run_as.k8s_service_account = options.kubernetes_service_account or ""
        if options.oauth2_client:
            run_as.oauth2_client.CopyFrom(_oauth2_client(options.oauth2_client))
    for index, secret in enumerate(options.secrets or ()):
        spec.security_context.secrets.append(_secret(secret, f"secrets[{index}]"))


def _has_identity(options: LaunchOptions) -> bool:
    return bool(options.iam_role or options.kubernetes_service_account or options.oauth2_client)


def _oauth2_client(client: Mapping[str, Any]) -> security_pb2.OAuth2Client:
    """A text names the Flyte secret that holds the client's secret; the value itself never travels."""
    _refuse_other_keys(client, {"client_id", "client_secret"}, "oauth2_client")
    secret = client.get("client_secret", "")
    if isinstance(secret, str):
        secret = {"key": secret}
    return security_pb2.OAuth2Client(
        client_id=str(client.get("client_id", "")),
        client_secret=_secret(secret, "oauth2_client.client_secret"),
    )


def _secret(secret: Mapping[str, Any], place: str) -> security_pb2.Secret:
    _refuse_other_keys(secret, {"group", "key", "group_version", "mount_requirement", "env_var"}, place)
    mount = secret.get("mount_requirement") or "ANY"
    if isinstance(mount, str):
        if mount not in _MOUNTS:
            known = ", ".join(_MOUNTS)
            raise FlyteConfigurationError(f"{place}: mount_requirement is {mount!r}, expected {known}")
        mount = _MOUNTS[mount]
    texts = {key: value for key, value in secret.items() if value and key != "mount_requirement"}
    for key, value in texts.items():
        check_text(f"{place}.{key}", value)
    return security_pb2.Secret(mount_requirement=mount, **texts)


def _refuse_other_keys(value: Any, known: set[str], place: str) -> None:
    check_dict(place, value)
    if others := sorted(set(value) - known):
        expected = ", ".join(sorted(known))
        raise FlyteConfigurationError(f"{place}: unknown key {others[0]!r}, expected {expected}")


# -- notifications -------------------------------------------------------------------------------------------


def _set_notifications(spec: execution_pb2.ExecutionSpec, options: LaunchOptions) -> None:
    """The list and ``disable_all`` are one oneof: setting the second, even to false, would drop the first."""
    if options.disable_notifications:
        spec.disable_all = True
        return
    for index, notification in enumerate(options.notifications or ()):
        place = f"notifications[{index}]"
        _refuse_other_keys(notification, {"phases", *_CHANNELS}, place)
        spec.notifications.notifications.append(_notification(notification, place))


def _notification(notification: Mapping[str, Any], place: str) -> common_pb2.Notification:
    channels = [key for key in _CHANNELS if notification.get(key)]
    if len(channels) != 1:
        raise FlyteConfigurationError(f"{place}: expected exactly one of email, slack, pager_duty")
    channel = channels[0]
    check_dict(f"{place}.{channel}", notification[channel])
    recipients = notification[channel].get("recipients_email")
    if not recipients:
        raise FlyteConfigurationError(f"{place}: {channel} has no recipients_email")
    check_texts(f"{place}.{channel}.recipients_email", recipients)
    message = _CHANNELS[channel](recipients_email=recipients)
    phases = notification.get("phases") or ()
    if not isinstance(phases, (list, tuple)):
        raise refuse(f"{place}.phases", phases, "a list of phases")
    if not phases:
        raise FlyteConfigurationError(f"{place}: phases is empty")
    numbers = [_phase(phase, place) for phase in phases]
    return common_pb2.Notification(phases=numbers, **{channel.replace("pagerduty", "pager_duty"): message})


def _phase(phase: Any, place: str) -> int:
    """Take a phase as its name or, as 0.0.5's users wrote it, its number."""
    value = _PHASES.get(phase.upper(), phase) if isinstance(phase, str) else phase
    if value not in TERMINAL:
        names = ", ".join(sorted(phase_name(one) for one in TERMINAL))
        raise FlyteConfigurationError(f"{place}: phase {phase!r} is not one that notifies: {names}")
    return int(value)

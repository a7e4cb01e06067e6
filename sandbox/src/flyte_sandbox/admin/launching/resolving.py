"""Which of the places that may set a launch option wins. Pure.

The request, then its launch plan, then the most specific attributes, then the project's, then the platform.
A whole message wins, not single keys of it. Source: flyteadmin pkg/manager/impl/util/shared.go
MergeIntoExecConfig, pkg/manager/impl/execution_manager.go getExecutionConfig.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from flyteidl.admin import common_pb2, execution_pb2, launch_plan_pb2, matchable_resource_pb2
from flyteidl.core import security_pb2

from flyte_sandbox.config import BUCKET

Config: TypeAlias = matchable_resource_pb2.WorkflowExecutionConfig
Options: TypeAlias = Config | execution_pb2.ExecutionSpec | launch_plan_pb2.LaunchPlanSpec
"""The three messages that hold launch options, under the same names."""

MAX_PARALLELISM = 25
"""The platform's default for nodes of one execution at work at once; 0 would mean no limit."""

SERVICE_ACCOUNT = "default"
RAW_OUTPUT_PREFIX = f"s3://{BUCKET}/data"

_MAP_FIELDS = ("labels", "annotations", "envs")


def platform_config() -> Config:
    """What holds where nobody says anything."""
    config = Config(max_parallelism=MAX_PARALLELISM)
    config.security_context.run_as.k8s_service_account = SERVICE_ACCOUNT
    return config


def merge_config(config: Config, options: Options) -> None:
    """Fills in what ``config`` does not say yet."""
    if not config.max_parallelism and options.max_parallelism > 0:
        config.max_parallelism = options.max_parallelism
    if not config.HasField("security_context") and _names_identity(options.security_context):
        config.security_context.CopyFrom(options.security_context)
    if not config.raw_output_data_config.output_location_prefix:
        prefix = options.raw_output_data_config.output_location_prefix
        if prefix:
            config.raw_output_data_config.output_location_prefix = prefix
    for name in _MAP_FIELDS:
        if not getattr(config, name).values and getattr(options, name).values:
            getattr(config, name).CopyFrom(getattr(options, name))
    if not config.HasField("interruptible") and options.HasField("interruptible"):
        config.interruptible.CopyFrom(options.interruptible)
    config.overwrite_cache = config.overwrite_cache or options.overwrite_cache
    if not config.execution_env_assignments:
        config.execution_env_assignments.extend(options.execution_env_assignments)


def resolve_spec(
    spec: execution_pb2.ExecutionSpec,
    plan: launch_plan_pb2.LaunchPlanSpec,
    attributes: Sequence[Config] = (),
    project_labels: common_pb2.Labels | None = None,
) -> execution_pb2.ExecutionSpec:
    """:param attributes: the execution configs that apply, the most specific first.

    :param project_labels: added to the labels, where they do not say otherwise.
    :return: a copy of ``spec`` with every option that the engine runs by filled in.
    """
    config = Config()
    for options in (spec, plan, *attributes):
        merge_config(config, options)
    _fill_in_old_roles(config, spec, plan)
    merge_config(config, platform_config())
    resolved = execution_pb2.ExecutionSpec()
    resolved.CopyFrom(spec)
    resolved.ClearField("inputs")
    _apply(resolved, config)
    for key, value in (project_labels.values if project_labels else {}).items():
        if key not in resolved.labels.values:
            resolved.labels.values[key] = value
    if not spec.HasField("quality_of_service") and plan.HasField("quality_of_service"):
        resolved.quality_of_service.CopyFrom(plan.quality_of_service)
    return resolved


def _apply(resolved: execution_pb2.ExecutionSpec, config: Config) -> None:
    resolved.max_parallelism = config.max_parallelism
    resolved.overwrite_cache = config.overwrite_cache
    resolved.security_context.CopyFrom(config.security_context)
    prefix = config.raw_output_data_config.output_location_prefix or RAW_OUTPUT_PREFIX
    resolved.raw_output_data_config.output_location_prefix = prefix
    for name in (*_MAP_FIELDS, "interruptible"):
        if config.HasField(name):
            getattr(resolved, name).CopyFrom(getattr(config, name))
    del resolved.execution_env_assignments[:]
    resolved.execution_env_assignments.extend(config.execution_env_assignments)


def _fill_in_old_roles(
    config: Config, spec: execution_pb2.ExecutionSpec, plan: launch_plan_pb2.LaunchPlanSpec
) -> None:
    """The fields that said who runs an execution before there was a security context."""
    if config.HasField("security_context"):
        return
    role = _old_role(spec, plan)
    if role.assumable_iam_role or role.kubernetes_service_account:
        run_as = config.security_context.run_as
        run_as.iam_role = role.assumable_iam_role
        run_as.k8s_service_account = role.kubernetes_service_account


def _old_role(spec: execution_pb2.ExecutionSpec, plan: launch_plan_pb2.LaunchPlanSpec) -> common_pb2.AuthRole:
    if spec.HasField("auth_role"):
        return spec.auth_role
    if plan.HasField("auth_role"):
        return plan.auth_role
    if plan.HasField("auth"):
        return common_pb2.AuthRole(
            assumable_iam_role=plan.auth.assumable_iam_role,
            kubernetes_service_account=plan.auth.kubernetes_service_account,
        )
    return common_pb2.AuthRole(assumable_iam_role=plan.role)


def _names_identity(context: security_pb2.SecurityContext) -> bool:
    run_as = context.run_as
    return bool(run_as.iam_role or run_as.k8s_service_account or run_as.execution_identity)


def labels_as_tags(spec: execution_pb2.ExecutionSpec) -> Iterator[tuple[str, str]]:
    """Labels and tags can both be searched for as ``execution_tag``."""
    yield from spec.labels.values.items()
    for tag in spec.tags:
        yield tag, ""

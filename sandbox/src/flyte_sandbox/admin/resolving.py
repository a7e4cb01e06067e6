"""Which of the places that may set a launch option wins: the request, its launch plan, the platform. Pure.

A whole message wins, not single keys of it. Source: flyteadmin pkg/manager/impl/util/shared.go
MergeIntoExecConfig.
"""

from __future__ import annotations

from collections.abc import Iterator

from flyteidl.admin import execution_pb2, launch_plan_pb2

from flyte_sandbox.config import BUCKET

MAX_PARALLELISM = 25
"""The platform's default for nodes of one execution at work at once; 0 would mean no limit."""

RAW_OUTPUT_PREFIX = f"s3://{BUCKET}/data"
_MAP_FIELDS = ("labels", "annotations", "envs")


def resolve_spec(
    spec: execution_pb2.ExecutionSpec, plan: launch_plan_pb2.LaunchPlanSpec
) -> execution_pb2.ExecutionSpec:
    """:return: a copy of ``spec`` with every option that the engine runs by filled in."""
    resolved = execution_pb2.ExecutionSpec()
    resolved.CopyFrom(spec)
    resolved.ClearField("inputs")
    resolved.max_parallelism = spec.max_parallelism or plan.max_parallelism or MAX_PARALLELISM
    resolved.overwrite_cache = spec.overwrite_cache or plan.overwrite_cache
    for name in _MAP_FIELDS:
        if not getattr(spec, name).values and getattr(plan, name).values:
            getattr(resolved, name).CopyFrom(getattr(plan, name))
    if not spec.HasField("interruptible") and plan.HasField("interruptible"):
        resolved.interruptible.CopyFrom(plan.interruptible)
    prefix = spec.raw_output_data_config.output_location_prefix
    prefix = prefix or plan.raw_output_data_config.output_location_prefix or RAW_OUTPUT_PREFIX
    resolved.raw_output_data_config.output_location_prefix = prefix
    if not _names_identity(spec) and plan.HasField("security_context"):
        resolved.security_context.CopyFrom(plan.security_context)
    return resolved


def _names_identity(spec: execution_pb2.ExecutionSpec) -> bool:
    run_as = spec.security_context.run_as
    return bool(run_as.iam_role or run_as.k8s_service_account or run_as.execution_identity)


def labels_as_tags(spec: execution_pb2.ExecutionSpec) -> Iterator[tuple[str, str]]:
    """Labels and tags can both be searched for as ``execution_tag``."""
    yield from spec.labels.values.items()
    for tag in spec.tags:
        yield tag, ""

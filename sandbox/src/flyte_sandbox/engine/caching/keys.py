"""The key under which a task's outputs are remembered. Pure.

Source: flytepropeller pkg/controller/nodes/catalog/datacatalog/transformer.go.
"""

from __future__ import annotations

from flyteidl.core import literals_pb2, tasks_pb2

from flyte_sandbox.catalog.artifacts import CacheKey
from flyte_sandbox.compiler.digests import interface_hash, literal_map_hash

_HASH_CHARACTERS = 8


class UnversionedError(Exception):
    """A task to be cached has no cache version, so its earlier outputs cannot be told from other ones."""


def cache_key(task: tasks_pb2.TaskTemplate, inputs: literals_pb2.LiteralMap) -> CacheKey:
    """Task version, workflow and execution are not part of it.

    :raises UnversionedError: for a task without a cache version; flytekit does not make one.
    """
    if not task.metadata.discovery_version.strip():
        raise UnversionedError(f"task {task.id.name} has no cache version")
    version = "-".join(
        (
            task.metadata.discovery_version.strip(),
            interface_hash(task.interface.inputs)[:_HASH_CHARACTERS],
            interface_hash(task.interface.outputs)[:_HASH_CHARACTERS],
        )
    )
    digest = literal_map_hash(inputs, task.metadata.cache_ignore_input_vars)
    return CacheKey(
        project=task.id.project,
        domain=task.id.domain,
        dataset=f"flyte_task-{task.id.name}",
        version=version,
        tag=f"flyte_cached-{digest}",
    )

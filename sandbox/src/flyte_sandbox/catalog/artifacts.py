"""Artifacts: outputs under a dataset and a tag, and who made them. Source: datacatalog pkg/manager/impl."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass

from flyteidl.core import catalog_pb2, identifier_pb2, literals_pb2
from sqlalchemy import Connection, bindparam, delete, insert, select

from flyte_sandbox.db import schema

# Prepared once: to put such a statement together takes several times as long as to run it.
_KEY = ("project", "domain", "dataset", "version", "tag")
_IS_IT = [schema.artifacts.c[name] == bindparam(name) for name in _KEY]
_GET = select(schema.artifacts).where(*_IS_IT)
_DELETE = delete(schema.artifacts).where(*_IS_IT)
_INSERT = insert(schema.artifacts)


@dataclass(frozen=True)
class CacheKey:
    """:param dataset: ``flyte_task-<task name>``.

    :param version: cache version and the hashes of the interface.
    :param tag: ``flyte_cached-<hash of the inputs>``.
    """

    project: str
    domain: str
    dataset: str
    version: str
    tag: str


def get(
    connection: Connection, key: CacheKey
) -> tuple[literals_pb2.LiteralMap, catalog_pb2.CatalogMetadata] | None:
    row = connection.execute(_GET, asdict(key)).one_or_none()
    if row is None:
        return None
    metadata = describe(key, row.artifact_id)
    metadata.source_task_execution.ParseFromString(row.source)
    return literals_pb2.LiteralMap.FromString(row.outputs), metadata


def put(
    connection: Connection,
    key: CacheKey,
    outputs: literals_pb2.LiteralMap,
    source: identifier_pb2.TaskExecutionIdentifier,
    created_at: int,
) -> catalog_pb2.CatalogMetadata:
    """Replaces what was there: an execution that overwrites the cache, or two that missed at the same
    time.
    """
    artifact_id = str(uuid.uuid4())
    row = {
        **asdict(key),
        "artifact_id": artifact_id,
        "created_at": created_at,
        "outputs": outputs.SerializeToString(),
        "source": source.SerializeToString(),
    }
    connection.execute(_DELETE, asdict(key))
    connection.execute(_INSERT, row)
    return describe(key, artifact_id)


def describe(key: CacheKey, artifact_id: str) -> catalog_pb2.CatalogMetadata:
    dataset = identifier_pb2.Identifier(
        resource_type=identifier_pb2.DATASET,
        project=key.project,
        domain=key.domain,
        name=key.dataset,
        version=key.version,
    )
    tag = catalog_pb2.CatalogArtifactTag(artifact_id=artifact_id, name=key.tag)
    return catalog_pb2.CatalogMetadata(dataset_id=dataset, artifact_tag=tag)

"""Artifacts: outputs under a dataset and a tag, and who made them. Source: datacatalog pkg/manager/impl."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from flyteidl.core import catalog_pb2, identifier_pb2, literals_pb2
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from flyte_sandbox.db import schema


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
    row = connection.execute(select(schema.artifacts).where(_is(key))).one_or_none()
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
    connection.execute(delete(schema.artifacts).where(_is(key)))
    artifact_id = str(uuid.uuid4())
    query = insert(schema.artifacts).values(
        project=key.project,
        domain=key.domain,
        dataset=key.dataset,
        version=key.version,
        tag=key.tag,
        artifact_id=artifact_id,
        created_at=created_at,
        outputs=outputs.SerializeToString(),
        source=source.SerializeToString(),
    )
    connection.execute(query)
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


def _is(key: CacheKey) -> ColumnElement[bool]:
    table = schema.artifacts.c
    return and_(
        table.project == key.project,
        table.domain == key.domain,
        table.dataset == key.dataset,
        table.version == key.version,
        table.tag == key.tag,
    )

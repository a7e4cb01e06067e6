"""What OpenLineage is told: the addresses that an execution read and wrote, and which execution it was.

Nothing here needs OpenLineage to be installed; without it there is nothing to tell.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from flyte_provider import _airflow, _airflow_private

PARENT_KEY = "OPENLINEAGE_PARENT_ID"
_STORES = {"s3", "gs", "abfs", "abfss", "gcs", "hdfs"}


@dataclass
class Ended:
    """The execution that a task has seen the end of.

    :param outputs: keyed by name, as far as the task has read them
    """

    name: str
    endpoint: str
    url: str
    outputs: dict[str, Any] = field(default_factory=dict)


def lineage(inputs: Mapping[str, Any], outputs: Mapping[str, Any], ended: Ended | None) -> Any:
    """Return OpenLineage's ``OperatorLineage``, None where the provider for it is not installed."""
    try:
        from airflow.providers.common.compat.openlineage.facet import Dataset, ExternalQueryRunFacet

        extractors = importlib.import_module("airflow.providers.openlineage.extractors")
    except ImportError:
        return None
    facets = {}
    if ended is not None:
        source = f"flyte://{ended.endpoint}"
        facets["externalQuery"] = ExternalQueryRunFacet(externalQueryId=ended.name, source=source)
    return extractors.OperatorLineage(
        inputs=[Dataset(namespace=namespace, name=name) for namespace, name in find_addresses(inputs)],
        outputs=[Dataset(namespace=namespace, name=name) for namespace, name in find_addresses(outputs)],
        run_facets=facets,
    )


def find_addresses(value: Any) -> list[tuple[str, str]]:
    """Return namespace and name of every address in a value, however deep, each once."""
    return list(dict.fromkeys(_addresses(value)))


def _addresses(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _addresses(item)
    elif isinstance(value, str) and "://" in value:
        parts = urlsplit(value)
        if parts.scheme in _STORES and parts.netloc:
            yield f"{parts.scheme}://{parts.netloc}", parts.path.strip("/") or "/"


def parent_id(context: Any, is_wanted: bool | None) -> dict[str, str] | None:
    """Return the variable that makes an execution this task's child, None where that is not wished.

    :param is_wanted: None for ``[openlineage] spark_inject_parent_job_info``
    """
    if is_wanted is None:
        option = ("openlineage", "spark_inject_parent_job_info")
        is_wanted = bool(_airflow.conf.getboolean(*option, fallback=False))
    found = _airflow_private.lineage_parent_id(context) if is_wanted else None
    return {PARENT_KEY: found} if found else None

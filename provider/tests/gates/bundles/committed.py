"""A Dag bundle with versions, as a Git bundle is one; workers of a whole Airflow load it."""

from __future__ import annotations

from typing import Any

from airflow.dag_processing.bundles.local import LocalDagBundle

COMMIT = "0f3a9c1"


class CommittedBundle(LocalDagBundle):
    """A local folder whose every state is one commit."""

    supports_versioning = True

    def get_current_version(self) -> Any:
        """Return the commit that new Dag runs are bound to."""
        return COMMIT

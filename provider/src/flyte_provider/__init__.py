"""Apache Airflow provider for Flyte.

Importing this package, or any of its ``hooks``, ``operators``, ``sensors`` and ``triggers`` modules, loads
neither gRPC nor the Flyte protocol: those come in when a task runs. A Dag file that names Flyte parses fast.
"""

from __future__ import annotations

from typing import Any

__version__ = "1.0.0+airflyte"


def get_provider_info() -> dict[str, Any]:
    """Return what Airflow shows and loads of this provider; 0.0.5 had its entry point here."""
    from flyte_provider._provider_info import get_provider_info as provider_info

    return provider_info()

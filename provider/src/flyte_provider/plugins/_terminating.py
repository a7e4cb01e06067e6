"""Terminating an execution from one of Airflow's servers, where no task and no trigger is there to do it.

Run as a program it reads what to terminate from its standard input: a JSON list of objects with ``conn_id``,
``project``, ``domain``, ``name`` and ``cause``. That is for processes that fork tasks, which gRPC in the
parent would not survive.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from typing import Any

from flyte_provider import _airflow_private

# By its name also where this module is the program.
log = logging.getLogger("flyte_provider.plugins._terminating")


def terminate(arguments: Mapping[str, Any], cause: str) -> None:
    """Terminate the execution that the arguments name; log what comes of it, never raise.

    :param arguments: ``conn_id``, ``project``, ``domain`` and ``name``, among whatever else
    """
    from flyteidl.core.identifier_pb2 import WorkflowExecutionIdentifier

    from flyte_provider._client.admin import FlyteClient
    from flyte_provider._launch.watch import terminate_quietly
    from flyte_provider.connection import parse_connection

    place = {key: str(arguments[key]) for key in ("project", "domain", "name")}
    try:
        connection = _airflow_private.get_connection_on_server(arguments["conn_id"])
        client = FlyteClient(parse_connection(connection))
        try:
            terminate_quietly(client, WorkflowExecutionIdentifier(**place), cause, log)
        finally:
            client.close()
    # Nobody waits for this, so nobody else would learn of it.
    except Exception:
        log.exception("cannot terminate execution %s, it may still be running", place["name"])


def main() -> None:
    """Terminate what standard input names, one after the other."""
    for arguments in json.load(sys.stdin):
        terminate(arguments, arguments["cause"])


if __name__ == "__main__":
    main()

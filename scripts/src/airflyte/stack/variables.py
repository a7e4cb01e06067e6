"""The environment that every process of a stack starts with.

It is the caller's, since Dags may need what is in it (proxies, credentials, certificates), without what
would make one of our programs another one.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from airflyte.state import MARK

# AIRFLOW_CONN_X and AIRFLOW_VAR_X stay: they are the user's own connections and variables.
_LEFT_OUT = (
    *("AIRFLOW__", "AIRFLYTE_", "FLYTE_", "FLYTECTL_", "PYTHON", "UV_", "PIP_", "CONDA_", "SUPERVISOR_"),
    *("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VIRTUAL_ENV", "AIRFLOW_HOME", "AIRFLOW_CONFIG", "LD_PRELOAD"),
)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def base_environment(environ: Mapping[str, str], stack_id: str) -> dict[str, str]:
    """The variables for a stack's processes, made from the caller's."""
    kept = {name: value for name, value in environ.items() if not name.startswith(_LEFT_OUT)}
    if not any(kept.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG")):
        kept["LANG"] = "C.UTF-8"
    return {
        **kept,
        **_proxies(kept),
        MARK: stack_id,
        # setproctitle, which Airflow uses, would else write over the memory that shows the mark.
        "SPT_NOENV": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """The stack's processes talk to each other on this machine, past every proxy."""
    given = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if sys.platform == "darwin" and not any(name.lower().endswith("_proxy") for name in environ):
        # Looking up the system's proxies in a forked process crashes it there.
        return {"NO_PROXY": "*", "no_proxy": "*"}
    hosts = [host for host in given.split(",") if host]
    value = ",".join([*hosts, *(host for host in _LOOPBACK if host not in hosts)])
    return {"NO_PROXY": value, "no_proxy": value}

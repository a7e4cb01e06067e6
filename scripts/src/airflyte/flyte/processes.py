"""flyte_sandbox and the S3 endpoint as components of the stack."""

from __future__ import annotations

from pathlib import Path

from airflyte.processes.components import Component

SERVER = "flyte"
S3 = "s3"

_PRELOAD_AFTER_SECONDS = 15.0
"""Airflow boots meanwhile, for which both cores are needed; the first task ends the wait."""


def components(
    program: Path, state: Path, *, port: int, s3_port: int, task_python: Path, is_warm: bool
) -> list[Component]:
    """The two.

    :param program: ``flyte-sandbox`` in its environment.
    :param state: the folder of Flyte's database, buckets and attempts.
    :param task_python: the interpreter that tasks of the default image run in.
    :param is_warm: whether tasks are forked from a warm process.
    """
    common = ["--state", str(state)]
    serve = [
        *("serve", *common, "--port", str(port), "--s3-port", str(s3_port)),
        *("--environment", f"default={task_python}"),
        *("--preload-after", str(_PRELOAD_AFTER_SECONDS)),
        *([] if is_warm else ["--cold"]),
    ]
    return [
        Component(SERVER, [str(program), *serve], folder=state, port=port),
        Component(S3, [str(program), "s3", *common, "--port", str(s3_port)], folder=state, port=s3_port),
    ]

"""flyte_sandbox and the S3 endpoint as components of the stack."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from airflyte.errors import AirflyteError
from airflyte.processes.components import Component
from airflyte.settings import TASK_UID

SERVER = "flyte"
S3 = "s3"

_PRELOAD_AFTER_SECONDS = 15.0
"""Airflow boots meanwhile, for which both cores are needed; the first task ends the wait."""


def components(
    program: Path,
    state: Path,
    *,
    port: int,
    s3_port: int,
    environments: Mapping[str, Path],
    is_strict: bool,
    uv: Path,
    is_warm: bool,
    resources: str,
    secrets: Path | None,
    task_uid: int,
) -> list[Component]:
    """The two.

    :param program: ``flyte-sandbox`` in its environment.
    :param state: the folder of Flyte's database, buckets and attempts.
    :param environments: interpreters by the names of the images that they stand for, ``default`` among them.
    :param is_strict: fail tasks of an image that is none of these.
    :param uv: where the stack keeps a uv of its own, if it has one.
    :param is_warm: whether tasks are forked from a warm process.
    :param resources: what a request beyond this machine leads to.
    :param secrets: a file of the tasks' secrets, instead of the one in ``state``.
    :param task_uid: whom tasks run as under root.
    """
    common = ["--state", str(state), *([] if task_uid == TASK_UID else ["--task-uid", str(task_uid)])]
    serve = [
        *("serve", *common, "--port", str(port), "--s3-port", str(s3_port)),
        *(part for image, python in environments.items() for part in ("--environment", f"{image}={python}")),
        *(["--strict-images"] if is_strict else []),
        *("--uv", str(uv)),
        *("--preload-after", str(_PRELOAD_AFTER_SECONDS)),
        *([] if is_warm else ["--cold"]),
        *("--resources", resources),
        *(["--secrets", str(secrets)] if secrets else []),
    ]
    return [
        Component(SERVER, [str(program), *serve], folder=state, port=port),
        Component(S3, [str(program), "s3", *common, "--port", str(s3_port)], folder=state, port=s3_port),
    ]


def read_environments(setting: str) -> dict[str, Path]:
    """``flyte.environments``: interpreters by image.

    :raises AirflyteError: naming the part that cannot be meant.
    """
    pairs = [part.strip().partition("=") for part in setting.split(",") if part.strip()]
    for image, equals, path in pairs:
        if not (image.strip() and equals and Path(path.strip()).is_absolute()):
            raise AirflyteError(
                f"flyte.environments has {image + equals + path!r}; it takes IMAGE=PYTHON with an absolute "
                "path, and a comma between two of them."
            )
    return {image.strip(): Path(path.strip()) for image, _, path in pairs}

"""The variables that the platform gives to every task, under the real sandbox's names.

Source: docker/sandbox-bundled of Flyte v1.16.8; flytekit configuration/plugin.py reads them.
"""

from __future__ import annotations

from flyte_sandbox.config import SandboxConfig

S3_ACCESS_KEY = "minio"
S3_SECRET_KEY = "miniostorage"  # noqa: S105 - the real sandbox's, published in its documentation


def platform_env(config: SandboxConfig, port: int) -> dict[str, str]:
    """:param port: the one at which this sandbox answers."""
    env = {"FLYTE_PLATFORM_URL": f"localhost:{port}", "FLYTE_PLATFORM_INSECURE": "true"}
    if config.s3_port:
        env |= {
            "FLYTE_AWS_ENDPOINT": f"http://localhost:{config.s3_port}",
            "FLYTE_AWS_ACCESS_KEY_ID": S3_ACCESS_KEY,
            "FLYTE_AWS_SECRET_ACCESS_KEY": S3_SECRET_KEY,
        }
    return {**env, **config.task_env}

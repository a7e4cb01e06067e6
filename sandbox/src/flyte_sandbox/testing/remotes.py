"""flytekit's client, set up for a sandbox. The only module of ours here that imports flytekit."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flyte_sandbox.engine.tasks.platform_env import S3_ACCESS_KEY, S3_SECRET_KEY

if TYPE_CHECKING:
    from flytekit.remote import FlyteRemote

    from flyte_sandbox.testing import FlyteUnderTest

_LOOK_INTERVAL = timedelta(seconds=0.1)


def make_remote(sandbox: FlyteUnderTest, project: str, domain: str = "development") -> FlyteRemote:
    """Knows no configuration of the user; ``wait`` looks ten times a second, flytekit's own twice a minute.

    :raises ImportError: without flytekit.
    """
    from flytekit.configuration import Config, DataConfig, PlatformConfig, S3Config
    from flytekit.remote import FlyteRemote

    class Remote(FlyteRemote):  # type: ignore[misc]
        def wait(
            self,
            execution: Any,
            timeout: Any = None,
            poll_interval: Any = _LOOK_INTERVAL,
            sync_nodes: bool = True,
        ) -> Any:
            return super().wait(execution, timeout, poll_interval or _LOOK_INTERVAL, sync_nodes)

    s3 = S3Config(
        endpoint=sandbox.s3_endpoint or None, access_key_id=S3_ACCESS_KEY, secret_access_key=S3_SECRET_KEY
    )
    platform = PlatformConfig(endpoint=sandbox.endpoint, insecure=True)
    return Remote(Config(platform=platform, data_config=DataConfig(s3=s3)), project, domain)

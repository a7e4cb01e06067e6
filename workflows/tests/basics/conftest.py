"""One sandbox in which the whole package ``basics`` is registered, as ``make register`` would do it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flytekit.configuration import Config, DataConfig, PlatformConfig, S3Config
from flytekit.remote import FlyteRemote, FlyteWorkflowExecution

from flyte_sandbox.testing import Sandbox, running_sandbox

SOURCE_ROOT = Path(__file__).parents[2]
REPOSITORY = SOURCE_ROOT.parent
UV = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
VERSION = "v1"

SECRETS = """
[warehouse]
password = "open sesame"
token = "abc"
"""


@dataclass(frozen=True)
class Flyte:
    """A Flyte in which the examples are registered."""

    sandbox: Sandbox
    remote: FlyteRemote

    def launch(self, name: str, /, **inputs: Any) -> FlyteWorkflowExecution:
        """:param name: of the launch plan, below ``basics``."""
        plan = self.remote.fetch_launch_plan(name=f"basics.{name}", version=VERSION)
        return self.remote.execute(plan, inputs=inputs)

    def wait(self, execution: FlyteWorkflowExecution) -> FlyteWorkflowExecution:
        return self.remote.wait(
            execution, timeout=timedelta(seconds=90), poll_interval=timedelta(seconds=0.1)
        )

    def outputs(self, execution: FlyteWorkflowExecution) -> Any:
        """Wait, and take what it returned, by name."""
        ended = self.wait(execution)
        assert ended.error is None, ended.error.message
        return ended.outputs


@pytest.fixture(scope="session")
def flyte(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flyte]:
    """Skips nothing: an example that cannot be registered fails every test."""
    state = tmp_path_factory.mktemp("state")
    (state / "secrets.toml").write_text(SECRETS)
    (state / "secrets.toml").chmod(0o600)
    with running_sandbox(state, uv=Path(UV)) as sandbox:
        register(sandbox, tmp_path_factory.mktemp("client"))
        platform = PlatformConfig(endpoint=f"localhost:{sandbox.port}", insecure=True)
        s3 = S3Config(
            endpoint=f"http://localhost:{sandbox.config.s3_port}",
            access_key_id="minio",
            secret_access_key="miniostorage",
        )
        config = Config(platform=platform, data_config=DataConfig(s3=s3))
        yield Flyte(sandbox, FlyteRemote(config, "flytesnacks", "development"))


def register(sandbox: Sandbox, folder: Path) -> None:
    """By the stock ``pyflyte``, beside which our plugin is installed."""
    command = [str(Path(sys.executable).parent / "pyflyte"), "register", "--version", VERSION, "basics"]
    cache = subprocess.run([UV, "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FLYTE", "AIRFLYTE"))}
    env = {
        **kept,
        "HOME": str(folder),
        "UV_CACHE_DIR": cache,
        "FLYTE_PLATFORM_URL": f"localhost:{sandbox.port}",
        "FLYTE_PLATFORM_INSECURE": "true",
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "sandbox" / "src"), str(install_plugin(folder))]),
    }
    done = subprocess.run(command, cwd=SOURCE_ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def install_plugin(folder: Path) -> Path:
    """What tells flytekit of the plugin, where the package of it is on the path and not installed."""
    info = folder / "installed" / "flyte_sandbox-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: flyte-sandbox\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(
        "[flytekit.plugins]\nflyte_sandbox = flyte_sandbox.flytekit_plugin\n"
    )
    return info.parent

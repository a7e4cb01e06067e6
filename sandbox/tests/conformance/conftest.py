"""The Flyte that is asked: one of our own in this session, or the one that AIRFLYTE_CONFORMANCE_ENDPOINT
names.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from flyteidl.admin import project_pb2
from flyteidl.service import admin_pb2_grpc

from flyte_sandbox.testing import running_sandbox

if TYPE_CHECKING:
    from flytekit.remote import FlyteRemote

EXAMPLES = Path(__file__).parents[1] / "workflows" / "examples"
MODULES = (
    *("cached", "conditions", "data", "dynamics", "failing", "hello", "maps", "nested"),
    *("results", "starting", "waiting"),
)
PYFLYTE = Path(sys.executable).parent / "pyflyte"


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """``host:port`` of gRPC and HTTP, without TLS."""
    given = os.environ.get("AIRFLYTE_CONFORMANCE_ENDPOINT")
    if given:
        yield given
        return
    # These clients look often, so that nothing has to end before the first look.
    with running_sandbox(first_look_seconds=0.5, first_wait_seconds=0) as sandbox:
        yield sandbox.endpoint


@pytest.fixture(scope="session")
def admin(endpoint: str) -> Iterator[admin_pb2_grpc.AdminServiceStub]:
    """Raw stubs, for what no client does by itself."""
    with grpc.insecure_channel(endpoint) as channel:
        yield admin_pb2_grpc.AdminServiceStub(channel)


@pytest.fixture(scope="session")
def project(admin: admin_pb2_grpc.AdminServiceStub) -> str:
    name = f"conformance-{uuid.uuid4().hex[:8]}"
    admin.RegisterProject(project_pb2.ProjectRegisterRequest(project=project_pb2.Project(id=name, name=name)))
    return name


@pytest.fixture(scope="session")
def client_environment(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """For clients as subprocesses: a configuration of their own and no user's."""
    folder = tmp_path_factory.mktemp("client")
    config = folder / "config.yaml"
    config.write_text(f"admin:\n  endpoint: {endpoint}\n  insecure: true\n")
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
    return {**kept, "HOME": str(folder), "FLYTECTL_CONFIG": str(config)}


@pytest.fixture(scope="session")
def registered(project: str, client_environment: dict[str, str]) -> str:
    """The version under which the examples are registered, by the stock ``pyflyte``."""
    version = "v1"
    modules = [f"{EXAMPLES.name}/{module}.py" for module in MODULES]
    command = [PYFLYTE, "register", "-p", project, "-d", "development", "--version", version, *modules]
    done = subprocess.run(
        command, cwd=EXAMPLES.parent, env=client_environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return version


@pytest.fixture(scope="session")
def remote(endpoint: str, project: str) -> FlyteRemote:
    from flytekit.configuration import Config, PlatformConfig
    from flytekit.remote import FlyteRemote

    return FlyteRemote(Config(PlatformConfig(endpoint=endpoint, insecure=True)), project, "development")

"""pytest fixtures: ``flyte_sandbox``, one server for the whole session, and ``flyte_remote``, a project
per test.

pytest loads this module wherever the package is installed, so it imports the sandbox only when a test asks
for it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from flytekit.remote import FlyteRemote

    from flyte_sandbox.testing import Sandbox


@pytest.fixture(scope="session")
def flyte_sandbox() -> Iterator[Sandbox]:
    """A sandbox on a free port, with this interpreter for its tasks."""
    from flyte_sandbox.testing import running_sandbox

    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def flyte_project(flyte_sandbox: Sandbox) -> str:
    """A project that nobody else uses."""
    from flyteidl.admin import project_pb2

    name = f"test-{uuid.uuid4().hex[:12]}"
    project = project_pb2.Project(id=name, name=name)
    flyte_sandbox.admin.projects.register(project_pb2.ProjectRegisterRequest(project=project))
    return name


@pytest.fixture
def flyte_remote(flyte_sandbox: Sandbox, flyte_project: str) -> FlyteRemote:
    """flytekit's client for a project of this test's own; needs flytekit."""
    from flytekit.configuration import Config, PlatformConfig
    from flytekit.remote import FlyteRemote

    platform = PlatformConfig(endpoint=f"localhost:{flyte_sandbox.port}", insecure=True)
    return FlyteRemote(Config(platform=platform), flyte_project, "development")

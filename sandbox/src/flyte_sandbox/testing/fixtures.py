"""The pytest plugin: ``flyte_sandbox``, one server for the session, ``flyte_project`` and ``flyte_remote``, a
project per test, and what became of its executions in the report of a test that fails.

pytest loads this module wherever the package is installed, so it imports the sandbox only when a test asks
for it.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from flytekit.remote import FlyteRemote

    from flyte_sandbox.testing import EndpointSandbox, FlyteUnderTest

_USED: pytest.StashKey[tuple[FlyteUnderTest, str]] = pytest.StashKey()
"""Sandbox and project of a test."""

_OPTIONS = {
    "endpoint": "HOST:PORT of a Flyte that runs already, instead of starting one",
    "s3": "URL of the S3 endpoint beside it (default: http://localhost:30002)",
    "state": "its state folder, when it was started with --skippable-clock, for skipping time",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("flyte-sandbox", "a Flyte for tests")
    for name, text in _OPTIONS.items():
        group.addoption(f"--flyte-sandbox-{name}", metavar=name.upper(), help=f"{text} [{_variable(name)}]")


def _variable(name: str) -> str:
    return f"AIRFLYTE_SANDBOX_{name.upper()}"


def _setting(config: pytest.Config, name: str) -> str:
    """The option, else the variable, else nothing."""
    return config.getoption(f"flyte_sandbox_{name}") or os.environ.get(_variable(name), "")


@pytest.fixture(scope="session")
def flyte_sandbox_options() -> Mapping[str, Any]:
    """Fields of ``SandboxConfig`` for the server of this session; override it in your ``conftest.py``."""
    return {}


@pytest.fixture(scope="session")
def flyte_sandbox(
    pytestconfig: pytest.Config, flyte_sandbox_options: Mapping[str, Any]
) -> Iterator[FlyteUnderTest]:
    """A Flyte: ``endpoint``, ``public_url``, ``s3_endpoint``, and ``skip`` to let time pass.

    One per process of pytest-xdist, on free ports, with this interpreter for its tasks; or the one that
    ``--flyte-sandbox-endpoint`` names.
    """
    from flyte_sandbox.errors import StartupError
    from flyte_sandbox.testing import running_sandbox

    try:
        given = _given(pytestconfig)
        if given is not None:
            given.check()
            yield given
            return
        # ``flyte_remote`` looks often, so that nothing has to end before its first look.
        patience = {"first_look_seconds": 0.5, "first_wait_seconds": 0.0}
        with running_sandbox(**{**patience, **flyte_sandbox_options}) as sandbox:
            yield sandbox
    except StartupError as exc:
        pytest.fail(f"flyte_sandbox: {exc}", pytrace=False)


def _given(config: pytest.Config) -> EndpointSandbox | None:
    from flyte_sandbox.testing import EndpointSandbox

    endpoint, s3, state = (_setting(config, name) for name in _OPTIONS)
    if not endpoint:
        return None
    more = {"s3_endpoint": s3} if s3 else {}
    return EndpointSandbox(endpoint, state=Path(state) if state else None, **more)


@pytest.fixture
def flyte_project(flyte_sandbox: FlyteUnderTest, request: pytest.FixtureRequest) -> str:
    """The id of a project that no other test uses."""
    import grpc
    from flyteidl.admin import project_pb2
    from flyteidl.service import admin_pb2_grpc

    name = f"test-{uuid.uuid4().hex[:12]}"
    project = project_pb2.Project(id=name, name=request.node.name[:64])
    with grpc.insecure_channel(flyte_sandbox.endpoint) as channel:
        admin = admin_pb2_grpc.AdminServiceStub(channel)
        admin.RegisterProject(project_pb2.ProjectRegisterRequest(project=project))
    request.node.stash[_USED] = flyte_sandbox, name
    return name


@pytest.fixture
def flyte_remote(flyte_sandbox: FlyteUnderTest, flyte_project: str) -> FlyteRemote:
    """flytekit's client for a project of this test's own; its ``wait`` looks ten times a second."""
    from flyte_sandbox.testing.remotes import make_remote

    try:
        return make_remote(flyte_sandbox, flyte_project)
    except ImportError as exc:
        pytest.fail(f"flyte_remote needs flytekit beside pytest: pip install flytekit ({exc})", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    used = item.stash.get(_USED, None)
    if used is not None and report.when == "call" and report.failed:
        from flyte_sandbox.testing.reports import describe_executions

        sandbox, project = used
        text = describe_executions(sandbox.endpoint, sandbox.public_url, project)
        report.sections.append(("Flyte executions", text or "none were launched"))
    return report

"""What a client does with a sandbox: register with the stock ``pyflyte``, launch and wait over gRPC."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from flyteidl.admin import execution_pb2, node_execution_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2

from . import places
from .figures import MeasurementError
from .server import DOMAIN, PROJECT, Server

VERSION = "v1"
WorkflowPhase = core_execution_pb2.WorkflowExecution
_COMMAND_SECONDS = 120.0
_RUN_SECONDS = 120.0
_LOOK_SECONDS, _LONG_LOOK_SECONDS = 0.01, 0.1
_SHORT_SECONDS = 2.0
"""A run that has taken longer is looked at less often."""

MANY_AT_ONCE = 1_000
"""``max_parallelism`` where the platform's default of 25 would be what is measured."""


class Pyflyte:
    """The stock client as a user has it: one process per command.

    :param folder: where its configuration and its HOME are put.
    :param server: None for a client that knows no Flyte.
    """

    def __init__(self, folder: Path, server: Server | None) -> None:
        self._program = places.program("workflows", "pyflyte")
        self._env = places.plain_environment({"HOME": str(folder)})
        self._options: list[str] = []
        if server is not None:
            config = folder / "config.yaml"
            config.write_text(f"admin:\n  endpoint: localhost:{server.port}\n  insecure: true\n")
            self._options = ["-c", str(config)]
            self._env["FLYTECTL_CONFIG"] = str(config)

    def run(self, command: Sequence[str], cwd: Path) -> float:
        """:return: seconds from its start to its end.

        :raises MeasurementError: when it fails.
        """
        started = time.perf_counter()
        done = subprocess.run(
            [self._program, *self._options, *command],
            cwd=cwd,
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_SECONDS,
        )
        seconds = time.perf_counter() - started
        if done.returncode != 0:
            raise MeasurementError(
                f"pyflyte {' '.join(command)} failed: {(done.stdout + done.stderr)[-1500:]}"
            )
        return seconds

    def register(self, path: str, cwd: Path) -> None:
        """Everything in a file or folder, under :data:`VERSION`."""
        self.run(["register", "-p", PROJECT, "-d", DOMAIN, "--version", VERSION, path], cwd)


def launch(
    server: Server,
    plan: str,
    inputs: Mapping[str, literals_pb2.Literal],
    *,
    overwrite_cache: bool = False,
    max_parallelism: int = 0,
) -> identifier_pb2.WorkflowExecutionIdentifier:
    """:param plan: the name of a launch plan, in :data:`VERSION`.

    :param max_parallelism: 0 leaves it to the platform.
    """
    entity = identifier_pb2.Identifier(
        resource_type=identifier_pb2.LAUNCH_PLAN, project=PROJECT, domain=DOMAIN, name=plan, version=VERSION
    )
    spec = execution_pb2.ExecutionSpec(
        launch_plan=entity, overwrite_cache=overwrite_cache, max_parallelism=max_parallelism
    )
    request = execution_pb2.ExecutionCreateRequest(
        project=PROJECT, domain=DOMAIN, spec=spec, inputs=literals_pb2.LiteralMap(literals=inputs)
    )
    return server.admin.CreateExecution(request).id


def run(
    server: Server,
    plan: str,
    inputs: Mapping[str, literals_pb2.Literal],
    *,
    overwrite_cache: bool = False,
    max_parallelism: int = 0,
    limit_seconds: float = _RUN_SECONDS,
) -> tuple[identifier_pb2.WorkflowExecutionIdentifier, float]:
    """Launch and wait.

    :return: the execution and the seconds from CreateExecution's call to the answer that says SUCCEEDED.
    :raises MeasurementError: when it ends in another way.
    """
    started = time.perf_counter()
    id = launch(server, plan, inputs, overwrite_cache=overwrite_cache, max_parallelism=max_parallelism)
    wait_for_success(server, id, limit_seconds)
    return id, time.perf_counter() - started


def wait_for_success(
    server: Server, id: identifier_pb2.WorkflowExecutionIdentifier, seconds: float = _RUN_SECONDS
) -> None:
    """:raises MeasurementError: when the execution ends in another way, or not in time."""
    closure = _wait(server, id, seconds)
    if closure.phase != WorkflowPhase.SUCCEEDED:
        phase = WorkflowPhase.Phase.Name(closure.phase)
        raise MeasurementError(f"{id.name} is {phase}: {closure.error.message}")


def _wait(
    server: Server, id: identifier_pb2.WorkflowExecutionIdentifier, seconds: float
) -> execution_pb2.ExecutionClosure:
    """The first look waits in the server; if that is not enough, look again, seldom enough to cost little."""
    ended = (WorkflowPhase.SUCCEEDED, WorkflowPhase.FAILED, WorkflowPhase.ABORTED, WorkflowPhase.TIMED_OUT)
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        closure = server.admin.GetExecution(execution_pb2.WorkflowExecutionGetRequest(id=id)).closure
        if closure.phase in ended:
            return closure
        time.sleep(_LOOK_SECONDS if time.monotonic() - started < _SHORT_SECONDS else _LONG_LOOK_SECONDS)
    raise MeasurementError(f"{id.name} did not end within {seconds:g} s")


def node_executions(
    server: Server, id: identifier_pb2.WorkflowExecutionIdentifier
) -> list[node_execution_pb2.NodeExecution]:
    """The nodes of an execution that run something."""
    request = node_execution_pb2.NodeExecutionListRequest(workflow_execution_id=id, limit=1000)
    found = server.admin.ListNodeExecutions(request).node_executions
    return [each for each in found if each.id.node_id not in ("start-node", "end-node")]


def outputs(
    server: Server, id: identifier_pb2.WorkflowExecutionIdentifier
) -> Mapping[str, literals_pb2.Literal]:
    """What an execution returned."""
    request = execution_pb2.WorkflowExecutionGetDataRequest(id=id)
    found: Mapping[str, literals_pb2.Literal] = server.admin.GetExecutionData(request).full_outputs.literals
    return found


def text(value: str) -> literals_pb2.Literal:
    return _primitive(literals_pb2.Primitive(string_value=value))


def integer(value: int) -> literals_pb2.Literal:
    return _primitive(literals_pb2.Primitive(integer=value))


def number(value: float) -> literals_pb2.Literal:
    return _primitive(literals_pb2.Primitive(float_value=value))


def _primitive(value: literals_pb2.Primitive) -> literals_pb2.Literal:
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=value))

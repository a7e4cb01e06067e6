"""The machine learning example on the sandbox, against the same workflow called in a warm interpreter."""

from __future__ import annotations

import contextlib
import itertools
import statistics
import subprocess
from collections.abc import Callable, Iterator

from flyteidl.core import catalog_pb2, identifier_pb2, literals_pb2, types_pb2
from flyteidl.core.execution_pb2 import NodeExecution

from airflyte.flyte.client import FlyteClient

from . import places
from .figures import Measurement, MeasurementError, spread
from .flyte_client import Pyflyte, integer, node_executions, number, run
from .server import DOMAIN, PROJECT, Server
from .workshop import Workshop

_WORKFLOWS = places.CHECKOUT / "workflows"
_DATASET = _WORKFLOWS / "ml_training" / "pima_diabetes" / "data" / "pima-indians-diabetes.csv"
_PLAN = "ml_training.pima_diabetes.diabetes.diabetes_xgboost_model"
_TASKS = 4
_ROUNDS = 5
_ALLOWANCE_SECONDS = 0.2
"""What starting four processes may cost; the rest is compared."""

_CACHE_HIT = catalog_pb2.CACHE_HIT
_SUCCEEDED = NodeExecution.SUCCEEDED

_LOCAL = """
import sys, time

from ml_training.pima_diabetes.diabetes import diabetes_xgboost_model

for line in sys.stdin:
    started = time.perf_counter()
    diabetes_xgboost_model(dataset=sys.argv[1], seed=int(line))
    print(time.perf_counter() - started, flush=True)
"""


def pima(workshop: Workshop) -> Measurement:
    """Both in turns, each run with a seed that was never used before."""
    ours: list[float] = []
    local: list[float] = []
    seeds = itertools.count(1000)
    with workshop.server() as server, _warm_interpreter(workshop) as call:
        Pyflyte(workshop.new_folder("client"), server).register("ml_training", _WORKFLOWS)
        dataset = _upload(server)
        # The first run loads the libraries, the second one finds a template process that has them.
        for _ in range(2):
            _run(server, dataset, next(seeds))
            call(next(seeds))
        server.wait_for_tasks()
        for _ in range(_ROUNDS):
            ours.append(_run(server, dataset, next(seeds)))
            local.append(call(next(seeds)))
    workshop.say(f"on the sandbox: {spread(ours)}; in a warm interpreter: {spread(local)}")
    return Measurement(statistics.median(ours), statistics.median(local), _ALLOWANCE_SECONDS)


def _upload(server: Server) -> literals_pb2.Literal:
    """The table as an input, where a client would put it."""
    address = FlyteClient(server.port).upload(PROJECT, DOMAIN, _DATASET.read_bytes())
    kind = types_pb2.BlobType(format="csv", dimensionality=types_pb2.BlobType.SINGLE)
    blob = literals_pb2.Blob(metadata=literals_pb2.BlobMetadata(type=kind), uri=address)
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(blob=blob))


def _run(server: Server, dataset: literals_pb2.Literal, seed: int) -> float:
    """:return: seconds; all four tasks have run, none was read from the cache."""
    inputs = {"dataset": dataset, "test_split_ratio": number(0.33), "seed": integer(seed)}
    id, seconds = run(server, _PLAN, inputs, overwrite_cache=True)
    _check_all_ran(server, id)
    return seconds


def _check_all_ran(server: Server, id: identifier_pb2.WorkflowExecutionIdentifier) -> None:
    nodes = node_executions(server, id)
    ran = [each for each in nodes if each.closure.task_node_metadata.cache_status != _CACHE_HIT]
    if len(ran) != _TASKS or any(each.closure.phase != _SUCCEEDED for each in ran):
        raise MeasurementError(f"{len(ran)} of {len(nodes)} nodes ran; expected {_TASKS} tasks.")


@contextlib.contextmanager
def _warm_interpreter(workshop: Workshop) -> Iterator[Callable[[int], float]]:
    """A process that has imported the workflow; call it with a seed to get the seconds of one run."""
    env = places.plain_environment(
        {
            "PYTHONPATH": str(_WORKFLOWS),
            "HOME": str(workshop.new_folder("home")),
            "FLYTE_LOCAL_CACHE_ENABLED": "false",
        }
    )
    process = subprocess.Popen(
        [places.interpreter("workflows"), "-c", _LOCAL, _DATASET],
        cwd=workshop.new_folder("local"),
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield lambda seed: _ask(process, seed)
    finally:
        process.kill()
        process.wait()


def _ask(process: subprocess.Popen[str], seed: int) -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{seed}\n")
    process.stdin.flush()
    # What the tasks print comes before the figure.
    for line in process.stdout:
        with contextlib.suppress(ValueError):
            return float(line)
    raise MeasurementError("The interpreter that calls the workflow has ended.")

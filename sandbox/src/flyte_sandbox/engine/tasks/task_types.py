"""Task types that are not simply a process: which cannot run here, and ``echo``, which needs none. Pure.

Source: flytepropeller pkg/controller/nodes/task/handler.go ResolvePlugin, flyteplugins
go/tasks/plugins/testing/echo.go.
"""

from __future__ import annotations

from flyteidl.core import literals_pb2, tasks_pb2

from flyte_sandbox.engine.tasks.pods import primary_name
from flyte_sandbox.engine.tasks.sleeping import TASK_TYPE as CORE_SLEEP

ECHO = "echo"
WITHOUT_PROCESS = (CORE_SLEEP, ECHO)
_DISTRIBUTED = {
    "spark": "Spark",
    "ray": "Ray",
    "dask": "Dask",
    "pytorch": "PyTorch",
    "mpi": "MPI",
    "horovod": "Horovod",
    "tensorflow": "TensorFlow",
}
_LEGACY_ARRAY = "container_array"
"""A map task that is one task, without an array node around it. flytekit makes it only for who imports its
legacy module. Source: flytekit core/legacy_map_task.py.
"""
_ADVICE = "Run it on a cluster, or put a plain Python task in its place."


class EchoError(Exception):
    """More than one input, or not as many outputs: a permanent failure."""


def refusal(task: tasks_pb2.TaskTemplate) -> str | None:
    """:param task: with the container of its pod, if it had one; see :func:`pods.with_container`.

    :return: why it cannot be run here and what to do instead, if it cannot.
    """
    if task.type in WITHOUT_PROCESS:
        return None
    name = f"Task '{task.id.name}' of type '{task.type}'"
    if task.type in _DISTRIBUTED:
        operator = f"{_DISTRIBUTED[task.type]}'s operator"
        return f"{name} is spread over machines by {operator}; there is none. {_ADVICE}"
    if task.type == _LEGACY_ARRAY:
        return f"{name} is a map task of flytekit's legacy module. Make it with flytekit.map instead."
    if task.HasField("k8s_pod"):
        return f"{name} has a pod template without a container named '{primary_name(task)}'."
    if not task.HasField("container"):
        return f"{name} has no container: a connector runs it, and there is none. {_ADVICE}"
    if task.container.data_config.enabled:
        return (
            f"{name} is a ContainerTask: it runs in image {task.container.image}, "
            f"and there are no containers here. {_ADVICE}"
        )
    return None


def echo(task: tasks_pb2.TaskTemplate, inputs: literals_pb2.LiteralMap) -> literals_pb2.LiteralMap:
    """The one output is the one input.

    :raises EchoError: for another interface.
    """
    names = list(task.interface.outputs.variables)
    if len(inputs.literals) > 1 or len(names) != len(inputs.literals):
        raise EchoError(
            f"task type [{ECHO}] takes at most one input and gives as many outputs; "
            f"[{len(inputs.literals)}] and [{len(names)}] found"
        )
    literals = dict(zip(names, inputs.literals.values(), strict=True))
    return literals_pb2.LiteralMap(literals=literals)

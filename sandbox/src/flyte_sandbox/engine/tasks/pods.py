"""Takes the primary container out of a pod template, the only one of its containers that runs here. Pure.

Source: flyteplugins go/tasks/plugins/k8s/pod/plugin.go, pluginmachinery/flytek8s/pod_helper.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flyteidl.core import tasks_pb2
from google.protobuf.json_format import MessageToDict

_NAME_KEY = "primary_container_name"
_DEFAULT_NAME = "primary"
_Resources = tasks_pb2.Resources
_NAMES = {
    "cpu": _Resources.CPU,
    "memory": _Resources.MEMORY,
    "ephemeral-storage": _Resources.EPHEMERAL_STORAGE,
    "nvidia.com/gpu": _Resources.GPU,
}


def with_container(task: tasks_pb2.TaskTemplate) -> tasks_pb2.TaskTemplate:
    """:return: the task itself, or for one with a pod a copy that has the pod's primary container instead.

    A pod without one leaves the task as it is; see :func:`task_types.refusal`.
    """
    if not task.HasField("k8s_pod"):
        return task
    primary = find_primary(task)
    if primary is None:
        return task
    copy = tasks_pb2.TaskTemplate()
    copy.CopyFrom(task)
    copy.container.CopyFrom(_container(primary))
    copy.container.data_config.CopyFrom(task.k8s_pod.data_config)
    return copy


def find_primary(task: tasks_pb2.TaskTemplate) -> Mapping[str, Any] | None:
    name = primary_name(task)
    return next((one for one in _containers(task) if one.get("name") == name), None)


def primary_name(task: tasks_pb2.TaskTemplate) -> str:
    return str(task.k8s_pod.primary_container_name or task.config.get(_NAME_KEY) or _DEFAULT_NAME)


def pod_notes(task: tasks_pb2.TaskTemplate) -> Iterator[str]:
    """What of the pod did not run."""
    if not task.HasField("k8s_pod"):
        return
    spec = MessageToDict(task.k8s_pod.pod_spec)
    others = [one.get("name", "") for one in _containers(task) if one.get("name") != primary_name(task)]
    others += [one.get("name", "") for one in spec.get("initContainers", ())]
    if others:
        yield f"Of the pod template only its primary container ran; left out: {', '.join(others)}."
    elif set(spec) - {"containers"}:
        settings = ", ".join(sorted(set(spec) - {"containers"}))
        yield f"The pod template's {settings} had no effect."


def _containers(task: tasks_pb2.TaskTemplate) -> list[dict[str, Any]]:
    return list(MessageToDict(task.k8s_pod.pod_spec).get("containers", ()))


def _container(spec: Mapping[str, Any]) -> tasks_pb2.Container:
    container = tasks_pb2.Container(
        image=spec.get("image", ""), command=spec.get("command", ()), args=spec.get("args", ())
    )
    for variable in spec.get("env", ()):
        # Values that Kubernetes would look up elsewhere are not there.
        if "value" in variable:
            container.env.add(key=variable["name"], value=variable["value"])
    resources = spec.get("resources", {})
    container.resources.requests.extend(_entries(resources.get("requests", {})))
    container.resources.limits.extend(_entries(resources.get("limits", {})))
    return container


def _entries(quantities: Mapping[str, Any]) -> Iterator[tasks_pb2.Resources.ResourceEntry]:
    for name, value in quantities.items():
        if name in _NAMES:
            yield _Resources.ResourceEntry(name=_NAMES[name], value=str(value))

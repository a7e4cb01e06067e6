"""What a real cluster would have done with a task and this machine did not: said on the attempt, never
silent. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from flyteidl.core import tasks_pb2, workflow_pb2

DEFAULT = "default"
_FLYTEKIT_IMAGE = "cr.flyte.org/flyteorg/flytekit:"
_RESOURCES = tasks_pb2.Resources


def environment_of(image: str, environments: Collection[str]) -> str:
    """The environment that stands for an image: one of its name, else the default one."""
    return image if image in environments else DEFAULT


def parity_notes(
    task: tasks_pb2.TaskTemplate,
    overrides: workflow_pb2.TaskNodeOverrides,
    environments: Collection[str],
) -> list[str]:
    """Sentences, one for each thing that was left out."""
    return [
        *_image_note(task, overrides, environments),
        *_resource_notes(task, overrides),
        *_other_notes(task),
    ]


def _image_note(
    task: tasks_pb2.TaskTemplate,
    overrides: workflow_pb2.TaskNodeOverrides,
    environments: Collection[str],
) -> Iterator[str]:
    image = overrides.container_image or task.container.image
    # flytekit's own image is what the default environment stands for.
    if image not in environments and not image.startswith(_FLYTEKIT_IMAGE):
        yield f"Image {image} was not run; the task ran in the environment '{DEFAULT}' instead."


def _resource_notes(task: tasks_pb2.TaskTemplate, overrides: workflow_pb2.TaskNodeOverrides) -> Iterator[str]:
    asked = [*task.container.resources.requests, *overrides.resources.requests]
    if any(entry.name == _RESOURCES.GPU for entry in asked):
        yield "A GPU was requested; the task ran without one."
    if task.extended_resources.HasField("gpu_accelerator"):
        device = task.extended_resources.gpu_accelerator.device
        yield f"The accelerator {device} was requested; the task ran without it."


def _other_notes(task: tasks_pb2.TaskTemplate) -> Iterator[str]:
    run_as = task.security_context.run_as
    if run_as.k8s_service_account or run_as.iam_role:
        identity = run_as.k8s_service_account or run_as.iam_role
        yield f"The task ran as this machine's user, not as {identity}."

"""What a real cluster would have done with a task and this machine did not: said on the attempt, never
silent. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from flyteidl.core import tasks_pb2, workflow_pb2

from flyte_sandbox.environments import DEFAULT, Environment

_FLYTEKIT_IMAGE = "cr.flyte.org/flyteorg/flytekit:"


def image_of(task: tasks_pb2.TaskTemplate, overrides: workflow_pb2.TaskNodeOverrides) -> str:
    """The image that the task would run in."""
    return str(overrides.container_image or task.container.image)


def is_unknown(image: str, environment: Environment | None) -> bool:
    """Whether the default environment stands in for an image without anybody having said so.

    flytekit's own image is what the default environment is meant to be.

    :param environment: what was found for the image.
    """
    return environment is None and not image.startswith(_FLYTEKIT_IMAGE)


def image_refusal(image: str) -> str:
    """Why a task of an unknown image is not run where unknown images are refused."""
    return (
        f"No environment stands for image {image}, and unknown images are refused here (images = strict). "
        f"Name one with --environment {image}=PYTHON, or register the task from an ImageSpec."
    )


def parity_notes(
    task: tasks_pb2.TaskTemplate,
    overrides: workflow_pb2.TaskNodeOverrides,
    environment: Environment | None,
    root_reason: str = "",
) -> list[str]:
    """Sentences, one for each thing that was left out.

    :param environment: what was found for the task's image.
    :param root_reason: why the task ran as root although it was not meant to.
    """
    return [
        *_image_notes(image_of(task, overrides), environment),
        *_accelerator_note(task),
        *_other_notes(task),
        *([f"The task ran as root: {root_reason}."] if root_reason else []),
    ]


def _image_notes(image: str, environment: Environment | None) -> Iterator[str]:
    if is_unknown(image, environment):
        yield f"Image {image} was not run; the task ran in the environment '{DEFAULT}' instead."
    yield from environment.notes if environment else ()


def _accelerator_note(task: tasks_pb2.TaskTemplate) -> Iterator[str]:
    if task.extended_resources.HasField("gpu_accelerator"):
        device = task.extended_resources.gpu_accelerator.device
        yield f"The accelerator {device} was requested; the task ran without it."


def _other_notes(task: tasks_pb2.TaskTemplate) -> Iterator[str]:
    run_as = task.security_context.run_as
    if run_as.k8s_service_account or run_as.iam_role:
        identity = run_as.k8s_service_account or run_as.iam_role
        yield f"The task ran as this machine's user, not as {identity}."

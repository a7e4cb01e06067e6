"""The note of what a cluster would have done."""

from __future__ import annotations

from pathlib import Path

from flyteidl.core import tasks_pb2, workflow_pb2

from flyte_sandbox.engine.tasks.parity import parity_notes
from flyte_sandbox.environments import Environment


def task(image: str = "cr.flyte.org/flyteorg/flytekit:py3.11-1.16.31") -> tasks_pb2.TaskTemplate:
    return tasks_pb2.TaskTemplate(container=tasks_pb2.Container(image=image))


NO_OVERRIDES = workflow_pb2.TaskNodeOverrides()


def test_flytekits_own_image_is_what_the_default_environment_stands_for() -> None:
    assert parity_notes(task(), NO_OVERRIDES, None) == []


def test_an_unknown_image_is_named() -> None:
    (note,) = parity_notes(task("ghcr.io/me/app:v1"), NO_OVERRIDES, None)
    assert note.startswith("Image ghcr.io/me/app:v1 was not run")


def test_an_image_with_an_environment_of_its_own_runs_there() -> None:
    known = Environment("ghcr.io/me/app:v1", Path("/envs/app/bin/python"))
    assert parity_notes(task("ghcr.io/me/app:v1"), NO_OVERRIDES, known) == []


def test_what_an_environment_lacks_of_its_image_is_told() -> None:
    built = Environment("image-1", Path("python"), notes=("The packages of apt were not installed: curl.",))
    assert parity_notes(task("app:1"), NO_OVERRIDES, built) == [
        "The packages of apt were not installed: curl."
    ]


def test_an_override_of_the_image_counts() -> None:
    overrides = workflow_pb2.TaskNodeOverrides(container_image="ghcr.io/me/other:v1")
    (note,) = parity_notes(task(), overrides, None)
    assert "ghcr.io/me/other:v1" in note


def test_a_service_account_is_told() -> None:
    other = task()
    other.security_context.run_as.k8s_service_account = "trainer"
    assert parity_notes(other, NO_OVERRIDES, None) == ["The task ran as this machine's user, not as trainer."]

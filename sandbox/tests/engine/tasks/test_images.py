"""Which environment an attempt runs in, what it gives to it, and when an image is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from flyteidl.core import literals_pb2, workflow_pb2

from flyte_sandbox.blobs.store import Store
from flyte_sandbox.engine.messages import Attempt, StartAttempt
from flyte_sandbox.engine.tasks.arguments import ArgumentError
from flyte_sandbox.engine.tasks.attempts import AttemptPlanner
from flyte_sandbox.environments import BuiltEnvironments, Environments, Manifest, Standing

from ..graphs import Stepper, task_node, template

FLYTEKIT = "cr.flyte.org/flyteorg/flytekit:py3.11-1.16.31"


def attempt(image: str, **env: str) -> Attempt:
    run = Stepper(template([task_node("n0", ("", "text"))], ("n0", "o0")))
    run.begin()
    (start,) = run.acts_of(StartAttempt)
    assert isinstance(start, StartAttempt)
    start.attempt.task.container.image = image
    pairs = [literals_pb2.KeyValuePair(key=key, value=value) for key, value in env.items()]
    start.attempt.task.container.env.extend(pairs)
    return start.attempt


def planner(tmp_path: Path, is_strict: bool = False) -> AttemptPlanner:
    built = BuiltEnvironments(tmp_path / "environments")
    built.path("image-1").mkdir(parents=True)
    built.files("image-1").mkdir()
    Manifest("app:1", "3.11", ["pandas"]).write(built.path("image-1"))
    built.appoint(Standing("app:1", "image-1", {"MODE": "image", "COLOUR": "red"}, ["No apt."]))
    environments = Environments({"default": Path("python"), "mine": Path("mine/python")}, built)
    return AttemptPlanner(tmp_path / "attempts", Store(tmp_path / "buckets"), {}, environments, is_strict)


@pytest.mark.parametrize(
    ("image", "environment"),
    [("mine", "mine"), ("app:1", "image-1"), ("nobody/knows:1", "default"), (FLYTEKIT, "default")],
)
def test_an_image_runs_in_the_environment_that_stands_for_it(
    tmp_path: Path, image: str, environment: str
) -> None:
    assert planner(tmp_path).plan(attempt(image)).environment == environment


def test_the_override_of_a_node_counts(tmp_path: Path) -> None:
    overrides = workflow_pb2.TaskNodeOverrides(container_image="mine")
    assert planner(tmp_path).plan(dataclasses.replace(attempt("app:1"), overrides=overrides)).environment == (
        "mine"
    )


def test_the_variables_of_an_image_come_first_and_those_of_the_task_win(tmp_path: Path) -> None:
    env = planner(tmp_path).plan(attempt("app:1", MODE="task")).env
    assert (env["MODE"], env["COLOUR"]) == ("task", "red")


def test_what_a_built_environment_lacks_is_told(tmp_path: Path) -> None:
    assert planner(tmp_path).notes(attempt("app:1")) == ["No apt."]


@pytest.mark.parametrize("image", ["mine", "app:1", FLYTEKIT])
def test_strictness_lets_known_images_through(tmp_path: Path, image: str) -> None:
    planner(tmp_path, is_strict=True).plan(attempt(image))


def test_strictness_refuses_an_image_that_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"No environment stands for image nobody/knows:1"):
        planner(tmp_path, is_strict=True).plan(attempt("nobody/knows:1"))

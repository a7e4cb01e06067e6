"""The server's command line as the settings ask for it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from airflyte.errors import AirflyteError
from airflyte.flyte.processes import read_environments
from airflyte.settings import Settings
from airflyte.stack.parts import Stack


def arguments(settings: Settings) -> list[str]:
    server, _ = Stack(settings).flyte_components()
    return list(server.command)


def test_the_workflows_environment_is_the_default_image(checkout: Path) -> None:
    command = arguments(Settings(checkout))
    python = checkout / ".airflyte/envs/workflows/bin/python"
    assert command[command.index("--environment") + 1] == f"default={python}"
    assert "--strict-images" not in command


def test_the_mode_of_resources_is_passed_on(checkout: Path) -> None:
    command = arguments(dataclasses.replace(Settings(checkout), flyte_resources="enforce"))
    assert command[command.index("--resources") + 1] == "enforce"


def test_further_images_and_strictness_are_passed_on(checkout: Path) -> None:
    settings = dataclasses.replace(
        Settings(checkout), flyte_images="strict", flyte_environments="me/app:1=/a b/python, other=/c/python"
    )
    command = arguments(settings)
    assert {"me/app:1=/a b/python", "other=/c/python", "--strict-images"} <= set(command)


@pytest.mark.parametrize("setting", ["app", "=/python", "app=python", "app=/python,,x"])
def test_what_cannot_be_meant_is_refused(setting: str) -> None:
    with pytest.raises(AirflyteError, match=r"flyte\.environments has"):
        read_environments(setting)


def test_nothing_means_nothing() -> None:
    assert read_environments("") == {}
    assert read_environments(" , ") == {}

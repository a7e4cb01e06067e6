"""``launcher`` and the verb: progress and result for people, the log for the rest, nothing left behind."""

from __future__ import annotations

import argparse
import os
import select
import sys
from pathlib import Path

import pytest
from fake_flyte import FakeFlyte

from airflyte.errors import AirflyteError
from airflyte.registration import launcher
from airflyte.registration.launcher import Registered, Target, register
from airflyte.settings import Ports, Settings
from airflyte.verbs import register as verb

THIS_PYTHON = Target(python=Path(sys.executable))


@pytest.fixture
def settings(source_root: Path, flyte: FakeFlyte, home: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A checkout whose ``workflows`` is the small source root, and whose Flyte is the fake one."""
    monkeypatch.setenv("HOME", str(home))
    source_root.rename(source_root.with_name("workflows"))
    port = int(flyte.address.rpartition(":")[2])
    return Settings(source_root.parent, port_offset=port - Ports().flyte)


class Watched:
    """A progress that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.steps: list[tuple[float, float | None, str | None]] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def advance(self, done: float, total: float | None, text: str | None = None) -> None:
        self.steps.append((done, total, text))


@pytest.fixture
def progress() -> Watched:
    return Watched()


def wait_for(descriptor: int, event: int) -> bool:
    """Whether a descriptor becomes readable (POLLIN), or loses its last writer (POLLHUP), in time."""
    poll = select.poll()
    poll.register(descriptor, event)
    return any(found & event for _, found in poll.poll(60_000))


def read_log(settings: Settings) -> str:
    return (settings.folder.logs / "register.log").read_text()


def test_a_registration_says_what_is_registered_in_which_version(
    settings: Settings, progress: Watched, flyte: FakeFlyte
) -> None:
    first = register(settings, progress, THIS_PYTHON)
    assert str(first) == f"shop {first.version}"
    assert progress.said[0].startswith("Importing the workflows in ")
    assert progress.steps[0] == (1, 6, "shop.orders.total")
    assert [(done, total) for done, total, _ in progress.steps] == [(n, 6) for n in range(1, 7)]
    assert flyte.names("WORKFLOW", first.version) == {"shop.orders.orders_wf"}
    second = register(settings, progress, THIS_PYTHON)
    assert str(second) == f"shop {first.version} (unchanged)"
    assert second.entities
    assert sorted(second.entities) == sorted(first.entities)


def test_examples_are_named_by_their_package() -> None:
    names = ("ml_training.pima_diabetes.diabetes.wf", "basics.a.wf", "basics.b.wf", "alone.wf")
    entities = (*(("workflow", name) for name in names), ("task", "other.module.task"))
    assert str(Registered("v1", entities, 1, 1)) == "alone v1, basics v1, pima_diabetes v1"


def test_the_words_of_user_code_go_to_the_log(settings: Settings, progress: Watched) -> None:
    register(settings, progress, THIS_PYTHON)
    assert "importing orders" in read_log(settings)


def test_nothing_is_left_behind(settings: Settings, progress: Watched, home: Path) -> None:
    register(settings, progress, THIS_PYTHON)
    assert not list(home.iterdir())
    assert not list(settings.folder.run.iterdir()), "temporary files of flytekit"
    assert not list((settings.checkout / "workflows").rglob("__pycache__"))


def test_settings_of_flytekit_in_the_environment_do_not_lead_elsewhere(
    settings: Settings, progress: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FLYTE_PLATFORM_URL", "FLYTECTL_CONFIG", "FLYTE_INTERNAL_IMAGE"):
        monkeypatch.setenv(name, "flyte.invalid:443")
    assert register(settings, progress, THIS_PYTHON).created == 6


def test_the_lock_of_the_tasks_environment_is_a_part_of_the_version(
    settings: Settings, progress: Watched
) -> None:
    first = register(settings, progress, THIS_PYTHON)
    lock = settings.checkout / "deploy/environments/workflows.txt"
    lock.parent.mkdir(parents=True)
    lock.write_text("flytekit==1.16.31\n")
    assert register(settings, progress, THIS_PYTHON).version != first.version


def test_another_flyte_is_reached_by_its_configuration_file(
    settings: Settings, progress: Watched, flyte: FakeFlyte, tmp_path: Path
) -> None:
    config = tmp_path / "production.yaml"
    config.write_text(f"admin:\n  endpoint: dns:///{flyte.address}\n  insecure: true\n")
    unused_port = Settings(settings.checkout, port_offset=1)
    assert register(unused_port, progress, Target(config, python=Path(sys.executable))).created == 6


def test_a_mistake_is_told_in_the_words_of_the_program(settings: Settings, progress: Watched) -> None:
    (settings.checkout / "workflows/shop/prices.py").write_text("VAT = 1 / 0\n")
    with pytest.raises(AirflyteError, match=r"^workflows/shop/prices.py, line 1, cannot be imported"):
        register(settings, progress, THIS_PYTHON)


def test_a_program_that_dies_is_reported_with_its_log(settings: Settings, progress: Watched) -> None:
    (settings.checkout / "workflows/shop/prices.py").write_text(
        "import os\nos.write(2, b'last words')\nos._exit(0)\n"
    )
    with pytest.raises(AirflyteError, match=r"ended without a result") as raised:
        register(settings, progress, THIS_PYTHON)
    assert raised.value.log
    assert raised.value.log.read_text().endswith("last words")


def test_code_that_never_ends_is_ended_after_the_limit(
    settings: Settings, progress: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    (settings.checkout / "workflows/shop/prices.py").write_text("import time\ntime.sleep(1000)\n")
    monkeypatch.setattr(launcher, "LIMIT_SECONDS", 1.0)
    with pytest.raises(AirflyteError, match="ended without a result after 1 s"):
        register(settings, progress, THIS_PYTHON)


def test_an_interrupt_ends_the_program_with_all_that_user_code_has_started(
    settings: Settings, tmp_path: Path
) -> None:
    fifo = tmp_path / "held"
    os.mkfifo(fifo)
    (settings.checkout / "workflows/shop/prices.py").write_text(
        "import subprocess\n"
        f"held = open({str(fifo)!r}, 'w')\n"
        "subprocess.run(['sh', '-c', 'echo started; exec sleep 1000'], stdout=held)\n"
    )
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)

    class Interrupting(Watched):
        def say(self, text: str) -> None:
            assert wait_for(reader, select.POLLIN)
            assert os.read(reader, 100) == b"started\n"
            raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt):
            register(settings, Interrupting(), THIS_PYTHON)
        assert wait_for(reader, select.POLLHUP), "somebody still holds the writing end"
    finally:
        os.close(reader)


def test_an_environment_that_is_not_there_is_named(settings: Settings, progress: Watched) -> None:
    with pytest.raises(AirflyteError, match=r"There is no interpreter .*envs/workflows/bin/python"):
        register(settings, progress)


def test_the_verb_prints_one_line(
    settings: Settings, flyte: FakeFlyte, capsys: pytest.CaptureFixture[str]
) -> None:
    python = settings.folder.environments / "workflows/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    assert verb.run(parser.parse_args(["--version", "mine", "--image", "shop:7"]), settings) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("[1/1] register    shop mine")
    assert flyte.specs["TASK", "shop.orders.total", "mine"].template.container.image == "shop:7"
    assert verb.run(parser.parse_args(["--version", "mine", "--image", "shop:7", "--force"]), settings) == 0
    assert "(unchanged)" in capsys.readouterr().out

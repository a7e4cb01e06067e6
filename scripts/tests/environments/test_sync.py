"""An environment becomes what its lock says, stays alone when it already is that, and heals when not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from airflyte.environments import STAMP, Environments
from airflyte.errors import AirflyteError

from .conftest import Recorder, make, make_wheel


def run(ours: Environments, code: str) -> str:
    """What a line of Python prints in the environment."""
    python = str(ours.python("sandbox"))
    return subprocess.run(
        [python, "-I", "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def relock(ours: Environments, wheels: Path, version: str) -> None:
    """Pin another version of the thing; longer, because Python tells sources apart by second and size."""
    lock = ours.lock("sandbox")
    backend = lock.read_text().partition("thing==")[0]
    lock.write_text(backend + make_wheel(wheels, "thing", version))


def no_uv(checkout: Path) -> Environments:
    """The same environments for somebody who must not need uv."""
    ours = make(checkout, {})
    ours._get_uv = lambda: pytest.fail("uv was asked for")
    return ours


def test_it_holds_what_the_lock_says_compiled_and_our_packages(
    ours: Environments, progress: Recorder
) -> None:
    assert ours.sync("sandbox", progress)
    assert run(ours, "import thing; print(thing.version)") == "1.0"
    assert Path(run(ours, "import our_scripts; print(our_scripts.__file__)")).is_relative_to(ours.checkout)
    assert Path(run(ours, "import thing; print(thing.__cached__)")).exists()
    assert run(ours, "import sys; print(sys._base_executable)") == ours._base_python()
    assert progress.said[0] == "sandbox: making it"


def test_an_unchanged_one_is_a_no_op_that_needs_no_uv(ours: Environments, progress: Recorder) -> None:
    ours.sync("sandbox", progress)
    started = time.monotonic()
    assert not no_uv(ours.checkout).sync("sandbox", progress)
    assert time.monotonic() - started < 0.3


def test_a_changed_lock_changes_the_environment_in_place(
    ours: Environments, wheels: Path, progress: Recorder
) -> None:
    ours.sync("sandbox", progress)
    marker = ours.path("sandbox") / "not made anew"
    marker.touch()
    relock(ours, wheels, "2.0.10")
    assert not ours.is_fresh("sandbox")
    assert ours.sync("sandbox", progress)
    assert run(ours, "import thing, our_sandbox; print(thing.version)") == "2.0.10"
    assert marker.exists()


def test_changed_scripts_of_our_own_are_installed_again(ours: Environments, progress: Recorder) -> None:
    ours.sync("sandbox", progress)
    project = ours.checkout / "scripts" / "pyproject.toml"
    project.write_text(project.read_text() + '\n[project.scripts]\nx = "our_scripts:x"\n')
    assert ours.sync("sandbox", progress)
    assert not ours.sync("sandbox", progress)


def test_a_moved_checkout_makes_it_anew(
    ours: Environments, environ: dict[str, str], progress: Recorder
) -> None:
    ours.sync("sandbox", progress)
    elsewhere = ours.checkout.with_name("elsewhere")
    ours.checkout.rename(elsewhere)
    moved = make(elsewhere, environ)
    assert moved.sync("sandbox", progress)
    assert run(moved, "import sys; print(sys.prefix)") == str(moved.path("sandbox"))


def test_another_interpreter_that_is_asked_for_makes_it_anew(
    ours: Environments, environ: dict[str, str], progress: Recorder
) -> None:
    ours.sync("sandbox", progress)
    assert make(ours.checkout, environ, request="/another/python").sync("sandbox", progress)


def test_another_path_does_not_change_the_interpreter(
    ours: Environments, environ: dict[str, str], wheels: Path, progress: Recorder
) -> None:
    ours.sync("sandbox", progress)
    relock(ours, wheels, "2.0.10")
    other = make(ours.checkout, environ)
    other._find_python = lambda: pytest.fail("another interpreter was looked for")
    assert other.sync("sandbox", progress)


def test_an_interpreter_that_was_upgraded_in_place_makes_it_anew(
    ours: Environments, progress: Recorder
) -> None:
    ours.sync("sandbox", progress)
    stamp = ours.path("sandbox") / STAMP
    record = json.loads(stamp.read_text())
    record["python"]["size"] += 1
    stamp.write_text(json.dumps(record))
    assert ours.sync("sandbox", progress)


@pytest.mark.parametrize("damage", ["stamp is cut", "no stamp", "no python", "packages are gone"])
def test_a_sync_that_was_interrupted_heals(damage: str, ours: Environments, progress: Recorder) -> None:
    ours.sync("sandbox", progress)
    place = ours.path("sandbox")
    (place / STAMP).unlink()
    if damage == "stamp is cut":
        (place / STAMP).write_text('{"lock": "a')
    elif damage == "no python":
        (place / "bin" / "python").unlink()
    elif damage == "packages are gone":
        shutil.rmtree(next(place.glob("lib/*/site-packages/thing-1.0.dist-info")))
        next(place.glob("lib/*/site-packages/thing.py")).unlink()
    assert ours.sync("sandbox", progress)
    assert run(ours, "import thing; print(thing.version)") == "1.0"


def test_a_sync_that_is_killed_leaves_no_stamp_and_the_next_one_heals(
    ours: Environments, wheels: Path, tmp_path: Path, progress: Recorder
) -> None:
    ours.sync("sandbox", progress)
    relock(ours, wheels, "2.0.10")
    tool = ours._get_uv()
    slow = tmp_path / "slow-uv"
    slow.write_text(f"#!/bin/sh\necho began > '{tmp_path}/began'\nkill -9 $PPID\nexec '{tool.path}' \"$@\"\n")
    slow.chmod(0o755)
    tool.path = slow
    if (child := os.fork()) == 0:
        ours._get_uv = lambda: tool
        ours.sync("sandbox", progress)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert (tmp_path / "began").exists()
    assert not (ours.path("sandbox") / STAMP).exists()
    assert make(ours.checkout, tool.environ).sync("sandbox", progress)
    assert run(ours, "import thing; print(thing.version)") == "2.0.10"


def test_a_package_with_another_hash_is_refused(ours: Environments, wheels: Path, progress: Recorder) -> None:
    make_wheel(wheels, "thing", "1.0", "evil = True\n")
    with pytest.raises(AirflyteError, match=r"Environment sandbox could not be made: .*[Hh]ash"):
        ours.sync("sandbox", progress)
    assert not ours.is_fresh("sandbox")


def test_a_failed_download_is_one_sentence_with_the_log(
    stocked: Path, environ: dict[str, str], progress: Recorder
) -> None:
    del environ["UV_NO_INDEX"], environ["UV_FIND_LINKS"]
    environ |= {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}
    with pytest.raises(
        AirflyteError, match=r"^Environment sandbox could not be made: .*[Cc]onnect"
    ) as caught:
        make(stocked, environ).sync("sandbox", progress)
    assert "\n" not in caught.value.message
    assert caught.value.cause
    assert caught.value.log
    assert caught.value.log.exists()


def test_a_lock_that_is_missing_is_named(ours: Environments, progress: Recorder) -> None:
    ours.lock("sandbox").unlink()
    with pytest.raises(AirflyteError, match=r"sandbox\.txt is missing from this checkout"):
        ours.sync("sandbox", progress)


def test_uvs_lines_become_progress(progress: Recorder) -> None:
    from airflyte.environments import _Downloads

    downloads = _Downloads("sandbox", progress)
    for line in (
        "Resolved 45 packages in 132ms",
        "Downloading grpcio (7.0MiB)",
        "Downloading sqlalchemy (4.5MiB)",
        " Downloaded grpcio",
        "Installed 45 packages in 30ms",
    ):
        downloads(line)
    assert progress.said == [
        "sandbox: downloading grpcio 7.0MiB 0/1",
        "sandbox: downloading sqlalchemy 4.5MiB 0/2",
        "sandbox: downloaded grpcio 1/2",
        "sandbox: compiling 45 packages",
    ]

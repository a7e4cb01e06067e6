"""Tasks with an ``ImageSpec``, registered by stock clients from folders of their own."""

from __future__ import annotations

import re
import sys
import textwrap
import uuid
from pathlib import Path

import pytest
from flyteidl.admin import task_execution_pb2
from flytekit.remote import FlyteRemote

from flyte_sandbox.environments import BuiltEnvironments
from flyte_sandbox.testing import Sandbox

from .conftest import Pyflyte, call, run

LOOK = """
    import os, sys
    from pathlib import Path
    from flytekit import ImageSpec, task, workflow

    spec = {spec}
    other = ImageSpec(name="other")

    @task(container_image=spec)
    def look() -> str:
        import palette
        {body}

    @workflow
    def wf() -> str:
        return look()
"""


def write(folder: Path, spec: str, body: str) -> Path:
    """A project with one workflow, whose name no other test has."""
    path = folder / f"look_{uuid.uuid4().hex[:8]}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(LOOK).format(spec=spec, body=body))
    return path


def endpoint(sandbox: Sandbox) -> str:
    return f"localhost:{sandbox.port}"


def registered(pyflyte: Pyflyte, sandbox: Sandbox, path: Path, *arguments: str) -> str:
    """:return: what ``pyflyte register`` said."""
    done = pyflyte(
        path.parent, "register", *arguments, path.name,
        "-p", "flytesnacks", "-d", "development", endpoint=endpoint(sandbox),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_task_runs_in_what_its_image_spec_names_and_in_nothing_else(
    sandbox: Sandbox, remote: FlyteRemote, pyflyte: Pyflyte, tmp_path: Path
) -> None:
    body = """return f"{palette.VERSION} {os.environ['COLOUR']} {spec.is_container()}{other.is_container()}" \
            + str(__import__('importlib.util').util.find_spec('xgboost'))"""
    spec = "ImageSpec(name='one', packages=['palette==1.0'], env={'COLOUR': 'red'})"
    path = write(tmp_path, spec, body)
    registered(pyflyte, sandbox, path)
    assert run(remote, f"{path.stem}.wf") == "1.0 red TrueFalseNone"


def test_pyflyte_run_builds_once_and_finds_it_from_another_folder(
    sandbox: Sandbox, built: BuiltEnvironments, pyflyte: Pyflyte, tmp_path: Path
) -> None:
    spec = "ImageSpec(name='again', packages=['palette==2.0'])"
    said = []
    for folder in ("first", "second"):
        path = write(tmp_path / folder, spec, "return palette.VERSION")
        done = pyflyte(path.parent, "run", "--remote", path.name, "wf", endpoint=endpoint(sandbox))
        assert done.returncode == 0, done.stdout + done.stderr
        said.append(done.stdout)
    (image,) = (image for image in built.images() if image.startswith("again:"))
    assert "building the environment" in said[0]
    assert f"{image}: the environment {built.images()[image]} is there" in said[1]


def test_a_specification_may_begin_as_another_one_and_change_it(
    sandbox: Sandbox, remote: FlyteRemote, pyflyte: Pyflyte, tmp_path: Path
) -> None:
    base = "ImageSpec(name='base', packages=['palette==1.0', 'iniconfig'], env={'COLOUR': 'blue'})"
    spec = f"ImageSpec(name='derived', base_image={base}, packages=['palette==2.0'])"
    body = "import iniconfig; return f\"{palette.VERSION} {os.environ['COLOUR']}\""
    path = write(tmp_path, spec, body)
    registered(pyflyte, sandbox, path)
    assert run(remote, f"{path.stem}.wf") == "2.0 blue"


def test_a_configured_environment_may_be_the_base(
    sandbox: Sandbox, remote: FlyteRemote, pyflyte: Pyflyte, tmp_path: Path, wheels: Path
) -> None:
    spec = "ImageSpec(name='onto', base_image='default', packages=['palette==1.0'])"
    path = write(tmp_path, spec, "import hypothesis; return palette.VERSION")
    registered(pyflyte, sandbox, path)
    assert run(remote, f"{path.stem}.wf") == "1.0"


def test_files_and_sources_of_the_image_lie_in_the_current_folder(
    sandbox: Sandbox, remote: FlyteRemote, pyflyte: Pyflyte, tmp_path: Path
) -> None:
    spec = "ImageSpec(name='files', packages=['palette==1.0'], copy=['data/notes.txt', 'shapes'])"
    path = write(
        tmp_path, spec, "from shapes.round import NAME; return Path('data/notes.txt').read_text() + NAME"
    )
    for name, text in {
        "data/notes.txt": "note ",
        "shapes/__init__.py": "",
        "shapes/round.py": "NAME = 'o'",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    registered(pyflyte, sandbox, path, "--copy", "none", "--version", uuid.uuid4().hex)
    assert run(remote, f"{path.stem}.wf") == "note o"


def test_what_an_environment_cannot_have_is_told_to_who_registers_and_on_the_execution(
    sandbox: Sandbox, remote: FlyteRemote, pyflyte: Pyflyte, tmp_path: Path
) -> None:
    spec = (
        "ImageSpec(name='lacks', packages=['palette==1.0'], apt_packages=['curl', 'git'], builder='default')"
    )
    path = write(tmp_path, spec, "return palette.VERSION")
    note = "The packages of apt were not installed: curl, git."
    assert note in " ".join(registered(pyflyte, sandbox, path).split())
    execution = remote.execute(remote.fetch_launch_plan(name=f"{path.stem}.wf"), inputs={})
    ended = remote.wait(execution)
    (attempt,) = remote.sync(ended, sync_nodes=True).node_executions["n0"].task_executions
    request = task_execution_pb2.TaskExecutionGetRequest(id=attempt.id.to_flyte_idl())
    reasons = remote.client._stub.GetTaskExecution(request).closure.reasons
    assert note in [reason.message for reason in reasons]


def test_a_failed_build_stops_the_registration_in_the_words_of_uv_and_is_never_used(
    sandbox: Sandbox, built: BuiltEnvironments, pyflyte: Pyflyte, tmp_path: Path
) -> None:
    path = write(tmp_path, "ImageSpec(name='broken', packages=['palette==9.0'])", "return ''")
    done = pyflyte(path.parent, "register", path.name, endpoint=endpoint(sandbox))
    assert done.returncode != 0
    assert re.search(r"there is no version of\s+palette==9.0", done.stdout + done.stderr)
    assert not [image for image in built.images() if image.startswith("broken:")]
    for name in built.names():
        assert built.manifest(name) or built.find(name) is None


def test_flytekits_remote_builds_for_the_sandbox_that_it_speaks_to(
    sandbox: Sandbox, built: BuiltEnvironments, client: dict[str, str], tmp_path: Path
) -> None:
    """No configuration and no variable says which Flyte is meant: only the object that registers."""
    path = write(
        tmp_path, "ImageSpec(name='programmed', packages=['palette==1.0'])", "return palette.VERSION"
    )
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(f"""
        import {path.stem} as module
        from flytekit.configuration import Config, ImageConfig, PlatformConfig, SerializationSettings
        from flytekit.remote import FlyteRemote
        platform = PlatformConfig(endpoint="{endpoint(sandbox)}", insecure=True)
        remote = FlyteRemote(Config(platform=platform), "flytesnacks", "development")
        FlyteRemote(Config(platform=PlatformConfig(endpoint="localhost:1")), "flytesnacks", "development")
        settings = SerializationSettings(ImageConfig.auto_default_image(), "flytesnacks", "development", "v1")
        remote.register_workflow(module.wf, settings, version="v1")
    """)
    )
    done = call([sys.executable, str(program)], tmp_path, client)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [image for image in built.images() if image.startswith("programmed:")]


@pytest.mark.parametrize("kind", ["another", "none"])
def test_images_for_any_other_flyte_are_built_as_without_us(
    sandbox: Sandbox, built: BuiltEnvironments, pyflyte: Pyflyte, tmp_path: Path, kind: str
) -> None:
    """A builder of the user's own stands for Docker; the sandbox that runs beside it is not touched."""
    path = write(tmp_path, "ImageSpec(name='elsewhere', packages=['palette==1.0'])", "return ''")
    (tmp_path / "shipping.py").write_text(
        textwrap.dedent("""
        from flytekit.image_spec.image_spec import ImageBuildEngine, ImageSpecBuilder

        class Shipyard(ImageSpecBuilder):
            def should_build(self, image_spec):
                return True

            def build_image(self, image_spec):
                print("the shipyard builds", image_spec.name)

        ImageBuildEngine.register("shipyard", Shipyard(), priority=7)
    """)
    )
    path.write_text("import shipping\n" + path.read_text())
    before = built.images()
    arguments = ["package", "-o", "out.tgz", "--image", "me/app:1"]
    done = pyflyte(
        tmp_path,
        "--pkgs",
        path.stem,
        *arguments,
        endpoint="flyte.example.com:443" if kind == "another" else "",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the shipyard builds elsewhere" in done.stdout
    assert built.images() == before

"""From any Python to the command line: bootstrap.py makes the environment and becomes ``airflyte``."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from airflyte import interpreters

from .environments.conftest import BACKEND, make_wheel, write_package

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = CHECKOUT / "scripts" / "src" / "airflyte"
READ_BY_OLD_PYTHONS = ("__init__.py", "errors.py", "interpreters.py", "uv.py", "first_start.py")

HELLO = """
HELP = "say where it runs"

def add_arguments(parser):
    parser.add_argument("words", nargs="*")

def run(args, settings):
    import sys
    print(sys.prefix, sys.flags.isolated, *args.words)
    return 7
"""


@pytest.fixture
def clone(checkout: Path, tmp_path: Path) -> Path:
    """A checkout with our real scripts, whose environment needs nothing but a tiny build backend."""
    shutil.copytree(CHECKOUT / "scripts" / "src", checkout / "scripts" / "src")
    shutil.copy(CHECKOUT / "scripts" / "bootstrap.py", checkout / "scripts")
    shutil.copy(CHECKOUT / "Makefile", checkout)
    (checkout / "scripts" / "src" / "airflyte" / "verbs" / "hello.py").write_text(HELLO)
    (checkout / "scripts" / "pyproject.toml").write_text(
        '[project]\nname = "airflyte"\nversion = "1"\n'
        '[build-system]\nrequires = ["tinybackend"]\nbuild-backend = "tinybackend"\n'
    )
    write_package(checkout, "sandbox")
    (tmp_path / "wheels").mkdir()
    locks = checkout / "deploy" / "environments"
    locks.mkdir(parents=True)
    (locks / "sandbox.txt").write_text(make_wheel(tmp_path / "wheels", "tinybackend", "1.0", BACKEND))
    return checkout


@pytest.fixture
def newcomer(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody with an empty home, the system's programs, and uv."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "uv").symlink_to(Path(sys.executable).with_name("uv"))
    (programs / "python3").symlink_to(os.path.realpath(sys._base_executable))
    (tmp_path / "home").mkdir()
    return {
        "HOME": str(tmp_path / "home"),
        "PATH": f"{programs}:/usr/bin:/bin",
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": str(tmp_path / "wheels"),
    }


def bootstrap(
    clone: Path, environ: dict[str, str], *arguments: str, python: str = "python3"
) -> subprocess.CompletedProcess[str]:
    program = shutil.which(python, path=environ["PATH"])
    assert program
    command = [program, "scripts/bootstrap.py", *arguments]
    return subprocess.run(
        command, cwd=clone, env=environ, capture_output=True, text=True, check=False, timeout=100
    )


def test_the_verb_runs_in_the_environment_that_was_made_for_it(clone: Path, newcomer: dict[str, str]) -> None:
    done = bootstrap(clone, {**newcomer, "PYTHONPATH": "/somebody/elses"}, "hello", "wörld", "two words")
    assert done.stdout == f"{clone / '.airflyte' / 'envs' / 'sandbox'} 1 wörld two words\n", done.stderr
    assert done.returncode == 7
    assert "airflyte: sandbox: making it\n" in done.stderr


def test_the_second_time_nothing_is_made_and_no_uv_is_needed(clone: Path, newcomer: dict[str, str]) -> None:
    bootstrap(clone, newcomer, "hello")
    (Path(newcomer["PATH"].split(":")[0]) / "uv").unlink()
    done = bootstrap(clone, newcomer, "hello")
    assert (done.returncode, done.stderr) == (7, "")


def test_nothing_but_the_state_folder_and_the_cache_is_written(
    clone: Path, newcomer: dict[str, str], tmp_path: Path
) -> None:
    """Apart from what Python itself keeps beside a source."""
    before = set(tmp_path.rglob("*"))
    bootstrap(clone, newcomer, "hello")
    allowed = {".airflyte", "cache", "__pycache__"}
    assert [path for path in set(tmp_path.rglob("*")) - before if not allowed & set(path.parts)] == []


def test_make_delegates_with_arguments_and_exit_code(clone: Path, newcomer: dict[str, str]) -> None:
    (clone / "Makefile").write_text(
        (clone / "Makefile").read_text().replace("VERBS := up", "VERBS := hello up")
    )
    command = ["make", "hello", "ARGS=there"]
    done = subprocess.run(
        command, cwd=clone, env=newcomer, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.stdout.endswith(" 1 there\n"), done.stderr
    assert "Error 7" in done.stderr


@pytest.mark.parametrize("verb", ["help", "config", "clean"])
def test_some_verbs_need_no_environment(verb: str, clone: Path, newcomer: dict[str, str]) -> None:
    done = bootstrap(clone, newcomer, verb)
    assert done.returncode == 0, done.stderr
    assert not (clone / ".airflyte").exists()


def test_looking_at_a_stack_does_not_change_its_environment(clone: Path, newcomer: dict[str, str]) -> None:
    bootstrap(clone, newcomer, "hello")
    stamp = clone / ".airflyte" / "envs" / "sandbox" / "airflyte-stamp.json"
    before = stamp.stat()
    lock = clone / "deploy" / "environments" / "sandbox.txt"
    lock.write_text(f"# Something new.\n{lock.read_text()}")
    bootstrap(clone, newcomer, "open")
    assert stamp.stat().st_mtime_ns == before.st_mtime_ns
    bootstrap(clone, newcomer, "hello")
    assert stamp.stat().st_mtime_ns != before.st_mtime_ns


def test_two_first_starts_at_once_make_it_once(clone: Path, newcomer: dict[str, str]) -> None:
    program = shutil.which("python3", path=newcomer["PATH"])
    command = [str(program), "scripts/bootstrap.py", "hello"]
    both = [
        subprocess.Popen(
            command, cwd=clone, env=newcomer, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    outcomes = [process.communicate(timeout=100) for process in both]
    assert [process.returncode for process in both] == [7, 7], outcomes
    assert sum("making it" in said for _, said in outcomes) == 1


def test_a_wrong_setting_is_one_sentence(clone: Path, newcomer: dict[str, str]) -> None:
    (clone / "airflyte.toml").write_text("[stack]\nfoo = 1\n")
    done = bootstrap(clone, newcomer, "hello")
    assert done.returncode == 1
    assert done.stderr.startswith("airflyte: airflyte.toml has an unknown key stack.foo; [stack] knows ")
    assert done.stderr.count("\n") == 1


def test_an_interpreter_that_does_not_fit_is_named(clone: Path, newcomer: dict[str, str]) -> None:
    done = bootstrap(clone, {**newcomer, "AIRFLYTE_PYTHON": "/bin/true"}, "hello")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "airflyte: AIRFLYTE_PYTHON asks for /bin/true (does not run); the stack needs"
    )


def test_an_unfit_python_starts_one_that_fits(clone: Path, newcomer: dict[str, str]) -> None:
    """The Python that runs bootstrap.py believes that it is a 3.13; the one that it starts does not."""
    program = (
        "import runpy, sys; import airflyte.interpreters as i; look = i.look_at; me = sys.executable;"
        "i.look_at = lambda path: look(path)._replace(problem='Python 3.13') if path == me else look(path);"
        "sys.argv = ['bootstrap.py', 'hello']; runpy.run_path('scripts/bootstrap.py', run_name='__main__')"
    )
    me = Path(newcomer["PATH"].split(":")[0]) / "unfit"
    me.symlink_to(os.path.realpath(sys._base_executable))
    environ = {**newcomer, "PYTHONPATH": str(clone / "scripts" / "src")}
    done = subprocess.run(
        [me, "-c", program], cwd=clone, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 7, done.stderr


def test_an_old_python_without_a_better_one_says_what_is_needed(clone: Path, tmp_path: Path) -> None:
    program = (
        "import runpy, sys; sys.version_info = (3, 6, 15);"
        "sys.argv = ['bootstrap.py', 'up']; runpy.run_path('scripts/bootstrap.py', run_name='__main__')"
    )
    environ = {"PATH": str(tmp_path)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=clone, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is Python 3.6, too old even to begin; the stack needs CPython 3.11 or 3.12" in done.stderr


@pytest.mark.parametrize("name", READ_BY_OLD_PYTHONS)
def test_what_old_pythons_read_has_old_syntax_and_imports_lazily(name: str) -> None:
    tree = ast.parse((SOURCES / name).read_text(), feature_version=(3, 8))
    imported = {
        f"{node.module}.{alias.name}" if node.module == "airflyte" else str(node.module)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("airflyte")
        for alias in node.names
    }
    allowed = {f"airflyte.{Path(name).stem}" for name in READ_BY_OLD_PYTHONS}
    assert imported <= allowed
    if name != "__init__.py":
        assert "from __future__ import annotations" in (SOURCES / name).read_text()


def test_bootstrap_itself_is_read_by_any_python_3() -> None:
    ast.parse((CHECKOUT / "scripts" / "bootstrap.py").read_text(), feature_version=(3, 4))


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.13"])
def test_other_pythons_of_this_machine_can_begin(version: str, clone: Path, newcomer: dict[str, str]) -> None:
    if not interpreters.look_at(f"python{version}").version:
        pytest.skip(f"no python{version} on PATH")
    newcomer["PATH"] += f":{Path(str(shutil.which(f'python{version}'))).parent}"
    done = bootstrap(clone, newcomer, "hello", python=f"python{version}")
    assert done.returncode == 7, done.stderr

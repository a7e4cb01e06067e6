"""The fixtures, in the tests of somebody else's project."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyte_sandbox.testing import running_sandbox

from .projects import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_workflow_runs_and_its_outputs_are_read(project: Project) -> None:
    project.write(
        "test_them.py",
        """
        from datetime import timedelta

        import pandas as pd
        from greetings import hello, patient, tables


        def test_hello(flyte_remote):
            flyte_remote.fast_register_workflow(hello, version="1")
            execution = flyte_remote.execute(hello, inputs={"name": "you"}, version="1", wait=True)
            assert execution.outputs["o0"] == "hello you"


        def test_a_dataframe_comes_back_through_s3(flyte_remote):
            flyte_remote.fast_register_workflow(tables, version="1")
            execution = flyte_remote.execute(tables, inputs={}, version="1", wait=True)
            frame = execution.outputs.get("o0", as_type=pd.DataFrame)
            assert list(frame["x"]) == [1, 2, 3]


        def test_a_long_sleep_passes_at_once(flyte_remote, flyte_sandbox):
            flyte_remote.fast_register_workflow(patient, version="1")
            execution = flyte_remote.execute(patient, inputs={"name": "you"}, version="1")
            flyte_sandbox.skip(timedelta(minutes=50))
            execution = flyte_remote.wait(execution, timeout=timedelta(seconds=60))
            assert execution.outputs["o0"] == "hello you"
            assert execution.closure.duration >= timedelta(minutes=50)
        """,
    )
    done = project.pytest()
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_the_report_of_a_failure_tells_what_became_of_the_executions(project: Project) -> None:
    project.write(
        "test_them.py",
        """
        from greetings import hello


        def test_hello(flyte_remote):
            flyte_remote.fast_register_workflow(hello, version="1")
            execution = flyte_remote.execute(hello, inputs={"name": ""}, version="1", wait=True)
            assert execution.error is None
        """,
    )
    done = project.pytest()
    assert done.returncode == 1
    report = done.stdout.partition("Flyte executions")[2]
    assert "FAILED  greetings.hello  http://localhost:" in report
    assert "ValueError: nobody to greet" in report
    assert "attempt 0, the end of" in report
    assert "    greeting \n" in report


def test_several_processes_of_pytest_do_not_get_in_each_others_way(project: Project) -> None:
    project.write(
        "test_them.py",
        """
        import pytest
        from greetings import hello


        @pytest.mark.parametrize("name", ["a", "b", "c", "d"])
        def test_hello(flyte_remote, flyte_project, name):
            flyte_remote.fast_register_workflow(hello, version="1")
            execution = flyte_remote.execute(hello, inputs={"name": name}, version="1", wait=True)
            assert execution.outputs["o0"] == f"hello {name}"
            assert len(flyte_remote.recent_executions()) == 1
        """,
    )
    done = project.pytest("-n", "2", "-p", "xdist")
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


def test_a_flyte_that_runs_already_is_used_by_its_address(project: Project) -> None:
    project.write(
        "test_them.py",
        """
        from datetime import timedelta

        import pytest


        def test_address(flyte_sandbox, flyte_project):
            assert flyte_sandbox.endpoint == "localhost:PORT"


        def test_time(flyte_sandbox):
            with pytest.raises(Exception, match="cannot be skipped"):
                flyte_sandbox.skip(timedelta(days=1))
        """,
    )
    test = project.folder / "test_them.py"
    with running_sandbox(warm=False) as sandbox:
        test.write_text(test.read_text().replace("PORT", str(sandbox.port)))
        by_variable = project.pytest(AIRFLYTE_SANDBOX_ENDPOINT=sandbox.endpoint)
        by_option = project.pytest("--flyte-sandbox-endpoint", sandbox.endpoint)
    for done in (by_variable, by_option):
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("conftest", "variables", "sentence"),
    [
        ("", {"AIRFLYTE_SANDBOX_ENDPOINT": "localhost:1"}, "No Flyte answers at localhost:1 (UNAVAILABLE"),
        ("{'port': TAKEN}", {}, "cannot listen on 127.0.0.1:TAKEN"),
    ],
    ids=["nobody-there", "port-taken"],
)
def test_a_server_that_cannot_start_is_told_in_a_sentence(
    project: Project, conftest: str, variables: dict[str, str], sentence: str
) -> None:
    project.write("test_them.py", "def test_it(flyte_sandbox): ...")
    with running_sandbox(warm=False) as sandbox:
        taken = str(sandbox.port)
        project.write(
            "conftest.py",
            f"""
            import pytest

            @pytest.fixture(scope="session")
            def flyte_sandbox_options():
                return {conftest.replace("TAKEN", taken) or "{}"}
            """,
        )
        done = project.pytest(**variables)
    assert done.returncode == 1
    assert "flyte_sandbox: " + sentence.replace("TAKEN", taken) in done.stdout
    assert "Traceback" not in done.stdout


def test_without_flytekit_the_server_still_serves(project: Project) -> None:
    project.write("flytekit.py", "raise ImportError('no flytekit here')")
    project.write(
        "test_them.py",
        """
        def test_server(flyte_sandbox, flyte_project):
            assert flyte_project


        def test_remote(flyte_remote): ...
        """,
    )
    done = project.pytest("--import-mode=prepend")
    assert "1 passed, 1 error" in done.stdout
    assert "flyte_remote needs flytekit" in done.stdout

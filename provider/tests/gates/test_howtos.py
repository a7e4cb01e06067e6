"""Every block of Python in the how-to pages stands in an example Dag, and every example Dag runs."""

from __future__ import annotations

import ast
import json
import re
import textwrap
import threading
from pathlib import Path
from types import SimpleNamespace

import airflow
import pytest
from airflow.utils.state import TaskInstanceState
from flyteidl.core import types_pb2
from sqlalchemy import select

from flyte_provider._client.codec import decode_map, encode

from ..fakes.admin import FakeAdmin
from ..stack.airflow import wait_until
from ..test_dag_runs import load, run, xcom

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS.parent / "README.md", *sorted(DOCS.glob("*.md"))]
EXAMPLES = sorted((DOCS / "example_dags").glob("*.py"))
SYSTEM_TESTS = sorted((DOCS.parent / "tests" / "system" / "flyte").glob("example_*.py"))
ANY_AIRFLOW, AIRFLOW_3, AIRFLOW_3_1, AIRFLOW_3_3 = EXAMPLES
IS_2 = airflow.__version__.startswith("2.")

FLOAT = types_pb2.LiteralType(simple=types_pb2.FLOAT)
INT = types_pb2.LiteralType(simple=types_pb2.INTEGER)
STR = types_pb2.LiteralType(simple=types_pb2.STRING)


def snippets() -> dict[str, str]:
    """Return what lies between the marks of the example Dags and system tests, keyed by name."""
    found = {}
    for path in EXAMPLES + SYSTEM_TESTS:
        for match in re.finditer(r"# \[START (\w+)\]\n(.*?)\n *# \[END \1\]", path.read_text(), re.DOTALL):
            found[match[1]] = without_blank_lines(textwrap.dedent(match[2]))
    return found


def blocks(page: Path) -> list[str]:
    return [block.strip() for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)]


def without_imports(block: str) -> str:
    """Return a block without its imports, which the pages show and the example Dags have at their top."""
    lines = [line for line in block.splitlines() if not line.startswith(("from ", "import "))]
    return without_blank_lines("\n".join(lines))


def without_blank_lines(text: str) -> str:
    """Return what is left to compare: formatters set blank lines by what stands around a block."""
    return "\n".join(line for line in text.splitlines() if line.strip())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_every_block_of_a_page_stands_in_an_example(page: Path) -> None:
    known = snippets().values()
    assert [block for block in blocks(page) if without_imports(block) not in known] == []


def test_every_marked_part_is_shown_on_a_page() -> None:
    shown = {without_imports(block) for page in PAGES for block in blocks(page)}
    assert [name for name, snippet in snippets().items() if snippet not in shown] == []


def test_imports_on_pages_are_those_of_the_examples() -> None:
    """What a page imports can be imported."""
    for page in PAGES:
        for block in blocks(page):
            imports = [line for line in block.splitlines() if line.startswith(("from ", "import "))]
            for node in ast.parse("\n".join(imports)).body:
                assert any(ast.unparse(node) in ast.unparse(ast.parse(p.read_text())) for p in EXAMPLES)


# -- the Dags run --------------------------------------------------------------------------------------------

TASKS = {
    "howto_begin": ["train"],
    "howto_wait": ["train"],
    "howto_deferrable": ["train"],
    "howto_launch_task": ["square"],
    "howto_pin": ["train"],
    "howto_map": ["train"],
    "howto_recover": ["train"],
    "howto_sensor": ["launch", "wait"],
    "howto_sensor_deferrable": ["launch", "wait"],
    "howto_decorator": ["train"],
    "howto_hook": ["train_until_good"],
    "howto_notifier": ["nothing"],
}
TASKS_3 = {"howto_outlet": ["train"], "howto_watcher": ["report"]}


@pytest.fixture
def flyte(admin: FakeAdmin, monkeypatch: pytest.MonkeyPatch) -> FakeAdmin:
    connection = {"conn_type": "flyte", "host": f"http://127.0.0.1:{admin.port}"}
    monkeypatch.setenv("AIRFLOW_CONN_FLYTE_CONN", json.dumps(connection))
    admin.add_launch_plan("scoring.train", {"ratio": FLOAT, "seed": INT})
    admin.add_launch_plan("scoring.nothing")
    admin.add_launch_plan("scoring.report", {"run_id": STR})
    admin.add_launch_plan("scoring.release")
    admin.add_task("scoring.square", {"x": INT})
    assert admin.script is not None
    admin.script.outputs = {"accuracy": encode(0.75, FLOAT)}
    return admin


def add_versions(flyte: FakeAdmin) -> None:
    """Have three versions of a launch plan, the last active."""
    for version in ("v1", "v2", "v3"):
        flyte.add_launch_plan("scoring.train", {"ratio": FLOAT, "seed": INT}, version=version)


def launched_version(flyte: FakeAdmin) -> str:
    (created,) = flyte.requests["CreateExecution"]
    return str(created.spec.launch_plan.version)


def wait_at_gate(flyte: FakeAdmin, execution: str) -> None:
    if execution not in flyte.executions:
        flyte.add_execution(execution)
    flyte.add_signal(execution, "approve", types_pb2.LiteralType(simple=types_pb2.BOOLEAN))


def answer(dag_id: str, task_id: str, option: str) -> None:
    """Answer a human's task as the REST API does, once it waits for that."""
    from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
    from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    def find_waiting() -> str:
        with create_session() as session:
            waiting = {"dag_id": dag_id, "task_id": task_id, "state": TaskInstanceState.AWAITING_INPUT}
            return session.scalars(select(TaskInstance.run_id).filter_by(**waiting)).first() or ""

    run_id = wait_until(find_waiting, 60, f"{dag_id}.{task_id} asking")
    user = SimpleNamespace(get_id=lambda: "1", get_name=lambda: "Ada")
    payload = UpdateHITLDetailPayload(chosen_options=[option], params_input={})
    with create_session() as session:
        update_hitl_detail(dag_id, run_id, task_id, payload, user, session)


@pytest.mark.processes
@pytest.mark.usefixtures("airflow_database", "flyte")
class TestExamples:
    @pytest.mark.parametrize("dag_id", TASKS)
    def test_it_is_green(self, dag_id: str) -> None:
        states = run(load(ANY_AIRFLOW, dag_id))
        assert {states[task] for task in TASKS[dag_id]} == {"success"}

    @pytest.mark.skipif(
        airflow.__version__.startswith("3.0."),
        reason="there a resumed sensor gets a text for a date in dag.test()",
    )
    def test_a_rescheduled_sensor_is_green(self) -> None:
        assert run(load(ANY_AIRFLOW, "howto_sensor_reschedule"))["wait"] == "success"

    @pytest.mark.skipif(IS_2, reason="Airflow 2 has no assets")
    @pytest.mark.parametrize("dag_id", TASKS_3)
    def test_it_is_green_on_airflow_3(self, dag_id: str) -> None:
        if dag_id == "howto_outlet" and airflow.__version__.startswith("3.0."):
            pytest.skip("dag.test() of 3.0 refuses outlets: no scheduler has made them active")
        states = run(load(AIRFLOW_3, dag_id))
        assert {states[task] for task in TASKS_3[dag_id]} == {"success"}

    @pytest.mark.parametrize("bundle_version", ["v2", None])
    def test_the_dag_bundles_version_is_launched(
        self, flyte: FakeAdmin, monkeypatch: pytest.MonkeyPatch, bundle_version: str | None
    ) -> None:
        """``dag.test()`` has no bundle, so the task is given one as a worker gives it."""
        runner = pytest.importorskip("airflow.sdk.execution_time.task_runner", reason="Airflow 3 has bundles")
        from airflow.dag_processing.bundles.local import LocalDagBundle

        assert "bundle_instance" in runner.RuntimeTaskInstance.model_fields
        bundle = LocalDagBundle(name="git", version=bundle_version)
        monkeypatch.setattr(runner.RuntimeTaskInstance, "bundle_instance", bundle, raising=False)
        add_versions(flyte)
        run(load(ANY_AIRFLOW, "howto_pin"))
        assert launched_version(flyte) == (bundle_version or "v3")

    @pytest.mark.parametrize("variable", ["v1", None])
    def test_without_a_bundle_the_deployment_says_which_version(
        self, flyte: FakeAdmin, monkeypatch: pytest.MonkeyPatch, variable: str | None
    ) -> None:
        if variable:
            monkeypatch.setenv("AIRFLOW_VAR_FLYTE_VERSION", variable)
        add_versions(flyte)
        run(load(ANY_AIRFLOW, "howto_pin"))
        assert launched_version(flyte) == (variable or "v3")

    def test_a_signal_is_set_by_hand(self, flyte: FakeAdmin) -> None:
        wait_at_gate(flyte, "e1")
        conf = {"execution_name": "e1", "yes": False}
        states = run(load(ANY_AIRFLOW, "howto_approve_by_hand"), run_conf=conf)
        assert (states["approve"], flyte.signals[0].value.scalar.primitive.boolean) == ("success", False)

    @pytest.mark.timeout(120, method="thread")
    @pytest.mark.parametrize("option", ["release", "keep back"])
    def test_a_human_approves(self, flyte: FakeAdmin, option: str) -> None:
        if not hasattr(TaskInstanceState, "AWAITING_INPUT"):
            pytest.skip("dag.test() waits for humans from 3.3 on")
        flyte.script = None

        def be_human() -> None:
            flyte.wait_for("CreateExecution")
            (name,) = flyte.executions
            wait_at_gate(flyte, name)
            answer("howto_approve", "ask", option)
            flyte.wait_for("SetSignal")
            flyte.end(name)

        thread = threading.Thread(target=be_human, daemon=True)
        thread.start()
        states = run(load(AIRFLOW_3_1, "howto_approve"))
        thread.join()
        assert {states[task] for task in ("launch", "ask", "answer", "wait")} == {"success"}
        assert flyte.signals[0].value.scalar.primitive.boolean is (option == "release")

    @pytest.mark.skipif(IS_2 or airflow.__version__.startswith("3.0."), reason="as above")
    def test_an_assets_event_says_which_execution_it_comes_from(self, flyte: FakeAdmin) -> None:
        from airflow.models.asset import AssetEvent
        from airflow.utils.session import create_session

        run(load(AIRFLOW_3, "howto_outlet"))
        (name,) = flyte.executions
        with create_session() as session:
            extra = session.scalars(select(AssetEvent.extra).order_by(AssetEvent.id.desc())).first()
        assert extra.items() >= {"execution": name, "outputs_uri": f"s3://bucket/{name}/outputs.pb"}.items()

    def test_retry_policies_are_taken(self) -> None:
        pytest.importorskip("airflow.sdk.definitions.retry_policy", reason="Airflow 3.3 has policies")
        assert run(load(AIRFLOW_3_3, "howto_retry_policy"))["train"] == "success"

    def test_the_pages_say_what_comes_of_it(self, flyte: FakeAdmin) -> None:
        states = run(load(ANY_AIRFLOW, "howto_wait"))
        assert xcom(states[""], "train") == {"accuracy": 0.75}
        assert xcom(states[""], "train", "accuracy") == 0.75
        assert decode_map(flyte.requests["CreateExecution"][0].inputs) == {"ratio": 0.5, "seed": 7}
        states = run(load(ANY_AIRFLOW, "howto_hook"))
        assert xcom(states[""], "train_until_good") == 0.75

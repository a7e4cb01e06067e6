"""``program`` against a Flyte: what is registered, what a repeat does, and what another Flyte may be."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from fake_flyte import FakeFlyte
from program_run import Register

CHECKOUT = Path(__file__).parents[3]


def read_archive(flyte: FakeFlyte) -> dict[str, str]:
    """The uploaded sources: text by name; what is none is not looked into."""
    (content,) = [value for uri, value in flyte.objects.items() if uri.endswith(".tar.gz")]
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {name: tar.extractfile(name).read().decode(errors="replace") for name in tar.getnames()}  # type: ignore[union-attr]


def test_everything_under_the_root_is_registered_and_active(
    register: Register, flyte: FakeFlyte, home: Path
) -> None:
    result = register()
    version = result.version
    assert flyte.names("TASK", version) == {"shop.orders.total", "shop.orders.double"}
    assert flyte.names("WORKFLOW", version) == {"shop.orders.orders_wf"}
    launch_plans = {"shop.orders.orders_wf", "short_name", "fixed_prices"}
    assert flyte.names("LAUNCH_PLAN", version) == launch_plans
    assert flyte.active == dict.fromkeys(launch_plans, version)
    assert result.done == {"kind": "done", "version": version, "created": 6, "activated": 3}
    assert not list(home.iterdir()), "flytekit wrote to the home folder"


def test_every_entity_is_told_in_a_line_of_its_own(register: Register, source_root: Path) -> None:
    result = register("--project", "shops", "--domain", "staging")
    (plan,) = [event for event in result.events if event["kind"] == "plan"]
    told = [event for event in result.events if "name" in event]
    assert len(told) == plan["total"] == 6
    assert {
        "kind": "launch_plan",
        "project": "shops",
        "domain": "staging",
        "name": "short_name",
        "version": result.version,
        "result": "created",
        "is_active": True,
    } in told
    assert "importing orders" in result.notes, "user code's prints belong to standard error"


def test_the_sources_are_uploaded_once_and_named_by_every_task(register: Register, flyte: FakeFlyte) -> None:
    version = register().version
    archive = read_archive(flyte)
    assert set(archive) == {
        "shop/__init__.py",
        "shop/orders.py",
        "shop/prices.py",
        "shop/launch_plan_defaults.toml",
    }
    (uri,) = [uri for uri in flyte.objects if uri.endswith(".tar.gz")]
    for name in flyte.names("TASK", version):
        args = list(flyte.specs["TASK", name, version].template.container.args)
        assert args[:6] == ["pyflyte-fast-execute", "--additional-distribution", uri, "--dest-dir", ".", "--"]
    assert flyte.calls["PUT"] == 2


def test_the_uploaded_table_is_the_default_of_every_launch_plan_that_does_not_fix_it(
    register: Register, flyte: FakeFlyte
) -> None:
    register()
    for name in ("shop.orders.orders_wf", "short_name"):
        parameters = flyte.launch_plan(name).default_inputs.parameters
        blob = parameters["prices"].default.scalar.blob
        assert flyte.objects[blob.uri] == b"1,2\n"
        assert blob.metadata.type.format == "csv"
        assert parameters["factor"].default.scalar.primitive.float_value == 1.0
    fixed = flyte.launch_plan("fixed_prices")
    assert set(fixed.default_inputs.parameters) == {"factor"}
    assert fixed.fixed_inputs.literals["prices"].scalar.blob.uri == "s3://elsewhere/prices.csv"


def test_a_repeat_does_nothing_and_without_flytekit(
    register: Register, flyte: FakeFlyte, tmp_path: Path
) -> None:
    plan = tmp_path / "state" / "plan.json"
    first = register("--plan-file", plan)
    calls = dict(flyte.calls)
    second = register("--plan-file", plan)
    assert second.done == {"kind": "done", "version": first.version, "created": 0, "activated": 0}
    assert {event["result"] for event in second.events if "name" in event} == {"exists"}
    assert "importing orders" not in second.notes
    assert {name for name in flyte.calls if flyte.calls[name] != calls[name]} == {"ListActiveLaunchPlans"}


def test_a_repeat_without_a_plan_file_sends_nothing_either(register: Register, flyte: FakeFlyte) -> None:
    first = register()
    calls = dict(flyte.calls)
    assert register().done["version"] == first.version
    assert {name for name in flyte.calls if flyte.calls[name] != calls[name]} == {"ListActiveLaunchPlans"}


def test_force_sends_everything_again_and_finds_all_of_it_identical(
    register: Register, flyte: FakeFlyte
) -> None:
    register()
    objects = dict(flyte.objects)
    for _ in range(3):  # each process has another hash seed
        assert register("--force").done["created"] == 0
    assert flyte.objects == objects
    assert flyte.calls["PUT"] == 8


def test_a_server_that_has_forgotten_gets_everything_again(
    register: Register, flyte: FakeFlyte, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    register("--plan-file", plan)
    flyte.specs.clear()
    flyte.active.clear()
    assert register("--plan-file", plan).done["created"] == 6


def test_an_edit_is_a_new_version_and_taking_it_back_activates_the_old_one(
    register: Register, flyte: FakeFlyte, source_root: Path, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    first = register("--plan-file", plan)
    prices = source_root / "shop" / "prices.py"
    before = prices.read_text()
    prices.write_text("VAT = 1.07\n")
    second = register("--plan-file", plan)
    assert second.version != first.version
    assert set(flyte.active.values()) == {second.version}
    prices.write_text(before)
    third = register("--plan-file", plan)
    assert third.done == {"kind": "done", "version": first.version, "created": 0, "activated": 3}
    assert set(flyte.active.values()) == {first.version}


def test_another_table_is_a_new_version(register: Register, flyte: FakeFlyte, source_root: Path) -> None:
    first = register().version
    (source_root / "shop/data/prices.csv").write_text("3,4\n")
    assert register().version != first
    blob = flyte.launch_plan("short_name").default_inputs.parameters["prices"].default.scalar.blob
    assert flyte.objects[blob.uri] == b"3,4\n"


def test_a_version_of_ones_own_and_an_image_are_used(register: Register, flyte: FakeFlyte) -> None:
    assert register("--version", "2026.11", "--image", "registry.example/shop:7").version == "2026.11"
    task = flyte.specs["TASK", "shop.orders.total", "2026.11"]
    assert task.template.container.image == "registry.example/shop:7"


def test_image_and_lock_are_parts_of_the_version(register: Register, tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("flytekit==1.16.31\n")
    versions = {
        register(*arguments).version
        for arguments in ((), ("--image", "registry.example/shop:7"), ("--lock", lock))
    }
    assert len(versions) == 3


def test_what_was_left_half_done_is_completed(register: Register, flyte: FakeFlyte) -> None:
    flyte.refusals["shop.orders.orders_wf"] = "no more than\n3 nodes, please"
    assert register().error == (
        f"Flyte at {flyte.address} would not register workflow shop.orders.orders_wf: "
        "no more than 3 nodes, please"
    )
    assert not flyte.active
    flyte.refusals.clear()
    result = register()
    assert result.done["created"] == 4
    assert {event["result"] for event in result.events if event["kind"] == "task"} == {"exists"}
    assert set(flyte.active.values()) == {result.version}


@pytest.mark.parametrize("by", ["--config", "FLYTECTL_CONFIG"])
def test_a_configuration_file_leads_to_any_flyte(
    register: Register, flyte: FakeFlyte, tmp_path: Path, by: str
) -> None:
    config = tmp_path / "flyte.yaml"
    config.write_text(f"admin:\n  endpoint: dns:///{flyte.address}\n  insecure: true\n")
    arguments, environ = ((by, config), None) if by == "--config" else ((), {by: str(config)})
    assert register(*arguments, environ=environ).done["created"] == 6


def test_a_given_endpoint_wins_over_the_environment(
    register: Register, flyte: FakeFlyte, tmp_path: Path
) -> None:
    config = tmp_path / "production.yaml"
    config.write_text("admin:\n  endpoint: dns:///flyte.invalid:443\n")
    environ = {"FLYTECTL_CONFIG": str(config), "FLYTE_PLATFORM_URL": "flyte.invalid:443"}
    assert register("--endpoint", flyte.address, environ=environ).done["created"] == 6


def test_a_proxy_is_not_asked_for_this_machine(register: Register, flyte: FakeFlyte) -> None:
    environ = {
        "http_proxy": "http://127.0.0.1:1",
        "https_proxy": "http://127.0.0.1:1",
        "no_proxy": "example.org",
    }
    assert register("--endpoint", flyte.address, environ=environ).done["created"] == 6


def test_the_workflows_of_this_repository_are_registered(register: Register, flyte: FakeFlyte) -> None:
    version = register(root=CHECKOUT / "workflows").version
    assert {"basics.hello_world.hello_wf", "ml_training.pima_diabetes.diabetes.diabetes_xgboost_model"} <= (
        flyte.names("WORKFLOW", version)
    )
    table = CHECKOUT / "workflows/ml_training/pima_diabetes/data/pima-indians-diabetes.csv"
    for name in (
        "ml_training.pima_diabetes.diabetes.diabetes_xgboost_model",
        "pima_diabetes.diabetes.diabetes_xgboost_model",
    ):
        spec = flyte.launch_plan(name)
        assert spec.workflow_id.name == "ml_training.pima_diabetes.diabetes.diabetes_xgboost_model"
        parameters = spec.default_inputs.parameters
        assert flyte.objects[parameters["dataset"].default.scalar.blob.uri] == table.read_bytes()
        assert not any(parameter.required for parameter in parameters.values())
    assert set(read_archive(flyte)) >= {"basics/hello_world.py", "ml_training/pima_diabetes/diabetes.py"}
    assert not [name for name in read_archive(flyte) if "tests" in name or name.endswith((".csv", ".md"))]

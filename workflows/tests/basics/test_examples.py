"""Every example gives on a Flyte what it gives when it is called here."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from flytekit.core.context_manager import FlyteContextManager

from .comparing import local_outputs, remote_outputs
from .conftest import Flyte

EXAMPLES: list[tuple[str, dict[str, Any]]] = [
    ("hello_world.hello_wf", {"name": "Ada"}),
    ("launch_plans.rally_wf", {}),
    ("named_outputs.named_outputs_wf", {"numbers": [1.5, 2.5]}),
    ("simple_types.simple_types_wf", {}),
    ("simple_types.simple_types_wf", {"value": 12, "text": "one more time"}),
    ("files_and_directories.files_wf", {}),
    ("dataframes.dataframes_wf", {"at_least": 40}),
    ("structured_types.structured_types_wf", {"width": 32, "depth": 3}),
    ("arrays_and_pickles.arrays_wf", {}),
    ("conditionals.collatz_wf", {"number": 6}),
    ("conditionals.collatz_wf", {"number": 7}),
    ("conditionals.nested_wf", {"number": 7}),
    ("conditionals.nested_wf", {"number": 12}),
    ("chaining.chaining_wf", {}),
    ("subworkflows.subworkflows_wf", {"number": 5.0}),
    ("imperative.imperative_wf", {"text": " Hello "}),
    ("dynamic.dynamic_wf", {"number": 84}),
    ("map_tasks.map_wf", {}),
    ("map_tasks.tolerant_wf", {}),
    ("decks.decks_wf", {"rows": 5}),
    ("caching.caching_wf", {}),
    ("checkpoints.checkpoints_wf", {}),
    ("failure_nodes.failure_wf", {}),
    ("schedules.schedules_wf", {"city": "Boston"}),
    ("image_specs.image_specs_wf", {}),
    ("using_secrets.secrets_wf", {}),
    ("eager_workflows.eager_wf", {"number": 3, "limit": 10}),
    ("retries_and_timeouts.retries_wf", {"succeeds_at": 2}),
    ("retries_and_timeouts.timeout_wf", {}),
    ("resources.resources_wf", {}),
    ("shell_and_sql.shell_wf", {"text": "quiet"}),
    ("shell_and_sql.sql_wf", {}),
]


@pytest.mark.parametrize(("name", "inputs"), EXAMPLES, ids=[name.partition(".")[2] for name, _ in EXAMPLES])
def test_an_example_gives_the_same_on_a_flyte_as_here(
    flyte: Flyte, name: str, inputs: dict[str, Any], local: None
) -> None:
    module, _, entity = name.partition(".")
    example = getattr(importlib.import_module(f"basics.{module}"), entity)
    execution = flyte.launch(name, **inputs)
    expected = local_outputs(example, call(example, inputs))
    outputs = flyte.outputs(execution)
    with FlyteContextManager.with_context(flyte.remote.context.new_builder()):
        assert remote_outputs(example, outputs) == expected


def call(example: Any, inputs: dict[str, Any]) -> Any:
    import asyncio

    result = example(**inputs)
    return asyncio.run(result) if asyncio.iscoroutine(result) else result


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What local runs need: a cache of their own, and the secrets of the sandbox as variables."""
    monkeypatch.setenv("FLYTE_LOCAL_CACHE_ENABLED", "true")
    monkeypatch.setenv("_FSEC_WAREHOUSE_PASSWORD", "open sesame")
    monkeypatch.setenv("_FSEC_WAREHOUSE_TOKEN", "abc")


def test_every_example_is_tried() -> None:
    package = Path(importlib.import_module("basics").__file__ or "").parent
    modules = {path.stem for path in package.glob("*.py")} - {"__init__"}
    # These need more than inputs: tests of their own are in test_behaviour.
    assert modules - {name.partition(".")[0] for name, _ in EXAMPLES} == {"waiting", "reference_entities"}

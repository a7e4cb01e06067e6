"""Parts of outputs handed on, and entities that are registered elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl.core.execution_pb2 import WorkflowExecution

from .server import Server


def run(server: Server, name: str, **inputs: Any) -> Any:
    for module in ("nested", "references", "promises"):
        server.register(module)
    return server.finish(server.launch(name, **inputs))


def test_attributes_keys_and_indices_of_what_a_task_returned(standing_server: Server) -> None:
    outputs = run(standing_server, "promises.parts").outputs
    assert outputs["o0"] == "7 2.5 b 1 True 5 9 two ['a', 'b']"
    assert (outputs["o1"], outputs["o2"]) == (7, 7)


def test_attributes_inside_a_dynamic_workflow(standing_server: Server) -> None:
    assert run(standing_server, "promises.parts_inside").outputs["o0"] == 7


def test_a_key_that_is_not_there_fails_the_node_that_asks(standing_server: Server) -> None:
    execution = run(standing_server, "promises.no_such_key")
    assert execution.closure.phase == WorkflowExecution.FAILED
    assert execution.error.code == "BindingResolutionFailure"
    assert execution.error.message == (
        "failed to resolve node 'n1': key [none] does not exist in literal ['words']"
    )


@pytest.mark.parametrize(
    ("workflow", "expected"), [("references.borrowed", 24), ("references.borrowed_dynamically", 15)]
)
def test_tasks_and_launch_plans_of_others_are_used_by_name(
    standing_server: Server, workflow: str, expected: int
) -> None:
    assert run(standing_server, workflow, number=3).outputs["o0"] == expected


def test_values_of_many_megabytes_are_handed_on_mapped_over_and_taken_apart(standing_server: Server) -> None:
    outputs = run(standing_server, "large.large").outputs
    assert outputs["o0"] == "x12582912"
    assert outputs["o1"] == ["a6291456", "b6291456"]
    assert (outputs["o2"], outputs["o3"]) == ("b6291456", "c6291456")

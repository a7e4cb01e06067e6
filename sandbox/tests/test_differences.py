"""The table of differences is true of the code, and the page is what the table makes of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest
from flyteidl.core import workflow_pb2

import flyte_sandbox
from flyte_sandbox.admin.rooms import Admin
from flyte_sandbox.differences import DIFFERENCES, KINDS_OF_NODES, MISSING_CALLS, Difference, page
from flyte_sandbox.engine.deciding.nodes.table import KINDS
from flyte_sandbox.rpc.handlers import handlers
from flyte_sandbox.rpc.methods import SERVICES, methods

SOURCE = Path(flyte_sandbox.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "differences.md"
HOW = "type: python -m flyte_sandbox.differences > docs/differences.md"


class _Rooms:
    """Stands for any part of ``admin``: only the names in the table of handlers count."""

    def __getattr__(self, name: str) -> Any:
        return _Rooms()


def test_the_page_is_what_the_table_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), HOW


def test_the_calls_that_are_missing_are_those_without_a_handler() -> None:
    answered = handlers(cast(Admin, _Rooms()))
    missing = {method.name for service in SERVICES for method in methods(service)} - answered.keys()
    told = {f"/flyteidl.service.{one.service}/{name}" for one in MISSING_CALLS for name in one.names}
    assert told == missing, f"bring MISSING_CALLS up to date, then {HOW}"


@pytest.mark.parametrize("one", DIFFERENCES, ids=lambda one: one.rule)
def test_every_row_is_whole_and_its_file_is_there(one: Difference) -> None:
    assert (SOURCE / one.where).is_file()
    for cell in (one.rule, one.real, one.ours, one.why):
        assert cell.strip() == cell != ""
        assert "|" not in cell


def test_the_kinds_of_nodes_that_do_not_run_are_those_that_the_engine_does_not_know() -> None:
    (targets,) = workflow_pb2.Node.DESCRIPTOR.oneofs
    (references,) = workflow_pb2.WorkflowNode.DESCRIPTOR.oneofs
    kinds = {field.name for one in (targets, references) for field in one.fields} - {"workflow_node"}
    told = [one.ours for one in DIFFERENCES if one.rule == KINDS_OF_NODES]
    assert set(re.findall(r"`(\w+_(?:node|ref))`", " ".join(told))) == kinds - KINDS.keys()
    assert len(told) == bool(kinds - KINDS.keys())


def test_no_rule_is_told_twice() -> None:
    assert len({one.rule for one in DIFFERENCES}) == len(DIFFERENCES)

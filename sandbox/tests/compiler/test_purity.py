"""The compiler is pure: it knows messages and nothing of databases, clocks, files or processes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import flyte_sandbox.compiler

MODULES = sorted(Path(flyte_sandbox.compiler.__file__).parent.glob("*.py"))

OURS = ("flyte_sandbox.compiler", "flyte_sandbox.errors", "flyte_sandbox.ids", "flyte_sandbox.phases")
STANDARD = {
    *("__future__", "base64", "collections", "dataclasses", "datetime", "enum", "fractions", "hashlib"),
    *("json", "math", "re", "typing", "unicodedata", "zoneinfo"),
}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", MODULES, ids=[path.stem for path in MODULES])
def test_a_module_imports_nothing_that_could_have_effects(path: Path) -> None:
    for name in _imports(path):
        allowed = name.startswith((*OURS, "flyteidl.", "google.protobuf")) or name.split(".")[0] in STANDARD
        assert allowed, name


@pytest.mark.parametrize("path", MODULES, ids=[path.stem for path in MODULES])
def test_a_module_does_not_ask_what_time_it_is(path: Path) -> None:
    called = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    assert not called & {"now", "utcnow", "today", "open", "read_text"}

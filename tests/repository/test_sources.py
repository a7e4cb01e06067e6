"""What every Python file keeps to, and what no test may do."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

from .tree import CHECKOUT, files, name

HELPERS = ("eventually", "eventually_in_loop", "wait_until", "take_time")
"""The only functions that may sleep in a test: those that look again and again, with a time limit, and the
one that plays somebody slow, where slowness is what the test is about.
"""


def is_test(path: Path) -> bool:
    """Benchmarks are about time, and a workflow that a test runs is user code."""
    parts = path.relative_to(CHECKOUT).parts
    return "tests" in parts and not {"bench", "workflows", "examples"} & set(parts[parts.index("tests") :])


@functools.cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_every_module_says_what_it_owns() -> None:
    silent = [name(path) for path in files(".py") if parse(path).body and not ast.get_docstring(parse(path))]
    assert silent == [], "begin with a sentence about what the module owns"


def test_tests_wait_for_something_instead_of_sleeping() -> None:
    sleeping = [
        f"{name(path)}:{line}" for path in files(".py") if is_test(path) for line in _sleeps(parse(path))
    ]
    assert sleeping == [], f"wait for an event, or in a helper named {' or '.join(HELPERS)}"


def _sleeps(node: ast.AST) -> Iterator[int]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and child.name.lstrip("_") in HELPERS:
            continue
        if _is_sleep(child):
            yield child.lineno  # type: ignore[attr-defined]
        yield from _sleeps(child)


def _is_sleep(node: ast.AST) -> bool:
    """A call, or an import by which calls would hide; ``asyncio.sleep(0)`` only lets others run."""
    if isinstance(node, ast.ImportFrom):
        return node.module in ("time", "asyncio") and any(each.name == "sleep" for each in node.names)
    if not (isinstance(node, ast.Call) and ast.unparse(node.func) in ("time.sleep", "asyncio.sleep")):
        return False
    return not (node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0)

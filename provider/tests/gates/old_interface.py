"""Reads the public interface of an installed package from its sources, without importing what it needs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REQUIRED = "required"
"""Stands for the default of a parameter that has none."""


def read_interface(package: Path) -> dict[str, dict[str, Any]]:
    """Return what is public, keyed by dotted path.

    A class gives ``{"kind": "class"}``, one of its plain values ``{"kind": "value", "value": …}``, a function
    or method ``{"kind": "function", "parameters": {name: default}}`` without ``self`` and ``**kwargs``.
    Defaults and values that are no literals are given as their source text.

    :param package: the package's folder
    """
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(package.rglob("*.py")):
        module = ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.parse(path.read_text()).body:
            found.update(_read(node, module))
    return found


def _read(node: ast.stmt, owner: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
        name = f"{owner}.{node.name}"
        yield name, {"kind": "class"}
        for child in node.body:
            yield from _read(child, name)
    elif isinstance(node, ast.FunctionDef) and (node.name == "__init__" or node.name[0] != "_"):
        yield f"{owner}.{node.name}", {"kind": "function", "parameters": _parameters(node)}
    elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if isinstance(target, ast.Name) and not target.id.startswith("_"):
                yield f"{owner}.{target.id}", {"kind": "value", "value": _value(node.value)}


def _parameters(node: ast.FunctionDef) -> dict[str, Any]:
    positional = [*node.args.posonlyargs, *node.args.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(node.args.defaults))
    defaults += node.args.defaults
    pairs = [*zip(positional, defaults, strict=True)]
    pairs += zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    return {
        argument.arg: REQUIRED if default is None else _value(default)
        for argument, default in pairs
        if argument.arg not in ("self", "cls")
    }


def _value(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)

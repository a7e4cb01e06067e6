"""The contracts about imports hold, and they look at the code they are meant for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import tomllib

from .tree import CHECKOUT

SETTINGS = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
DISTRIBUTIONS = ("sandbox", "provider", "scripts")


def test_every_contract_holds() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    found = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_package_of_ours_is_looked_at() -> None:
    packages = {
        path.parent.name for each in DISTRIBUTIONS for path in CHECKOUT.glob(f"{each}/src/*/__init__.py")
    }
    assert packages == set(SETTINGS["root_packages"])


def test_no_contract_is_about_a_module_that_is_gone() -> None:
    """import-linter would not miss a source module of which only the name is left."""
    modules = [
        module
        for contract in SETTINGS["contracts"]
        for module in contract.get("source_modules", [])
        if "." in module
    ]
    sources = [CHECKOUT / "sandbox/src" / module.replace(".", "/") for module in modules]
    assert [str(path) for path in sources if not (path.is_dir() or path.with_suffix(".py").is_file())] == []

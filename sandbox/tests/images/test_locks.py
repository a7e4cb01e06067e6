"""Lock files of uv and Poetry as lines of requirements."""

from __future__ import annotations

from pathlib import Path

import pytest
from flytekit import ImageSpec

from flyte_sandbox.flytekit_plugin.locks import read_lock

UV = """
version = 1
requires-python = ">=3.11"

[[package]]
name = "app"
version = "0.1.0"
source = { virtual = "." }
dependencies = [
    { name = "black" },
    { name = "winner", marker = "sys_platform == 'win32'" },
]

[package.dev-dependencies]
dev = [{ name = "pytest" }]

[[package]]
name = "black"
version = "24.1.0"
source = { registry = "https://index.example/simple" }
dependencies = [{ name = "click", extra = ["rich"] }]

[[package]]
name = "click"
version = "8.1.0"
source = { registry = "https://index.example/simple" }

[package.optional-dependencies]
rich = [{ name = "rich" }]

[[package]]
name = "pytest"
version = "8.0.0"
source = { registry = "https://index.example/simple" }

[[package]]
name = "rich"
version = "13.0.0"
source = { registry = "https://index.example/simple" }

[[package]]
name = "winner"
version = "1.0.0"
source = { registry = "https://index.example/simple" }
dependencies = [{ name = "click", marker = "python_full_version < '3.12'" }]
"""

POETRY = """
[[package]]
name = "black"
version = "24.1.0"
optional = false
groups = ["main", "dev"]

[[package]]
name = "winner"
version = "1.0.0"
optional = false
groups = ["main"]
markers = "sys_platform == \\"win32\\""

[[package]]
name = "both"
version = "2.0.0"
optional = false
groups = ["main", "dev"]
markers = {main = "python_version < \\"3.13\\""}

[[package]]
name = "pytest"
version = "8.0.0"
optional = false
groups = ["dev"]

[[package]]
name = "extra"
version = "1.0.0"
optional = true
groups = ["main"]
"""


def read(tmp_path: Path, name: str, text: str, **fields: object) -> list[str]:
    (tmp_path / name).write_text(text)
    return read_lock(ImageSpec(requirements=str(tmp_path / name), **fields))


def test_uv_lock_gives_what_the_project_needs_with_the_markers_on_the_way(tmp_path: Path) -> None:
    assert read(tmp_path, "uv.lock", UV) == [
        "black==24.1.0",
        "click==8.1.0",
        "click==8.1.0 ; (sys_platform == 'win32') and (python_full_version < '3.12')",
        "rich==13.0.0",
        "winner==1.0.0 ; (sys_platform == 'win32')",
    ]


def test_poetry_lock_gives_the_main_group(tmp_path: Path) -> None:
    assert read(tmp_path, "poetry.lock", POETRY) == [
        "black==24.1.0",
        'both==2.0.0 ; python_version < "3.13"',
        'winner==1.0.0 ; sys_platform == "win32"',
    ]


GIT_UV = UV.replace(
    '24.1.0"\nsource = { registry = "https://index.example/simple" }', '1"\nsource = { git = "x" }'
)
GIT_POETRY = """
[[package]]
name = "black"
version = "1"
optional = false
groups = ["main"]

[package.source]
type = "git"
"""


@pytest.mark.parametrize(("name", "text"), [("uv.lock", GIT_UV), ("poetry.lock", GIT_POETRY)])
def test_packages_from_elsewhere_are_refused(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"{name} has black from no index"):
        read(tmp_path, name, text)


def test_a_lock_and_packages_exclude_each_other_as_with_flytekits_builder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"packages or a uv\.lock, not both"):
        read(tmp_path, "uv.lock", UV, packages=["numpy"])


def test_other_locks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no pdm\.lock"):
        read(tmp_path, "pdm.lock", "")

"""Mistakes in the sources, or a Flyte that is not there: one sentence, exit code 1, nothing registered."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from fake_flyte import FakeFlyte
from program_run import DEFAULTS, Register

WORKFLOW = """
from flytekit import task, workflow

@task
def length(text: str) -> int:
    return len(text)

@workflow
def broken_wf(text: str) -> int:
    return length(word=text)
"""


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            "import shop.orders\nimport nowhere\n",
            "line 2, cannot be imported: ModuleNotFoundError: No module named",
        ),
        ("def f(:\n", "line 1, cannot be imported: SyntaxError: invalid syntax"),
        ("import sys\nsys.exit('a script')\n", "line 2, cannot be imported: SystemExit: a script"),
        ("x = 1\ny = x / 0\n", "line 2, cannot be imported: ZeroDivisionError: division by zero"),
        (WORKFLOW, "line 10, cannot be compiled: "),
    ],
    ids=["module", "syntax", "exit", "error", "workflow"],
)
def test_a_file_that_fails_is_named_with_line_and_error(
    register: Register, flyte: FakeFlyte, source_root: Path, content: str, sentence: str
) -> None:
    (source_root / "shop" / "broken.py").write_text(content)
    error = register().error
    assert error.startswith(f"my workflows/shop/broken.py, {sentence}")
    assert error.endswith(". Nothing was registered.")
    assert "\n" not in error
    assert not flyte.specs
    assert not flyte.objects


def test_the_file_with_the_mistake_is_named_and_not_the_one_that_imports_it(
    register: Register, source_root: Path
) -> None:
    (source_root / "shop" / "prices.py").write_text("VAT = 1.19 / 0\n")
    assert register().error.startswith("my workflows/shop/prices.py, line 1, cannot be imported")


def test_a_folder_that_is_no_package_is_refused(register: Register, source_root: Path) -> None:
    (source_root / "shop" / "__init__.py").unlink()
    assert "my workflows/shop has no __init__.py" in register().error


def test_a_file_name_that_python_cannot_import_is_refused(register: Register, source_root: Path) -> None:
    (source_root / "shop" / "my-orders.py").write_text("")
    assert "shop/my-orders.py cannot be imported, because 'my-orders' is no Python name" in register().error


def test_a_file_that_hides_behind_an_installed_module_is_refused(
    register: Register, flyte: FakeFlyte, source_root: Path
) -> None:
    (source_root / "json.py").write_text("")
    assert "my workflows/json has the name of an installed module" in register().error
    assert not flyte.specs


def test_a_default_path_in_python_is_refused(register: Register, flyte: FakeFlyte, source_root: Path) -> None:
    (source_root / "shop" / "local.py").write_text(
        "from flytekit import LaunchPlan\n"
        "from shop.orders import orders_wf\n"
        "lp = LaunchPlan.get_or_create(\n"
        "    workflow=orders_wf, name='local', fixed_inputs={'prices': __file__}\n"
        ")\n"
    )
    error = register().error
    assert error.startswith("The input prices of launch plan local is /")
    assert "launch_plan_defaults.toml" in error
    assert not flyte.specs


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[[file]", "shop/launch_plan_defaults.toml is not valid TOML"),
        ("[other]\n", "must consist of [[file]] entries"),
        ("[[file]]\nworkflow = 'w'\n", "needs the texts workflow, input and path"),
        (DEFAULTS.replace("prices.csv", "price.csv"), "names data/price.csv, and there is no such file"),
        (DEFAULTS.replace("orders_wf", "wf"), "names the workflow shop.orders.wf, which is not defined"),
        (DEFAULTS.replace('"prices"', '"price"'), "shop.orders.orders_wf has no input named price"),
        (DEFAULTS.replace('"prices"', '"factor"'), "the input factor of shop.orders.orders_wf takes no file"),
    ],
    ids=["toml", "section", "keys", "file", "workflow", "input", "type"],
)
def test_a_declaration_that_makes_no_sense_is_refused(
    register: Register, flyte: FakeFlyte, source_root: Path, content: str, sentence: str
) -> None:
    (source_root / "shop" / "launch_plan_defaults.toml").write_text(content)
    assert sentence in register().error
    assert not flyte.specs
    assert not flyte.objects


def test_a_flyte_that_does_not_answer_is_named(register: Register, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    result = register("--endpoint", address)
    assert result.error.startswith(f"No Flyte answers at {address} (")
    assert result.events[-1]["command"] == "make status"


def test_an_upload_that_fails_is_named(register: Register, flyte: FakeFlyte) -> None:
    flyte.upload_code = 507
    assert register().error.startswith(f"Flyte at {flyte.address} would not take fast-v")
    assert not flyte.specs


def test_a_version_that_exists_with_another_content_is_explained(
    register: Register, source_root: Path
) -> None:
    register("--version", "mine")
    (source_root / "shop" / "prices.py").write_text("VAT = 1.07\n")
    error = register("--version", "mine", "--force").error
    assert "with different structure already exists" in error
    assert "(--version)" in error


def test_a_configuration_file_that_is_not_there_is_named(register: Register, tmp_path: Path) -> None:
    assert register("--config", tmp_path / "none.yaml").error.endswith("none.yaml.")


def test_a_root_that_is_not_there_is_named(register: Register, tmp_path: Path) -> None:
    assert register(root=tmp_path / "none").error.startswith("There is no folder")

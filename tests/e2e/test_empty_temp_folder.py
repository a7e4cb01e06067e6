"""What was registered can be run after a restart with an emptied temp folder: nothing lies only there."""

from __future__ import annotations

import shutil
from pathlib import Path

from .harness.stack import Stack

PIMA = "ml_training.pima_diabetes.diabetes.diabetes_xgboost_model"
OWN = """
from flytekit import task, workflow

@task
def double(number: int) -> int:
    return 2 * number

@workflow
def double_wf(number: int = 21) -> int:
    return double(number=number)
"""


def test_registered_workflows_run_after_the_temp_folder_was_emptied(
    second_stack: Stack, tmp_path: Path
) -> None:
    second_stack.ensure_up()  # registers the workflows of the checkout
    (tmp_path / "own.py").write_text(OWN)
    register = ["pyflyte", "register", "--activate-launchplans", "own.py"]
    second_stack.type_in_shell(*register, folder=tmp_path).check()

    second_stack.down()
    empty(second_stack.checkout.temporary)
    second_stack.up()

    own = second_stack.flyte.launch("own.double_wf")
    pima = second_stack.flyte.launch(PIMA, seed=11)
    assert own.wait() == "SUCCEEDED"
    assert own.outputs == {"o0": 42}
    assert pima.wait() == "SUCCEEDED"
    assert 0.65 < pima.outputs["accuracy"] < 1


def empty(folder: Path) -> None:
    """Remove what is in a folder."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

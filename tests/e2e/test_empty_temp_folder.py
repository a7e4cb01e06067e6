"""What was registered can be run after a restart with an emptied temp folder: nothing lies only there."""

from __future__ import annotations

import shutil
from pathlib import Path

from .harness.stack import Stack

HELLO = "basics.hello_world.hello_wf"
PIMA = "ml_training.pima_diabetes.diabetes.diabetes_xgboost_model"


def test_registered_workflows_run_after_the_temp_folder_was_emptied(second_stack: Stack) -> None:
    second_stack.ensure_up()

    second_stack.down()
    empty(second_stack.checkout.temporary)
    second_stack.up()

    hello = second_stack.flyte.launch(HELLO, name="again")
    pima = second_stack.flyte.launch(PIMA, seed=11)
    assert hello.wait() == "SUCCEEDED"
    assert pima.wait() == "SUCCEEDED"
    accuracy = pima.outputs["accuracy"]
    assert isinstance(accuracy, float)
    assert accuracy > 0.65


def empty(folder: Path) -> None:
    """Remove what is in a folder."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

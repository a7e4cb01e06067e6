"""Importing the workflows warns of nothing: no deprecated idiom of flytekit or of a library is in use."""

import subprocess
import sys
from pathlib import Path

SOURCE_ROOT = Path(__file__).parents[1]
PROGRAM = """
import importlib, sys, warnings
import flytekit, joblib, pandas, pyarrow, sklearn.metrics, sklearn.model_selection, xgboost
warnings.simplefilter("error")
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def module_names() -> list[str]:
    paths = (path.relative_to(SOURCE_ROOT) for path in SOURCE_ROOT.rglob("*.py"))
    return [".".join(path.with_suffix("").parts) for path in paths if path.parts[0] != "tests"]


def test_every_module_imports_without_a_warning() -> None:
    names = module_names()
    assert "ml_training.pima_diabetes.diabetes" in names
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, *names], cwd=SOURCE_ROOT, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")

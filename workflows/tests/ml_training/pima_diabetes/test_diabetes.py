"""The workflow gives what the same library calls give, and says clearly what it cannot use."""

import warnings
from pathlib import Path

import joblib
import pandas as pd
import pytest
from flytekit.core.local_cache import LocalTaskCache
from flytekit.exceptions.user import FlyteUserRuntimeException
from ml_training.pima_diabetes.data.make_dataset import DATASET
from ml_training.pima_diabetes.diabetes import (
    FEATURE_COLUMNS,
    LABEL_COLUMNS,
    DiabetesModel,
    XGBoostModelHyperparams,
    diabetes_xgboost_model,
)
from ml_training.pima_diabetes.launch_plans import short_name
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from xgboost import XGBClassifier


def run(**inputs: object) -> DiabetesModel:
    return diabetes_xgboost_model(**{"dataset": str(DATASET), **inputs})


def train_directly(test_split_ratio: float, seed: int) -> float:
    """The accuracy by plain library calls, without Flyte."""
    table = pd.read_csv(DATASET, header=None, names=[*FEATURE_COLUMNS, *LABEL_COLUMNS]).astype(float)
    features, labels = table.iloc[:, :8], table.iloc[:, 8].astype(int)
    missing_as_zero = features.columns[1:6]  # glucose, pressure, skin, insulin, BMI
    features[missing_as_zero] = features[missing_as_zero].replace(0.0, float("nan"))
    x_train, x_test, y_train, y_test = train_test_split(
        features, labels, test_size=test_split_ratio, random_state=seed
    )
    model = XGBClassifier(**vars(XGBoostModelHyperparams()), random_state=seed, n_jobs=1)
    return accuracy_score(y_test, model.fit(x_train, y_train).predict(x_test))


@pytest.mark.parametrize(("test_split_ratio", "seed"), [(0.33, 7), (0.66, 5), (0.2, 0)])
def test_accuracy_equals_that_of_the_same_library_calls(test_split_ratio: float, seed: int) -> None:
    result = run(test_split_ratio=test_split_ratio, seed=seed)
    assert result.accuracy == train_directly(test_split_ratio, seed)
    assert result.accuracy > 500 / 768, "worse than guessing 'no diabetes' for everyone"


def test_defaults_are_those_of_the_tutorial() -> None:
    assert run().accuracy == run(test_split_ratio=0.33, seed=7).accuracy


def test_the_same_seed_gives_the_same_model() -> None:
    first, second, other = run(seed=3), run(seed=3), run(seed=4)
    frame = pd.read_csv(DATASET, header=None, names=[*FEATURE_COLUMNS, *LABEL_COLUMNS])
    features = frame[list(FEATURE_COLUMNS)]
    probabilities = [
        joblib.load(result.model.download()).predict_proba(features)[:, 1].tolist()
        for result in (first, second, other)
    ]
    assert probabilities[0] == probabilities[1]
    assert probabilities[0] != probabilities[2]


def test_a_second_run_with_the_same_inputs_comes_from_the_cache(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLYTE_LOCAL_CACHE_ENABLED", "true")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # flytekit never closes the cache's database
        LocalTaskCache.initialize()  # in this test's own home
        first, second = run(seed=11), run(seed=11)
    assert first.accuracy == second.accuracy
    assert capsys.readouterr().out.count("Accuracy:") == 1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("a,b,c,d,e,f,g,h,i\n1,2,3,4,5,6,7,8,1\n", "9 columns, 0 of them all numbers"),
        ("1,2,3\n4,5,6\n", "3 columns, 3 of them all numbers; expected 9 columns of numbers"),
    ],
    ids=["header", "columns"],
)
def test_another_table_is_refused_with_what_was_expected(
    tmp_path: Path, content: str, complaint: str
) -> None:
    table = tmp_path / "table.csv"
    table.write_text(content)
    with pytest.raises((ValueError, FlyteUserRuntimeException), match=complaint):
        run(dataset=str(table))


def test_both_names_of_the_tutorials_launch_this_workflow() -> None:
    assert diabetes_xgboost_model.name == "ml_training.pima_diabetes.diabetes.diabetes_xgboost_model"
    assert short_name.name == "pima_diabetes.diabetes.diabetes_xgboost_model"
    assert short_name.workflow is diabetes_xgboost_model
    assert set(short_name.parameters.parameters) == {"dataset", "test_split_ratio", "seed"}

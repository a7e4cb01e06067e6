"""Predict the onset of diabetes with XGBoost: split, fit, predict, score.

This module owns the four tasks and the workflow; the page with the confusion matrix and the ROC curve is
drawn by ``evaluation_deck``. The table is the Pima Indians diabetes table, see ``data/DATA-NOTICE.md``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import joblib
import pandas as pd
from flytekit import Cache, Deck, Resources, StructuredDataset, current_context, kwtypes, task, workflow
from flytekit.types.file import FlyteFile
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from xgboost import XGBClassifier

from ml_training.pima_diabetes.evaluation_deck import draw_evaluation

CsvFile = FlyteFile["csv"]
JoblibFile = FlyteFile["joblib"]

FEATURE_COLUMNS = kwtypes(
    pregnancies=int,
    glucose=float,
    blood_pressure=float,
    skin_thickness=float,
    insulin=float,
    bmi=float,
    pedigree=float,
    age=int,
)
LABEL_COLUMNS = kwtypes(diabetes=int)
PREDICTION_COLUMNS = kwtypes(probability=float, diabetes=int)

# Nobody has a blood pressure of 0: in these columns the table writes a missing value as 0.
ZERO_MEANS_MISSING = ["glucose", "blood_pressure", "skin_thickness", "insulin", "bmi"]

Features = Annotated[StructuredDataset, FEATURE_COLUMNS]
Labels = Annotated[StructuredDataset, LABEL_COLUMNS]
Predictions = Annotated[StructuredDataset, PREDICTION_COLUMNS]

# A cached task is not run again for inputs it has seen under this version. Raise the version when the code
# of a task changes what it returns.
CACHE = Cache(version="1.0")
# Measured: 280 MB at the peak, nearly all of it the libraries; 768 rows are nothing.
RESOURCES = Resources(cpu="1", mem=("500Mi", "1Gi"))


@dataclass
class XGBoostModelHyperparams:
    """What XGBoost is told; the names are its own.

    :param n_estimators: how many trees.
    :param max_depth: how deep each may grow.
    :param learning_rate: how much each new tree corrects those before it.
    :param subsample: the share of rows that each tree sees; below 1 the seed matters.
    :param min_child_weight: the least weight of a leaf, against leaves made for single patients.
    """

    n_estimators: int = 100
    max_depth: int = 4
    learning_rate: float = 0.1
    subsample: float = 0.8
    min_child_weight: float = 1.0


class TrainTestSplit(NamedTuple):
    """The table in four pieces; row n of ``y_…`` is the label of row n of ``x_…``."""

    x_train: Features
    x_test: Features
    y_train: Labels
    y_test: Labels


class DiabetesModel(NamedTuple):
    """What the workflow returns.

    :param model: the fitted ``XGBClassifier``, written by joblib.
    :param accuracy: the share of right predictions among the rows held back for the test, 0 to 1.
    """

    model: JoblibFile
    accuracy: float


@task(cache=CACHE, resources=RESOURCES)
def split_traintest_dataset(dataset: CsvFile, test_split_ratio: float, seed: int) -> TrainTestSplit:
    """Read the table and hold a part of it back for the test.

    :param dataset: eight features and the label (1 is diabetes), comma-separated, no header.
    :param test_split_ratio: the part to hold back, between 0 and 1.
    :param seed: decides which rows that part gets.
    """
    table = _read_table(Path(dataset.download()))
    pieces = train_test_split(
        table[list(FEATURE_COLUMNS)],
        table[list(LABEL_COLUMNS)],
        test_size=test_split_ratio,
        random_state=seed,
    )
    return TrainTestSplit(*(StructuredDataset(dataframe=piece) for piece in pieces))


@task(cache=CACHE, resources=RESOURCES)
def fit(x: Features, y: Labels, hyperparams: XGBoostModelHyperparams, seed: int) -> JoblibFile:
    """Fit the model. XGBoost handles missing values itself, so none are filled in."""
    model = XGBClassifier(
        n_estimators=hyperparams.n_estimators,
        max_depth=hyperparams.max_depth,
        learning_rate=hyperparams.learning_rate,
        subsample=hyperparams.subsample,
        min_child_weight=hyperparams.min_child_weight,
        random_state=seed,
        n_jobs=1,  # one CPU is what the task asks for
    )
    model.fit(_read_frame(x), _read_frame(y)["diabetes"])
    path = Path(current_context().working_directory) / "model.joblib"
    joblib.dump(model, path)
    return JoblibFile(str(path))


@task(cache=CACHE, resources=RESOURCES)
def predict(x: Features, model: JoblibFile) -> Predictions:
    """Each row's probability of diabetes, and the verdict: 1 from a probability of one half."""
    classifier: XGBClassifier = joblib.load(model.download())
    probability = classifier.predict_proba(_read_frame(x))[:, 1].astype(float)
    verdict = (probability >= 0.5).astype(int)
    return StructuredDataset(dataframe=pd.DataFrame({"probability": probability, "diabetes": verdict}))


@task(cache=CACHE, resources=RESOURCES, enable_deck=True, deck_fields=())
def score(predictions: Predictions, y: Labels) -> float:
    """Compare predictions with the truth; the deck "Evaluation" shows where they differ."""
    predicted, labels = _read_frame(predictions), _read_frame(y)["diabetes"]
    accuracy = float(accuracy_score(labels, predicted["diabetes"]))
    Deck("Evaluation", draw_evaluation(labels, predicted["diabetes"], predicted["probability"]))
    print(f"Accuracy: {accuracy:.2%}")  # noqa: T201 - for the task's log
    return accuracy


@workflow
def diabetes_xgboost_model(
    dataset: CsvFile,
    test_split_ratio: float = 0.33,
    seed: int = 7,
) -> DiabetesModel:
    """Train on one part of a table and test on the rest.

    ``dataset`` has no default here: a path in Python would be a path on whatever machine registers. The table
    of this folder becomes the default of the launch plans when ``airflyte register`` uploads it (see
    ``launch_plan_defaults.toml``).

    :param dataset: eight features and the label, comma-separated, no header.
    :param test_split_ratio: the part to hold back for the test.
    :param seed: decides the split and the sampling; the same seed gives the same model.
    :return: the model and its accuracy on the part held back.
    """
    pieces = split_traintest_dataset(dataset=dataset, test_split_ratio=test_split_ratio, seed=seed)
    model = fit(x=pieces.x_train, y=pieces.y_train, hyperparams=XGBoostModelHyperparams(), seed=seed)
    predictions = predict(x=pieces.x_test, model=model)
    return DiabetesModel(model=model, accuracy=score(predictions=predictions, y=pieces.y_test))


def _read_table(path: Path) -> pd.DataFrame:
    """The table with names for its columns and NaN for what is missing.

    :raises ValueError: when it has not nine columns of numbers.
    """
    table = pd.read_csv(path, header=None)
    names = [*FEATURE_COLUMNS, *LABEL_COLUMNS]
    numeric = table.select_dtypes("number").shape[1]
    if table.shape[1] != len(names) or numeric != len(names):
        raise ValueError(
            f"{path.name} has {table.shape[1]} columns, {numeric} of them all numbers; expected "
            f"{len(names)} columns of numbers without a header: {', '.join(names)}."
        )
    table.columns = names
    table[ZERO_MEANS_MISSING] = table[ZERO_MEANS_MISSING].astype(float).replace(0.0, float("nan"))
    return table


def _read_frame(dataset: StructuredDataset) -> pd.DataFrame:
    return dataset.open(pd.DataFrame).all()

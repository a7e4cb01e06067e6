"""The pima model by plain library calls, without Flyte and without anything of ours: prints the accuracy.

python train_directly.py TABLE TEST_SPLIT_RATIO SEED
"""

from __future__ import annotations

import sys

import pandas as pd
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from xgboost import XGBClassifier

ZERO_MEANS_MISSING = [1, 2, 3, 4, 5]  # glucose, pressure, skin, insulin, BMI
LABEL = 8


def train(path: str, test_split_ratio: float, seed: int) -> float:
    """The accuracy on the part held back."""
    table = pd.read_csv(path, header=None)
    features, labels = table.drop(columns=LABEL).astype(float), table[LABEL]
    features[ZERO_MEANS_MISSING] = features[ZERO_MEANS_MISSING].replace(0.0, float("nan"))
    x_train, x_test, y_train, y_test = train_test_split(
        features, labels, test_size=test_split_ratio, random_state=seed
    )
    model = XGBClassifier(
        n_estimators=100,
        max_depth=4,
        learning_rate=0.1,
        subsample=0.8,
        min_child_weight=1.0,
        random_state=seed,
        n_jobs=1,
    )
    return float(accuracy_score(y_test, model.fit(x_train, y_train).predict(x_test)))


if __name__ == "__main__":
    print(repr(train(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))))  # noqa: T201 - it is what we want

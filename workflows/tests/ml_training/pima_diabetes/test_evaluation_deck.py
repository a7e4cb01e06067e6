"""The page "Evaluation": right numbers in well-formed markup."""

import xml.etree.ElementTree as ET

import pandas as pd
import pytest
from ml_training.pima_diabetes.evaluation_deck import LEFT, PLOT, TOP, draw_evaluation

LABELS = pd.Series([0, 0, 0, 0, 1, 1])
PROBABILITY = pd.Series([0.1, 0.2, 0.3, 0.7, 0.6, 0.9])
PREDICTED = (PROBABILITY >= 0.5).astype(int)


def parse(page: str) -> ET.Element:
    return ET.fromstring(f"<page>{page}</page>".replace("<br>", "<br/>"))  # noqa: S314 - our own page


def texts(page: ET.Element, tag: str) -> list[str]:
    return ["".join(element.itertext()) for element in page.iter(tag)]


def test_the_page_shows_counts_and_shares() -> None:
    page = parse(draw_evaluation(LABELS, PREDICTED, PROBABILITY))
    assert texts(page, "td") == ["375.0%", "125.0%", "00.0%", "2100.0%"]
    assert texts(page, "b")[:4] == ["83.3%", "66.7%", "0.875", "100.0%"]


def test_the_curve_runs_from_corner_to_corner() -> None:
    page = parse(draw_evaluation(LABELS, PREDICTED, PROBABILITY))
    curve = page.findall(".//polyline")[1].get("points", "").split()
    assert curve[0] == f"{LEFT:.1f},{TOP + PLOT:.1f}"
    assert curve[-1] == f"{LEFT + PLOT:.1f},{TOP:.1f}"


@pytest.mark.parametrize("label", [0, 1])
def test_a_test_set_of_one_class_has_no_curve(label: int) -> None:
    page = parse(draw_evaluation(pd.Series([label] * 3), pd.Series([0, 1, 1]), pd.Series([0.1, 0.9, 0.9])))
    assert not page.findall(".//svg")
    assert "all of one class" in "".join(page.itertext())
    assert "n/a" in texts(page, "b")

"""The page "Evaluation": four figures, a confusion matrix and a ROC curve, as HTML and SVG without scripts.

This module draws; the numbers come from scikit-learn. Drawn by hand because two small pictures are not worth
a plotting library in every task's environment.
"""

from collections.abc import Iterable, Sequence
from html import escape

import pandas as pd
from sklearn.metrics import confusion_matrix, roc_auc_score, roc_curve

CLASS_NAMES = ("no diabetes", "diabetes")
PLOT = 300  # the side of the ROC plot's square, in SVG units
LEFT, TOP, RIGHT, BOTTOM = 58, 14, 16, 50  # its margins
NO_VALUE = "n/a"
TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

STYLE = """
<style>
.ev { color: #1c2733; font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
      max-width: 880px; margin: 0 auto; }
.ev h3 { font-size: 15px; font-weight: 600; margin: 0 0 12px; }
.ev-figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
      margin-bottom: 20px; }
.ev-figure { border: 1px solid #dde3ea; border-radius: 8px; padding: 12px 16px; }
.ev-figure b { display: block; font-size: 26px; font-weight: 600; line-height: 1.2; }
.ev-figure span { color: #5b6875; font-size: 13px; }
.ev-panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)); gap: 12px; }
.ev-panel { border: 1px solid #dde3ea; border-radius: 8px; padding: 16px; }
.ev-matrix { border-collapse: separate; border-spacing: 4px; width: 100%; table-layout: fixed; }
.ev-matrix th { color: #5b6875; font-size: 13px; font-weight: 500; padding: 4px; text-align: center; }
.ev-matrix td { border-radius: 6px; padding: 40px 4px; text-align: center; }
.ev-matrix td b { display: block; font-size: 24px; font-weight: 600; line-height: 1.2; }
.ev-matrix td span { font-size: 12px; }
.ev-note { color: #5b6875; font-size: 13px; margin: 12px 0 0; }
.ev svg { display: block; width: 100%; height: auto; }
.ev svg text { fill: #5b6875; font-size: 12px; }
</style>
"""


def draw_evaluation(labels: pd.Series, predicted: pd.Series, probability: pd.Series) -> str:
    """The whole page, for a deck.

    :param labels: the truth, 0 or 1.
    :param predicted: the verdicts, in the same order.
    :param probability: the probability of 1, in the same order.
    """
    counts = confusion_matrix(labels, predicted, labels=[0, 1]).tolist()
    figures = _draw_figures(counts, _area_under_curve(labels, probability))
    panels = _panel("Confusion matrix", _draw_matrix(counts)) + _panel(
        "ROC curve", _draw_roc(labels, probability)
    )
    return f'{STYLE}<div class="ev">{figures}<div class="ev-panels">{panels}</div></div>'


def _has_both_classes(labels: pd.Series) -> bool:
    return labels.nunique() == 2


def _area_under_curve(labels: pd.Series, probability: pd.Series) -> float | None:
    return float(roc_auc_score(labels, probability)) if _has_both_classes(labels) else None


def _panel(title: str, body: str) -> str:
    return f'<section class="ev-panel"><h3>{escape(title)}</h3>{body}</section>'


def _draw_figures(counts: Sequence[Sequence[int]], area: float | None) -> str:
    rows = sum(map(sum, counts))
    right = counts[0][0] + counts[1][1]
    larger_class = max(map(sum, counts))
    figures = (
        (f"{right / rows:.1%}", f"accuracy, {right} of {rows}"),
        (f"{larger_class / rows:.1%}", "by always guessing the larger class"),
        (NO_VALUE if area is None else f"{area:.3f}", "area under the ROC curve"),
        (_share(counts[1][1], sum(counts[1])), "of diabetes cases found"),
    )
    cells = (f'<div class="ev-figure"><b>{value}</b><span>{what}</span></div>' for value, what in figures)
    return f'<div class="ev-figures">{"".join(cells)}</div>'


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else NO_VALUE


def _draw_matrix(counts: Sequence[Sequence[int]]) -> str:
    """Two rows (the truth) by two columns (the prediction), each cell tinted by its share of its row."""
    heads = "".join(f"<th>predicted<br>{name}</th>" for name in CLASS_NAMES)
    rows = (
        f"<tr><th>actually<br>{name}</th>{_draw_cells(row)}</tr>"
        for name, row in zip(CLASS_NAMES, counts, strict=True)
    )
    note = '<p class="ev-note">Percentages are shares of a row: of those who actually are in that class.</p>'
    return f'<table class="ev-matrix"><tr><th></th>{heads}</tr>{"".join(rows)}</table>{note}'


def _draw_cells(row: Sequence[int]) -> str:
    return "".join(_draw_cell(count, sum(row)) for count in row)


def _draw_cell(count: int, row_total: int) -> str:
    share = count / row_total if row_total else 0.0
    ink = "#ffffff" if share > 0.7 else "#1c2733"
    tint = f"background: rgba(31, 95, 168, {0.06 + 0.94 * share:.2f}); color: {ink}"
    return f'<td style="{tint}"><b>{count}</b><span>{_share(count, row_total)}</span></td>'


def _draw_roc(labels: pd.Series, probability: pd.Series) -> str:
    if not _has_both_classes(labels):
        return '<p class="ev-note">The test rows are all of one class, so there is no curve.</p>'
    false_positive, true_positive, _ = roc_curve(labels, probability)
    curve = list(zip(false_positive.tolist(), true_positive.tolist(), strict=True))
    width, height = LEFT + PLOT + RIGHT, TOP + PLOT + BOTTOM
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="ROC curve">'
        f"{_draw_axes()}"
        f'<polygon points="{_points([*curve, (1.0, 0.0)])}" fill="#1f5fa8" fill-opacity="0.10"/>'
        f'<polyline points="{_points([(0.0, 0.0), (1.0, 1.0)])}" stroke="#9aa6b2" stroke-dasharray="5 5"/>'
        f'<polyline points="{_points(curve)}" fill="none" stroke="#1f5fa8" stroke-width="2.2" '
        f'stroke-linejoin="round"/></svg>'
        '<p class="ev-note">The dashed line is what guessing gives.</p>'
    )


def _draw_axes() -> str:
    grid = "".join(_draw_tick(value) for value in TICKS)
    middle = PLOT / 2
    return (
        f"{grid}"
        f'<text x="{LEFT + middle}" y="{TOP + PLOT + 42}" text-anchor="middle">'
        f"false positive rate (healthy, called ill)</text>"
        f'<text transform="translate(16 {TOP + middle}) rotate(-90)" text-anchor="middle">'
        f"true positive rate (ill, found)</text>"
    )


def _draw_tick(value: float) -> str:
    """One grid line each way, with its numbers."""
    colour = "#9aa6b2" if value == 0 else "#e6ebf0"
    x, y = _at(value, value)
    return (
        f'<path d="M{x:.1f} {TOP}V{TOP + PLOT}M{LEFT} {y:.1f}H{LEFT + PLOT}" stroke="{colour}" fill="none"/>'
        f'<text x="{x:.1f}" y="{TOP + PLOT + 18}" text-anchor="middle">{value:g}</text>'
        f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>'
    )


def _points(rates: Iterable[tuple[float, float]]) -> str:
    return " ".join("{:.1f},{:.1f}".format(*_at(x, y)) for x, y in rates)


def _at(false_positive: float, true_positive: float) -> tuple[float, float]:
    """Where a pair of rates is in the picture; rates grow upwards, SVG's y downwards."""
    return LEFT + PLOT * false_positive, TOP + PLOT * (1 - true_positive)

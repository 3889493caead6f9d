"""Label curves: figures, table, pictures."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from sklearn import metrics

from skyvet.core.errors import InvalidInputError
from skyvet.evaluation.facts import Estimate
from skyvet.evaluation.label_curve import (
    CURVE_FIGURES,
    CurvePoint,
    LabelCurve,
    curve_table,
    measure_figures,
)
from skyvet.evaluation.label_curve_page import (
    draw_label_curve,
    label_curve_svg,
    write_label_page,
)


def sample(n=300):
    rng = np.random.default_rng(0)
    labels = (rng.random(n) < 0.3).astype(int)
    return np.clip(0.35 + 0.3 * labels + rng.normal(0, 0.2, n), 0, 1), labels


def curve(name="random", n_points=3):
    points = tuple(
        CurvePoint(
            n_labels=50 * i,
            n_real=20 * i,
            n_bogus=29 * i,
            n_unknown=i,
            figures={"mcc": Estimate(value=0.5 + 0.1 * i, low=0.4, high=0.9)} if i else {},
        )
        for i in range(n_points)
    )
    return LabelCurve(name=name, points=points)


def test_figures_are_those_of_scikit_learn():
    scores, labels = sample()
    found = measure_figures(scores, labels, groups=np.arange(len(labels)), n_resamples=50)
    called = scores >= 0.5
    expected = {
        "precision": metrics.precision_score(labels, called),
        "recall": metrics.recall_score(labels, called),
        "accuracy": metrics.accuracy_score(labels, called),
        "f1": metrics.f1_score(labels, called),
        "mcc": metrics.matthews_corrcoef(labels, called),
        "auc": metrics.roc_auc_score(labels, scores),
        "average_precision": metrics.average_precision_score(labels, scores),
        "brier": metrics.brier_score_loss(labels, scores),
    }
    for key, value in expected.items():
        assert found[key].value == pytest.approx(value), key
    assert set(found) == {figure.key for figure in CURVE_FIGURES}


def test_intervals_hold_their_figures_and_widen_with_repeated_objects():
    scores, labels = sample()
    alone = measure_figures(scores, labels, groups=np.arange(300), n_resamples=100)
    for estimate in alone.values():
        assert estimate.low <= estimate.value <= estimate.high or estimate == alone["ece"]
    four = [np.tile(values, 4) for values in (scores, labels)]
    repeated = measure_figures(*four, groups=np.tile(np.arange(300), 4), n_resamples=100)
    for key in ("accuracy", "mcc", "brier"):
        widths = [found[key].high - found[key].low for found in (alone, repeated)]
        assert widths[1] == pytest.approx(widths[0], rel=0.35), key


@pytest.mark.parametrize(
    ("scores", "labels"),
    [([], []), ([0.9, 0.1], [0, 0]), ([0.9, 0.8], [1, 1]), ([0.1, 0.2], [0, 1]), ([0.7], [1])],
)
def test_figures_without_meaning_are_empty_and_never_invented(scores, labels):
    found = measure_figures(
        np.array(scores), np.array(labels, dtype=int), groups=np.arange(len(labels))
    )
    if len(set(labels)) < 2:
        assert found["auc"] == found["average_precision"] == found["mdr_at_fpr_1"] == Estimate()
    if not any(score >= 0.5 for score in scores):
        assert found["precision"] == Estimate()
    for estimate in found.values():
        assert estimate.value is None or np.isfinite(estimate.value)


def test_table_has_a_row_a_point_and_figure():
    table = curve_table([curve("random"), curve("margin")])
    assert table.num_rows == 2 * 3 * len(CURVE_FIGURES)
    rows = table.to_pylist()
    drawn = [row for row in rows if row["run"] == "margin" and row["figure"] == "mcc"]
    assert [row["value"] for row in drawn] == pytest.approx([None, 0.6, 0.7])
    assert [row["n_labels"] for row in drawn] == [0, 50, 100]


def test_no_curves_give_an_empty_table_with_its_columns():
    assert curve_table([]).num_rows == 0
    assert "value" in curve_table([]).column_names


@pytest.mark.parametrize("n_points", [0, 1, 3])
def test_picture_is_one_valid_document_with_every_figure(n_points):
    svg = label_curve_svg([curve(n_points=n_points), curve("b & <c>")])
    document = ET.fromstring(svg)
    text = "".join(document.itertext())
    assert all(figure.name in text for figure in CURVE_FIGURES)
    assert "b & <c>" in text
    assert "prefers-color-scheme: dark" in text
    assert svg.count("http") == 1  # the name space


def test_page_holds_figures_warning_and_escaped_names(tmp_path):
    path = tmp_path / "page.html"
    write_label_page(
        [curve("a<script>")], path, title="T & t", warnings=["beware of <b>"], settings_json="{}"
    )
    page = path.read_text(encoding="utf-8")
    assert page.count("<figure") == len(CURVE_FIGURES)
    assert "a<script>" not in page
    assert "a&lt;script&gt;" in page
    assert "Beware of &lt;b&gt;" in page
    assert "0.700" in page


def test_more_runs_than_colours_are_refused():
    with pytest.raises(InvalidInputError, match="at most 5 runs"):
        draw_label_curve([curve(str(i)) for i in range(6)], CURVE_FIGURES[0])


@pytest.mark.parametrize("values", [(0.8, 0.875), (0.231, 0.249), (0.90011, 0.90019), (0.1, 0.9)])
def test_axis_labels_are_evenly_spaced(values):
    points = tuple(
        CurvePoint(n_labels=n, n_real=1, n_bogus=1, figures={"brier": Estimate(value=value)})
        for n, value in zip((40, 80), values, strict=True)
    )
    svg = draw_label_curve([LabelCurve(name="run", points=points)], CURVE_FIGURES[8])
    texts = [node.text for node in ET.fromstring(svg).iter() if node.tag.endswith("text")]
    shown = [float(text) for text in texts[texts.index("labels spent") + 1 :]]
    assert np.ptp(np.diff(shown)) < 1e-9
    assert len(set(shown)) == len(shown) > 2

"""RB-C1000's own figures, against hand-computed rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from skyvet.scoring.reproduction_metrics import rb_c1000_average_precision, rb_c1000_figures


@pytest.mark.parametrize(
    ("scores", "labels", "expected"),
    [
        ([0.1, 0.2], [1, 0], 0.0),  # nothing is taken for REAL
        ([0.9], [1], 1.0),
        ([0.9], [0], 0.0),
        ([0.5], [1], 0.0),  # one half is not above the threshold
        ([0.9, 0.8, 0.7], [0, 1, 1], (1 / 2 + 2 / 3) / 2),
        ([0.7, 0.8, 0.9], [1, 1, 0], (1 / 2 + 2 / 3) / 2),  # order of the rows does not matter
        ([0.9, 0.8, 0.1, 0.2], [1, 1, 1, 1], 1.0),  # misses cost nothing
    ],
)
def test_average_precision_looks_only_at_what_is_taken_for_real(scores, labels, expected):
    assert rb_c1000_average_precision(scores, labels) == pytest.approx(expected, abs=1e-12)


def test_average_precision_is_that_of_sklearn_on_the_taken_rows():
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, 300)
    scores = np.clip(0.5 + 0.3 * (labels - 0.5) + rng.normal(0, 0.2, 300), 0, 1)
    taken = scores > 0.5
    expected = sklearn_metrics.average_precision_score(labels[taken], scores[taken])
    assert rb_c1000_average_precision(scores, labels) == pytest.approx(expected, abs=1e-9)


def test_a_perfect_row_sums_to_600():
    figures = rb_c1000_figures([0.9, 0.8, 0.1], [1, 1, 0])
    assert figures.total == pytest.approx(600, abs=1e-9)


def test_the_sum_adds_six_figures_and_not_the_standard_ap():
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 0])
    scores = np.array([0.9, 0.8, 0.3, 0.7, 0.2, 0.1, 0.1, 0.1])
    predicted = scores > 0.5
    expected = [
        sklearn_metrics.precision_score(labels, predicted),
        sklearn_metrics.accuracy_score(labels, predicted),
        sklearn_metrics.recall_score(labels, predicted),
        sklearn_metrics.f1_score(labels, predicted),
        sklearn_metrics.matthews_corrcoef(labels, predicted),
        (1 + 1) / 2,  # 0.9 and 0.8 come before the false 0.7
    ]
    figures = rb_c1000_figures(scores, labels)
    assert figures.total == pytest.approx(100 * sum(expected), abs=1e-9)
    assert figures.standard_ap == pytest.approx(
        sklearn_metrics.average_precision_score(labels, scores), abs=1e-9
    )


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_alone_still_gives_a_number_to_add_up(label):
    figures = rb_c1000_figures([0.2, 0.1], [label, label])
    assert figures.total == pytest.approx(100 * (1 - label), abs=1e-9)  # accuracy alone
    assert math.isnan(figures.standard_ap)

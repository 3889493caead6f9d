"""Curves and areas against brute force and scikit-learn."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from skyvet.core.errors import InvalidInputError
from skyvet.scoring.curves import (
    average_precision,
    cumulative_counts,
    det_curve,
    precision_recall_curve,
    roc_auc,
    roc_curve,
)

ROUNDING = 1e-12  # a few hundred additions in float64


def tied_sample(seed: int, n: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 12, n) / 11
    labels = (rng.random(n) < 0.2 + 0.5 * scores).astype(int)
    return scores, labels, rng.random(n) + 0.1


@st.composite
def samples(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Scores with many ties; both classes present."""
    n = draw(st.integers(2, 40))
    scores = draw(st.lists(st.integers(-3, 3), min_size=n, max_size=n))
    labels = draw(st.lists(st.booleans(), min_size=n - 2, max_size=n - 2))
    return np.array(scores, dtype=float), np.array([True, False, *labels])


@given(samples())
def test_auc_is_the_fraction_of_pairs_in_order_ties_counting_half(sample):
    scores, labels = sample
    gap = scores[labels][:, None] - scores[~labels][None, :]
    pairs = np.mean((gap > 0) + 0.5 * (gap == 0))
    assert roc_auc(scores, labels) == pytest.approx(pairs, abs=ROUNDING)


@given(samples(), st.randoms(use_true_random=False))
def test_order_of_rows_changes_nothing(sample, random):
    scores, labels = sample
    order = list(range(len(scores)))
    random.shuffle(order)
    for figure in (roc_auc, average_precision):
        assert figure(scores[order], labels[order]) == figure(scores, labels)


@given(samples())
def test_swapping_the_classes_and_the_sign_keeps_the_auc(sample):
    scores, labels = sample
    assert roc_auc(-scores, ~labels) == pytest.approx(roc_auc(scores, labels), abs=ROUNDING)


@given(samples())
def test_a_whole_weight_equals_repeated_rows(sample):
    scores, labels = sample
    times = np.arange(len(scores)) % 3 + 1
    repeated = roc_auc(np.repeat(scores, times), np.repeat(labels, times))
    assert roc_auc(scores, labels, times) == pytest.approx(repeated, abs=ROUNDING)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("is_weighted", [False, True])
def test_areas_equal_those_of_scikit_learn(seed, is_weighted):
    scores, labels, weights = tied_sample(seed)
    used = weights if is_weighted else None
    expected_auc = reference.roc_auc_score(labels, scores, sample_weight=used)
    expected_ap = reference.average_precision_score(labels, scores, sample_weight=used)
    assert roc_auc(scores, labels, used) == pytest.approx(expected_auc, abs=ROUNDING)
    assert average_precision(scores, labels, used) == pytest.approx(expected_ap, abs=ROUNDING)


def test_roc_points_equal_those_of_scikit_learn():
    scores, labels, weights = tied_sample(4)
    curve = roc_curve(scores, labels, weights)
    fpr, tpr, thresholds = reference.roc_curve(
        labels, scores, sample_weight=weights, drop_intermediate=False
    )
    np.testing.assert_allclose(curve.fpr, fpr, atol=ROUNDING)
    np.testing.assert_allclose(curve.completeness, tpr, atol=ROUNDING)
    np.testing.assert_array_equal(curve.thresholds, thresholds)


def test_precision_recall_points_equal_those_of_scikit_learn():
    scores, labels, weights = tied_sample(5)
    curve = precision_recall_curve(scores, labels, weights)
    purity, completeness, thresholds = reference.precision_recall_curve(
        labels, scores, sample_weight=weights
    )
    np.testing.assert_allclose(curve.purity, purity[:-1][::-1], atol=ROUNDING)
    np.testing.assert_allclose(curve.completeness, completeness[:-1][::-1], atol=ROUNDING)
    np.testing.assert_array_equal(curve.thresholds, thresholds[::-1])


def test_det_curve_is_the_roc_with_misses_on_normal_axes():
    scores, labels, _ = tied_sample(6)
    curve = det_curve(scores, labels)
    expected = [np.mean(scores[labels == 1] < threshold) for threshold in curve.thresholds]
    np.testing.assert_allclose(curve.mdr, expected, atol=ROUNDING)
    assert curve.mdr[0] == 1.0
    assert curve.mdr[-1] == 0.0
    assert curve.fpr_deviate[-1] == np.inf
    inner = (curve.fpr > 0) & (curve.fpr < 1)
    expected = [NormalDist().inv_cdf(value) for value in curve.fpr[inner]]
    np.testing.assert_allclose(curve.fpr_deviate[inner], expected, atol=1e-9)  # other algorithm


@given(samples())
def test_counts_at_each_threshold_are_those_of_counting(sample):
    scores, labels = sample
    counts = cumulative_counts(scores, labels)
    for i, threshold in enumerate(counts.thresholds):
        selected = scores >= threshold
        assert counts.n_true_positive[i] == np.sum(selected & labels)
        assert counts.n_false_positive[i] == np.sum(selected & ~labels)


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([], [], "at least one sample"),
        ([0.1, 0.2], [1], "one length"),
        ([0.1, np.nan], [1, 0], "1 NaN or infinite of 2"),
        ([0.1, 0.2], [1, 2], "must be 1 .REAL. or 0 .BOGUS., got 1, 2"),
        ([0.1, 0.2], ["real", "bogus"], "got 'bogus', 'real'"),
        ([0.1, 0.2], [1.0, np.nan], "remove UNKNOWN first"),
        ([0.1, 0.2], [1, 1], "2 REAL and 0 BOGUS"),
        ([[0.1, 0.2]], [[1, 0]], "shape"),
    ],
)
def test_bad_samples_are_refused_by_name(scores, labels, message):
    with pytest.raises(InvalidInputError, match=message):
        roc_auc(scores, labels)


@pytest.mark.parametrize("weights", [[-1.0, 1.0], [0.0, 0.0], [np.nan, 1.0]])
def test_bad_weights_are_refused(weights):
    with pytest.raises(InvalidInputError, match="weights must be"):
        roc_auc([0.1, 0.9], [0, 1], weights)


def test_a_class_without_weight_counts_as_missing():
    with pytest.raises(InvalidInputError, match="both classes"):
        roc_auc([0.1, 0.9], [0, 1], [0.0, 1.0])

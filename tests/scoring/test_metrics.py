"""Figures of merit against scikit-learn, brute force and DMTN-272."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from skyvet.core.errors import InvalidInputError
from skyvet.scoring.metrics import (
    ConfusionCounts,
    brier_score,
    completeness_at_purity,
    confusion_counts,
    log_loss,
    mdr_at_fpr,
    purity_at_completeness,
)

ROUNDING = 1e-12  # a few hundred additions in float64
RNG = np.random.default_rng(11)
SCORES = RNG.integers(0, 40, 300) / 39
LABELS = (RNG.random(300) < SCORES).astype(int)
WEIGHTS = RNG.random(300) + 0.1


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_proper_scores_equal_those_of_scikit_learn(weights):
    expected = reference.brier_score_loss(LABELS, SCORES, sample_weight=weights)
    assert brier_score(SCORES, LABELS, weights) == pytest.approx(expected, abs=ROUNDING)
    inside = np.clip(SCORES, 1e-3, 1 - 1e-3)
    expected = reference.log_loss(LABELS, inside, sample_weight=weights)
    assert log_loss(inside, LABELS, weights) == pytest.approx(expected, abs=ROUNDING)


def test_a_certain_and_wrong_score_costs_36_nat_and_not_infinity():
    assert log_loss([0.0, 1.0], [1, 0]) == pytest.approx(36.04, abs=0.01)
    assert log_loss([0.0, 1.0], [0, 1]) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_confusion_rates_equal_those_of_scikit_learn(threshold, weights):
    counts = confusion_counts(SCORES, LABELS, threshold=threshold, weights=weights)
    guess = (threshold <= SCORES).astype(int)
    pairs = {
        "purity": reference.precision_score,
        "completeness": reference.recall_score,
        "accuracy": reference.accuracy_score,
        "f1": reference.f1_score,
    }
    for name, function in pairs.items():
        expected = function(LABELS, guess, sample_weight=weights)
        assert getattr(counts, name) == pytest.approx(expected, abs=ROUNDING), name
    if threshold > 0:
        expected = reference.matthews_corrcoef(LABELS, guess, sample_weight=weights)
        assert counts.mcc == pytest.approx(expected, abs=1e-9)  # another formula
    assert counts.mdr == pytest.approx(1 - counts.completeness, abs=ROUNDING)


def test_dmtn_272_table_is_reproduced():
    counts = ConfusionCounts(
        n_true_positive=529,
        n_false_positive=3148,
        n_true_negative=5517,
        n_false_negative=4,
        threshold=0.5,
    )
    # The note prints .144, .992, .363, .66, .25.
    assert round(counts.purity, 3) == 0.144
    assert round(counts.completeness, 3) == 0.992
    assert round(counts.fpr, 3) == 0.363
    assert round(counts.accuracy, 2) == 0.66
    assert round(counts.f1, 2) == 0.25


def test_a_rate_without_denominator_is_nan():
    counts = confusion_counts([0.1, 0.2], [1, 1], threshold=0.9)
    assert math.isnan(counts.purity)
    assert math.isnan(counts.fpr)
    assert math.isnan(counts.mcc)
    assert counts.completeness == 0.0


@st.composite
def samples(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(2, 30))
    scores = draw(st.lists(st.integers(0, 6), min_size=n, max_size=n))
    labels = draw(st.lists(st.booleans(), min_size=n - 2, max_size=n - 2))
    return np.array(scores) / 6, np.array([True, False, *labels])


def rates_at_every_threshold(scores, labels):
    for threshold in [*np.unique(scores), np.inf]:
        selected = scores >= threshold
        n_selected = selected.sum()
        purity = (selected & labels).sum() / n_selected if n_selected else math.nan
        completeness = (selected & labels).sum() / labels.sum()
        yield purity, completeness, (selected & ~labels).sum() / (~labels).sum()


@given(samples(), st.floats(0, 1))
def test_rates_at_a_working_point_are_the_best_of_all_thresholds(sample, target):
    rates = list(rates_at_every_threshold(*sample))
    best = min(1 - c for _, c, f in rates if f <= target)
    assert mdr_at_fpr(*sample, fpr=target) == pytest.approx(best, abs=ROUNDING)
    best = max([c for p, c, _ in rates if p >= target], default=0.0)
    assert completeness_at_purity(*sample, purity=target) == best
    best = max(p for p, c, _ in rates if c >= target and not math.isnan(p))
    assert purity_at_completeness(*sample, completeness=target) == best


def test_no_pure_threshold_gives_completeness_zero():
    assert completeness_at_purity([0.9, 0.1], [0, 1], purity=0.95) == 0.0


@pytest.mark.parametrize("figure", [brier_score, log_loss])
def test_logits_are_refused_where_a_probability_is_needed(figure):
    with pytest.raises(InvalidInputError, match="apply a calibrator first"):
        figure([-2.0, 3.0], [0, 1])


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_targets_outside_the_unit_interval_are_refused(bad):
    with pytest.raises(InvalidInputError, match="fraction"):
        mdr_at_fpr(SCORES, LABELS, fpr=bad)
    with pytest.raises(InvalidInputError, match="fraction"):
        completeness_at_purity(SCORES, LABELS, purity=bad)

"""Prior arithmetic against Bayes by hand, published figures and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyvet.core.errors import InvalidInputError
from skyvet.scoring.curves import average_precision
from skyvet.scoring.intervals import wilson_interval
from skyvet.scoring.metrics import ConfusionCounts, confusion_counts
from skyvet.scoring.priors import (
    max_fpr,
    prior_from_ratio,
    prior_weights,
    purity_at_prior,
    purity_interval_at_prior,
    reprior_probability,
)

fractions = st.floats(0.001, 0.999)
counts_of = st.tuples(*[st.integers(0, 400)] * 4)


def confusion(tp: float, fp: float, tn: float, fn: float) -> ConfusionCounts:
    return ConfusionCounts(
        n_true_positive=tp,
        n_false_positive=fp,
        n_true_negative=tn,
        n_false_negative=fn,
        threshold=0.5,
    )


@given(counts_of)
def test_purity_at_the_samples_own_prior_is_the_samples_purity(four):
    counts = confusion(*four)
    if not (counts.n_positive and counts.n_negative and counts.n_selected):
        return
    prior = counts.n_positive / (counts.n_positive + counts.n_negative)
    found = purity_at_prior(counts.completeness, counts.fpr, prior=prior)
    assert found == pytest.approx(counts.purity, abs=1e-12)  # rounding


@given(fractions, fractions, fractions)
def test_max_fpr_gives_just_the_purity_asked_for(completeness, purity, prior):
    fpr = max_fpr(completeness, purity, prior=prior)
    found = purity_at_prior(completeness, fpr, prior=prior)
    if fpr < 1:
        assert found == pytest.approx(purity, abs=1e-9)  # rounding of 1 / purity - 1
    else:
        assert found >= purity - 1e-9


@pytest.mark.parametrize(("ratio", "fpr"), [(9, 0.0053), (4, 0.0118), (1, 0.047)])
def test_needed_fpr_is_that_of_the_requirement_table(ratio, fpr):
    found = max_fpr(0.90, 0.95, prior=prior_from_ratio(ratio))
    assert found == pytest.approx(fpr, rel=0.01)  # printed to two digits


@pytest.mark.parametrize(("ratio", "purity"), [(9, 0.836), (4, 0.920)])
def test_dp1_purity_is_that_of_the_table(ratio, purity):
    found = purity_at_prior(0.9827, 0.0214, prior=prior_from_ratio(ratio))
    assert round(found, 3) == purity


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9), fractions, fractions)
def test_repriored_probabilities_keep_their_order_and_come_back(scores, first, second):
    values = np.sort(scores)
    moved = reprior_probability(values, from_prior=first, to_prior=second)
    assert (np.diff(moved) >= 0).all()
    assert ((moved >= 0) & (moved <= 1)).all()
    back = reprior_probability(moved, from_prior=second, to_prior=first)
    inside = (moved > 1e-9) & (moved < 1 - 1e-9)
    np.testing.assert_allclose(back[inside], values[inside], rtol=1e-6)  # 1 - p cancels near 1


@given(fractions, fractions, fractions)
def test_reprior_is_bayes_by_hand(score, first, second):
    likelihood_ratio = score / (1 - score) * (1 - first) / first
    expected = likelihood_ratio * second / (likelihood_ratio * second + 1 - second)
    found = reprior_probability(score, from_prior=first, to_prior=second)
    assert found == pytest.approx(expected, rel=1e-9)


def test_certain_scores_stay_certain():
    np.testing.assert_array_equal(
        reprior_probability([0.0, 1.0], from_prior=0.5, to_prior=0.1), [0.0, 1.0]
    )


def test_prior_weights_give_metrics_the_stated_prior():
    rng = np.random.default_rng(1)
    scores, labels = rng.random(400), rng.integers(0, 2, 400)
    weights = prior_weights(labels, prior=0.1)
    assert weights.sum() == pytest.approx(400)
    assert weights[labels == 1].sum() == pytest.approx(40)
    weighted = confusion_counts(scores, labels, threshold=0.5, weights=weights)
    plain = confusion_counts(scores, labels, threshold=0.5)
    expected = purity_at_prior(plain.completeness, plain.fpr, prior=0.1)
    assert weighted.purity == pytest.approx(expected, abs=1e-12)
    # Nine copies of each BOGUS per REAL are prior 0.1 where the classes are balanced.
    labels = np.arange(400) % 2
    times = np.where(labels == 1, 1, 9)
    repeated = average_precision(np.repeat(scores, times), np.repeat(labels, times))
    weighted_ap = average_precision(scores, labels, prior_weights(labels, prior=0.1))
    assert weighted_ap == pytest.approx(repeated, abs=1e-12)


@given(counts_of, fractions, st.floats(0.1, 0.99))
def test_purity_interval_holds_the_estimate(four, prior, level):
    counts = confusion(*four)
    interval = purity_interval_at_prior(counts, prior=prior, level=level)
    assert 0 <= interval.low <= interval.high <= 1
    if counts.n_positive and counts.n_negative and counts.n_selected:
        estimate = purity_at_prior(counts.completeness, counts.fpr, prior=prior)
        assert interval.low - 1e-12 <= estimate <= interval.high + 1e-12  # rounding


@given(counts_of, fractions)
def test_ten_times_the_labels_narrow_the_purity_interval(four, prior):
    small, large = confusion(*four), confusion(*(10 * n for n in four))
    if small.n_positive and small.n_negative:
        few = purity_interval_at_prior(small, prior=prior)
        many = purity_interval_at_prior(large, prior=prior)
        assert many.high - many.low <= few.high - few.low + 1e-12


@pytest.mark.parametrize(
    ("completeness", "fpr", "n_real", "n_bogus"),
    [(0.9, 0.02, 60, 300), (0.95, 0.005, 100, 1000), (0.5, 0.2, 30, 40)],
)
def test_purity_interval_covers_about_as_often_as_it_says(completeness, fpr, n_real, n_bogus):
    rng = np.random.default_rng(3)
    truth = purity_at_prior(completeness, fpr, prior=0.1)
    tp = rng.binomial(n_real, completeness, 1500)
    fp = rng.binomial(n_bogus, fpr, 1500)
    covered = [
        truth in purity_interval_at_prior(confusion(a, b, n_bogus - b, n_real - a), prior=0.1)
        for a, b in zip(tp, fp, strict=True)
    ]
    assert 0.93 <= np.mean(covered) <= 0.99  # nominal 0.95; counts are discrete


@pytest.mark.parametrize("four", [(51, 10, 3720, 0), (20, 3, 57, 10), (9, 0, 40, 1), (1, 9, 3, 30)])
def test_purity_interval_solves_the_equation_of_donner_and_zou(four):
    # A limit R of fpr / completeness makes fpr - R * completeness just reach zero, its deviation
    # recovered from the Wilson limits that point towards zero.
    counts, prior = confusion(*four), 0.1
    fpr, completeness = counts.fpr, counts.completeness
    f = wilson_interval(counts.n_false_positive, counts.n_negative)
    c = wilson_interval(counts.n_true_positive, counts.n_positive)
    interval = purity_interval_at_prior(counts, prior=prior)
    for purity, f_end, c_end in ((interval.high, f.low, c.high), (interval.low, f.high, c.low)):
        ratio = (1 / purity - 1) * prior / (1 - prior)
        gap = abs(fpr - ratio * completeness)
        deviation = math.hypot(fpr - f_end, ratio * (completeness - c_end))
        assert gap == pytest.approx(deviation, rel=1e-6, abs=1e-12)


def test_a_missing_class_says_nothing_about_purity():
    for counts in (confusion(5, 0, 0, 1), confusion(0, 3, 4, 0)):
        interval = purity_interval_at_prior(counts, prior=0.1)
        assert (interval.low, interval.high) == (0.0, 1.0)


@pytest.mark.parametrize("prior", [0.0, 1.0, 9.0, math.nan])
def test_a_prior_outside_the_open_interval_is_refused(prior):
    with pytest.raises(InvalidInputError, match="prior must be a fraction"):
        purity_at_prior(0.9, 0.1, prior=prior)
    with pytest.raises(InvalidInputError, match="prior must be a fraction"):
        prior_weights([0, 1], prior=prior)


def test_a_prior_needs_both_classes():
    with pytest.raises(InvalidInputError, match="both classes"):
        prior_weights([1, 1], prior=0.1)


@pytest.mark.parametrize("ratio", [0, -1, math.inf, math.nan])
def test_an_impossible_ratio_is_refused(ratio):
    with pytest.raises(InvalidInputError, match="n_bogus_per_real"):
        prior_from_ratio(ratio)

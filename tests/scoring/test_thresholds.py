"""Thresholds against a search over all scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyvet.core.errors import InvalidInputError
from skyvet.scoring.priors import purity_at_prior
from skyvet.scoring.thresholds import (
    operating_point,
    threshold_for_completeness,
    threshold_for_fpr,
    threshold_for_purity,
    threshold_for_workload,
)

ROUNDING = 1e-9


@st.composite
def samples(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(2, 30))
    scores = draw(st.lists(st.integers(0, 7), min_size=n, max_size=n))
    labels = draw(st.lists(st.booleans(), min_size=n - 2, max_size=n - 2))
    return np.array(scores) / 7, np.array([True, False, *labels])


priors = st.none() | st.floats(0.05, 0.95)


def all_points(scores, labels, prior):
    """(threshold, purity, completeness, fpr, selected fraction), threshold falling."""
    used = labels.mean() if prior is None else prior
    for threshold in np.unique(scores)[::-1]:
        c = np.mean(scores[labels] >= threshold)
        f = np.mean(scores[~labels] >= threshold)
        yield threshold, purity_at_prior(c, f, prior=used), c, f, used * c + (1 - used) * f


@given(samples(), priors, st.floats(0.05, 1))
def test_purity_threshold_is_the_most_complete_pure_one(sample, prior, target):
    point = threshold_for_purity(*sample, purity=target, prior=prior)
    rows = list(all_points(*sample, prior))
    surely = [row for row in rows if row[1] >= target + ROUNDING]
    maybe = [row for row in rows if row[1] >= target - ROUNDING]
    if point.is_reached:
        assert point.purity >= target - ROUNDING
        assert point.completeness >= max((row[2] for row in surely), default=0)
        assert point.completeness <= max(row[2] for row in maybe)
    else:
        assert not surely
        assert point.purity == pytest.approx(max(row[1] for row in rows), abs=ROUNDING)


@given(samples(), priors, st.floats(0, 1))
def test_completeness_threshold_is_the_highest_complete_one(sample, prior, target):
    point = threshold_for_completeness(*sample, completeness=target, prior=prior)
    rows = list(all_points(*sample, prior))
    assert point.is_reached
    assert point.completeness >= target - ROUNDING
    higher = [row for row in rows if row[0] > point.threshold]
    assert all(row[2] < target + ROUNDING for row in higher)


@given(samples(), priors, st.floats(0, 1))
def test_fpr_threshold_is_the_most_complete_allowed_one(sample, prior, target):
    point = threshold_for_fpr(*sample, fpr=target, prior=prior)
    allowed = [row for row in all_points(*sample, prior) if row[3] <= target]
    assert point.is_reached == bool(allowed)
    if allowed:
        assert point.completeness == max(row[2] for row in allowed)
        assert point.fpr <= target
        assert point.fpr == min(row[3] for row in allowed if row[2] == point.completeness)


@given(samples(), priors, st.floats(0, 1))
def test_workload_threshold_is_the_lowest_allowed_one(sample, prior, target):
    point = threshold_for_workload(*sample, fraction=target, prior=prior)
    rows = list(all_points(*sample, prior))
    if point.is_reached:
        assert point.selected_fraction <= target + ROUNDING
        lower = [row for row in rows if row[0] < point.threshold]
        assert all(row[4] > target - ROUNDING for row in lower)
    else:
        assert rows[0][4] > target - ROUNDING
        assert point.threshold == rows[0][0]


@given(samples(), priors, st.floats(-1, 2))
def test_intervals_hold_their_rates(sample, prior, threshold):
    point = operating_point(*sample, threshold=threshold, prior=prior)
    assert point.completeness_interval.low <= point.completeness + 1e-12
    assert point.completeness <= point.completeness_interval.high + 1e-12
    assert point.fpr_interval.low - 1e-12 <= point.fpr <= point.fpr_interval.high + 1e-12
    if not math.isnan(point.purity):
        assert point.purity_interval.low - 1e-12 <= point.purity
        assert point.purity <= point.purity_interval.high + 1e-12
    assert point.n_positive + point.n_negative == len(sample[0])


def test_a_target_that_is_met_exactly_is_reached():
    scores, labels = [0.9, 0.8], [0, 1]
    assert threshold_for_purity(scores, labels, purity=0.5).is_reached
    assert threshold_for_completeness(scores, labels, completeness=1.0).threshold == 0.8
    assert threshold_for_fpr([0.9, 0.8, 0.1], [0, 1, 0], fpr=0.5).threshold == 0.8
    assert threshold_for_workload(scores, labels, fraction=0.5).threshold == 0.9


@pytest.mark.parametrize("prior", [None, 0.5, 0.1])
def test_a_prior_does_not_move_a_false_positive_rate_by_rounding(prior):
    # 4 of 12 BOGUS at the best score; weighting them to a prior first made it more than a third.
    scores, labels = np.r_[np.ones(4), np.zeros(16)], np.r_[np.zeros(12), np.ones(8)]
    assert threshold_for_fpr(scores, labels, fpr=1 / 3, prior=prior).is_reached


def test_the_point_reported_is_that_of_its_threshold():
    rng = np.random.default_rng(0)
    scores = rng.random(300)
    labels = rng.random(300) < scores
    point = threshold_for_purity(scores, labels, purity=0.9, prior=0.1)
    assert point == operating_point(scores, labels, threshold=point.threshold, prior=0.1)
    assert point.prior == 0.1


def test_a_lower_prior_asks_for_a_higher_threshold():
    rng = np.random.default_rng(1)
    labels = np.arange(4000) % 2
    scores = rng.normal(3.0 * labels, 1.0)
    common = threshold_for_purity(scores, labels, purity=0.9, prior=0.5)
    rare = threshold_for_purity(scores, labels, purity=0.9, prior=0.05)
    assert rare.threshold > common.threshold
    assert rare.completeness < common.completeness


def test_nights_and_fractions_say_the_same():
    scores, labels = np.arange(100) / 100, np.arange(100) % 2
    by_night = threshold_for_workload(
        scores, labels, n_per_night=2000, n_candidates_per_night=10_000
    )
    assert by_night == threshold_for_workload(scores, labels, fraction=0.2)
    assert by_night.threshold == 0.8


@pytest.mark.parametrize(
    "workload",
    [
        {},
        {"fraction": 0.1, "n_per_night": 3},
        {"n_per_night": 3},
        {"n_candidates_per_night": 3},
        {"n_per_night": -1, "n_candidates_per_night": 3},
        {"n_per_night": 1, "n_candidates_per_night": 0},
        {"fraction": 1.5},
    ],
)
def test_an_unclear_workload_is_refused(workload):
    with pytest.raises(InvalidInputError, match=r"workload|fraction"):
        threshold_for_workload([0.1, 0.9], [0, 1], **workload)


def test_weights_thin_the_effective_counts():
    rng = np.random.default_rng(2)
    scores = rng.random(400)
    labels = rng.random(400) < scores
    even = operating_point(scores, labels, threshold=0.5, weights=np.full(400, 7.0))
    assert even == operating_point(scores, labels, threshold=0.5)
    uneven = operating_point(scores, labels, threshold=0.5, weights=rng.exponential(size=400) ** 2)
    assert (
        uneven.completeness_interval.high - uneven.completeness_interval.low
        > even.completeness_interval.high - even.completeness_interval.low
    )


@pytest.mark.parametrize(
    "choose", [threshold_for_purity, threshold_for_completeness, threshold_for_fpr]
)
def test_one_class_only_is_refused(choose):
    with pytest.raises(InvalidInputError, match="both classes"):
        choose([0.1, 0.9], [1, 1])

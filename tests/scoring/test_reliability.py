"""Calibration errors against the definition written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from skyvet.core.errors import InvalidInputError
from skyvet.scoring.reliability import Binning, expected_calibration_error, reliability_bins

RNG = np.random.default_rng(2)
SCORES = RNG.random(500)
LABELS = (RNG.random(500) < SCORES**1.5).astype(int)


def error_written_out(scores, labels, weights, n_bins):
    total = 0.0
    for b in range(n_bins):
        is_last = b == n_bins - 1
        inside = (scores * n_bins >= b) & ((scores * n_bins < b + 1) | is_last)
        if inside.any():
            w = weights[inside]
            gap = np.average(labels[inside], weights=w) - np.average(scores[inside], weights=w)
            total += w.sum() * abs(gap)
    return total / weights.sum()


@pytest.mark.parametrize("n_bins", [1, 2, 15, 40])
def test_error_is_the_definition_written_out(n_bins):
    weights = RNG.random(500) + 0.1
    for used in (np.ones(500), weights):
        expected = error_written_out(SCORES, LABELS, used, n_bins)
        found = expected_calibration_error(SCORES, LABELS, used, n_bins=n_bins)
        assert found == pytest.approx(expected, abs=1e-12)  # rounding


@pytest.mark.parametrize(
    ("binning", "strategy"), [("equal_width", "uniform"), ("equal_mass", "quantile")]
)
def test_bins_equal_those_of_scikit_learn(binning, strategy):
    observed, mean_score = calibration_curve(LABELS, SCORES, n_bins=10, strategy=strategy)
    bins = reliability_bins(SCORES, LABELS, n_bins=10, binning=binning)
    np.testing.assert_allclose([b.mean_score for b in bins], mean_score, atol=1e-12)
    np.testing.assert_allclose([b.observed_fraction for b in bins], observed, atol=1e-12)


@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=60),
    st.integers(1, 20),
    st.sampled_from(list(Binning)),
)
def test_bins_hold_every_candidate_once_and_add_up_to_the_error(values, n_bins, binning):
    scores = np.array(values) / 20
    labels = np.arange(len(values)) % 2
    bins = reliability_bins(scores, labels, n_bins=n_bins, binning=binning)
    assert sum(b.n for b in bins) == len(values)
    assert [b.low for b in bins] == sorted(b.low for b in bins)
    for b in bins:
        assert b.observed_fraction in b.interval
        assert b.low - 1e-12 <= b.mean_score <= b.high + 1e-12  # rounding of the mean
    gaps = sum(b.n * abs(b.observed_fraction - b.mean_score) for b in bins) / len(values)
    found = expected_calibration_error(scores, labels, n_bins=n_bins, binning=binning)
    assert found == pytest.approx(gaps, abs=1e-12)


def test_tied_scores_stay_in_one_equal_mass_bin():
    bins = reliability_bins([0.3] * 50 + [0.9], [0, 1] * 25 + [1], binning="equal_mass", n_bins=5)
    assert [b.n for b in bins] == [50, 1]


def test_a_tie_goes_to_the_bin_of_its_middle():
    scores = [0.1] * 30 + [0.2] * 60 + [0.3] * 10
    bins = reliability_bins(scores, [0, 1] * 50, binning="equal_mass", n_bins=2)
    assert [b.n for b in bins] == [30, 70]


def test_equal_mass_bins_are_equally_full():
    bins = reliability_bins(SCORES**4, LABELS, binning=Binning.EQUAL_MASS, n_bins=10)
    assert [b.n for b in bins] == [50] * 10


def test_zero_and_one_fall_into_the_outer_bins():
    bins = reliability_bins([0.0, 1.0], [0, 1], n_bins=10)
    assert [(b.low, b.high) for b in bins] == [(0.0, 0.1), (0.9, 1.0)]


def test_perfect_scores_show_the_error_the_docstring_promises():
    rng = np.random.default_rng(9)
    errors = []
    for _ in range(40):
        scores = rng.random(2000)
        labels = rng.random(2000) < scores
        errors.append(expected_calibration_error(scores, labels, n_bins=15))
    assert np.mean(errors) == pytest.approx(np.sqrt(15 / 2000) / 3, rel=0.15)  # "about"


def test_impossible_bins_and_scores_are_refused():
    with pytest.raises(InvalidInputError, match="n_bins"):
        expected_calibration_error(SCORES, LABELS, n_bins=0)
    with pytest.raises(InvalidInputError, match="apply a calibrator"):
        expected_calibration_error([1.2], [1])
    with pytest.raises(InvalidInputError, match="equal_mass, got 'deciles'"):
        reliability_bins(SCORES, LABELS, binning="deciles")

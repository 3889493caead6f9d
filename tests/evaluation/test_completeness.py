"""Completeness curves against known truth and a brute-force fit."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, ndtr

from skyvet.core.errors import InvalidInputError
from skyvet.evaluation.completeness import (
    CompletenessConfig,
    completeness_bins,
    fit_completeness,
    measure_completeness,
)

SHAPES = {"logistic": expit, "erf": ndtr}


def draw(n=4000, *, half=6.0, width=0.25, plateau=0.97, curve="logistic", seed=1):
    rng = np.random.default_rng(seed)
    snr = np.exp(rng.uniform(np.log(2.0), np.log(40.0), n))
    chance = plateau * SHAPES[curve](np.log(snr / half) / width)
    return snr, rng.random(n) < chance


def tables(snr, recovered, *, n_unscored=0, hosts=None):
    ids = np.arange(len(snr)) + 9 * 10**18
    truth = pa.table(
        {
            "candidate_id": ids,
            "host_object_id": [f"h{i}" for i in range(len(snr))] if hosts is None else hosts,
            "snr": snr,
        }
    )
    scores = pa.table(
        {
            "candidate_id": ids[n_unscored:],
            "score": recovered[n_unscored:].astype(float),
            "verdict": np.where(recovered, "real", "bogus")[n_unscored:],
        }
    )
    return truth, scores


@pytest.mark.parametrize("curve", ["logistic", "erf"])
def test_fit_finds_the_truth(curve):
    snr, recovered = draw(20_000, curve=curve)
    fit = fit_completeness(snr, recovered, curve=curve)
    # some 20,000 sources, a fifth on the slope: about 1 % each
    assert fit.snr_half == pytest.approx(6.0, rel=0.03)
    assert fit.width == pytest.approx(0.25, rel=0.12)
    assert fit.plateau == pytest.approx(0.97, abs=0.01)


@pytest.mark.parametrize("curve", ["logistic", "erf"])
def test_no_curve_on_a_grid_is_likelier(curve):
    snr, recovered = draw(800, curve=curve, seed=3)
    fit = fit_completeness(snr, recovered, curve=curve)

    def log_likelihood(half, width, plateau):
        chance = plateau * SHAPES[curve](np.log(snr / half) / width)
        chance = np.clip(chance, 1e-9, 1 - 1e-9)
        return np.where(recovered, np.log(chance), np.log1p(-chance)).sum()

    best = log_likelihood(fit.snr_half, fit.width, fit.plateau)
    grid = [
        log_likelihood(half, width, plateau)
        for half in np.geomspace(4, 9, 25)
        for width in np.geomspace(0.1, 0.6, 25)
        for plateau in np.linspace(0.9, 0.999, 12)
    ]
    # fine bins of ln S/N cost a little likelihood
    assert best >= max(grid) - 0.3


@given(level=st.floats(0.05, 0.9), curve=st.sampled_from(["logistic", "erf"]))
@settings(max_examples=30, deadline=None)
def test_depth_inverts_the_curve(level, curve):
    snr, recovered = draw(1000, curve=curve)
    fit = fit_completeness(snr, recovered, curve=curve)
    depth = fit.depth(level)
    assert fit.completeness(np.array([depth]))[0] == pytest.approx(level, rel=1e-9)


def test_a_depth_above_the_plateau_or_outside_the_data_is_nan():
    snr, recovered = draw(3000, plateau=0.7)
    fit = fit_completeness(snr, recovered)
    assert np.isnan(fit.depth(0.9))
    assert np.isfinite(fit.depth(0.5))
    faint = snr > 9
    assert np.isnan(fit_completeness(snr[faint], recovered[faint]).depth(0.2))


def test_bins_hold_every_source_once_and_their_intervals_hold_the_rate():
    snr, recovered = draw(500)
    bins = completeness_bins(snr, recovered, n_bins=7)
    assert sum(b.n for b in bins) == 500
    for b in bins:
        inside = (snr >= b.snr_low) & (snr < b.snr_high * (1 + 1e-12))
        assert b.n == inside.sum()
        assert b.completeness.value == pytest.approx(recovered[inside].mean())
        assert b.completeness.low <= b.completeness.value <= b.completeness.high


def test_copies_in_one_host_widen_the_interval():
    snr, recovered = np.full(40, 5.0), np.repeat([True, False], 20)
    alone = completeness_bins(snr, recovered, n_bins=2)[0].completeness
    shared = completeness_bins(snr, recovered, n_bins=2, groups=np.repeat([0, 1, 2, 3], 10))[0]
    assert shared.completeness.high - shared.completeness.low > 1.5 * (alone.high - alone.low)


def test_intervals_of_depths_hold_the_truth():
    held = 0
    for seed in range(20):
        snr, recovered = draw(300, plateau=1.0, seed=seed)
        facts = measure_completeness(
            *tables(snr, recovered), CompletenessConfig(n_resamples=60, confidence=0.9)
        )
        held += facts.snr_at_50.low <= 6.0 <= facts.snr_at_50.high
    # binomial with 20 trials at 0.9 (60 resamples make ends coarse): 14 or fewer is below 1 %
    assert held >= 15


def test_sources_without_a_score_count_as_lost():
    snr, _ = draw(400)
    facts = measure_completeness(
        *tables(snr, np.ones(400, dtype=bool), n_unscored=100),
        CompletenessConfig(n_resamples=20),
    )
    kept = sum(b.completeness.value * b.n for b in facts.bins if b.n)
    assert kept == pytest.approx(300)
    assert "100 without a score count as lost" in facts.note


def test_threshold_goes_before_the_verdict():
    snr, recovered = draw(300)
    truth, scores = tables(snr, recovered)
    scores = scores.set_column(1, "score", pa.array(np.full(300, 0.4)))
    low = measure_completeness(truth, scores, CompletenessConfig(threshold=0.3))
    high = measure_completeness(truth, scores, CompletenessConfig(threshold=0.5))
    assert all(b.completeness.value == 1.0 for b in low.bins if b.n)
    assert all(b.completeness.value == 0.0 for b in high.bins if b.n)
    assert "All sources were recovered" in low.note
    assert high.snr_at_50.value is None


def test_text_identifiers_match():
    snr, recovered = draw(100)
    truth, scores = tables(snr, recovered)
    scores = scores.set_column(
        0, "candidate_id", pa.array([str(i) for i in scores["candidate_id"].to_pylist()])
    )
    facts = measure_completeness(truth, scores, CompletenessConfig(n_resamples=20))
    assert "without a score" not in facts.note


def test_result_is_reproducible():
    snr, recovered = draw(200)
    one, two = (
        measure_completeness(*tables(snr, recovered), CompletenessConfig(n_resamples=30))
        for _ in range(2)
    )
    assert one == two


def test_one_host_gives_depths_without_interval():
    snr, recovered = draw(200)
    facts = measure_completeness(*tables(snr, recovered, hosts=["h"] * 200))
    assert facts.snr_at_50.value is not None
    assert facts.snr_at_50.low is None
    assert "without intervals" in facts.note


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_impossible_snr_is_refused(bad):
    with pytest.raises(InvalidInputError, match="finite and above 0"):
        fit_completeness(np.array([1.0, bad]), np.array([True, False]))


def test_one_outcome_cannot_be_fitted():
    with pytest.raises(InvalidInputError, match="wider range"):
        fit_completeness(np.array([1.0, 2.0]), np.array([True, True]))


def test_tables_that_do_not_fit_are_refused():
    snr, recovered = draw(20)
    truth, scores = tables(snr, recovered)
    with pytest.raises(InvalidInputError, match="lacks the columns snr"):
        measure_completeness(truth.drop_columns(["snr"]), scores)
    other = scores.set_column(0, "candidate_id", pa.array(np.arange(20)))
    with pytest.raises(InvalidInputError, match="no injected source has a score"):
        measure_completeness(truth, other)


def test_no_sources_give_no_bins():
    assert completeness_bins(np.array([]), np.array([], dtype=bool)) == ()

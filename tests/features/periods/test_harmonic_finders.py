"""Lomb-Scargle and Fourier fits against astropy, least squares and each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from skyvet.features.band_series import BandSeries
from skyvet.features.periods.harmonic_grids import grid_reductions
from skyvet.features.periods.interface import FrequencyGrid
from skyvet.features.periods.lomb_scargle import LombScargle
from skyvet.features.periods.multi_harmonic_aov import MultiHarmonicAOV
from skyvet.features.periods.multi_harmonic_fourier import MultiHarmonicFourier
from skyvet.features.periods.normal_equations import direct_reductions, weighted_bands

astropy = pytest.importorskip("astropy.timeseries")

GRID = FrequencyGrid(f_min=0.005, step=1 / 2000, n=6000)
SOME = GRID.frequencies[::7]


def make_series(band="r", *, n=80, seed=0, baseline_d=200.0, frequency=1.7):
    rng = np.random.default_rng([seed, n])
    time = np.sort(rng.uniform(0, baseline_d, n))
    phase = 2 * np.pi * frequency * time
    err = rng.uniform(0.01, 0.08, n)
    magnitude = 15 + 0.3 * np.sin(phase) + 0.15 * np.cos(2 * phase + 1) + err * rng.normal(size=n)
    return BandSeries(band=band, time_d=time, magnitude=magnitude, magnitude_err=err)


BANDS = (make_series("g", n=50, seed=1), make_series("r", n=70, seed=2))


def columns(series, frequency, n_terms, *, with_slope=False):
    turns = 2 * np.pi * frequency * series.time_d
    waves = [f(k * turns) for k in range(1, n_terms + 1) for f in (np.cos, np.sin)]
    slope = [series.time_d - series.time_d.mean()] if with_slope else []
    return np.stack([np.ones(len(series)), *slope, *waves], axis=1)


def chi2_of_fit(series, design):
    weighted = design / series.magnitude_err[:, None]
    target = series.magnitude / series.magnitude_err
    beta = np.linalg.lstsq(weighted, target, rcond=None)[0]
    return float(((target - weighted @ beta) ** 2).sum())


def test_power_is_astropys_with_floating_mean_and_errors():
    (one,) = (make_series(),)
    peer = astropy.LombScargle(one.time_d, one.magnitude, one.magnitude_err)
    expected = peer.power(SOME, method="slow")
    np.testing.assert_allclose(LombScargle().statistic([one], SOME), expected, atol=1e-10)
    assert np.abs(LombScargle().periodogram([one], GRID)[::7] - expected).max() < 1e-4


def test_classical_power_is_astropys_without_errors_and_mean():
    one = make_series()
    peer = astropy.LombScargle(one.time_d, one.magnitude, fit_mean=False, center_data=True)
    expected = peer.power(SOME, method="slow")
    classical = LombScargle(is_weighted=False, fits_mean=False)
    np.testing.assert_allclose(classical.statistic([one], SOME), expected, atol=1e-10)
    assert np.abs(classical.periodogram([one], GRID)[::7] - expected).max() < 1e-4


@pytest.mark.parametrize(("bands", "n_base", "n_band"), [("separate", 0, 1), ("shared", 1, 0)])
def test_power_of_two_bands_is_astropys(bands, n_base, n_band):
    peer = astropy.LombScargleMultiband(
        np.concatenate([s.time_d for s in BANDS]),
        np.concatenate([s.magnitude for s in BANDS]),
        np.repeat([s.band for s in BANDS], [len(s) for s in BANDS]),
        np.concatenate([s.magnitude_err for s in BANDS]),
        nterms_base=n_base,
        nterms_band=n_band,
        reg_base=None,
        reg_band=None,
        regularize_by_trace=False,
    )
    expected = peer.power(SOME, method="flexible")
    np.testing.assert_allclose(
        LombScargle(bands=bands).statistic(BANDS, SOME), expected, atol=1e-10
    )
    assert np.abs(LombScargle(bands=bands).periodogram(BANDS, GRID)[::7] - expected).max() < 1e-4


@pytest.mark.parametrize("n_terms", [1, 2, 3, 4, 5])
def test_f_statistic_follows_from_astropys_chi2(n_terms):
    one = make_series()
    peer = astropy.LombScargle(one.time_d, one.magnitude, one.magnitude_err, nterms=n_terms)
    power = peer.power(SOME, method="chi2")
    n_left = len(one) - 1 - 2 * n_terms
    expected = power / (1 - power) * n_left / (2 * n_terms)
    finder = MultiHarmonicAOV(n_terms=n_terms)
    np.testing.assert_allclose(finder.statistic([one], SOME), expected, rtol=1e-7, atol=1e-9)
    fast = finder.periodogram([one], GRID)[::7]
    assert np.abs(fast / (fast + n_left / (2 * n_terms)) - power).max() < 5e-4


@pytest.mark.parametrize("n_terms", [2, 3])
def test_shared_amplitudes_are_those_of_one_stacked_fit(n_terms):
    """One design matrix: a mean for each band, harmonics for all points together."""
    frequencies = np.array([0.31, 1.7, 2.9])
    bands = weighted_bands(BANDS, n_terms=n_terms)
    found = direct_reductions(bands, frequencies, n_terms=n_terms, is_shared=True)[-1]
    joined = BandSeries(
        band="all",
        **{
            name: np.concatenate([getattr(s, name) for s in BANDS])
            for name in ("time_d", "magnitude", "magnitude_err")
        },
    )
    is_second = np.repeat([0.0, 1.0], [len(s) for s in BANDS])[:, None]
    for frequency, reduction in zip(frequencies, found, strict=True):
        design = np.hstack([columns(joined, frequency, n_terms), is_second])
        expected = sum(b.chi2_null for b in bands) - chi2_of_fit(joined, design)
        assert reduction == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("frequency", [0.02, 0.9973, 1.7, 3.4])
def test_gain_of_the_criterion_is_that_of_least_squares(frequency):
    expected = []
    for n_terms in (1, 2, 3):
        gain = 0.0
        for one in BANDS:
            flat = chi2_of_fit(one, columns(one, frequency, 0, with_slope=True))
            best = chi2_of_fit(one, columns(one, frequency, n_terms, with_slope=True))
            gain += flat - best - 2 * n_terms * np.log(len(one))
        expected.append(gain)
    found = MultiHarmonicFourier(n_terms=3).statistic(BANDS, np.array([frequency]))
    assert found[0] == pytest.approx(max(expected), rel=1e-8)


def test_gain_is_blind_to_a_slope():
    one = make_series()
    tilted = BandSeries(
        band="r",
        time_d=one.time_d,
        magnitude=one.magnitude + 0.01 * one.time_d,
        magnitude_err=one.magnitude_err,
    )
    finder = MultiHarmonicFourier()
    np.testing.assert_allclose(
        finder.statistic([one], SOME), finder.statistic([tilted], SOME), rtol=1e-6, atol=1e-6
    )


def test_gain_of_the_grid_is_the_exact_one():
    finder = MultiHarmonicFourier()
    exact = finder.statistic(BANDS, SOME)
    assert np.abs(finder.periodogram(BANDS, GRID)[::7] - exact).max() < 1e-4 * exact.max()


def test_noise_follows_fishers_distribution():
    rng = np.random.default_rng(5)
    found = []
    for _ in range(300):
        noise = BandSeries(
            band="r",
            time_d=np.sort(rng.uniform(0, 100, 40)),
            magnitude=rng.normal(size=40),
            magnitude_err=np.ones(40),
        )
        found.extend(MultiHarmonicAOV(n_terms=2).statistic([noise], np.array([0.7])))
    assert stats.kstest(found, stats.f(4, 35).cdf).pvalue > 0.01


@pytest.mark.parametrize("n_terms", [1, 3, 5])
@pytest.mark.parametrize("is_shared", [False, True])
def test_all_numbers_of_terms_come_from_one_solution(n_terms, is_shared):
    bands = weighted_bands(BANDS, n_terms=n_terms)
    fast = grid_reductions(bands, GRID, n_terms=n_terms, is_shared=is_shared, with_fewer_terms=True)
    exact = direct_reductions(bands, SOME, n_terms=n_terms, is_shared=is_shared)
    assert fast.shape == (n_terms, GRID.n)
    assert np.abs(fast[:, ::7] - exact).max() < 2e-4 * exact.max()
    assert (np.diff(exact, axis=0) > -1e-9 * exact.max()).all()


def test_points_that_hold_all_the_weight_are_summed_in_double():
    """A hundred points at 0.02 mag beside three at 2e-6: float32 would lose the hundred."""
    one = make_series(n=103)
    err = one.magnitude_err.copy()
    err[[5, 50, 90]] = 2e-6
    sharp = BandSeries(band="r", time_d=one.time_d, magnitude=one.magnitude, magnitude_err=err)
    fast = LombScargle().periodogram([sharp], GRID)
    assert fast.dtype == np.float64
    exact = LombScargle().statistic([sharp], SOME)
    assert np.mean(np.abs(fast[::7] - exact) < 0.01) > 0.98


def test_phases_that_do_not_differ_explain_nothing():
    """At one cycle a visit all points share a phase: no power may come from rounding."""
    rng = np.random.default_rng(0)
    nightly = BandSeries(
        band="r",
        time_d=np.arange(100) * 0.7,
        magnitude=rng.normal(15, 1, 100),
        magnitude_err=np.full(100, 0.1),
    )
    grid = FrequencyGrid(f_min=0.5 / 0.7, step=0.25 / 0.7, n=15)
    for power in (
        LombScargle().periodogram([nightly], grid),
        LombScargle().statistic([nightly], grid.frequencies),
    ):
        assert power[2::4].max() < 1e-6
        # At half of that the sine is 0: only the cosine explains anything.
        cosine = np.cos(np.pi * np.arange(100))
        expected = np.corrcoef(cosine, nightly.magnitude)[0, 1] ** 2
        np.testing.assert_allclose(power[::4], expected, atol=1e-5)


def test_error_floor_takes_the_vote_from_single_points():
    sharp = BandSeries(
        band="r",
        time_d=BANDS[0].time_d,
        magnitude=BANDS[0].magnitude,
        magnitude_err=np.geomspace(1e-9, 1e-5, 50),
    )
    even = LombScargle(is_weighted=False).statistic([sharp], SOME)
    floored = LombScargle(error_floor_mag=0.1).statistic([sharp], SOME)
    np.testing.assert_allclose(floored, even, atol=1e-9)

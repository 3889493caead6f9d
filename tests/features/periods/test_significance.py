"""False-alarm probabilities against published factors and noise."""

from math import factorial, prod

import numpy as np
import pytest

from skyvet.features.band_series import BandSeries
from skyvet.features.periods.configs import PeriodSearchConfig
from skyvet.features.periods.harmonic_spectra import harmonic_spectra
from skyvet.features.periods.search import grid_of
from skyvet.features.periods.significance import (
    false_alarm_probability,
    mean_harmonic,
    robust_significance,
    significance,
)


def _baluev_alpha(n):
    """Factor of Baluev (2009), table 1, for n harmonics of one band."""
    total = sum(
        (-1) ** (n - k) * k ** (2 * n + 1) / (factorial(n + k) * factorial(n - k))
        for k in range(1, n + 1)
    )
    return 2**n / prod(range(1, 2 * n, 2)) * total


@pytest.mark.parametrize("n_terms", [1, 2, 3, 5])
def test_factor_of_harmonics_is_baluevs(n_terms):
    ours = mean_harmonic(1, n_terms) / factorial(n_terms - 1)
    assert ours == pytest.approx(_baluev_alpha(n_terms), rel=1e-6)


@pytest.mark.parametrize("power", [0.2, 0.3, 0.5])
def test_one_harmonic_of_one_band_is_astropys(power):
    astropy = pytest.importorskip("astropy.timeseries.periodograms.lombscargle._statistics")
    time = np.sort(np.random.default_rng(2).uniform(0, 300, 80))
    bandwidth = 10.0 * np.sqrt(4 * np.pi * time.var())
    ours = false_alarm_probability(
        np.array([power]), n_points=80, n_bands=1, n_terms=1, bandwidth=bandwidth
    )
    theirs = astropy.fap_baluev(power, 10.0, time, np.zeros(80), np.ones(80))
    assert ours[0] == pytest.approx(theirs, rel=1e-9)


def test_chance_falls_with_power_and_stays_in_range():
    chance = false_alarm_probability(
        np.linspace(0, 1, 200), n_points=60, n_bands=2, n_terms=2, bandwidth=3e4
    )
    assert chance[0] == 1.0
    assert chance[-1] < 1e-12
    assert (np.diff(chance) <= 1e-12).all()


def test_too_few_points_have_no_chance():
    few = {"n_points": 6, "n_bands": 1, "n_terms": 2, "bandwidth": 100.0}
    assert np.isnan(false_alarm_probability(np.array([0.5]), **few)).all()


@pytest.mark.parametrize("n_bands", [1, 2])
def test_noise_reaches_a_chance_as_often_as_it_says(n_bands):
    """Magnitudes of noise alone, 150 times: maxima follow the formula (an upper limit)."""
    rng = np.random.default_rng(5)
    config = PeriodSearchConfig(f_max_per_d=3.0, error_floor_mag=0.0)
    chances = []
    for _ in range(150):
        series = [_noise(rng, band) for band in "gr"[:n_bands]]
        grid = grid_of(60.0, config)
        peaks = harmonic_spectra(series, grid, config).peaks("mhaov", grid, 1)
        chances.append(peaks.false_alarm_probability[0])
    below = np.array([np.mean(np.array(chances) < level) for level in (0.05, 0.2)])
    assert below[0] < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)
    assert 0.2 - 4 * np.sqrt(0.16 / 150) < below[1] < 0.2 + 3 * np.sqrt(0.16 / 150)


def _noise(rng, band):
    time = np.sort(rng.uniform(0, 60, 50))
    return BandSeries(
        band=band, time_d=time, magnitude=rng.normal(15, 0.1, 50), magnitude_err=np.full(50, 0.1)
    )


def test_significances_are_the_specifications():
    periodogram = np.array([1.0, 2.0, 3.0, 4.0, 10.0])
    peak = np.array([10.0])
    assert significance(peak, periodogram)[0] == pytest.approx((10 - 4) / periodogram.std())
    assert robust_significance(peak, periodogram)[0] == pytest.approx((10 - 3) / 1.0)


def test_a_flat_periodogram_has_no_significance():
    assert np.isnan(significance(np.ones(1), np.ones(9))).all()
    assert np.isnan(robust_significance(np.ones(1), np.ones(9))).all()

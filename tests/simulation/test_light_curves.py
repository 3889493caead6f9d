"""Simulated light curves against astropy's periodograms and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from astropy.timeseries import LombScargle
from hypothesis import given, settings
from hypothesis import strategies as st

from skyvet.core.errors import InvalidInputError
from skyvet.simulation.light_curves import (
    LightCurveConfig,
    flux_error,
    simulate_light_curve,
    simulate_light_curves,
    survey_calendar,
)
from skyvet.simulation.variability.registry import VARIABILITY_NAMES, get_variability

PULSATORS = ("rr_lyrae_ab", "rr_lyrae_c", "cepheid", "delta_scuti")


def magnitude_of(simulated, band):
    """Bright points of one band as relative magnitudes."""
    curve = simulated.light_curve
    rows = (curve.band == band) & (curve.flux_njy > 0)
    magnitude = -2.5 * np.log10(curve.flux_njy[rows])
    error = 1.0857 * curve.flux_err_njy[rows] / curve.flux_njy[rows]
    return curve.mjd_tai[rows], magnitude, error


def first_bright(config, n):
    """First `n` objects with a swing well above the noise."""
    calendar = survey_calendar(config)
    found = []
    for i in range(200):
        simulated = simulate_light_curve(config, i, calendar=calendar)
        _, _, error = magnitude_of(simulated, "r")
        if len(error) and simulated.truth.amplitude_mag > 8 * np.median(error):
            found.append(simulated)
        if len(found) == n:
            return found
    raise AssertionError("too few bright objects")


@pytest.mark.parametrize("name", PULSATORS)
def test_lomb_scargle_finds_the_period_of_a_pulsator(name):
    config = LightCurveConfig(classes=(name,), seed=11, n_years=3.0)
    for simulated in first_bright(config, 3):
        times, magnitude, error = magnitude_of(simulated, "r")
        truth = 1.0 / simulated.truth.period_d
        # 1/T is the resolution: a grid 10 times finer, in a window that excludes the 1/d aliases
        grid = truth + np.arange(-0.15, 0.15, 0.1 / 1000.0)
        power = LombScargle(times, magnitude, error, nterms=2).power(grid[grid > 0.01])
        best = grid[grid > 0.01][np.argmax(power)]
        assert best == pytest.approx(truth, abs=1.0 / 1000.0), simulated.truth


def test_eclipsing_binary_peaks_at_half_its_period():
    config = LightCurveConfig(classes=("eclipsing_ew",), seed=3, n_years=3.0)
    simulated = first_bright(config, 1)[0]
    times, magnitude, error = magnitude_of(simulated, "r")
    grid = np.arange(0.5, 12.0, 1e-4)
    best = grid[np.argmax(LombScargle(times, magnitude, error).power(grid))]
    assert best == pytest.approx(2.0 / simulated.truth.period_d, abs=1e-3)


@pytest.mark.parametrize("survey", ["ztf", "lsst"])
def test_window_function_peaks_at_one_cycle_a_day(survey):
    config = LightCurveConfig(survey=survey, classes=("constant",), seed=5)
    times = simulate_light_curve(config, 0).light_curve.mjd_tai
    grid = np.arange(0.3, 1.7, 1e-4)
    window = np.abs(np.exp(2j * np.pi * np.outer(grid, times)).mean(axis=1))
    best = grid[np.argmax(window)]
    # one solar or sidereal day, and its yearly side lobes
    assert best == pytest.approx(1.0, abs=0.006)
    assert window.max() > 0.5


def test_seasons_leave_gaps_of_months():
    config = LightCurveConfig(classes=("constant",), seed=5, n_years=3.0)
    for i in range(5):
        times = simulate_light_curve(config, i).light_curve.mjd_tai
        assert 50.0 < np.diff(times).max() < 250.0


@pytest.mark.parametrize("survey", ["ztf", "lsst"])
def test_residuals_of_constant_stars_have_chi_square_one(survey):
    config = LightCurveConfig(survey=survey, classes=("constant",), seed=2)
    pulls = np.concatenate(
        [
            (s.light_curve.flux_njy - s.true_flux_njy) / s.light_curve.flux_err_njy
            for s in simulate_light_curves(config, 0, 40)
        ]
    )
    # about 14,000 points: standard error of the mean square is sqrt(2 / n) = 0.012
    assert np.mean(pulls**2) == pytest.approx(1.0, abs=0.05)
    assert np.mean(pulls) == pytest.approx(0.0, abs=0.04)


def test_error_at_the_limit_is_a_fifth_of_the_flux():
    flux = 10 ** (0.4 * (31.4 - 20.6))
    error = flux_error(np.array([flux]), np.array([20.6]), systematic=0.0)
    np.testing.assert_allclose(error, flux / 5, rtol=1e-12)


def test_negative_flux_has_sky_noise_only():
    error = flux_error(np.array([-1e6, 0.0]), np.array([20.0, 20.0]), systematic=0.0)
    assert error[0] == error[1] > 0


@pytest.mark.parametrize("name", VARIABILITY_NAMES)
def test_every_kind_gives_finite_sorted_epochs_and_truth(name):
    config = LightCurveConfig(classes=(name,), survey="lsst", seed=7, n_years=2.0)
    simulated = simulate_light_curve(config, 0)
    curve = simulated.light_curve
    assert simulated.truth.class_name == name
    assert np.isfinite(curve.flux_njy).all()
    assert (curve.flux_err_njy > 0).all()
    assert curve.mjd_tai.dtype == np.float64
    assert curve.is_difference == get_variability(name).is_transient
    assert {"r_magnitude", "period_d", "amplitude_mag"} <= set(simulated.truth.parameters)


@pytest.mark.parametrize("name", PULSATORS[:3])
def test_true_peak_to_peak_is_the_stated_amplitude(name):
    config = LightCurveConfig(classes=(name,), seed=9)
    truth = simulate_light_curve(config, 0).truth
    times = truth.parameters["mjd_epoch"] + np.linspace(0, truth.period_d, 4000)
    flux = get_variability(name).flux_njy(times, np.full(4000, "r"), truth.parameters)
    swing = 2.5 * np.log10(flux.max() / flux.min())
    # shapes are normalised on a grid of 512 phases
    assert swing == pytest.approx(truth.amplitude_mag, rel=1e-3)


def test_transients_are_negative_as_often_as_positive_before_the_event():
    config = LightCurveConfig(classes=("supernova_ia",), seed=4)
    quiet = np.concatenate(
        [
            s.light_curve.flux_njy[s.true_flux_njy < 1e-3 * s.light_curve.flux_err_njy]
            for s in simulate_light_curves(config, 0, 10)
        ]
    )
    # binomial error with some 2000 points is 0.011
    assert np.mean(quiet < 0) == pytest.approx(0.5, abs=0.05)


def test_difference_fluxes_of_a_variable_change_sign():
    config = LightCurveConfig(classes=("lpv",), seed=4, as_difference=True)
    simulated = simulate_light_curve(config, 0)
    assert simulated.light_curve.is_difference
    assert simulated.true_flux_njy.min() < 0 < simulated.true_flux_njy.max()


@given(i=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_an_object_does_not_depend_on_its_neighbours(i):
    config = LightCurveConfig(seed=1, n_years=1.0)
    alone = simulate_light_curve(config, i)
    among = simulate_light_curves(config, max(i - 1, 0), i + 1)[-1]
    np.testing.assert_array_equal(alone.light_curve.flux_njy, among.light_curve.flux_njy)
    np.testing.assert_array_equal(alone.light_curve.mjd_tai, among.light_curve.mjd_tai)


def test_seeds_differ():
    one, two = (simulate_light_curve(LightCurveConfig(seed=s), 0) for s in (1, 2))
    assert not np.array_equal(one.light_curve.mjd_tai, two.light_curve.mjd_tai)


def test_unknown_class_is_refused_with_the_choices():
    with pytest.raises(ValueError, match="choose from rr_lyrae_ab"):
        LightCurveConfig(classes=("quasar",))


def test_too_short_a_survey_says_what_to_change():
    config = LightCurveConfig(n_years=0.1, min_epochs=500)
    with pytest.raises(InvalidInputError, match="raise n_years or lower min_epochs"):
        simulate_light_curve(config, 0)


def test_non_periodic_kinds_have_no_period():
    config = LightCurveConfig(classes=("agn", "flare", "cataclysmic", "constant"), seed=3)
    assert all(math.isnan(s.truth.period_d) for s in simulate_light_curves(config, 0, 10))

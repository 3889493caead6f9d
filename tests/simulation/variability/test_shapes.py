"""Shapes of single kinds against what their papers say."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.simulation.variability.base import PriorLimits
from skyvet.simulation.variability.outbursts import davenport_flare
from skyvet.simulation.variability.registry import VARIABILITY_NAMES, get_variability
from skyvet.simulation.variability.supernovae import bazin_shape

LIMITS = PriorLimits(mjd_start=59000.0, mjd_end=60000.0, bright_mag=15.0, faint_mag=19.0)


def test_flare_has_half_its_height_one_width_apart():
    age = np.linspace(-1.0, 3.0, 40_001)
    above = age[davenport_flare(age) >= 0.5]
    # time is in units of the width of the measured flares; the fitted template is 8 % narrower
    assert np.ptp(above) == pytest.approx(1.0, abs=0.1)


def test_bazin_peaks_where_its_derivative_vanishes():
    age = np.linspace(-20, 60, 80_001)
    peak = age[np.argmax(bazin_shape(age, 3.0, 20.0))]
    assert peak == pytest.approx(3.0 * np.log(20.0 / 3.0 - 1.0), abs=2e-3)


def test_rr_lyrae_ab_rises_faster_than_it_falls():
    kind = get_variability("rr_lyrae_ab")
    for seed in range(20):
        parameters = kind.sample_parameters(LIMITS, np.random.default_rng(seed))
        times = parameters["mjd_epoch"] + parameters["period_d"] * np.arange(1000) / 1000
        flux = kind.flux_njy(times, np.full(1000, "r"), parameters)
        rise = (np.argmax(flux) - np.argmin(flux)) % 1000
        assert rise < 350


def test_primary_eclipse_is_the_deepest_point():
    for name in ("eclipsing_ea", "eclipsing_eb", "eclipsing_ew"):
        kind = get_variability(name)
        parameters = kind.sample_parameters(LIMITS, np.random.default_rng(1))
        times = parameters["mjd_epoch"] + parameters["period_d"] * np.arange(1000) / 1000
        flux = kind.flux_njy(times, np.full(1000, "r"), parameters)
        assert np.argmin(flux) in {0, 1, 999}


@pytest.mark.parametrize("name", VARIABILITY_NAMES)
def test_brightness_stays_physical_in_every_band(name):
    kind = get_variability(name)
    times = np.linspace(59000.0, 60000.0, 700)
    for seed in range(15):
        parameters = kind.sample_parameters(LIMITS, np.random.default_rng(seed))
        for band in "ugrizy":
            flux = kind.flux_njy(times, np.full(700, band), parameters)
            assert np.isfinite(flux).all()
            assert (flux >= 0).all()


@pytest.mark.parametrize("name", [n for n in VARIABILITY_NAMES if n not in {"agn", "cataclysmic"}])
def test_flux_does_not_depend_on_which_other_times_are_asked(name):
    kind = get_variability(name)
    parameters = kind.sample_parameters(LIMITS, np.random.default_rng(3))
    times = np.linspace(59000.0, 59900.0, 300)
    everything = kind.flux_njy(times, np.full(300, "r"), parameters)
    half = kind.flux_njy(times[:150], np.full(150, "r"), parameters)
    np.testing.assert_allclose(half, everything[:150], rtol=1e-12)


def test_unknown_kind_lists_the_choices():
    with pytest.raises(InvalidInputError, match="constant"):
        get_variability("cow")


def test_magnitudes_fill_the_survey_range_and_rise_towards_faint_ones():
    rng = np.random.default_rng(1)
    magnitudes = np.array([LIMITS.draw_magnitude(rng) for _ in range(2000)])
    assert magnitudes.min() >= 15.0
    assert magnitudes.max() <= 19.0
    assert np.mean(magnitudes > 17.0) > 0.6

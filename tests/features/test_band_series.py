"""From a batch of light curves to magnitudes by band."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import EarthLocation, SkyCoord
from astropy.time import Time

from skyvet.core.errors import InvalidInputError
from skyvet.core.photometry import magnitude_to_flux_njy
from skyvet.features.band_series import band_series_of
from skyvet.records.light_curve_batch import LightCurveBatch


def _batch(**changes):
    magnitude = np.array([18.0, 19.0, 18.5, 20.0])
    flux = magnitude_to_flux_njy(magnitude)
    document = {
        "source_ids": np.array([1, 2]),
        "offsets": np.array([0, 4, 4]),
        "mjd_tai": np.array([58000.0, 58000.5, 58001.0, 58002.0]),
        "flux_njy": flux,
        "flux_err_njy": 0.01 * flux,
        "band": np.array([0, 1, 0, 1]),
        "bands": ("g", "r"),
    }
    return LightCurveBatch(**{**document, **changes})


def test_magnitudes_come_back_by_band_with_one_epoch_for_all_bands():
    g, r = band_series_of(_batch(), 0)
    assert (g.band, r.band) == ("g", "r")
    np.testing.assert_allclose(g.magnitude, [18.0, 18.5], rtol=0, atol=1e-12)
    np.testing.assert_allclose(r.time_d, [0.5, 2.0], rtol=0, atol=1e-9)
    assert g.epoch_mjd_tai == r.epoch_mjd_tai == 58000.0
    np.testing.assert_allclose(g.magnitude_err, 0.0108573620, rtol=1e-6)


def test_a_source_without_epochs_has_no_band():
    assert band_series_of(_batch(), 1) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"flux_njy": np.array([np.nan, 1.0, 1.0, 1.0])},
        {"flux_njy": np.array([-1.0, 1.0, 1.0, 1.0])},
        {"flux_err_njy": np.array([0.0, 1.0, 1.0, 1.0])},
        {"flux_err_njy": np.array([np.nan, 1.0, 1.0, 1.0])},
        {"is_upper_limit": np.array([True, False, False, False])},
    ],
)
def test_epochs_without_a_magnitude_are_left_out_and_counted(changes):
    g, r = band_series_of(_batch(**changes), 0)
    assert (len(g), g.n_left_out, len(r), r.n_left_out) == (1, 1, 2, 0)
    assert g.epoch_mjd_tai == 58000.5


def test_times_are_at_the_sun_where_the_position_is_known():
    ra_deg, dec_deg = 210.0, 30.0
    mjd = np.linspace(58000.0, 58365.0, 50)
    flux = np.ones(50)
    batch = LightCurveBatch(
        source_ids=np.array([1]), offsets=np.array([0, 50]), mjd_tai=mjd, flux_njy=flux,
        flux_err_njy=0.1 * flux, band=np.zeros(50), bands=("r",),
        ra_deg=np.array([ra_deg]), dec_deg=np.array([dec_deg]),
    )  # fmt: skip
    (series,) = band_series_of(batch, 0)
    place = EarthLocation.from_geocentric(0, 0, 0, unit=u.m)
    time = Time(mjd, format="mjd", scale="tai", location=place)
    delay = time.light_travel_time(SkyCoord(ra_deg, dec_deg, unit="deg"), kind="heliocentric")
    expected = mjd + delay.to_value(u.d)
    np.testing.assert_allclose(
        series.time_d + series.epoch_mjd_tai, expected, rtol=0, atol=1.0 / 86400
    )


def test_difference_flux_is_refused():
    with pytest.raises(InvalidInputError, match="no magnitude"):
        band_series_of(_batch(is_difference=True), 0)

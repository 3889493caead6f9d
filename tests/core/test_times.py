"""Times against Astropy, over every leap second since 1997."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import EarthLocation, SkyCoord
from astropy.time import Time
from astropy.utils import iers
from hypothesis import given
from hypothesis import strategies as st

from skyvet.core.times import (
    heliocentric_delay_s,
    hmjd_utc_to_mjd_tai,
    jd_utc_to_mjd_tai,
    mjd_tai_to_mjd_utc,
    mjd_utc_to_mjd_tai,
)

# float64 days of 6e4 have a spacing of 7e-12 d, under a microsecond; two roundings at most.
SPACING_D = 2e-11
LEAPS = (50630.0, 51179.0, 53736.0, 54832.0, 56109.0, 57204.0, 57754.0)
MJD_UTC = st.floats(min_value=50630.0, max_value=70000.0)


# (On a leap day itself Astropy's day has 86401 s, so its fraction of a day differs by up to 1 s.)
@pytest.mark.parametrize("mjd_utc", [*LEAPS, *(leap - 1.01 for leap in LEAPS[1:]), 58849.25])
def test_tai_agrees_with_astropy(mjd_utc):
    expected = Time(mjd_utc, format="mjd", scale="utc").tai.mjd
    assert mjd_utc_to_mjd_tai(mjd_utc) == pytest.approx(expected, rel=0, abs=SPACING_D)


@given(MJD_UTC)
def test_there_and_back_is_the_same_time(mjd_utc):
    assert mjd_tai_to_mjd_utc(mjd_utc_to_mjd_tai(mjd_utc)) == pytest.approx(
        mjd_utc, rel=0, abs=SPACING_D
    )


@given(MJD_UTC, MJD_UTC)
def test_order_of_times_is_kept(first, second):
    early, late = sorted((first, second))
    assert mjd_utc_to_mjd_tai(early) <= mjd_utc_to_mjd_tai(late)


def test_julian_date_becomes_the_middle_of_the_exposure():
    start = Time("2024-05-01T04:00:00", scale="utc")
    middle = jd_utc_to_mjd_tai(start.jd, exposure_s=30.0)
    seconds = (middle - start.tai.mjd) * 86400
    # A Julian date in one float64 has a spacing of 5e-10 d = 40 microseconds.
    assert seconds == pytest.approx(15.0, rel=0, abs=1e-4)


@pytest.mark.parametrize("mjd", [51544.5, 58202.35, 58300.0, 59000.1, 60123.4])
@pytest.mark.parametrize("position", [(0.0, 0.0), (209.99, 30.0), (88.0, 66.5), (300.0, -30.0)])
def test_heliocentric_delay_agrees_with_astropy(mjd, position):
    palomar = EarthLocation(lon=-116.863, lat=33.356, height=1706)
    with iers.conf.set_temp("auto_download", False):
        time = Time(mjd, format="mjd", scale="utc", location=palomar)
        expected = time.light_travel_time(SkyCoord(*position, unit="deg"), kind="heliocentric")
    found = heliocentric_delay_s(mjd, ra_deg=position[0], dec_deg=position[1])
    assert found == pytest.approx(expected.sec, abs=0.2)  # low-precision Sun, centre of the Earth


def test_heliocentric_time_of_a_real_ztf_epoch_is_its_mid_exposure():
    """Row of a data-release light curve: mjd is the start of a 30 s exposure, hjd its middle."""
    hmjd, mjd_start = 58202.3577286243, 58202.353159699996
    found = hmjd_utc_to_mjd_tai(hmjd, ra_deg=209.9900551, dec_deg=29.9976258)
    middle = mjd_utc_to_mjd_tai(mjd_start) + 15.0 / 86400
    assert abs(found - middle) * 86400 < 0.2


def test_an_array_of_times_is_converted_as_each_of_them():
    times = np.array([50630.0, 57203.99, 57204.0, 58202.35, 60123.4])
    place, places = {"ra_deg": 209.99, "dec_deg": 30.0}, {"ra_deg": np.full(5, 209.99),
                                                          "dec_deg": np.full(5, 30.0)}  # fmt: skip
    np.testing.assert_array_equal(
        mjd_utc_to_mjd_tai(times), [mjd_utc_to_mjd_tai(float(time)) for time in times]
    )
    one_by_one = [hmjd_utc_to_mjd_tai(float(time), **place) for time in times]
    np.testing.assert_allclose(
        hmjd_utc_to_mjd_tai(times, **places), one_by_one, rtol=0, atol=SPACING_D
    )

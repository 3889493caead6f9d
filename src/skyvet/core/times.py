"""The one time scale: MJD in TAI, at mid-exposure."""

from __future__ import annotations

from bisect import bisect_right
from typing import TypeVar

import numpy as np

from skyvet.core.arrays import FloatArray

__all__ = [
    "heliocentric_delay_s",
    "hmjd_utc_to_mjd_tai",
    "jd_utc_to_mjd_tai",
    "mjd_tai_to_mjd_utc",
    "mjd_utc_to_mjd_tai",
]

_JD_OF_MJD_ZERO = 2_400_000.5
_SECONDS_PER_DAY = 86_400.0
_MJD_OF_J2000 = 51_544.5
_LIGHT_S_PER_AU = 499.004784
# TAI - UTC [s] from each date (MJD UTC) on; IERS Bulletin C. No leap second since 2017.
_LEAP_MJD_UTC = (50630.0, 51179.0, 53736.0, 54832.0, 56109.0, 57204.0, 57754.0)
_TAI_MINUS_UTC_S = (31.0, 32.0, 33.0, 34.0, 35.0, 36.0, 37.0)

_Time = TypeVar("_Time", float, FloatArray)


def _offset_days(mjd_utc: _Time) -> _Time:
    if isinstance(mjd_utc, np.ndarray):
        i_leaps = np.maximum(np.searchsorted(_LEAP_MJD_UTC, mjd_utc, side="right") - 1, 0)
        return np.asarray(_TAI_MINUS_UTC_S)[i_leaps] / _SECONDS_PER_DAY
    i_leap = max(bisect_right(_LEAP_MJD_UTC, mjd_utc) - 1, 0)
    return _TAI_MINUS_UTC_S[i_leap] / _SECONDS_PER_DAY


def mjd_utc_to_mjd_tai(mjd_utc: _Time) -> _Time:
    """Convert MJD, one or an array, from UTC to TAI; valid from 1997-07-01 on.

    Examples
    --------
    >>> round((mjd_utc_to_mjd_tai(58849.0) - 58849.0) * 86400, 3)
    37.0
    """
    return mjd_utc + _offset_days(mjd_utc)


def mjd_tai_to_mjd_utc(mjd_tai: float) -> float:
    """Convert MJD from TAI to UTC; the inverse of `mjd_utc_to_mjd_tai`."""
    return mjd_tai - _offset_days(mjd_tai - _offset_days(mjd_tai))


def jd_utc_to_mjd_tai(jd_utc: float, *, exposure_s: float = 0.0) -> float:
    """Convert a JD (UTC) at the start of an exposure to MJD (TAI) at its middle.

    Parameters
    ----------
    jd_utc : float
        Julian date [d, UTC], float64: float32 has a spacing of 0.25 d here.
    exposure_s : float, default 0
        Exposure time [s]; half of it is added.

    Returns
    -------
    float
        MJD [d, TAI].
    """
    return mjd_utc_to_mjd_tai(jd_utc - _JD_OF_MJD_ZERO) + 0.5 * exposure_s / _SECONDS_PER_DAY


def heliocentric_delay_s(mjd: _Time, *, ra_deg: _Time, dec_deg: _Time) -> _Time:
    """Return how much later light of a position reaches the Sun's place than the Earth's.

    From the low-precision position of the Sun (Astronomical Almanac, section C), carried to the
    equinox J2000; right to 0.2 s in 1990 to 2060, for any place on Earth.

    Parameters
    ----------
    mjd : float or ndarray, shape (n,)
        Time [d]; the scale does not matter here.
    ra_deg, dec_deg : float or ndarray, shape (n,)
        Position [deg, ICRS]; NaN gives NaN.

    Returns
    -------
    float or ndarray, shape (n,)
        Heliocentric minus geocentric time [s], within +-510.

    Examples
    --------
    >>> round(heliocentric_delay_s(58202.35316, ra_deg=209.99006, dec_deg=29.99763))
    380
    """
    days = mjd - _MJD_OF_J2000
    anomaly = np.radians(357.528 + 0.9856003 * days)
    longitude = np.radians(
        280.460 + 0.9856474 * days + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly)
        - 3.8246e-5 * days  # general precession since J2000
    )  # fmt: skip
    radius_au = 1.00014 - 0.01671 * np.cos(anomaly) - 0.00014 * np.cos(2 * anomaly)
    obliquity = np.radians(23.4393)
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    towards_sun = np.cos(dec) * np.cos(ra) * np.cos(longitude) + np.sin(longitude) * (
        np.cos(dec) * np.sin(ra) * np.cos(obliquity) + np.sin(dec) * np.sin(obliquity)
    )
    delay_s = -_LIGHT_S_PER_AU * radius_au * towards_sun
    found: _Time = delay_s if isinstance(mjd, np.ndarray) else float(delay_s)
    return found


def hmjd_utc_to_mjd_tai(hmjd_utc: _Time, *, ra_deg: _Time, dec_deg: _Time) -> _Time:
    """Convert a heliocentric MJD (UTC), as ZTF's light curves have it, to MJD (TAI) on Earth.

    Parameters
    ----------
    hmjd_utc : float or ndarray, shape (n,)
        Heliocentric time [d, UTC].
    ra_deg, dec_deg : float or ndarray, shape (n,)
        Position [deg, ICRS]; NaN gives NaN.

    Examples
    --------
    >>> mjd_tai = hmjd_utc_to_mjd_tai(58202.35772862, ra_deg=209.99006, dec_deg=29.99763)
    >>> round((mjd_tai - 58202.35315970) * 86400)  # 15 s to mid-exposure, 37 s from UTC to TAI
    52
    """
    mjd_utc = hmjd_utc
    for _ in range(2):
        delay_s = heliocentric_delay_s(mjd_utc, ra_deg=ra_deg, dec_deg=dec_deg)
        mjd_utc = hmjd_utc - delay_s / _SECONDS_PER_DAY
    return mjd_utc_to_mjd_tai(mjd_utc)

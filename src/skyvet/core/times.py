"""The one time scale: MJD in TAI, at mid-exposure."""

from __future__ import annotations

from bisect import bisect_right

__all__ = ["jd_utc_to_mjd_tai", "mjd_tai_to_mjd_utc", "mjd_utc_to_mjd_tai"]

_JD_OF_MJD_ZERO = 2_400_000.5
_SECONDS_PER_DAY = 86_400.0
# TAI - UTC [s] from each date (MJD UTC) on; IERS Bulletin C. No leap second since 2017.
_LEAP_MJD_UTC = (50630.0, 51179.0, 53736.0, 54832.0, 56109.0, 57204.0, 57754.0)
_TAI_MINUS_UTC_S = (31.0, 32.0, 33.0, 34.0, 35.0, 36.0, 37.0)


def _offset_days(mjd_utc: float) -> float:
    i_leap = max(bisect_right(_LEAP_MJD_UTC, mjd_utc) - 1, 0)
    return _TAI_MINUS_UTC_S[i_leap] / _SECONDS_PER_DAY


def mjd_utc_to_mjd_tai(mjd_utc: float) -> float:
    """Convert MJD from UTC to TAI; valid from 1997-07-01 on.

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

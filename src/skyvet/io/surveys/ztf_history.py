"""Light curve of a ZTF object from the history in its alert."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from skyvet.core.photometry import AB_ZERO_POINT_NJY
from skyvet.core.times import jd_utc_to_mjd_tai
from skyvet.io.surveys.base import (
    MAGNITUDE_PER_SNR,
    Epoch,
    is_negative_sign,
    light_curve,
    number,
    rows,
)
from skyvet.records.light_curve import LightCurve
from skyvet.records.total_flux import TotalFlux

__all__ = [
    "BANDS",
    "EXPOSURE_S",
    "difference_flux",
    "difference_sign",
    "is_plausible_jd",
    "total_flux",
    "ztf_history",
]

BANDS = {1: "g", 2: "r", 3: "i"}
"""Band by the packet's ``fid``."""

EXPOSURE_S = 30.0
"""Exposure time [s] where the packet names none."""

_NO_FORCED_FLUX = -90_000.0


def is_plausible_jd(jd: float) -> bool:
    """Say whether a Julian date lies between 1995 and 2132."""
    return 2_450_000.0 < jd < 2_500_000.0


def difference_sign(alert: Mapping[str, Any]) -> float:
    """Return -1 for a negative difference (``isdiffpos`` f or 0), else 1."""
    return -1.0 if is_negative_sign(alert.get("isdiffpos")) else 1.0


def difference_flux(row: Mapping[str, Any]) -> tuple[float, float]:
    """Return signed flux and error [nJy] from ``magpsf``, ``sigmapsf`` and ``isdiffpos``.

    Examples
    --------
    >>> flux, _ = difference_flux({"magpsf": 21.4, "sigmapsf": 0.1, "isdiffpos": "f"})
    >>> round(flux)
    -10000
    """
    size = _flux(number(row, "magpsf"))
    magnitude_err = number(row, "sigmapsf")
    flux_err = size * magnitude_err / MAGNITUDE_PER_SNR if 0 < magnitude_err < 10 else math.nan
    return difference_sign(row) * size, flux_err


def total_flux(row: Mapping[str, Any], *, flux_njy: float, flux_err_njy: float) -> TotalFlux:
    """Return the flux of the reference's nearest source and the signed difference together.

    This is the "DC" magnitude of variable stars in alerts (Masci et al. 2019, PASP 131, 018003,
    and ALeRCE's lc_correction). The errors are added in quadrature, which is at most a little too
    large: the difference holds the reference's noise already.

    Parameters
    ----------
    row : mapping
        With ``magnr``, ``sigmagnr`` and ``distnr``, each epoch's own.
    flux_njy, flux_err_njy : float
        Signed difference flux of the epoch and its error [nJy].

    Examples
    --------
    >>> row = {"magnr": 21.4, "sigmagnr": 0.1, "distnr": 0.3}
    >>> total = total_flux(row, flux_njy=-4000.0, flux_err_njy=500.0)
    >>> round(total.flux_njy), total.reference_arcsec
    (6000, 0.3)
    """
    reference = _flux(number(row, "magnr"))
    magnitude_err, distance = number(row, "sigmagnr"), number(row, "distnr")
    has_error = 0 < magnitude_err < 10
    reference_err = reference * magnitude_err / MAGNITUDE_PER_SNR if has_error else math.nan
    return TotalFlux(
        reference + flux_njy,
        math.hypot(reference_err, flux_err_njy),
        distance if distance >= 0 else math.nan,
    )


def ztf_history(record: Mapping[str, Any], *, before_mjd_tai: float) -> LightCurve | None:
    """Return earlier epochs of the object: forced photometry, else detections and limits.

    ``fp_hists`` gives the forced difference flux of an exposure; ``prv_candidates`` fills the
    exposures that it lacks, with a 5-sigma limit where nothing was detected.

    Parameters
    ----------
    record : mapping
        The decoded alert.
    before_mjd_tai : float
        Time of the candidate [d, TAI]; only earlier epochs are returned.

    Returns
    -------
    LightCurve or None
        None where the packet holds no earlier epoch.
    """
    forced = [_forced_epoch(row) for row in rows(record, "fp_hists")]
    epochs = [epoch for epoch in forced if epoch is not None]
    covered = {(epoch.band, round(epoch.mjd_tai, 4)) for epoch in epochs}
    for row in rows(record, "prv_candidates"):
        epoch = _previous_epoch(row)
        if epoch is not None and (epoch.band, round(epoch.mjd_tai, 4)) not in covered:
            epochs.append(epoch)
    return light_curve(epochs, before_mjd_tai=before_mjd_tai)


def _flux(magnitude: float) -> float:
    if not -10.0 < magnitude < 50.0:
        return math.nan
    return math.pow(10.0, 0.4 * (AB_ZERO_POINT_NJY - magnitude))


def _previous_epoch(row: Mapping[str, Any]) -> Epoch | None:
    jd = number(row, "jd")
    if not is_plausible_jd(jd):
        return None
    mjd_tai = jd_utc_to_mjd_tai(jd, exposure_s=EXPOSURE_S)
    band = BANDS.get(row.get("fid", 0), "")
    if row.get("magpsf") is None:
        return Epoch(mjd_tai, _flux(number(row, "diffmaglim")), math.nan, band, is_upper_limit=True)
    flux, flux_err = difference_flux(row)
    total = total_flux(row, flux_njy=flux, flux_err_njy=flux_err)
    return Epoch(mjd_tai, flux, flux_err, band, total=total)


def _forced_epoch(row: Mapping[str, Any]) -> Epoch | None:
    jd, flux, flux_err = (
        number(row, name) for name in ("jd", "forcediffimflux", "forcediffimfluxunc")
    )
    njy_per_dn = _flux(number(row, "magzpsci"))
    if not (is_plausible_jd(jd) and _NO_FORCED_FLUX < flux < 1e9 and 0 < flux_err < 1e9):
        return None
    mjd_tai = jd_utc_to_mjd_tai(jd, exposure_s=EXPOSURE_S)
    band = BANDS.get(row.get("fid", 0), "")
    flux, flux_err = flux * njy_per_dn, flux_err * njy_per_dn
    total = total_flux(row, flux_njy=flux, flux_err_njy=flux_err)
    return Epoch(mjd_tai, flux, flux_err, band, total=total)

"""Features that the input brings along: catalogue magnitudes, their colours, counts of alerts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.features.light_curves.blocks import FeatureBlock

__all__ = ["ALERTS", "CATALOGUE_COLORS", "CATALOGUE_COLUMNS", "catalogue_features"]

ALERTS = ("n_ztf_alerts", "mean_ztf_alert_braai")
"""Columns of the survey's alerts at the source's position."""

_WISE, _GAIA, _PS1 = "AllWISE__", "Gaia_EDR3__", "PS1_DR1__"

CATALOGUE_COLUMNS = (
    *(f"{_WISE}w{k}mpro" for k in range(1, 5)),
    *(f"{_WISE}w{k}sigmpro" for k in range(1, 5)),
    *(f"{_GAIA}phot_{band}_mean_mag" for band in ("g", "bp", "rp")),
    *(f"{_GAIA}{name}" for name in ("parallax", "pmra", "pmdec")),
    *(f"{_GAIA}{name}_error" for name in ("parallax", "pmra", "pmdec")),
    f"{_GAIA}astrometric_excess_noise",
    f"{_GAIA}phot_bp_rp_excess_factor",
    *(f"{_PS1}{band}MeanPSFMag" for band in "grizy"),
    *(f"{_PS1}{band}MeanPSFMagErr" for band in "grizy"),
)
"""Columns of catalogues, as a cross-match names them."""

CATALOGUE_COLORS: Mapping[str, tuple[str, str]] = {
    "color_w1_w2": (f"{_WISE}w1mpro", f"{_WISE}w2mpro"),
    "color_w2_w3": (f"{_WISE}w2mpro", f"{_WISE}w3mpro"),
    "color_bp_rp": (f"{_GAIA}phot_bp_mean_mag", f"{_GAIA}phot_rp_mean_mag"),
    "color_gaia_w1": (f"{_GAIA}phot_g_mean_mag", f"{_WISE}w1mpro"),
    "color_ps1_g_r": (f"{_PS1}gMeanPSFMag", f"{_PS1}rMeanPSFMag"),
    "color_ps1_r_i": (f"{_PS1}rMeanPSFMag", f"{_PS1}iMeanPSFMag"),
    "color_ps1_i_z": (f"{_PS1}iMeanPSFMag", f"{_PS1}zMeanPSFMag"),
    "color_ps1_z_y": (f"{_PS1}zMeanPSFMag", f"{_PS1}yMeanPSFMag"),
}
"""Differences of two catalogue magnitudes."""

_GAIA_G, _PARALLAX = f"{_GAIA}phot_g_mean_mag", f"{_GAIA}parallax"
_MOTIONS = (f"{_GAIA}pmra", f"{_GAIA}pmdec")
_FAINTEST = 90.0


def catalogue_features(columns: Mapping[str, NDArray[Any]], n_sources: int) -> FeatureBlock:
    """Return catalogue columns, colours and counts of alerts.

    Parameters
    ----------
    columns : mapping of str to ndarray, shape (n,)
        Extra columns of a batch; others than those known here are passed over.
    n_sources : int
        How many sources there are.

    Returns
    -------
    FeatureBlock
        Only columns that the input has. NaN where there is no counterpart or where the catalogue
        has a fill value. No alert makes the mean score 0, an unknown count leaves both missing.

    Examples
    --------
    >>> block = catalogue_features({"AllWISE__w1mpro": np.array([12.0]),
    ...                             "AllWISE__w2mpro": np.array([11.5])}, 1)
    >>> block.names, block.values.tolist()
    (('AllWISE__w1mpro', 'AllWISE__w2mpro', 'color_w1_w2'), [[12.0, 11.5, 0.5]])
    """
    found = {name: _numbers(columns[name], name) for name in CATALOGUE_COLUMNS if name in columns}
    derived: dict[str, FloatArray] = {
        name: found[blue] - found[red]
        for name, (blue, red) in CATALOGUE_COLORS.items()
        if blue in found and red in found
    }
    derived.update(_luminosities(found))
    alerts = {name: _numbers(columns[name], name) for name in ALERTS if name in columns}
    if len(alerts) == len(ALERTS):
        count, score = (alerts[name] for name in ALERTS)
        alerts[ALERTS[1]] = np.where(count > 0, score, np.where(count == 0, 0.0, np.nan))
    values = {**found, **derived, **alerts}
    return FeatureBlock(
        names=tuple(values),
        values=np.column_stack(list(values.values())) if values else np.empty((n_sources, 0)),
    )


def _numbers(column: NDArray[Any], name: str) -> FloatArray:
    """Return a column as numbers; fill values (-999, magnitudes of 99) become NaN."""
    values = np.asarray(column, dtype=np.float64).copy()
    values[values <= -900.0] = np.nan
    if "mag" in name.lower() or "mpro" in name:
        values[np.abs(values) > _FAINTEST] = np.nan
    return values


def _luminosities(found: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return absolute magnitude and reduced proper motion in Gaia's G."""
    derived: dict[str, FloatArray] = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        if _GAIA_G in found and _PARALLAX in found:
            parallax = np.where(found[_PARALLAX] > 0, found[_PARALLAX], np.nan)
            derived["absolute_mag_g"] = found[_GAIA_G] + 5.0 * np.log10(parallax / 100.0)
        if _GAIA_G in found and all(name in found for name in _MOTIONS):
            motion = np.hypot(*(found[name] for name in _MOTIONS)) / 1000.0
            motion = np.where(motion > 0, motion, np.nan)
            derived["reduced_proper_motion_g"] = found[_GAIA_G] + 5.0 * np.log10(motion) + 5.0
    return derived

"""Sources in the light of a bright star, by Drake's (2022) radius.

The star's Gaia magnitudes become Tycho's B and V by the relations of Gaia EDR3's documentation
(Riello et al. 2021, valid for G < 13); a source nearer to it than the radius is left out. The
source's own counterpart is no neighbour.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.io.catalogues.configs import CrossMatchConfig
from skyvet.io.catalogues.rows import CatalogueRows, RegionService, rows_near
from skyvet.io.catalogues.sky_index import SkyIndex

__all__ = ["BRIGHT_STAR_REACH_ARCSEC", "drake_radius_arcsec", "gaia_to_tycho", "is_in_bright_star",
           "near_bright_stars"]  # fmt: skip

BRIGHT_STAR_REACH_ARCSEC = 300.0
"""Bright stars farther away are not looked at [arcsec]."""

OWN_COUNTERPART_ARCSEC = 2.0
FAINTEST_G = 13.0
FAINTEST_B = 13.0

# Gaia EDR3 documentation, table of photometric relations with Tycho-2: powers of BP - RP.
_G_MINUS_BT = (-0.004288, -0.8547, 0.1244, -0.9085, 0.4843, -0.06814)
_G_MINUS_VT = (-0.01077, -0.0682, -0.2387, 0.02342)


def gaia_to_tycho(g_mag: FloatArray, bp_minus_rp: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return Tycho's B and V of stars with G < 13.

    Parameters
    ----------
    g_mag, bp_minus_rp : ndarray, shape (n,)
        Gaia EDR3's G and colour [mag].

    Returns
    -------
    b_mag, v_mag : ndarray, shape (n,)
        [mag]; NaN where the colour is.

    Examples
    --------
    >>> b_mag, v_mag = gaia_to_tycho(np.array([10.0]), np.array([0.0]))
    >>> b_mag.round(6).tolist(), v_mag.round(6).tolist()
    ([10.004288], [10.01077])
    """
    b_mag = g_mag - np.polynomial.polynomial.polyval(bp_minus_rp, _G_MINUS_BT)
    v_mag = g_mag - np.polynomial.polynomial.polyval(bp_minus_rp, _G_MINUS_VT)
    return b_mag, v_mag


def drake_radius_arcsec(b_mag: FloatArray, v_mag: FloatArray) -> FloatArray:
    """Return how far a star's light spoils photometry [arcsec]; 0 for B >= 13 or where unknown.

    Drake (2022), a fit to ZTF; B and V are Tycho's.

    Examples
    --------
    >>> drake_radius_arcsec(np.array([10.0, 13.0]), np.array([10.0, 12.0])).round(4).tolist()
    [32.3476, 0.0]
    """
    color = b_mag - v_mag
    radius = (
        354.817
        - 53.27823 * b_mag
        + 66.01137 * color
        + 2.1031286 * b_mag**2
        + 7.6737066 * color**2
        - 6.164676 * b_mag * color
    )
    is_bright = np.asarray(b_mag < FAINTEST_B) & np.isfinite(radius)
    return np.where(is_bright, np.maximum(radius, 0.0), 0.0)


def is_in_bright_star(
    ra_deg: FloatArray, dec_deg: FloatArray, stars: CatalogueRows
) -> NDArray[np.bool_]:
    """Return which positions lie within the radius of a bright star that is not theirs.

    Parameters
    ----------
    ra_deg, dec_deg : ndarray, shape (n,)
        Positions [deg]; NaN is near nothing.
    stars : CatalogueRows
        Gaia's rows around them, with ``phot_g_mean_mag``, ``phot_bp_mean_mag`` and
        ``phot_rp_mean_mag``. A star without colour counts as one of colour 0.

    Returns
    -------
    ndarray, shape (n,), bool
    """
    g_mag = stars.columns["phot_g_mean_mag"]
    bright = np.flatnonzero(_is_bright(stars))
    color = stars.columns["phot_bp_mean_mag"] - stars.columns["phot_rp_mean_mag"]
    b_mag, v_mag = gaia_to_tycho(g_mag[bright], np.nan_to_num(color[bright]))
    radius = drake_radius_arcsec(b_mag, v_mag)
    index = SkyIndex(stars.ra_deg[bright], stars.dec_deg[bright])
    places, rows, separation = index.within(ra_deg, dec_deg, radius_arcsec=BRIGHT_STAR_REACH_ARCSEC)
    is_spoilt = (separation < radius[rows]) & (separation > OWN_COUNTERPART_ARCSEC)
    return np.bincount(places[is_spoilt], minlength=len(ra_deg)) > 0


def near_bright_stars(
    ra_deg: FloatArray,
    dec_deg: FloatArray,
    *,
    path: str = "",
    service: RegionService | None = None,
) -> NDArray[np.bool_]:
    """Return the same with Gaia's stars from a file, or from VizieR.

    Parameters
    ----------
    ra_deg, dec_deg : ndarray, shape (n,)
        Positions [deg].
    path : str, default ""
        Parquet or CSV of Gaia; empty asks VizieR.
    service : RegionService, optional
        Asked in place of VizieR.

    Raises
    ------
    InvalidInputError, DatasetError, ArchiveError
        As `skyvet.io.catalogues.rows.rows_near`.
    """
    config = CrossMatchConfig(
        catalogue="gaia", radius_arcsec=BRIGHT_STAR_REACH_ARCSEC, path=path, batch_size=50
    )
    stars = rows_near(ra_deg, dec_deg, config, service=service, is_wanted=_is_bright)
    return is_in_bright_star(ra_deg, dec_deg, stars)


def _is_bright(stars: CatalogueRows) -> NDArray[np.bool_]:
    return np.asarray(np.nan_to_num(stars.columns["phot_g_mean_mag"], nan=99.0) < FAINTEST_G)

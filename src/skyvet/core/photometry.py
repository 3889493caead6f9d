"""The one brightness: signed flux in nJy; magnitudes (AB) for display and for packets."""

from __future__ import annotations

import numpy as np

from skyvet.core.arrays import FloatArray

__all__ = ["AB_ZERO_POINT_NJY", "flux_njy_to_magnitude", "magnitude_to_flux_njy"]

AB_ZERO_POINT_NJY = 31.4
"""AB magnitude of 1 nJy."""


def magnitude_to_flux_njy(magnitude: FloatArray | float) -> FloatArray:
    """Convert an AB magnitude to a flux [nJy].

    Examples
    --------
    >>> float(magnitude_to_flux_njy(31.4))
    1.0
    """
    return np.asarray(np.power(10.0, 0.4 * (AB_ZERO_POINT_NJY - np.asarray(magnitude, float))))


def flux_njy_to_magnitude(flux_njy: FloatArray | float) -> FloatArray:
    """Convert a flux [nJy] to an AB magnitude of its absolute value; NaN at zero flux.

    Examples
    --------
    >>> float(flux_njy_to_magnitude(-1.0))
    31.4
    """
    size = np.abs(np.asarray(flux_njy, dtype=float))
    with np.errstate(divide="ignore"):
        magnitude = AB_ZERO_POINT_NJY - 2.5 * np.log10(size)
    return np.where(size > 0, magnitude, np.nan)

"""Brightness of a source itself at one epoch of a survey that reports differences."""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["NO_TOTAL", "TotalFlux"]


class TotalFlux(NamedTuple):
    """Template and difference together, as far as a packet tells.

    Parameters
    ----------
    flux_njy, flux_err_njy : float
        Signed flux and its error [nJy]; NaN = not known.
    reference_arcsec : float
        Distance of the template's source that was added [arcsec], 0 where flux was measured at the
        position itself; NaN = there is none. A source far away is another one.

    Examples
    --------
    >>> TotalFlux().flux_njy
    nan
    """

    flux_njy: float = math.nan
    flux_err_njy: float = math.nan
    reference_arcsec: float = math.nan


NO_TOTAL = TotalFlux()
"""Nothing is known of the source itself."""

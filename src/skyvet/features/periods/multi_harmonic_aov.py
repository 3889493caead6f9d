"""Multi-harmonic analysis of variance of one or several bands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from skyvet.core.arrays import FloatArray
from skyvet.features.periods.harmonic_finder import HarmonicFinder
from skyvet.features.periods.normal_equations import WeightedBand

__all__ = ["MultiHarmonicAOV"]

_LEAST_LEFT = 1e-12


class MultiHarmonicAOV(HarmonicFinder):
    r"""Variance explained by a Fourier series, over what is left (Schwarzenberg-Czerny 1996).

    .. math:: \Theta(f) = \frac{\nu}{m}\,\frac{\chi^2_0 - \chi^2(f)}{\chi^2(f)}

    with the sums over bands of chi-square around the means and around the series, m fitted
    amplitudes (2 K a band, or 2 K for all if `bands` is "shared") and :math:`\nu = N - N_{bands}
    - m` degrees of freedom left. For pure noise it follows Fisher's F(m, nu). Points are weighted
    by 1/error² and the means are fitted again at each frequency.

    Parameters
    ----------
    n_terms : int, default 3
        Harmonics K.
    bands, error_floor_mag
        See `HarmonicFinder`.

    References
    ----------
    Schwarzenberg-Czerny, A. 1996, ApJ 460, L107.

    Examples
    --------
    >>> from skyvet.features.periods.interface import FrequencyGrid
    >>> from skyvet.features.band_series import BandSeries
    >>> time = np.arange(90) * 0.37
    >>> phase = 0.8 * time % 1
    >>> series = BandSeries(band="r", time_d=time, magnitude=15 + phase,
    ...     magnitude_err=np.full(90, 0.01))
    >>> grid = FrequencyGrid(f_min=0.3, step=0.01, n=100)
    >>> round(float(grid.frequencies[MultiHarmonicAOV().periodogram([series], grid).argmax()]), 6)
    0.8
    """

    kind: Literal["mhaov"] = "mhaov"
    n_terms: int = Field(default=3, ge=1, le=5)

    @property
    def n_harmonics(self) -> int:
        """Harmonics K."""
        return self.n_terms

    def of_reductions(self, reductions: FloatArray, bands: Sequence[WeightedBand]) -> FloatArray:
        """Return the F statistic; 0 for constant magnitudes."""
        chi2_null = sum(band.chi2_null for band in bands) or 1.0
        n_fitted = self.n_fitted(bands)
        n_left = sum(map(len, bands)) - len(bands) - n_fitted
        theta: FloatArray = chi2_null - reductions[-1]
        np.maximum(theta, _LEAST_LEFT * chi2_null, out=theta)
        np.divide(reductions[-1], theta, out=theta)
        theta *= n_left / n_fitted
        return theta

"""Lomb-Scargle periodogram of one or several bands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.harmonic_finder import HarmonicFinder
from skyvet.features.periods.normal_equations import WeightedBand, weighted_bands

__all__ = ["LombScargle"]


class LombScargle(HarmonicFinder):
    r"""Part of chi-square that a sinusoid explains (Lomb 1976, Scargle 1982).

    .. math:: P(f) = \frac{\sum_b \chi^2_{0,b} - \chi^2_b(f)}{\sum_b \chi^2_{0,b}} \in [0, 1]

    with :math:`\chi^2_{0,b}` around band b's weighted mean and :math:`\chi^2_b` around the best
    sinusoid. By default points are weighted by 1/error² and the mean is fitted again at each
    frequency (Zechmeister & Kürster 2009). With `is_weighted` and `fits_mean` off this is the
    classical periodogram, as SCoPe uses it.

    Parameters
    ----------
    is_weighted : bool, default True
        Weights 1/error²; otherwise all 1.
    fits_mean : bool, default True
        Fit each band's mean together with the sinusoid; otherwise subtract it once.
    bands, error_floor_mag
        See `HarmonicFinder`.

    References
    ----------
    Lomb, N. R. 1976, Ap&SS 39, 447. Scargle, J. D. 1982, ApJ 263, 835.
    Zechmeister, M. & Kürster, M. 2009, A&A 496, 577.

    Examples
    --------
    >>> import numpy as np
    >>> from skyvet.features.periods.interface import FrequencyGrid
    >>> time = np.arange(60) * 0.37
    >>> series = BandSeries(band="r", time_d=time, magnitude=15 + np.sin(2 * np.pi * 0.8 * time),
    ...     magnitude_err=np.full(60, 0.01))
    >>> grid = FrequencyGrid(f_min=0.05, step=0.01, n=120)
    >>> power = LombScargle().periodogram([series], grid)
    >>> round(float(grid.frequencies[power.argmax()]), 6), round(float(power.max()), 3)
    (0.8, 1.0)
    """

    kind: Literal["ls"] = "ls"
    is_weighted: bool = True
    fits_mean: bool = True

    @property
    def n_harmonics(self) -> int:
        """One."""
        return 1

    def weighted(self, series: Sequence[BandSeries]) -> tuple[WeightedBand, ...]:
        """Return the bands that have more distinct times than the model has parameters."""
        return weighted_bands(
            series,
            n_terms=1,
            n_nuisance=int(self.fits_mean),
            is_weighted=self.is_weighted,
            error_floor_mag=self.error_floor_mag,
        )

    def of_reductions(self, reductions: FloatArray, bands: Sequence[WeightedBand]) -> FloatArray:
        """Return the explained part of chi-square; 0 for constant magnitudes."""
        chi2_null = sum(band.chi2_null for band in bands)
        power: FloatArray = reductions[-1] / (chi2_null or 1.0)
        return power

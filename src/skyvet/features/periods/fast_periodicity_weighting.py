"""Fast periodicity weighting: by how much chi2 falls where each phase bin has its own mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.bin_sums import (
    WeightedPoints,
    explained,
    weighted_points,
)
from skyvet.features.periods.folding import FoldingFinder, Frequencies, points_of
from skyvet.features.periods.interface import FrequencyGrid

__all__ = ["FastPeriodicityWeighting"]


class FastPeriodicityWeighting(FoldingFinder):
    r"""Logarithm of the likelihood ratio of bins with own means (Finkbeiner et al. 2025).

    .. math:: \sum_j \frac{(\sum_{k \in j} w_k y_k)^2}{2 \sum_{k \in j} w_k}

    over phase bins j of all bands, with y about the band's weighted mean and w = 1/error^2, both
    in magnitudes: half of what chi2 falls by. Any shape of the light curve is found alike.

    Parameters
    ----------
    n_phase_bins : int, default 20
        Bins of phase.
    error_floor_mag : float, default 0
        Added to the errors in quadrature [mag]: intrinsic scatter or underestimated errors.
    min_points : int, default 10
        Bands with fewer points are passed over.

    References
    ----------
    Finkbeiner, D. P., Prince, T. A., & Whitebook, S. E. 2025, arXiv:2502.00243.

    Examples
    --------
    >>> time = np.arange(60) * 0.37
    >>> band = BandSeries(band="r", time_d=time, magnitude_err=np.full(60, 0.01),
    ...                   magnitude=18 + 0.3 * np.sin(2 * np.pi * time / 1.7))
    >>> finder = FastPeriodicityWeighting(n_phase_bins=8)
    >>> grid = FrequencyGrid(f_min=0.1, step=0.001, n=900)
    >>> best = np.argmax(finder.periodogram([band], grid))
    >>> bool(abs(grid.frequencies[best] * 1.7 - 1) < 0.02)
    True
    """

    kind: Literal["fpw"] = "fpw"
    error_floor_mag: float = Field(default=0.0, ge=0)

    def periodogram(self, series: Sequence[BandSeries], grid: FrequencyGrid) -> FloatArray:
        """Return the statistic on an even grid; see `PeriodFinder.periodogram`."""
        return self._folded(series, grid, grid.n)

    def statistic(self, series: Sequence[BandSeries], frequencies: FloatArray) -> FloatArray:
        """Return the statistic at any frequencies; see `PeriodFinder.statistic`."""
        wanted = np.asarray(frequencies, np.float64)
        return self._folded(series, wanted, len(wanted))

    def _folded(self, series: Sequence[BandSeries], frequencies: Frequencies, n: int) -> FloatArray:
        points = self._points(series)
        if points is None:
            return np.full(n, np.nan)
        found = explained(points, frequencies, n_bins=self.n_phase_bins, device=self.device)
        return found.chi2 / 2.0

    def _points(self, series: Sequence[BandSeries]) -> WeightedPoints | None:
        points = points_of(series, min_points=self.min_points)
        if not points.n_bands:
            return None
        return weighted_points(points, is_weighted=True, error_floor_mag=self.error_floor_mag)

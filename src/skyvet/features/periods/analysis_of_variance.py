"""Analysis of variance of phase bins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field
from scipy.special import fdtrc

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.bin_sums import (
    Explained,
    WeightedPoints,
    explained,
    weighted_points,
)
from skyvet.features.periods.folding import FoldingFinder, Frequencies, points_of
from skyvet.features.periods.interface import FrequencyGrid

__all__ = ["AnalysisOfVariance", "binned_false_alarm_probability"]

_SMALLEST_REST = 1e-12


class AnalysisOfVariance(FoldingFinder):
    r"""Variance between phase bins over variance within (Schwarzenberg-Czerny 1989).

    .. math:: F = \frac{(N - r)\, s_1}{(r - B)\, (s_0 - s_1)}

    with N points in B bands, r bins with points (of all bands), total sum of squares
    :math:`s_0` about the bands' means and :math:`s_1` explained by the bins' means. Without a
    period and with Gaussian noise, F at one frequency follows the F distribution with r - B and
    N - r degrees of freedom. 0 where N or r leaves no degree of freedom.

    Parameters
    ----------
    n_phase_bins : int, default 20
        Bins of phase.
    is_weighted : bool, default False
        Weight with the errors; else all points of a band count alike, and bands by the inverse of
        their variance.
    error_floor_mag : float, default 0
        Added to the errors in quadrature [mag].
    min_points : int, default 10
        Bands with fewer points are passed over.

    References
    ----------
    Schwarzenberg-Czerny, A. 1989, MNRAS 241, 153.

    Examples
    --------
    >>> time = np.arange(60) * 0.37
    >>> band = BandSeries(band="r", time_d=time, magnitude_err=np.full(60, 0.01),
    ...                   magnitude=18 + 0.3 * np.sin(2 * np.pi * time / 1.7))
    >>> grid = FrequencyGrid(f_min=0.1, step=0.001, n=900)
    >>> best = np.argmax(AnalysisOfVariance(n_phase_bins=8).periodogram([band], grid))
    >>> bool(abs(grid.frequencies[best] * 1.7 - 1) < 0.02)
    True
    """

    kind: Literal["aov"] = "aov"
    is_weighted: bool = False
    error_floor_mag: float = Field(default=0.0, ge=0)

    def periodogram(self, series: Sequence[BandSeries], grid: FrequencyGrid) -> FloatArray:
        """Return F at each frequency of an even grid; see `PeriodFinder.periodogram`."""
        return self._folded(series, grid, grid.n)

    def statistic(self, series: Sequence[BandSeries], frequencies: FloatArray) -> FloatArray:
        """Return F at any frequencies; see `PeriodFinder.statistic`."""
        wanted = np.asarray(frequencies, np.float64)
        return self._folded(series, wanted, len(wanted))

    def _folded(self, series: Sequence[BandSeries], frequencies: Frequencies, n: int) -> FloatArray:
        points = self._points(series)
        if points is None:
            return np.full(n, np.nan)
        found = explained(points, frequencies, n_bins=self.n_phase_bins, device=self.device)
        return _f_statistic(found, points)

    def _points(self, series: Sequence[BandSeries]) -> WeightedPoints | None:
        points = points_of(series, min_points=self.min_points)
        if not points.n_bands:
            return None
        return weighted_points(
            points, is_weighted=self.is_weighted, error_floor_mag=self.error_floor_mag
        )


def binned_false_alarm_probability(
    statistic: FloatArray, *, n_points: int, n_occupied: int, n_bands: int, n_frequencies: int
) -> FloatArray:
    """Return the chance that noise gives an F so large at any of the frequencies tried.

    Points jump from bin to bin, so that neighbours on a grid of ten steps a peak are nearly
    independent: each frequency counts as a trial, and the result is an upper bound, right within
    a tenth on such grids (Schwarzenberg-Czerny 1989 for the distribution at one frequency).

    Parameters
    ----------
    statistic : ndarray, any shape
        F of `AnalysisOfVariance`, at least 0.
    n_points, n_occupied, n_bands : int
        Points, phase bins with points, and bands, all bands together.
    n_frequencies : int
        Frequencies of the search; the whole grid also where only its best peaks were folded.

    Returns
    -------
    ndarray
        In [0, 1]; NaN where a degree of freedom is missing.

    Examples
    --------
    >>> chance = binned_false_alarm_probability(np.array([1.0, 9.0]), n_points=100, n_occupied=20,
    ...                                         n_bands=1, n_frequencies=100_000)
    >>> bool(chance[0] > 0.99), bool(chance[1] < 1e-5)
    (True, True)
    """
    n_between, n_within = n_occupied - n_bands, n_points - n_occupied
    values = np.asarray(statistic, np.float64)
    if n_between <= 0 or n_within <= 0:
        return np.full(values.shape, np.nan)
    at_one = fdtrc(n_between, n_within, values)
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(n_frequencies * np.log1p(-at_one)))


def _f_statistic(found: Explained, points: WeightedPoints) -> FloatArray:
    n_between = found.n_occupied - points.n_bands
    n_within = len(points.time_d) - found.n_occupied
    if not points.chi2_null > 0:
        return np.zeros_like(found.chi2)
    rest = np.maximum(points.chi2_null - found.chi2, _SMALLEST_REST * points.chi2_null)
    is_defined = (n_between > 0) & (n_within > 0)
    ratio = (found.chi2 / rest) * (n_within / np.maximum(n_between, 1.0))
    return np.where(is_defined, ratio, 0.0)

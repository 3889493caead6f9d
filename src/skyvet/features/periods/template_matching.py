"""Template matching: how well the folded light curve looks like one of some common shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.bin_sums import WeightedPoints, binned, weighted_points
from skyvet.features.periods.folding import (
    FoldingFinder,
    Frequencies,
    gpu_folding,
    points_of,
    torch_device,
)
from skyvet.features.periods.interface import FrequencyGrid

__all__ = ["TemplateMatching", "folded_templates"]

_RISES = (0.1, 0.2, 0.35, 0.5, 0.65)
_WIDTHS = (0.05, 0.1, 0.15, 0.2)


class TemplateMatching(FoldingFinder):
    r"""Correlation of the folded light curve with templates, times what the folding explains.

    .. math:: \max_{\tau, \text{shift}} \sum_b \frac{N_b}{N} \rho_b(\tau, \text{shift})
              \times R^2 \times \text{(occupied bins / bins)}

    with the correlation :math:`\rho_b` of band b's means of phase bins with a shifted template and
    the part :math:`R^2` of chi2 that bins with own means explain. Templates are those of
    `folded_templates`; all bands share template and shift. Empty bins count as the mean.

    Parameters
    ----------
    n_phase_bins : int, default 20
        Bins of phase; templates are shifted by whole bins.
    error_floor_mag : float, default 0
        Added to the errors in quadrature [mag].
    min_points : int, default 10
        Bands with fewer points are passed over.

    References
    ----------
    The statistic of the package periodfind (MF), 2025, for magnitudes and errors of one scale.

    Examples
    --------
    >>> time = np.arange(80) * 0.37
    >>> band = BandSeries(band="r", time_d=time, magnitude_err=np.full(80, 0.01),
    ...                   magnitude=18 + 0.3 * ((time / 1.7) % 1))
    >>> grid = FrequencyGrid(f_min=0.4, step=0.001, n=400)
    >>> best = np.argmax(TemplateMatching().periodogram([band], grid))
    >>> bool(abs(grid.frequencies[best] * 1.7 - 1) < 0.01)
    True
    """

    kind: Literal["mf"] = "mf"
    error_floor_mag: float = Field(default=0.0, ge=0)

    def periodogram(self, series: Sequence[BandSeries], grid: FrequencyGrid) -> FloatArray:
        """Return the statistic on an even grid; see `PeriodFinder.periodogram`."""
        return self._folded(series, grid, grid.n)

    def statistic(self, series: Sequence[BandSeries], frequencies: FloatArray) -> FloatArray:
        """Return the statistic at any frequencies; see `PeriodFinder.statistic`."""
        wanted = np.asarray(frequencies, np.float64)
        return self._folded(series, wanted, len(wanted))

    def _folded(self, series: Sequence[BandSeries], frequencies: Frequencies, n: int) -> FloatArray:
        points = points_of(series, min_points=self.min_points)
        if not points.n_bands:
            return np.full(n, np.nan)
        weighted = weighted_points(points, is_weighted=True, error_floor_mag=self.error_floor_mag)
        if not weighted.chi2_null > 0:
            return np.zeros(n)
        shifted = _all_shifts(folded_templates(self.n_phase_bins))
        device = torch_device(self.device)
        if device is None:
            pieces = binned(weighted, frequencies, n_bins=self.n_phase_bins)
        else:
            gpu = gpu_folding()
            task = gpu.FoldingTask(frequencies=frequencies, n_bins=self.n_phase_bins, device=device)
            pieces = gpu.binned(weighted, task)
        found = [_match(sums, shifted, weighted) for _, sums in pieces]
        return np.concatenate([np.empty(0), *found])[:n]


def folded_templates(n_bins: int) -> FloatArray:
    """Return shapes of folded light curves, fainter up, each of mean 0 and length 1.

    Five sawteeth that brighten during 0.1 to 0.65 of the period, a sine, and eclipses of width
    0.05 to 0.2, alone or with a second one of half the depth half a turn later.

    Parameters
    ----------
    n_bins : int
        Bins of phase; eclipses are averaged over bins.

    Returns
    -------
    ndarray, shape (14, n_bins), float64

    Examples
    --------
    >>> shapes = folded_templates(20)
    >>> shapes.shape, float(np.abs(shapes.mean(axis=1)).max()) < 1e-12
    ((14, 20), True)
    """
    phase = (np.arange(n_bins) + 0.5) / n_bins
    shapes = [np.where(phase < r, 1 - phase / r, (phase - r) / (1 - r)) for r in _RISES]
    shapes.append(np.cos(2 * np.pi * phase))
    edges = np.arange(n_bins + 1) / n_bins
    for width in _WIDTHS:
        eclipse = np.diff(np.clip(edges, 0, width)) * n_bins
        later = np.diff(np.clip(edges - 0.5, 0, width)) * n_bins
        shapes += [eclipse, eclipse + 0.5 * later]
    centred = np.stack(shapes) - np.mean(shapes, axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    # Two bins cannot tell some shapes from a constant.
    return np.asarray(centred / np.where(lengths > 1e-9, lengths, 1.0))


def _all_shifts(templates: FloatArray) -> FloatArray:
    """Return every template at every shift, shape (n_templates * n_bins, n_bins)."""
    n_bins = templates.shape[1]
    return np.concatenate([np.roll(templates, shift, axis=1) for shift in range(n_bins)])


def _match(sums: FloatArray, shifted: FloatArray, points: WeightedPoints) -> FloatArray:
    """Return the statistic of sums of shape (n_blocks, n_bands, 2, n_bins, lanes), flattened."""
    products, weights = sums[:, :, 0], sums[:, :, 1]
    is_occupied = weights > 0
    means = np.divide(products, weights, out=np.zeros_like(products), where=is_occupied)
    explained = (means * products).sum(axis=(1, 2))
    centre = means.sum(axis=2, keepdims=True) / is_occupied.sum(axis=2, keepdims=True)
    profiles = np.where(is_occupied, means - centre, 0.0)
    lengths = np.sqrt((profiles**2).sum(axis=2, keepdims=True))
    share = np.diff(points.offsets)[:, None, None] / points.offsets[-1]
    profiles *= share / np.where(lengths > 0, lengths, 1.0)
    # The same template and shift for all bands: sum profiles first, then compare.
    correlation = (shifted @ profiles.sum(axis=1)).max(axis=1)
    value = correlation * explained / points.chi2_null * is_occupied.mean(axis=(1, 2))
    return np.asarray(value.ravel())

"""Conditional entropy: how little the phase leaves unknown of the magnitude."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.compiled import compiled
from skyvet.features.periods.folding import (
    FoldedPoints,
    FoldingFinder,
    Frequencies,
    full_lanes,
    gpu_folding,
    points_of,
    torch_device,
)
from skyvet.features.periods.interface import FrequencyGrid
from skyvet.features.periods.phase_lanes import (
    BINS_AT_ONCE,
    LANES,
    LEVELS_AT_ONCE,
    RESEED_AFTER,
    count_at_least,
    count_equal,
    even_phase_bins,
    exact_phase_bins,
    phase_words,
)

__all__ = ["ConditionalEntropy"]

_MAX_BYTE = 255


class ConditionalEntropy(FoldingFinder):
    r"""Conditional entropy of the magnitude, given the phase (Graham et al. 2013).

    .. math:: H = \sum_{ij} p_{ij} \ln \frac{p_j}{p_{ij}}

    over phase bins j and magnitude bins i; the statistic is -H [nat], 0 where the phase tells the
    magnitude bin. Magnitude bins are those of each band, so that bands are never mixed; H of a
    source is the mean of its bands' H, weighted with their numbers of points. Errors are not used.

    Parameters
    ----------
    n_phase_bins : int, default 20
        Bins of phase.
    n_magnitude_bins : int, default 10
        Bins of magnitude a band.
    magnitude_bins : {"range", "quantile"}, default "range"
        Equal steps from the band's brightest to its faintest point, or equal numbers of points:
        one outlier squeezes all others into few bins of the range.
    min_points : int, default 10
        Bands with fewer points are passed over.

    References
    ----------
    Graham, M. J., et al. 2013, MNRAS 434, 2629.

    Examples
    --------
    >>> time = np.arange(60) * 0.37
    >>> band = BandSeries(band="r", time_d=time, magnitude_err=np.full(60, 0.01),
    ...                   magnitude=18 + 0.3 * np.sin(2 * np.pi * time / 1.7))
    >>> grid = FrequencyGrid(f_min=0.1, step=0.001, n=900)
    >>> best = np.argmax(ConditionalEntropy().periodogram([band], grid))
    >>> bool(abs(grid.frequencies[best] * 1.7 - 1) < 0.02)
    True
    """

    kind: Literal["ce"] = "ce"
    n_magnitude_bins: int = Field(default=10, ge=2, le=100)
    magnitude_bins: Literal["range", "quantile"] = "range"

    def periodogram(self, series: Sequence[BandSeries], grid: FrequencyGrid) -> FloatArray:
        """Return -H at each frequency of an even grid; see `PeriodFinder.periodogram`."""
        points = points_of(series, min_points=self.min_points)
        return self._folded(points, grid) if points.n_bands else np.full(grid.n, np.nan)

    def statistic(self, series: Sequence[BandSeries], frequencies: FloatArray) -> FloatArray:
        """Return -H at any frequencies; see `PeriodFinder.statistic`."""
        points = points_of(series, min_points=self.min_points)
        wanted = np.asarray(frequencies, np.float64)
        return self._folded(points, wanted) if points.n_bands else np.full(len(wanted), np.nan)

    def _folded(self, points: FoldedPoints, frequencies: Frequencies) -> FloatArray:
        time, starts = self._by_magnitude(points)
        device = torch_device(self.device)
        if device is not None:
            gpu = gpu_folding()
            task = gpu.FoldingTask(frequencies=frequencies, n_bins=self.n_phase_bins, device=device)
            return np.asarray(
                gpu.negative_entropy(time, starts, task, n_magnitude_bins=self.n_magnitude_bins)
            )
        shape = (starts, self.n_phase_bins, self.n_magnitude_bins)
        if isinstance(frequencies, FrequencyGrid):
            out = np.empty(frequencies.n + -frequencies.n % LANES)
            _even(time, shape, (frequencies.f_min, frequencies.step), out)
            return out[: frequencies.n]
        wanted = full_lanes(frequencies)
        out = np.empty(len(wanted))
        _exact(time, shape, wanted, out)
        return out[: len(frequencies)]

    def _by_magnitude(self, points: FoldedPoints) -> tuple[FloatArray, IntArray]:
        """Return times sorted by band and magnitude bin, and where each bin of each band starts."""
        n_bins = self.n_magnitude_bins
        cell = np.empty(len(points.time_d), np.int64)
        for i_band, band in enumerate(points.slices()):
            cell[band] = i_band * n_bins + self._magnitude_bin(points.magnitude[band])
        order = np.argsort(cell, kind="stable")
        starts = np.searchsorted(cell[order], np.arange(points.n_bands * n_bins + 1))
        return points.time_d[order], starts.astype(np.int64)

    def _magnitude_bin(self, magnitude: FloatArray) -> IntArray:
        n_bins = self.n_magnitude_bins
        if self.magnitude_bins == "quantile":
            edges = np.quantile(magnitude, np.arange(1, n_bins) / n_bins)
            return np.asarray(np.searchsorted(edges, magnitude, side="right"))
        above = magnitude - magnitude.min()
        span = above.max()
        scaled = above * (n_bins / span) if span > 0 else above
        return np.minimum(np.asarray(scaled, np.int64), n_bins - 1)


@compiled(nogil=True)
def _even(time, shape, first_and_step, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill -H on an even grid; `out` is a multiple of `LANES` long."""
    f_min, df = first_and_step
    words = np.empty(len(time), np.uint32)
    steps = np.empty(len(time), np.uint32)
    phase_words(time, df, steps)
    work = _workspace(shape, len(time))
    for start in range(0, len(out), LANES):
        since = start % RESEED_AFTER
        if since == 0:
            phase_words(time, f_min + df * start, words)
        _negative_entropy((words, steps, since), shape, work, out[start : start + LANES])


@compiled(nogil=True)
def _exact(time, shape, frequencies, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill -H at frequencies whose number is a multiple of `LANES`."""
    work = _workspace(shape, len(time))
    for start in range(0, len(out), LANES):
        stop = start + LANES
        _negative_entropy((time, frequencies[start:stop]), shape, work, out[start:stop])


@compiled(nogil=True)
def _workspace(shape, n_points):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return phase bins, counts of cells, counts of phases, levels, and n ln n."""
    _, n_phase, n_magnitude = shape
    n_rows = -(-n_phase // BINS_AT_ONCE) * BINS_AT_ONCE
    n_log_n = np.zeros(n_points + 1)
    for n in range(2, n_points + 1):
        n_log_n[n] = n * np.log(n)
    return (
        np.empty((_MAX_BYTE, LANES), np.uint8),
        np.empty((n_rows * n_magnitude, LANES), np.uint8),
        np.empty((2, n_rows, LANES), np.int32),
        np.empty((LEVELS_AT_ONCE, LANES), np.uint8),
        n_log_n,
    )


@compiled(nogil=True)
def _negative_entropy(phases, shape, work, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill the 64 values of -H of one block of frequencies."""
    starts, n_phase, n_magnitude = shape
    _, _, wide, _, n_log_n = work
    total = wide[0]
    out[:] = 0.0
    for first_row in range(0, len(starts) - 1, n_magnitude):
        total[:] = 0
        last_row = first_row + n_magnitude
        deepest = 0
        for row in range(first_row, last_row):
            deepest = max(deepest, starts[row + 1] - starts[row])
        if deepest <= _MAX_BYTE:
            _add_cells(phases, (starts, first_row, n_phase, n_magnitude), work, out)
        else:
            for row in range(first_row, last_row):
                _add_deep_row(phases, (starts[row], starts[row + 1], n_phase), work, out)
        for j in range(n_phase):
            for lane in range(LANES):
                out[lane] -= n_log_n[total[j, lane]]
    for lane in range(LANES):
        out[lane] /= starts[-1]


@compiled(nogil=True)
def _add_cells(phases, rows, work, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add n ln n of all cells of a band whose magnitude bins hold at most 255 points each."""
    starts, first_row, n_phase, n_magnitude = rows
    bins, counts, wide, _, _ = work
    n_rows = wide.shape[1]
    n_cells = 0
    for row in range(first_row, first_row + n_magnitude):
        first, last = starts[row], starts[row + 1]
        if first == last:
            continue
        _fill(phases, (first, last, n_phase), bins)
        for j in range(0, n_rows, BINS_AT_ONCE):
            count_equal(bins, (0, last - first, j, n_cells + j), counts)
        for j in range(n_phase):
            for lane in range(LANES):
                wide[0, j, lane] += counts[n_cells + j, lane]
        n_cells += n_rows
    for first in range(0, n_cells, _MAX_BYTE):
        _add_by_level((first, min(first + _MAX_BYTE, n_cells)), work, out)


@compiled(nogil=True)
def _add_by_level(cells, work, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add n ln n of at most 255 cells: as many as hold k points add what the k-th point adds.

    Levels are few, and comparing needs no table look-up a cell.
    """
    _, counts, _, levels, n_log_n = work
    highest = min(_MAX_BYTE, len(n_log_n) - 1)
    for level in range(1, highest + 1, LEVELS_AT_ONCE):
        count_at_least(counts, (cells[0], cells[1], level), levels)
        for k in range(min(LEVELS_AT_ONCE, highest + 1 - level)):
            gain = n_log_n[level + k] - n_log_n[level + k - 1]
            for lane in range(LANES):
                out[lane] += gain * levels[k, lane]
        if not levels[LEVELS_AT_ONCE - 1].any():
            break


@compiled(nogil=True)
def _add_deep_row(phases, row, work, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add n ln n of the cells of one magnitude bin of any number of points."""
    first, last, n_phase = row
    bins, counts, wide, _, n_log_n = work
    cells = wide[1]
    cells[:] = 0
    for start in range(first, last, _MAX_BYTE):
        stop = min(start + _MAX_BYTE, last)
        _fill(phases, (start, stop, n_phase), bins)
        for j in range(0, len(cells), BINS_AT_ONCE):
            count_equal(bins, (0, stop - start, j, j), counts)
        for j in range(n_phase):
            for lane in range(LANES):
                cells[j, lane] += counts[j, lane]
    for j in range(n_phase):
        for lane in range(LANES):
            wide[0, j, lane] += cells[j, lane]
            out[lane] += n_log_n[cells[j, lane]]


@compiled(nogil=True)
def _fill(phases, points, bins):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write phase bins by the method that the phases are for."""
    if len(phases) == 3:
        even_phase_bins(phases, points, bins)
    else:
        exact_phase_bins(phases, points, bins)

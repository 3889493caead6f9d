"""Box least squares: eclipses and transits, a box of any width at any phase."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.bin_sums import WeightedPoints, binned, weighted_points
from skyvet.features.periods.compiled import compiled
from skyvet.features.periods.folding import (
    FoldingFinder,
    Frequencies,
    gpu_folding,
    points_of,
    torch_device,
)
from skyvet.features.periods.interface import FrequencyGrid
from skyvet.features.periods.phase_lanes import LANES, MAX_PHASE_BINS

__all__ = ["BoxLeastSquares"]


class BoxLeastSquares(FoldingFinder):
    r"""Largest fall of chi2 by a box in phase (Kovacs, Zucker & Mazeh 2002).

    .. math:: \max_\text{boxes} \sum_\text{bands} \frac{W s^2}{r (W - r)}

    with the band's sum of weights W, the box's sum of weights r and of weighted magnitudes about
    the mean s. A box lies at the same phases in all bands; its depth is each band's own.

    Parameters
    ----------
    n_phase_bins : int, default 50
        Bins of phase; boxes begin and end at their edges.
    q_min, q_max : float, default 0.01 and 0.5
        Shortest and longest box, in turns; at least one bin.
    direction : {"fainter", "either"}, default "fainter"
        Whether a band's box must be fainter than the rest.
    error_floor_mag : float, default 0
        Added to the errors in quadrature [mag].
    min_points : int, default 10
        Bands with fewer points are passed over.

    Raises
    ------
    pydantic.ValidationError
        If the longest box is shorter than the shortest or than a bin.

    References
    ----------
    Kovacs, G., Zucker, S., & Mazeh, T. 2002, A&A 391, 369.

    Examples
    --------
    >>> time = np.arange(80) * 0.37
    >>> band = BandSeries(band="r", time_d=time, magnitude_err=np.full(80, 0.01),
    ...                   magnitude=18 + 0.3 * ((time / 1.7) % 1 < 0.1))
    >>> grid = FrequencyGrid(f_min=0.4, step=0.001, n=400)
    >>> best = np.argmax(BoxLeastSquares().periodogram([band], grid))
    >>> bool(abs(grid.frequencies[best] * 1.7 - 1) < 0.01)
    True
    """

    kind: Literal["bls"] = "bls"
    n_phase_bins: int = Field(default=50, ge=2, le=MAX_PHASE_BINS)
    q_min: float = Field(default=0.01, gt=0, lt=1)
    q_max: float = Field(default=0.5, gt=0, lt=1)
    direction: Literal["fainter", "either"] = "fainter"
    error_floor_mag: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _check_box(self) -> Self:
        shortest, longest = self._widths()
        if longest < shortest:
            raise ValueError(
                f"boxes of {self.q_min} to {self.q_max} turns hold no whole number of the "
                f"{self.n_phase_bins} bins; raise q_max or n_phase_bins"
            )
        return self

    def periodogram(self, series: Sequence[BandSeries], grid: FrequencyGrid) -> FloatArray:
        """Return the statistic on an even grid, in float32; see `PeriodFinder.periodogram`."""
        return self._folded(series, grid, grid.n).astype(np.float32)

    def statistic(self, series: Sequence[BandSeries], frequencies: FloatArray) -> FloatArray:
        """Return the statistic at any frequencies; see `PeriodFinder.statistic`."""
        wanted = np.asarray(frequencies, np.float64)
        return self._folded(series, wanted, len(wanted))

    def _folded(self, series: Sequence[BandSeries], frequencies: Frequencies, n: int) -> FloatArray:
        points = self._points(series)
        if points is None:
            return np.full(n, np.nan)
        shortest, longest = self._widths()
        is_fainter = self.direction == "fainter"
        device = torch_device(self.device)
        if device is not None:
            gpu = gpu_folding()
            task = gpu.FoldingTask(frequencies=frequencies, n_bins=self.n_phase_bins, device=device)
            boxes = gpu.best_boxes(points, task, widths=(shortest, longest), is_fainter=is_fainter)
            return np.asarray(boxes)
        # Boxes are compared in float32 on a grid: twice the lanes a register.
        kind = np.float32 if isinstance(frequencies, FrequencyGrid) else np.float64
        out: FloatArray = np.empty(n + -n % LANES, kind)
        running = np.empty((points.n_bands, 2, 2 * self.n_phase_bins + 1, LANES), kind)
        for chunk, blocks in binned(points, frequencies, n_bins=self.n_phase_bins):
            _best_boxes(blocks, (running, shortest, longest, is_fainter), out[chunk])
        return out[:n]

    def _points(self, series: Sequence[BandSeries]) -> WeightedPoints | None:
        points = points_of(series, min_points=self.min_points)
        if not points.n_bands:
            return None
        return weighted_points(points, is_weighted=True, error_floor_mag=self.error_floor_mag)

    def _widths(self) -> tuple[int, int]:
        """Return the shortest and the longest box [bins]."""
        tolerance = 1e-9
        shortest = math.ceil(self.q_min * self.n_phase_bins - tolerance)
        return max(1, shortest), math.floor(self.q_max * self.n_phase_bins + tolerance)


@compiled(nogil=True)
def _best_boxes(blocks, shape, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill the largest statistic of all boxes at each frequency of some blocks."""
    running, shortest, longest, is_fainter = shape
    n_bins = blocks.shape[3]
    for i in range(len(blocks)):
        for band in range(len(running)):
            _run(blocks[i, band], running[band])
        shapes = (n_bins, shortest, longest, is_fainter)
        _best_box(running, shapes, out[i * LANES : (i + 1) * LANES])


@compiled(nogil=True, error_model="numpy")
def _run(sums, running):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill running sums over two turns, in units of the band's sum of weights."""
    n_bins = sums.shape[1]
    total = np.zeros(LANES)
    for j in range(n_bins):
        for lane in range(LANES):
            total[lane] += sums[1, j, lane]
    for which in range(2):
        so_far = np.zeros(LANES)
        for j in range(2 * n_bins + 1):
            for lane in range(LANES):
                running[which, j, lane] = so_far[lane]
            if j < 2 * n_bins:
                for lane in range(LANES):
                    # s / sqrt(W) and r / W: the statistic is then s^2 / (r (1 - r)).
                    scale = total[lane] if which else np.sqrt(total[lane])
                    so_far[lane] += sums[which, j % n_bins, lane] / scale


@compiled(nogil=True, error_model="numpy")
def _best_box(running, shape, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill the largest statistic of all boxes."""
    n_bins, shortest, longest, is_fainter = shape
    lowest = 0.0 if is_fainter else -np.inf
    gain = np.empty(LANES, running.dtype)
    out[:] = 0.0
    for width in range(shortest, longest + 1):
        for start in range(n_bins):
            box = (start, start + width, running.dtype.type(lowest))
            if len(running) == 1:
                _keep_larger(running[0], box, out)
            else:
                gain[:] = 0.0
                for band in range(len(running)):
                    _add(running[band], box, gain)
                for lane in range(LANES):
                    out[lane] = gain[lane] if gain[lane] > out[lane] else out[lane]


@compiled(nogil=True, error_model="numpy")
def _keep_larger(running, box, best):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Keep the larger of what stood there and one band's statistic of a box."""
    start, stop, lowest = box
    s_first, s_last = running[0, start], running[0, stop]
    r_first, r_last = running[1, start], running[1, stop]
    for lane in range(LANES):
        gain = _statistic(s_last[lane] - s_first[lane], r_last[lane] - r_first[lane], lowest)
        best[lane] = gain if gain > best[lane] else best[lane]


@compiled(nogil=True, error_model="numpy")
def _add(running, box, total):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add one band's statistic of a box."""
    start, stop, lowest = box
    s_first, s_last = running[0, start], running[0, stop]
    r_first, r_last = running[1, start], running[1, stop]
    for lane in range(LANES):
        total[lane] += _statistic(
            s_last[lane] - s_first[lane], r_last[lane] - r_first[lane], lowest
        )


@compiled(nogil=True, error_model="numpy", inline="always")
def _statistic(s, r, lowest):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return s^2 / (r (1 - r)); a box or a rest without points has s = 0 but for rounding."""
    smallest = type(r)(1e-6)
    depth = s if s > lowest else lowest
    inside = r if r > smallest else smallest
    outside = type(r)(1.0) - inside
    outside = outside if outside > smallest else smallest
    return depth * depth / (inside * outside)

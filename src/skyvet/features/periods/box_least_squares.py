"""Box least squares: eclipses and transits, a box of any width at any phase."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from numba import njit
from pydantic import Field, model_validator

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.bin_sums import WeightedPoints, band_sums, weighted_points, workspace
from skyvet.features.periods.folding import (
    FoldingFinder,
    Frequencies,
    full_lanes,
    gpu_folding,
    points_of,
    torch_device,
)
from skyvet.features.periods.interface import FrequencyGrid
from skyvet.features.periods.phase_lanes import LANES, MAX_PHASE_BINS, RESEED_AFTER, phase_words

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
        points = self._points(series)
        if points is None:
            return np.full(grid.n, np.nan, np.float32)
        device = torch_device(self.device)
        if device is not None:
            return self._with_torch(points, grid, device).astype(np.float32)
        out = np.empty(grid.n + -grid.n % LANES, np.float32)
        values = (points.time_d, points.words, points.units)
        _even(values, self._shape(points), (grid.f_min, grid.step), out)
        return out[: grid.n]

    def statistic(self, series: Sequence[BandSeries], frequencies: FloatArray) -> FloatArray:
        """Return the statistic at any frequencies; see `PeriodFinder.statistic`."""
        points = self._points(series)
        if points is None:
            return np.full(len(frequencies), np.nan)
        wanted = full_lanes(frequencies)
        device = torch_device(self.device)
        if device is not None:
            return self._with_torch(points, wanted, device)[: len(frequencies)]
        out = np.empty(len(wanted))
        values = (points.time_d, points.product, points.weight)
        _exact(values, self._shape(points), wanted, out)
        return out[: len(frequencies)]

    def _with_torch(
        self, points: WeightedPoints, frequencies: Frequencies, device: str
    ) -> FloatArray:
        gpu = gpu_folding()
        task = gpu.FoldingTask(frequencies=frequencies, n_bins=self.n_phase_bins, device=device)
        is_fainter = self.direction == "fainter"
        return np.asarray(
            gpu.best_boxes(points, task, widths=self._widths(), is_fainter=is_fainter)
        )

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

    def _shape(self, points: WeightedPoints) -> tuple[object, ...]:
        return points.offsets, self.n_phase_bins, *self._widths(), self.direction == "fainter"


@njit(cache=True, nogil=True)
def _even(values, shape, first_and_step, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill the statistic on an even grid; `out` is a multiple of `LANES` long."""
    time, packed, units = values
    f_min, df = first_and_step
    words = np.empty(len(time), np.uint32)
    steps = np.empty(len(time), np.uint32)
    phase_words(time, df, steps)
    offsets, n_bins = shape[0], shape[1]
    work = workspace(n_bins)
    sums = np.empty((2, n_bins, LANES))
    running = np.empty((len(offsets) - 1, 2, 2 * n_bins + 1, LANES), out.dtype)
    for start in range(0, len(out), LANES):
        since = start % RESEED_AFTER
        if since == 0:
            phase_words(time, f_min + df * start, words)
        for band in range(len(offsets) - 1):
            points = (offsets[band], offsets[band + 1], n_bins)
            band_sums((words, steps, since), (packed, units[band]), (points, work, sums))
            _run(sums, running[band])
        _best_box(running, shape, out[start : start + LANES])


@njit(cache=True, nogil=True)
def _exact(values, shape, frequencies, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill the statistic at frequencies whose number is a multiple of `LANES`."""
    time, product, weight = values
    offsets, n_bins = shape[0], shape[1]
    work = workspace(n_bins)
    sums = np.empty((2, n_bins, LANES))
    running = np.empty((len(offsets) - 1, 2, 2 * n_bins + 1, LANES), out.dtype)
    for start in range(0, len(out), LANES):
        at = frequencies[start : start + LANES]
        for band in range(len(offsets) - 1):
            points = (offsets[band], offsets[band + 1], n_bins)
            band_sums((time, at), (product, weight), (points, work, sums))
            _run(sums, running[band])
        _best_box(running, shape, out[start : start + LANES])


@njit(cache=True, nogil=True, error_model="numpy")
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


@njit(cache=True, nogil=True, error_model="numpy")
def _best_box(running, shape, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill the largest statistic of all boxes."""
    _, n_bins, shortest, longest, is_fainter = shape
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


@njit(cache=True, nogil=True, error_model="numpy")
def _keep_larger(running, box, best):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Keep the larger of what stood there and one band's statistic of a box."""
    start, stop, lowest = box
    s_first, s_last = running[0, start], running[0, stop]
    r_first, r_last = running[1, start], running[1, stop]
    for lane in range(LANES):
        gain = _statistic(s_last[lane] - s_first[lane], r_last[lane] - r_first[lane], lowest)
        best[lane] = gain if gain > best[lane] else best[lane]


@njit(cache=True, nogil=True, error_model="numpy")
def _add(running, box, total):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add one band's statistic of a box."""
    start, stop, lowest = box
    s_first, s_last = running[0, start], running[0, stop]
    r_first, r_last = running[1, start], running[1, stop]
    for lane in range(LANES):
        total[lane] += _statistic(
            s_last[lane] - s_first[lane], r_last[lane] - r_first[lane], lowest
        )


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _statistic(s, r, lowest):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return s^2 / (r (1 - r)); a box or a rest without points has s = 0 but for rounding."""
    smallest = type(r)(1e-6)
    depth = s if s > lowest else lowest
    inside = r if r > smallest else smallest
    outside = type(r)(1.0) - inside
    outside = outside if outside > smallest else smallest
    return depth * depth / (inside * outside)

"""Peaks of a periodogram: local maxima, refined between the samples of the grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.periods.compiled import compiled
from skyvet.features.periods.interface import FrequencyGrid

__all__ = ["Peaks", "find_peaks"]

_SAMPLES_APART = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Peaks:
    """Local maxima, best first.

    Parameters
    ----------
    frequency : ndarray, shape (n,), float64
        Vertex of the parabola through a maximum and its two neighbours [1/d].
    statistic : ndarray, shape (n,), float64
        Height of the vertex.
    """

    frequency: FloatArray
    statistic: FloatArray

    def __len__(self) -> int:
        """Return the number of peaks."""
        return len(self.frequency)


def find_peaks(periodogram: FloatArray, grid: FrequencyGrid, n_peaks: int) -> Peaks:
    """Return the best local maxima: samples above both neighbours, never neighbours themselves.

    The ends of the grid are no peaks: what rises beyond it has no period on it.

    Parameters
    ----------
    periodogram : ndarray, shape (grid.n,)
        Larger is better; NaN is nowhere a peak.
    grid : FrequencyGrid
        Its frequencies.
    n_peaks : int
        At most so many.

    Examples
    --------
    >>> grid = FrequencyGrid(f_min=1.0, step=0.5, n=6)
    >>> peaks = find_peaks(np.array([0.0, 1.0, 0.0, 2.0, 2.0, 1.0]), grid, 5)
    >>> peaks.frequency.tolist(), peaks.statistic.tolist()
    ([2.75, 1.5], [2.25, 1.0])
    """
    where = np.empty(n_peaks, dtype=np.int64)
    where = where[: _best_maxima(np.ascontiguousarray(periodogram), where)]
    left, top, right = (periodogram[where + i].astype(np.float64) for i in (-1, 0, 1))
    curvature = np.maximum(2 * top - left - right, 1e-300)
    shift = np.clip(0.5 * (right - left) / curvature, -_SAMPLES_APART, _SAMPLES_APART)
    height = top + 0.25 * (right - left) * shift
    order = np.argsort(-height, kind="stable")
    frequency = grid.f_min + grid.step * (where + shift)
    return Peaks(frequency=frequency[order], statistic=height[order])


@compiled(nogil=True)
def _best_maxima(values, where):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write indices of the largest samples above the left and not below the right neighbour.

    Best first; a sample is looked at closely only if it beats the worst that is kept.
    """
    n, worst = 0, -np.inf
    for i in range(1, len(values) - 1):
        value = values[i]
        if value > worst and value > values[i - 1] and value >= values[i + 1]:
            place = min(n, len(where) - 1)
            while place > 0 and values[where[place - 1]] < value:
                where[place] = where[place - 1]
                place -= 1
            where[place] = i
            n = min(n + 1, len(where))
            if n == len(where):
                worst = values[where[n - 1]]
    return n

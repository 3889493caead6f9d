"""What all algorithms share that fold a light curve: points ready to be folded, and settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.interface import PeriodFinder
from skyvet.features.periods.phase_lanes import LANES, MAX_PHASE_BINS

__all__ = ["FoldedPoints", "FoldingFinder", "full_lanes", "points_of"]


class FoldingFinder(PeriodFinder):
    """Settings that all algorithms with phase bins have.

    Parameters
    ----------
    n_phase_bins : int
        Bins of phase, 2 to 200.
    min_points : int
        Bands with fewer points are passed over.
    """

    n_phase_bins: int = Field(default=20, ge=2, le=MAX_PHASE_BINS)
    min_points: int = Field(default=10, ge=2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FoldedPoints:
    """Points of all usable bands, one band after the other.

    Parameters
    ----------
    time_d : ndarray, shape (n,), float64
        Times since the first point of any band [d].
    magnitude, magnitude_err : ndarray, shape (n,), float64
        Magnitudes and errors [mag].
    offsets : ndarray, shape (n_bands + 1,), int64
        Band ``b`` is ``offsets[b]:offsets[b + 1]``.
    """

    time_d: FloatArray
    magnitude: FloatArray
    magnitude_err: FloatArray
    offsets: IntArray

    @property
    def n_bands(self) -> int:
        """Number of usable bands."""
        return len(self.offsets) - 1

    def slices(self) -> tuple[slice, ...]:
        """Return where each band lies."""
        return tuple(
            slice(start, stop)
            for start, stop in zip(self.offsets[:-1], self.offsets[1:], strict=True)
        )


def points_of(series: Sequence[BandSeries], *, min_points: int) -> FoldedPoints:
    """Put the usable bands of a source one after the other, time starting at its first point.

    Parameters
    ----------
    series : sequence of BandSeries
        The source's bands.
    min_points : int
        Bands with fewer points are left out.

    Examples
    --------
    >>> band = BandSeries(
    ...     band="r", time_d=[2.0, 5.0], magnitude=[18.0, 19.0], magnitude_err=[0.1, 0.1])
    >>> points = points_of([band], min_points=2)
    >>> points.time_d.tolist(), points.offsets.tolist()
    ([0.0, 3.0], [0, 2])
    """
    used = [band for band in series if len(band) >= min_points]
    lengths = [len(band) for band in used]
    empty = np.empty(0)
    time = np.concatenate([empty, *(band.time_d for band in used)])
    return FoldedPoints(
        time_d=time - time.min() if len(time) else time,
        magnitude=np.concatenate([empty, *(band.magnitude for band in used)]),
        magnitude_err=np.concatenate([empty, *(band.magnitude_err for band in used)]),
        offsets=np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
    )


def full_lanes(frequencies: FloatArray) -> FloatArray:
    """Return frequencies, the last one repeated until the number of lanes divides their number.

    Examples
    --------
    >>> len(full_lanes(np.arange(1.0, 71.0)))
    128
    """
    missing = -len(frequencies) % LANES
    return np.pad(np.asarray(frequencies, np.float64), (0, missing), mode="edge")

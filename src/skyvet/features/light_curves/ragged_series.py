"""Band series of many sources in flat arrays, as compiled kernels want them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.features.band_series import BandSeries

__all__ = ["RaggedSeries", "ragged_series_of"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RaggedSeries:
    """Measurements of many rows (one source in one band each), one row after the other.

    Parameters
    ----------
    time_d, magnitude, magnitude_err : ndarray, shape (n_points,), float64
        Clean measurements as in `BandSeries`; times do not decrease within a row.
    offsets : ndarray, shape (n_rows + 1,), int64
        Row k has points ``offsets[k]:offsets[k + 1]``; a row may be empty.

    Examples
    --------
    >>> rows = ragged_series_of([None])
    >>> len(rows), rows.offsets.tolist()
    (1, [0, 0])
    """

    time_d: FloatArray
    magnitude: FloatArray
    magnitude_err: FloatArray
    offsets: IntArray

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.offsets) - 1

    @property
    def n_points(self) -> IntArray:
        """Measurements of each row, shape (n_rows,)."""
        return np.diff(self.offsets)

    def rows_of(self, k: int) -> slice:
        """Return the slice of one row's points."""
        return slice(int(self.offsets[k]), int(self.offsets[k + 1]))


def ragged_series_of(series: Sequence[BandSeries | None]) -> RaggedSeries:
    """Lay series out one after the other; None becomes an empty row.

    Examples
    --------
    >>> one = BandSeries(band="g", time_d=np.arange(2.0), magnitude=np.ones(2),
    ...                  magnitude_err=np.ones(2))
    >>> ragged_series_of([one, None, one]).offsets.tolist()
    [0, 2, 2, 4]
    """
    counts = [0 if one is None else len(one) for one in series]
    present = [one for one in series if one is not None]
    empty = [np.empty(0)]
    return RaggedSeries(
        time_d=np.concatenate([one.time_d for one in present] or empty),
        magnitude=np.concatenate([one.magnitude for one in present] or empty),
        magnitude_err=np.concatenate([one.magnitude_err for one in present] or empty),
        offsets=np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64),
    )

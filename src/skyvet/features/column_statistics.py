"""Statistics of a sequence, one column at a time: level, scatter, tails, shape, change."""

from __future__ import annotations

import numpy as np

from skyvet.core.arrays import FloatArray

__all__ = ["COLUMN_STATISTICS", "QUANTILES", "column_statistics", "quantiles_of_sorted"]

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""Quantiles among the statistics of a column."""

COLUMN_STATISTICS = (
    "mean", "std", "min", "max", "mad", "robust_z_max", "robust_z_min", "skew", "kurtosis",
    "mean_step", "max_step", "last_minus_first", "trend", "lag_1",
    *(f"quantile_{q:g}" for q in QUANTILES),
)  # fmt: skip
"""Names of the rows of `column_statistics`, in order."""

_TINY = 1e-6  # scatter below this is that of a constant column


def quantiles_of_sorted(ordered: FloatArray, quantiles: tuple[float, ...]) -> FloatArray:
    """Return quantiles of each row by linear interpolation.

    Parameters
    ----------
    ordered : ndarray, shape (n_columns, n)
        Each row ascending, n >= 1.
    quantiles : tuple of float
        In [0, 1].

    Returns
    -------
    ndarray, shape (n_columns, n_quantiles)

    Examples
    --------
    >>> quantiles_of_sorted(np.array([[0.0, 1.0, 2.0]]), (0.25, 0.5))
    array([[0.5, 1. ]])
    """
    position = np.asarray(quantiles) * (ordered.shape[1] - 1)
    below = position.astype(np.intp)
    above = np.minimum(below + 1, ordered.shape[1] - 1)
    fraction = (position - below).astype(ordered.dtype)
    low = ordered[:, below]
    return np.asarray(low + (ordered[:, above] - low) * fraction)


def column_statistics(columns: FloatArray) -> FloatArray:
    """Return the statistics of each column of one object.

    All are finite. By rule: a single frame has steps, trend and scatter 0; a constant column has
    skew, kurtosis, robust z and lag-1 correlation 0.

    Parameters
    ----------
    columns : ndarray, shape (n_columns, n_frames), float32
        In time order, n_frames >= 1.

    Returns
    -------
    ndarray, shape (21, n_columns), float32
        Rows `COLUMN_STATISTICS`: mean, standard deviation, minimum, maximum, median absolute
        deviation from the median (MAD), largest and smallest (value - median) / MAD, skewness,
        excess kurtosis, mean and largest absolute step between consecutive frames, last minus
        first, mean of the last fifth minus mean of the first, lag-1 autocorrelation, quantiles.

    Examples
    --------
    >>> column_statistics(np.array([[0.0, 4.0, 2.0]], np.float32))[:5, 0]
    array([2.   , 1.633, 0.   , 4.   , 2.   ], dtype=float32)
    """
    ordered = np.sort(columns, axis=1)
    quantiles = quantiles_of_sorted(ordered, QUANTILES).T
    low, high, median = ordered[:, 0], ordered[:, -1], quantiles[QUANTILES.index(0.5)]
    mad = _median_deviation(ordered, median)
    spread = np.where(mad > _TINY, mad, np.inf)
    mean, std, skew, kurtosis, lag_1 = _moments(columns)
    head = (mean, std, low, high, mad, (high - median) / spread, (low - median) / spread)
    rows = (*head, skew, kurtosis, *_changes(columns), lag_1, *quantiles)
    return np.asarray(rows, dtype=np.float32)


def _median_deviation(ordered: FloatArray, median: FloatArray) -> FloatArray:
    """Return the median of |value - median| of each row."""
    deviation = np.sort(np.abs(ordered - median[:, None]), axis=1)
    return quantiles_of_sorted(deviation, (0.5,))[:, 0]


def _moments(columns: FloatArray) -> tuple[FloatArray, ...]:
    """Return mean, standard deviation, skewness, excess kurtosis and lag-1 autocorrelation."""
    n_frames = columns.shape[1]
    mean = columns.mean(axis=1)
    centred = columns - mean[:, None]
    std = np.sqrt(np.einsum("ij,ij->i", centred, centred) / n_frames)
    is_flat = std <= _TINY
    unit = centred / np.where(is_flat, np.inf, std)[:, None]
    square = unit * unit
    skew = np.einsum("ij,ij->i", square, unit) / n_frames
    kurtosis = np.where(is_flat, 0.0, np.einsum("ij,ij->i", square, square) / n_frames - 3.0)
    lagged = np.einsum("ij,ij->i", unit[:, 1:], unit[:, :-1]) / n_frames
    return mean, std, skew, kurtosis, lagged


def _changes(columns: FloatArray) -> tuple[FloatArray, ...]:
    """Return mean and largest step, last minus first, and late minus early level."""
    n_frames = columns.shape[1]
    n_end = max(1, n_frames // 5)
    trend = columns[:, -n_end:].mean(axis=1) - columns[:, :n_end].mean(axis=1)
    whole = columns[:, -1] - columns[:, 0]
    if n_frames == 1:
        return whole, whole, whole, trend
    steps = np.abs(np.diff(columns, axis=1))
    return steps.mean(axis=1), steps.max(axis=1), whole, trend

"""How an object's columns drift over its sequence: level and scatter of successive segments."""

from __future__ import annotations

import numpy as np

from skyvet.core.arrays import FloatArray

__all__ = ["N_SEGMENTS", "SEGMENT_STATISTICS", "segment_statistics"]

N_SEGMENTS = 6
"""Segments of nearly equal length that a sequence is cut into."""

SEGMENT_STATISTICS = (
    *(f"level_{i}" for i in range(N_SEGMENTS)),
    *(f"scatter_{i}" for i in range(0, N_SEGMENTS, 2)),
    "slope", "bend",
)  # fmt: skip
"""Names of the rows of `segment_statistics`, in order."""

_SMALL = 1e-3  # added to every scatter, so that constant columns have none


def segment_statistics(columns: FloatArray) -> FloatArray:
    """Return level and scatter of segments, relative to the whole sequence.

    All are finite; segments without a frame (sequences of fewer than six) have 0.

    Parameters
    ----------
    columns : ndarray, shape (n_columns, n_frames), float32
        In time order, n_frames >= 1.

    Returns
    -------
    ndarray, shape (11, n_columns), float32
        Rows `SEGMENT_STATISTICS`: (mean of the segment - mean) / scatter; log of the scatter of
        every other segment over that of all; slope and bend over the sequence in units of scatter.

    Examples
    --------
    >>> segment_statistics(np.arange(12, dtype=np.float32)[None])[[0, 5, 9], 0]
    array([-1.448,  1.448,  0.627], dtype=float32)
    """
    n_frames = columns.shape[1]
    centred = columns - columns.mean(axis=1, keepdims=True)
    scatter = np.sqrt((centred * centred).mean(axis=1)) + _SMALL
    lengths = np.full(N_SEGMENTS, n_frames // N_SEGMENTS) + (
        np.arange(N_SEGMENTS) < n_frames % N_SEGMENTS
    )
    counts = np.maximum(lengths, 1)
    level = _segment_sums(centred.astype(np.float64), lengths) / counts
    square = _segment_sums(np.square(centred, dtype=np.float64), lengths) / counts
    own = np.sqrt(np.maximum(square - level * level, 0.0)) + _SMALL
    change = np.where(lengths > 0, np.log(own / scatter[:, None]), 0.0)[:, ::2]
    time = np.linspace(-1.0, 1.0, n_frames, dtype=np.float32)
    shape = np.stack([time, time * time - np.float32(1 / 3)], axis=1)
    drift = centred @ shape / n_frames / scatter[:, None]
    parts = [level / scatter[:, None], change, drift]
    return np.concatenate(parts, axis=1).T.astype(np.float32)


def _segment_sums(columns: FloatArray, lengths: FloatArray) -> FloatArray:
    """Return the sum over each segment, shape (n_columns, n_segments)."""
    total = np.zeros((len(columns), columns.shape[1] + 1))
    np.cumsum(columns, axis=1, out=total[:, 1:])
    edges = np.concatenate([[0], np.cumsum(lengths)])
    return np.asarray(np.diff(total[:, edges], axis=1))

"""How alone each frame stands among the frames of its own object."""

from __future__ import annotations

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.column_statistics import quantiles_of_sorted
from skyvet.features.frame_space import FrameSpace
from skyvet.features.products import narrow_product, products_at_once

__all__ = ["NEIGHBOUR_STATISTICS", "neighbour_distances", "neighbour_statistics"]

_N_NEAREST = 5
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)

NEIGHBOUR_STATISTICS = (
    *(f"nearest_quantile_{q:g}" for q in _QUANTILES),
    *(f"fifth_quantile_{q:g}" for q in _QUANTILES),
    *(f"fifth_ratio_{q:g}" for q in _QUANTILES),
    "second_loneliest", "fifth_loneliest",
)  # fmt: skip
"""Names of the entries of `neighbour_statistics`, in order."""

_TINY = 1e-6


def neighbour_distances(means: FloatArray, space: FrameSpace) -> FloatArray:
    """Return the distance of each frame to its nearest and its fifth-nearest fellow.

    Parameters
    ----------
    means : ndarray, shape (k, n_frames), float32
        Active means of one object.
    space : FrameSpace
        Usual scatter of frames around their object.

    Returns
    -------
    ndarray, shape (2, n_frames), float32
        In units of the usual scatter. Of fewer than six frames the farthest stands for the fifth;
        a single frame has 0.
    """
    n_frames = means.shape[1]
    if n_frames == 1:
        return np.zeros((2, 1), np.float32)
    centred = means - means.mean(axis=1, keepdims=True)
    white = narrow_product(space.whitening.astype(np.float32), centred)
    half = 0.5 * np.einsum("ij,ij->j", white, white)
    i_fifth = min(_N_NEAREST, n_frames - 1)
    nearest = np.empty((2, n_frames), np.float32)
    step = products_at_once(*white.shape)
    for start in range(0, n_frames, step):
        rows = slice(start, start + step)
        square = half[rows, None] - white[:, rows].T @ white + half[None]
        own = np.arange(len(square))
        square[own, start + own] = -1.0  # itself is first, whatever the rounding
        square.partition(i_fifth, axis=1)  # one place is much faster than two
        nearest[:, rows] = np.sort(square[:, : i_fifth + 1], axis=1)[:, (1, i_fifth)].T
    return np.sqrt(2.0 * np.maximum(nearest, 0.0))


def neighbour_statistics(distances: FloatArray) -> FloatArray:
    """Summarise how alone one object's frames stand.

    Parameters
    ----------
    distances : ndarray, shape (2, n_frames), float32
        From `neighbour_distances`.

    Returns
    -------
    ndarray, shape (26,), float32
        Entries `NEIGHBOUR_STATISTICS`, all finite: quantiles of the distance to the nearest and to
        the fifth-nearest fellow, the latter over their median, second and fifth largest of them.

    Examples
    --------
    >>> neighbour_statistics(np.array([[1, 1, 4], [2, 2, 4]], np.float32))[[2, 7, 24]]
    array([1., 4., 2.], dtype=float32)
    """
    ordered = np.sort(distances, axis=1)
    nearest, fifth = quantiles_of_sorted(ordered, _QUANTILES)
    median = fifth[_QUANTILES.index(0.5)]
    ratio = fifth / median if median > _TINY else np.zeros_like(fifth)
    n_frames = ordered.shape[1]
    lonely = [ordered[1, max(0, n_frames - k)] for k in (2, 5)]
    return np.concatenate([nearest, fifth, ratio, lonely]).astype(np.float32)

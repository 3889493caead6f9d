"""Choosing candidates far from each other: distances to the nearest centre, kept as centres grow.

All strategies that spread a batch stand on `NearestCentre`: one pass over the embeddings a centre,
float32, in pieces that fit the cache.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray

__all__ = ["NearestCentre", "farthest_first", "standardized"]

_ROWS_AT_A_TIME = 4096


class NearestCentre:
    """Squared distance of each point to the nearest of the centres so far.

    Parameters
    ----------
    points : ndarray, shape (n, d)
        Points; copied to float32 where they are not.

    Examples
    --------
    >>> near = NearestCentre(np.array([[0.0], [3.0], [4.0]]))
    >>> near.add(np.array([[0.0]]))
    >>> near.squared
    array([ 0.,  9., 16.], dtype=float32)
    """

    def __init__(self, points: FloatArray) -> None:
        # Around their mean, so that float32 loses no digits to an offset that all points share.
        self._origin = points.mean(axis=0, dtype=np.float64).astype(np.float32)
        self._points = np.ascontiguousarray(points - self._origin, dtype=np.float32)
        self._norms = np.einsum("ij,ij->i", self._points, self._points)
        self.squared: NDArray[np.float32] = np.full(len(points), np.inf, dtype=np.float32)

    def add(self, centres: FloatArray) -> None:
        """Take further centres into account, shape (k, d)."""
        others = np.ascontiguousarray(centres - self._origin, dtype=np.float32)
        norms = np.einsum("ij,ij->i", others, others)
        for start in range(0, len(others), _ROWS_AT_A_TIME):
            part = slice(start, start + _ROWS_AT_A_TIME)
            self._lower(others[part], norms[part])

    def add_row(self, i_row: int) -> None:
        """Make one of the points a centre; its own distance becomes exactly 0."""
        self._lower(self._points[i_row : i_row + 1], self._norms[i_row : i_row + 1])
        self.squared[i_row] = 0.0

    def _lower(self, centres: NDArray[np.float32], norms: NDArray[np.float32]) -> None:
        for start in range(0, len(self._points), _ROWS_AT_A_TIME):
            part = slice(start, start + _ROWS_AT_A_TIME)
            cross = self._points[part] @ centres.T
            squared = self._norms[part, None] - 2 * cross + norms
            nearest = np.maximum(squared.min(axis=1), 0.0)
            np.minimum(self.squared[part], nearest, out=self.squared[part])


def farthest_first(points: FloatArray, centres: FloatArray, n: int) -> IntArray:
    """Return `n` points, each the farthest from the centres and from the points before it.

    The greedy 2-approximation of the k-center problem (Gonzalez 1985).

    Parameters
    ----------
    points : ndarray, shape (k, d)
        Points to choose from, k >= n; the first of equally far ones is taken.
    centres : ndarray, shape (m, d)
        Where to begin; m = 0 begins at the point nearest to the mean of all.
    n : int
        How many, > 0.

    Returns
    -------
    ndarray, shape (n,), intp
        Positions among the points.

    Examples
    --------
    >>> points = np.array([[0.0], [1.0], [10.0], [11.0]])
    >>> farthest_first(points, np.array([[0.0]]), 2)
    array([3, 1])
    """
    near = NearestCentre(points)
    is_free = np.ones(len(points), dtype=bool)
    chosen = np.empty(n, dtype=np.intp)
    if len(centres):
        near.add(centres)
    for i_step in range(n):
        if i_step == 0 and not len(centres):
            i_row = _nearest_to_mean(points)
        else:
            i_row = int(np.argmax(np.where(is_free, near.squared, -1.0)))
        chosen[i_step] = i_row
        is_free[i_row] = False
        near.add_row(i_row)
    return chosen


def _nearest_to_mean(points: FloatArray) -> int:
    mean = points.mean(axis=0, dtype=np.float64).astype(np.float32)
    offsets = points - mean
    return int(np.argmin(np.einsum("ij,ij->i", offsets, offsets)))


def standardized(embeddings: FloatArray) -> NDArray[np.float32]:
    """Return columns with mean 0 and standard deviation 1; constant columns become 0.

    Examples
    --------
    >>> standardized(np.array([[1.0, 5.0], [3.0, 5.0]]))
    array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32)
    """
    mean = embeddings.mean(axis=0, dtype=np.float64)
    spread = embeddings.std(axis=0, dtype=np.float64)
    scale = np.where(spread > 0, spread, 1.0)
    centred = embeddings - mean.astype(np.float32)
    return np.asarray(centred / scale.astype(np.float32), dtype=np.float32)

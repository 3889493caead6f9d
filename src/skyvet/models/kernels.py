"""Kernel machines scored with NumPy: support objects, their weights, a distance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, as_readonly
from skyvet.core.errors import InvalidInputError
from skyvet.features.products import narrow_product

__all__ = ["KernelMachine", "view_similarity"]

_SAME = 1e-12  # squared distances below are rounding, and no distance at all
_FEW_ROWS = 16  # up to here, threads of the BLAS library cost more than they bring
_N_PER_BLOCK = 512  # rows at a time, so that memory stays small


def view_similarity(
    rows: FloatArray, others: FloatArray, view_sizes: Sequence[int]
) -> NDArray[np.float64]:
    r"""Return how alike objects are, as the mean over views of :math:`e^{-\lVert a - b \rVert}`.

    A view is a run of columns (frames, light curve): objects that agree in one view alone are
    still half alike.

    Parameters
    ----------
    rows : ndarray, shape (n, d), float64
    others : ndarray, shape (m, d), float64
    view_sizes : sequence of int
        Columns of each view, in order; they sum to d.

    Returns
    -------
    ndarray, shape (n, m), float64
        In (0, 1].

    Examples
    --------
    >>> view_similarity(np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]]), [1, 1])
    array([[0.684]])
    """
    similarity = np.zeros((len(rows), len(others)))
    edges = np.cumsum([0, *view_sizes])
    for start, stop in pairwise(edges.tolist()):
        a, b = rows[:, start:stop], others[:, start:stop]
        product = narrow_product(a, b.T) if len(a) <= _FEW_ROWS else a @ b.T
        square = _squares(a)[:, None] + _squares(b)[None] - 2.0 * product
        square[square < _SAME] = 0.0
        similarity += np.exp(-np.sqrt(square))
    return similarity / len(view_sizes)


def _squares(rows: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("ij,ij->i", rows, rows))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KernelMachine:
    """A weighted sum of similarities to support objects.

    Parameters
    ----------
    support : ndarray, shape (m, d), float64
        Support objects, in the coordinates that distances are taken in.
    weights : ndarray, shape (m,), float64
        Of each support object; positive where it speaks for REAL.
    bias : float
        Of the sum.
    view_sizes : tuple of int
        Columns of each view; see `view_similarity`.

    Raises
    ------
    InvalidInputError
        If lengths differ or the views do not make up the columns.
    """

    support: FloatArray
    weights: FloatArray
    bias: float
    view_sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check lengths and make arrays read-only."""
        object.__setattr__(self, "support", as_readonly(self.support, np.float64))
        object.__setattr__(self, "weights", as_readonly(self.weights, np.float64))
        if self.support.ndim != 2 or self.weights.shape != self.support.shape[:1]:
            raise InvalidInputError(
                f"a kernel machine needs one weight a support object, got {self.weights.shape} "
                f"and {self.support.shape}"
            )
        if not self.view_sizes or sum(self.view_sizes) != self.support.shape[1]:
            raise InvalidInputError(
                f"views of {self.view_sizes} columns do not make up {self.support.shape[1]}"
            )

    def __call__(self, rows: FloatArray) -> NDArray[np.float64]:
        """Return the sum for each row.

        Parameters
        ----------
        rows : ndarray, shape (n, d)
            In the coordinates of `support`.

        Returns
        -------
        ndarray, shape (n,), float64

        Raises
        ------
        InvalidInputError
            If the number of columns differs.
        """
        if rows.ndim != 2 or rows.shape[1] != self.support.shape[1]:
            raise InvalidInputError(
                f"rows must have {self.support.shape[1]} columns, got shape {rows.shape}"
            )
        values = np.empty(len(rows))
        for start in range(0, len(rows), _N_PER_BLOCK):
            block = slice(start, start + _N_PER_BLOCK)
            similarity = view_similarity(
                rows[block].astype(np.float64), self.support, self.view_sizes
            )
            values[block] = similarity @ self.weights + self.bias
        return values

"""Kernel machines scored with NumPy: support objects, their weights, a distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, as_readonly
from skyvet.core.errors import InvalidInputError

__all__ = ["KernelMachine", "gaussian_kernel"]

_N_PER_BLOCK = 512  # rows at a time, so that memory stays small


def gaussian_kernel(rows: FloatArray, others: FloatArray) -> NDArray[np.float64]:
    r"""Return :math:`\exp(-\lVert a - b \rVert^2)` of all pairs.

    Parameters
    ----------
    rows : ndarray, shape (n, d)
    others : ndarray, shape (m, d)

    Returns
    -------
    ndarray, shape (n, m), float64
        In (0, 1].

    Examples
    --------
    >>> gaussian_kernel(np.array([[0.0], [1.0]]), np.array([[0.0]]))
    array([[1.   ], [0.3679]])
    """
    square = (rows * rows).sum(axis=1)[:, None] + (others * others).sum(axis=1)[None]
    return np.asarray(np.exp(-np.maximum(square - 2.0 * rows @ others.T, 0.0)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KernelMachine:
    """A weighted sum of similarities to support objects.

    Parameters
    ----------
    support : ndarray, shape (m, d), float32
        Support objects, in the coordinates that distances are taken in.
    weights : ndarray, shape (m,), float64
        Of each support object; positive where it speaks for REAL.
    bias : float
        Of the sum.

    Raises
    ------
    InvalidInputError
        If lengths differ.
    """

    support: FloatArray
    weights: FloatArray
    bias: float

    def __post_init__(self) -> None:
        """Check lengths and make arrays read-only."""
        object.__setattr__(self, "support", as_readonly(self.support, np.float32))
        object.__setattr__(self, "weights", as_readonly(self.weights, np.float64))
        if self.support.ndim != 2 or self.weights.shape != self.support.shape[:1]:
            raise InvalidInputError(
                f"a kernel machine needs one weight a support object, got {self.weights.shape} "
                f"and {self.support.shape}"
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
        support = self.support.astype(np.float64)
        for start in range(0, len(rows), _N_PER_BLOCK):
            block = slice(start, start + _N_PER_BLOCK)
            similarity = gaussian_kernel(rows[block].astype(np.float64), support)
            values[block] = similarity @ self.weights + self.bias
        return values

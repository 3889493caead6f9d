"""Columns and their products, the inputs of any polynomial of second order."""

from __future__ import annotations

import numpy as np

from skyvet.core.arrays import FloatArray

__all__ = ["second_order_terms"]


def second_order_terms(columns: FloatArray) -> FloatArray:
    """Return 1, the columns and all their products.

    Parameters
    ----------
    columns : ndarray, shape (d, n)

    Returns
    -------
    ndarray, shape (1 + d + d (d + 1) / 2, n)
        Products in the order of ``np.triu_indices(d)``; the type is that of `columns`.

    Examples
    --------
    >>> second_order_terms(np.array([[2.0], [3.0]]))[:, 0]
    array([1., 2., 3., 4., 6., 9.])
    """
    i, j = np.triu_indices(len(columns))
    ones = np.ones((1, columns.shape[1]), dtype=columns.dtype)
    return np.concatenate([ones, columns, columns[i] * columns[j]])

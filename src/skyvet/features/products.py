"""Products of narrow matrices that do not wake the other cores."""

from __future__ import annotations

import numpy as np

from skyvet.core.arrays import FloatArray

__all__ = ["narrow_product", "products_at_once"]

_LARGEST = 200_000  # multiplications; beyond, BLAS libraries start threads that wait busily


def products_at_once(*sizes: int) -> int:
    """Return how many columns one product may have, given its other two sizes.

    Examples
    --------
    >>> products_at_once(8, 500)
    50
    """
    return max(4, _LARGEST // int(np.prod(sizes)))


def narrow_product(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return ``left @ right``, some columns at a time.

    Many threads that each pool an object are faster than a product that asks for threads of its
    own, and on a busy machine the latter is slower by a factor of ten.

    Parameters
    ----------
    left : ndarray, shape (m, k)
        Small.
    right : ndarray, shape (k, n)
        Of any length n.

    Returns
    -------
    ndarray, shape (m, n)

    Examples
    --------
    >>> narrow_product(np.eye(2), np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[1., 2.],
           [3., 4.]])
    """
    n_columns = right.shape[1]
    step = products_at_once(*left.shape)
    if n_columns <= step:
        return np.asarray(left @ right)
    result = np.empty((len(left), n_columns), dtype=np.result_type(left, right))
    for start in range(0, n_columns, step):
        np.matmul(left, right[:, start : start + step], out=result[:, start : start + step])
    return result

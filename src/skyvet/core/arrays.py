"""Array types and checks used at the doors of the package."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skyvet.core.errors import InvalidInputError

__all__ = ["BoolArray", "FloatArray", "IntArray", "as_readonly", "check_same_length"]

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]
BoolArray = NDArray[np.bool_]


def as_readonly(values: ArrayLike, dtype: type[np.generic]) -> NDArray[Any]:
    """Return a read-only array of the given type, copying only where needed.

    Parameters
    ----------
    values : array_like
        Any shape.
    dtype : type
        NumPy scalar type of the result.

    Returns
    -------
    ndarray
        A view that refuses writes; the caller's own array stays writable.

    Examples
    --------
    >>> as_readonly([1, 2], np.float32).flags.writeable
    False
    """
    view = np.asarray(values, dtype=dtype).view()
    view.flags.writeable = False
    return view


def check_same_length(**arrays: NDArray[Any]) -> None:
    """Raise unless all named arrays have one length.

    Examples
    --------
    >>> check_same_length(a=np.zeros(2), b=np.zeros(3))
    Traceback (most recent call last):
    ...
    skyvet.core.errors.InvalidInputError: arrays must share one length, got a=2, b=3
    """
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name}={length}" for name, length in lengths.items())
        raise InvalidInputError(f"arrays must share one length, got {found}")

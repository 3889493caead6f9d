"""Cutouts of any shape laid into frames of one size, by where the object really is.

At a detector's edge an archive sends a cutout that is smaller than asked. Which side is missing
cannot be told from its shape: the object's position in the cutout's own coordinates says it.
"""

from __future__ import annotations

import math

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError

__all__ = ["place_frame"]


def place_frame(
    pixels: FloatArray, size_px: int, *, centre: tuple[float, float] | None
) -> FloatArray:
    """Return a square frame with the object at its centre; what the cutout lacks is NaN.

    The object comes to lie within one pixel of the middle of the frame; a whole cutout that
    an archive has centred to a pixel is thus never moved, which would cost it a row.

    Parameters
    ----------
    pixels : ndarray, shape (height, width)
        The cutout.
    size_px : int
        Side of the frame [pixels].
    centre : tuple of float, optional
        Column and row of the object in the cutout, the first pixel's centre being 0; it may lie
        outside. None where not known: a larger cutout is then cut around its middle.

    Returns
    -------
    ndarray, shape (size_px, size_px), float32
        A new array.

    Raises
    ------
    InvalidInputError
        If no pixel of the cutout falls into the frame, or it is too small and has no `centre`.

    Examples
    --------
    >>> corner = np.ones((2, 2))  # the object lies on its first pixel: left and below are missing
    >>> place_frame(corner, 3, centre=(0.0, 0.0))
    array([[nan, nan, nan],
           [nan,  1.,  1.],
           [nan,  1.,  1.]], dtype=float32)
    """
    height, width = pixels.shape
    if centre is None:
        if min(height, width) < size_px:
            raise InvalidInputError(
                f"a cutout of {height}x{width} px without sky coordinates cannot be placed in "
                f"{size_px}x{size_px} px: the missing side is not known"
            )
        centre = ((width - 1) / 2, (height - 1) / 2)
    frame = np.full((size_px, size_px), np.nan, dtype=np.float32)
    columns = _overlap(width, size_px, centre[0])
    rows = _overlap(height, size_px, centre[1])
    if columns is None or rows is None:
        raise InvalidInputError(
            f"the object lies at column {centre[0]:.0f}, row {centre[1]:.0f} of a cutout of "
            f"{height}x{width} px: it shows another place"
        )
    frame[rows[0], columns[0]] = pixels[rows[1], columns[1]]
    return frame


def _overlap(n: int, size_px: int, middle: float) -> tuple[slice, slice] | None:
    """Return what to fill of the frame and from where of the cutout, along one axis."""
    first = math.floor(middle - (size_px - 1) / 2 + 0.5)
    low, high = sorted((0, n - size_px))
    nearest = min(max(first, low), high)
    if abs(nearest - first) <= 1:
        first = nearest
    start, stop = max(first, 0), min(first + size_px, n)
    if stop <= start:
        return None
    return slice(start - first, stop - first), slice(start, stop)

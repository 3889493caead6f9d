"""Cutouts as small PNG images for a page, without an image library."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError

__all__ = ["encode_png", "stamp_data_uri", "stretch_limits"]

_CONTRAST = 0.25
_N_FIT_ROUNDS = 5
_MAX_SIZE_PX = 71
_SENTINEL = 1e30


def stretch_limits(pixels: FloatArray) -> tuple[float, float]:
    """Limits of a display stretch after IRAF's *zscale*: a line through the sorted pixels.

    Parameters
    ----------
    pixels : ndarray, any shape
        Missing pixels are NaN and left out, as are fill values beyond 1e30.

    Returns
    -------
    tuple of float
        Value shown black and value shown white, low < high; (0, 1) without pixels.

    Examples
    --------
    >>> low, high = stretch_limits(np.arange(100.0))
    >>> low, high
    (0.0, 99.0)
    """
    values = np.sort(pixels[np.isfinite(pixels) & (np.abs(pixels) < _SENTINEL)].astype(float))
    if not values.size:
        return 0.0, 1.0
    if values[0] == values[-1]:
        return float(values[0]) - 0.5, float(values[0]) + 0.5
    position = np.arange(len(values)) - 0.5 * (len(values) - 1)
    slope = _robust_slope(position, values) / _CONTRAST
    middle = float(np.median(values))
    low = max(float(values[0]), middle + slope * position[0])
    high = min(float(values[-1]), middle + slope * position[-1])
    return (low, high) if high > low else (float(values[0]), float(values[-1]))


def _robust_slope(position: FloatArray, values: FloatArray) -> float:
    keep = np.ones(len(values), dtype=bool)
    slope, zero = 0.0, float(np.median(values))
    for _ in range(_N_FIT_ROUNDS):
        if keep.sum() < 3:
            break
        slope, zero = np.polyfit(position[keep], values[keep], 1)
        residual = values - (slope * position + zero)
        is_near = np.abs(residual) <= 2.5 * residual[keep].std() + 1e-12
        if (is_near == keep).all():
            break
        keep = is_near
    return float(slope)


def stamp_data_uri(plane: FloatArray, limits: tuple[float, float] | None = None) -> str:
    """Draw one cutout as a PNG data address.

    Parameters
    ----------
    plane : ndarray, shape (height, width)
        Pixel values; missing pixels are NaN and become transparent. Row 0 is drawn at the bottom,
        as astronomers do. At most the central 71 pixels are drawn.
    limits : tuple of float, optional
        Value shown black and value shown white; those of `stretch_limits` where not given.

    Returns
    -------
    str
        ``data:image/png;base64,...``

    Raises
    ------
    InvalidInputError
        If the array is not a non-empty image.

    Examples
    --------
    >>> stamp_data_uri(np.zeros((5, 5)))[:22]
    'data:image/png;base64,'
    """
    if plane.ndim != 2 or plane.size == 0:
        raise InvalidInputError(f"a stamp must have shape (height, width), got {plane.shape}")
    png = encode_png(_grey_levels(_centre(plane), limits))
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _centre(plane: FloatArray) -> FloatArray:
    height, width = plane.shape
    top, left = max((height - _MAX_SIZE_PX) // 2, 0), max((width - _MAX_SIZE_PX) // 2, 0)
    return plane[top : top + _MAX_SIZE_PX, left : left + _MAX_SIZE_PX]


def _grey_levels(plane: FloatArray, limits: tuple[float, float] | None) -> NDArray[np.uint8]:
    """Levels 1 (black) to 255 (white); 0 = missing. First row on top."""
    low, high = limits or stretch_limits(plane)
    is_valid = np.isfinite(plane) & (np.abs(plane) < _SENTINEL)
    filled = np.where(is_valid, plane, low)
    scaled = np.clip((filled - low) / (high - low), 0.0, 1.0)
    levels = np.where(is_valid, 1 + np.rint(254 * scaled), 0).astype(np.uint8)
    return np.asarray(levels[::-1])


def encode_png(levels: NDArray[Any]) -> bytes:
    """Encode grey levels as a PNG in which level 0 is transparent.

    Parameters
    ----------
    levels : ndarray, shape (height, width), uint8
        0 = missing, 1 black to 255 white.

    Returns
    -------
    bytes
        A PNG file.

    Examples
    --------
    >>> encode_png(np.ones((2, 3), dtype=np.uint8))[1:4]
    b'PNG'
    """
    height, width = levels.shape
    rows = np.concatenate([np.zeros((height, 1), dtype=np.uint8), levels], axis=1)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"tRNS", b"\x00\x00"),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

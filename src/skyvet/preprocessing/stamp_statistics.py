"""Stamps as some forty numbers: enough for a linear model that learns while a person labels."""

from __future__ import annotations

import numpy as np

from skyvet.core.arrays import BoolArray, FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.normalization import Normalization, StampConfig, prepare_stamps
from skyvet.preprocessing.stamps import Centring
from skyvet.records.cutouts import CutoutKind

__all__ = ["STAMP_STATISTIC_NAMES", "stamp_statistics"]

_SIZE_PX = 31
_BRIGHT = float(np.arcsinh(5.0))
_PLANE_NAMES = (
    "core", "ring", "sky_spread", "highest", "lowest", "concentration", "column", "row",
    "bright_share", "sharpness", "asymmetry", "missing_share",
)  # fmt: skip
_PAIR_NAMES = ("dipole", "science_like_difference", "science_like_template")

STAMP_STATISTIC_NAMES: tuple[str, ...] = (
    *(f"{kind.field}_{name}" for kind in CutoutKind for name in _PLANE_NAMES),
    *_PAIR_NAMES,
)
"""Columns of `stamp_statistics`."""


def stamp_statistics(pixels: FloatArray) -> FloatArray:
    """Describe stamps by numbers that need no training.

    Every plane is brought to asinh of its height above the median in units of its scatter, cut to
    the inner 31 pixels; then its core (1.5 px), ring (3 to 6 px), extremes, straight columns and
    rows, sharpness and symmetry are measured.

    Parameters
    ----------
    pixels : ndarray, shape (n, >= 3, size, size)
        Science, template, difference [survey's unit]; NaN = missing.

    Returns
    -------
    ndarray, shape (n, 39), float32
        Columns `STAMP_STATISTIC_NAMES`; finite. A plane without any valid pixel gives zeros and a
        missing share of 1.

    Raises
    ------
    InvalidInputError
        If `pixels` has another shape.

    Examples
    --------
    >>> stamps = np.random.default_rng(1).normal(size=(2, 3, 63, 63))
    >>> stamp_statistics(stamps).shape == (2, len(STAMP_STATISTIC_NAMES))
    True
    """
    if pixels.ndim != 4 or pixels.shape[1] < len(CutoutKind):
        raise InvalidInputError(f"stamps need shape (n, 3, size, size), got {pixels.shape}")
    config = StampConfig(
        size_px=_SIZE_PX,
        centring=Centring.CANDIDATE,
        normalization=Normalization.ROBUST_ASINH,
        with_mask_planes=True,
    )
    planes = prepare_stamps(np.asarray(pixels[:, : len(CutoutKind)], dtype=np.float32), config)
    images, valid = planes[:, : len(CutoutKind)], planes[:, len(CutoutKind) :]
    radius = _radius()
    of_planes = _of_planes(images, valid, radius)
    flat = of_planes.reshape(len(images), len(CutoutKind) * len(_PLANE_NAMES))
    columns = np.concatenate([flat, _of_pairs(images, radius)], axis=1)
    return columns.astype(np.float32)


def _radius() -> FloatArray:
    offsets = np.arange(_SIZE_PX) - _SIZE_PX // 2
    return np.hypot(offsets[:, None], offsets[None, :])


def _of_planes(images: FloatArray, valid: FloatArray, radius: FloatArray) -> FloatArray:
    """Return what is measured on each plane alone, shape (n, 3, 12)."""
    core = images[..., radius <= 1.5].mean(axis=-1)
    ring = images[..., (radius > 3) & (radius <= 6)].mean(axis=-1)
    sky = images[..., radius > 9]
    inner = images[..., radius <= 6]
    turned = np.abs(images - images[..., ::-1, ::-1])[..., radius <= 6].mean(axis=-1)
    return np.stack(
        [
            core,
            ring,
            sky.std(axis=-1),
            inner.max(axis=-1),
            inner.min(axis=-1),
            core - ring,
            np.abs(images.mean(axis=-2)).max(axis=-1),
            np.abs(images.mean(axis=-1)).max(axis=-1),
            (np.abs(images) > _BRIGHT).mean(axis=(-2, -1)),
            _sharpness(images),
            turned,
            1.0 - valid.mean(axis=(-2, -1)),
        ],
        axis=-1,
    )


def _sharpness(images: FloatArray) -> FloatArray:
    """Highest pixel near the middle less the mean of its four neighbours: cosmic rays are sharp."""
    low, high = _SIZE_PX // 2 - 3, _SIZE_PX // 2 + 4
    middle = images[..., low:high, low:high]
    around = (
        images[..., low - 1 : high - 1, low:high]
        + images[..., low + 1 : high + 1, low:high]
        + images[..., low:high, low - 1 : high - 1]
        + images[..., low:high, low + 1 : high + 1]
    ) / 4
    flat = middle.reshape(*middle.shape[:-2], (high - low) ** 2)
    i_highest = flat.argmax(axis=-1)[..., None]
    rest = np.take_along_axis(around.reshape(flat.shape), i_highest, axis=-1)
    peak = np.take_along_axis(flat, i_highest, axis=-1)
    return (peak - rest)[..., 0]


def _of_pairs(images: FloatArray, radius: FloatArray) -> FloatArray:
    """Return the dipole of the difference and how alike the planes are, shape (n, 3)."""
    is_inner = radius <= 6
    science, template, difference = (images[:, list(CutoutKind).index(kind)] for kind in CutoutKind)
    offsets = np.arange(_SIZE_PX) - _SIZE_PX // 2
    inside = np.where(is_inner, difference, 0.0)
    moment = np.hypot(
        (inside * offsets[:, None]).sum(axis=(-2, -1)), (inside * offsets).sum(axis=(-2, -1))
    )
    total = np.abs(inside).sum(axis=(-2, -1))
    return np.stack(
        [
            moment / np.maximum(total, 1.0),
            _likeness(science, difference, is_inner),
            _likeness(science, template, is_inner),
        ],
        axis=-1,
    )


def _likeness(first: FloatArray, second: FloatArray, chosen: BoolArray) -> FloatArray:
    """Correlation of two images over the chosen pixels; 0 where one is constant."""
    a, b = first[:, chosen].astype(np.float64), second[:, chosen].astype(np.float64)
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    norm = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    alike: FloatArray = np.divide((a * b).sum(axis=1), norm, out=np.zeros(len(a)), where=norm > 0)
    return alike

"""The candidate's own detection taken out of its stamps.

A source put beside the detection, or on top of it, can be told from the survey's detections by the
place alone. So the detection is erased first, and whatever comes in its place has the same host,
sky, noise and edges.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from skyvet.core.arrays import BoolArray, FloatArray
from skyvet.preprocessing.stamps import robust_location_scale, valid_pixels
from skyvet.records.cutouts import N_CUTOUT_KINDS, CutoutKind

__all__ = ["erase_detection", "largest_radius"]

_TAPER_PX = 3.0
_SMOOTH_PX = 3


def erase_detection(
    stamp: FloatArray, *, radius_px: float, rng: np.random.Generator, max_significance: float = 5.0
) -> FloatArray | None:
    """Replace the middle of the difference by a clean patch of the same difference.

    Science loses what was in the difference, too, and gets so much of the patch that its noise is
    what it was; the template stays. What is left is the stamp as it would have been on a night
    without the detection. The patch fades out over 3 pixels, at constant noise.

    Parameters
    ----------
    stamp : ndarray, shape (3 or 6, size, size)
        Science, template, difference [survey's unit], candidate in the centre; NaN = missing.
    radius_px : float
        Radius of what is replaced [pixels], > 0.
    rng : Generator
        Source of the choice among clean patches.
    max_significance : float, default 5
        Height over the scatter, after a mean over 3 x 3 pixels, from which something is there.

    Returns
    -------
    ndarray, shape of `stamp`, float32, or None
        None where the detection cannot be erased cleanly: pixels are missing under it, something
        reaches from `radius_px` out to twice that (trails, spikes, crowded residuals), or the
        stamp has no clean patch as large.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> stamp = rng.normal(size=(3, 63, 63)).astype(np.float32)
    >>> stamp[[0, 2], 31, 31] += 500
    >>> erased = erase_detection(stamp, radius_px=6, rng=rng)
    >>> bool(abs(erased[2, 31, 31]) < 6), bool(erased[0, 31, 31] < 500)
    (True, True)
    """
    size = stamp.shape[-1]
    centre = (size - 1) // 2
    reach = int(np.ceil(radius_px + _TAPER_PX))
    difference = stamp[CutoutKind.DIFFERENCE]
    distance = _distance(size, centre)
    is_missing: BoolArray = np.asarray(~valid_pixels(stamp[:N_CUTOUT_KINDS]).all(axis=0))
    if is_missing[distance <= reach].any():
        return None
    is_there = _is_something_there(difference, max_significance)
    around = (distance > radius_px) & (distance <= 2 * radius_px)
    if bool((is_there & around).any()):
        return None
    place = _clean_place(is_missing | is_there, centre, reach, rng=rng)
    if place is None:
        return None
    middle, patch = _window(centre, centre, reach), _window(*place, reach)
    weight = np.clip((radius_px + _TAPER_PX - distance[middle]) / _TAPER_PX, 0.0, 1.0)
    kept = np.sqrt(1 - weight**2)  # so that the noise of the sum is that of both parts
    sky, share = _sky_and_science_share(stamp)
    there, new = difference[middle] - sky, weight * (difference[patch] - sky)
    erased = np.array(stamp, dtype=np.float32)
    erased[CutoutKind.DIFFERENCE][middle] = sky + kept * there + new
    erased[CutoutKind.SCIENCE][middle] += (kept - 1) * there + share * new
    return erased


def largest_radius(size_px: int) -> float:
    """Return the largest radius that leaves room for a clean patch in stamps of this side.

    Parameters
    ----------
    size_px : int
        Side of the stamps [pixels].

    Returns
    -------
    float
        In pixels; 0 or less where no detection can be erased.

    Examples
    --------
    >>> largest_radius(63)
    10.0
    """
    to_edge = (size_px - 1) // 2
    # a patch in a corner: its centre lies `reach` within both edges, 2 * reach off the middle
    reach = math.floor((math.sqrt(2) * to_edge + _TAPER_PX) / (2 + math.sqrt(2)))
    return reach - _TAPER_PX


def _sky_and_science_share(stamp: FloatArray) -> tuple[float, float]:
    """Return the difference's level, and how much of its noise science adds to the template's.

    Science without the difference is the template as the survey matched it, with its own noise;
    what it lacks of the science image's noise has to be put back.
    """
    science, difference = stamp[CutoutKind.SCIENCE], stamp[CutoutKind.DIFFERENCE]
    images = np.stack([science, difference, science - difference])
    images = np.where(valid_pixels(images), images, np.float32(np.nan))
    levels, scatters = robust_location_scale(images.astype(np.float32))
    lacking = max(float(scatters[0]) ** 2 - float(scatters[2]) ** 2, 0.0)
    return float(levels[1]), min(math.sqrt(lacking) / float(scatters[1]), 1.0)


def _distance(size: int, centre: int) -> FloatArray:
    grid = np.arange(size) - centre
    return np.asarray(np.hypot(grid[:, None], grid[None, :]))


def _is_something_there(difference: FloatArray, max_significance: float) -> BoolArray:
    """Return where the smoothed difference stands out; missing pixels count as sky."""
    valid = valid_pixels(difference)
    filled = difference
    if not valid.all():
        filled = np.where(valid, difference, np.median(difference[valid]) if valid.any() else 0)
    smooth = ndimage.uniform_filter(filled.astype(np.float32), _SMOOTH_PX)
    location, scatter = robust_location_scale(smooth)
    return np.asarray(np.abs(smooth - location) > max_significance * scatter)


def _clean_place(
    is_used: BoolArray, centre: int, reach: int, *, rng: np.random.Generator
) -> tuple[int, int] | None:
    """Return the centre of a disc of this reach with nothing in it, apart from the middle one."""
    size = len(is_used)
    is_free = np.ones((size, size), dtype=np.bool_)
    is_free[is_used] = False
    room = ndimage.distance_transform_edt(is_free) if is_used.any() else np.full((size,) * 2, size)
    is_clean = room > reach
    is_clean &= _distance(size, centre) >= 2 * reach - _TAPER_PX
    inner = np.zeros_like(is_clean)
    inner[reach : size - reach, reach : size - reach] = True
    places = np.argwhere(is_clean & inner)
    if len(places) == 0:
        return None
    row, column = places[int(rng.integers(len(places)))]
    return int(row), int(column)


def _window(row: int, column: int, reach: int) -> tuple[slice, slice]:
    return slice(row - reach, row + reach + 1), slice(column - reach, column + reach + 1)

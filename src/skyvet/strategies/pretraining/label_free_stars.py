"""Images of a survey's own stars, to put sources of its own shape into its stamps.

A source of another shape than the survey's is told from REAL ones by that alone, and a profile
fitted to a few bright pixels is not close enough.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from skyvet.core.arrays import BoolArray, FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.stamps import robust_location_scale
from skyvet.records.cutouts import CutoutKind
from skyvet.simulation.injection_psf import PsfSource, StampPsf, psf_from_array

__all__ = ["stars_of_stamp"]

_SCIENCE_SIGNIFICANCE = 25.0
_TEMPLATE_SIGNIFICANCE = 10.0
_ALONE_PX = 9
_MAX_RING = 0.1
"""Light around an isolated star, as a fraction of its peak."""


def stars_of_stamp(stamp: FloatArray, *, reach_px: int) -> list[StampPsf]:
    """Return images of the isolated stars of a science image, away from the candidate.

    A star is a peak of science and template at one place; its sky is taken off, its edge tapered.

    Parameters
    ----------
    stamp : ndarray, shape (3 or 6, size, size)
        In the survey's unit, NaN = missing.
    reach_px : int
        Half side of the images [pixels], about three widths.

    Returns
    -------
    list of StampPsf
        Each of sum 1.

    Examples
    --------
    >>> grid = np.arange(63)
    >>> light = np.exp(-((grid[:, None] - 12.0) ** 2 + (grid - 15.0) ** 2) / 3)
    >>> sky = np.random.default_rng(0).normal(size=(3, 63, 63))
    >>> stars = stars_of_stamp(sky + [[[1.0]], [[1.0]], [[0.0]]] * (500 * light), reach_px=8)
    >>> len(stars), 2.5 < stars[0].fwhm_px < 3.5
    (1, True)
    """
    science = np.asarray(stamp[CutoutKind.SCIENCE], dtype=np.float32)
    size = science.shape[-1]
    centre = (size - 1) // 2
    is_star = _peaks(science, _SCIENCE_SIGNIFICANCE)
    is_star &= ndimage.maximum_filter(_peaks(stamp[CutoutKind.TEMPLATE], _TEMPLATE_SIGNIFICANCE), 3)
    grid = np.arange(-reach_px, reach_px + 1)
    radius = np.hypot(grid[:, None], grid)
    found = []
    for row, column in np.argwhere(is_star):
        inside = reach_px <= min(row, column) and max(row, column) < size - reach_px
        if not inside or np.hypot(row - centre, column - centre) < reach_px:
            continue
        image = science[
            row - reach_px : row + reach_px + 1, column - reach_px : column + reach_px + 1
        ]
        star = _star(image, radius, reach_px)
        if star is not None:
            found.append(star)
    return found


def _peaks(image: FloatArray, significance: float) -> BoolArray:
    """Return where an image has its largest value for some pixels around, well above the sky."""
    sky, scatter = robust_location_scale(np.asarray(image, dtype=np.float32))
    height = np.nan_to_num(image - sky)
    highest = ndimage.maximum_filter(height, _ALONE_PX)
    return np.asarray((height == highest) & (height > significance * scatter))


def _star(image: FloatArray, radius: FloatArray, reach_px: int) -> StampPsf | None:
    """Return a star's image without sky, None where it is not alone or has missing pixels."""
    if not np.isfinite(image).all():
        return None
    light = image - np.median(image[radius > 0.8 * reach_px])
    peak = float(light[reach_px, reach_px])
    ring = light[(radius > 0.7 * reach_px) & (radius < reach_px)]
    if peak < light.max() or np.abs(ring).max() > _MAX_RING * peak:
        return None
    tapered = light * np.clip((reach_px + 0.5 - radius) / 2.5, 0.0, 1.0)
    try:
        return replace(psf_from_array(tapered), source=PsfSource.STAMP)
    except InvalidInputError:
        return None

"""Circumstances of the epochs of one frame sequence: seeing, noise, sky, transparency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.simulation.conditions import Conditions

__all__ = ["FrameNights", "draw_nights"]

_SEEING_STEP = 0.02  # epochs share a tabulated PSF within 2 % in width


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameNights:
    """What changes from epoch to epoch, r band of ZTF.

    Parameters
    ----------
    conditions : Conditions
        Shape of the PSF and the zero point at which the field's fluxes hold.
    fwhm_px : ndarray, shape (n_epochs,)
        Seeing [pixels], in steps of 2 %.
    noise, sky : ndarray, shape (n_epochs,)
        Noise of a pixel without source and sky level [ADU].
    zero_point_mag : ndarray, shape (n_epochs,)
        AB magnitude of 1 ADU; clouds lower it.
    offset_px : ndarray, shape (n_epochs, 2)
        Sub-pixel phase of the cutout in x and y [pixels].
    seed : ndarray, shape (n_epochs,), int64
        Seed of each exposure's noise.
    """

    conditions: Conditions
    fwhm_px: FloatArray
    noise: FloatArray
    sky: FloatArray
    zero_point_mag: FloatArray
    offset_px: FloatArray
    seed: NDArray[np.int64]


def draw_nights(conditions: Conditions, n_epochs: int, *, rng: np.random.Generator) -> FrameNights:
    """Draw the circumstances of all epochs; noise and sky rise together.

    Parameters
    ----------
    conditions : Conditions
        Fixed ones of the object.
    n_epochs : int
        Number of frames.
    rng : Generator
        Source of the draw.

    Returns
    -------
    FrameNights
    """
    n = n_epochs
    common = rng.standard_normal(n)
    clouds = np.where(rng.random(n) < 0.1, rng.exponential(0.3, n), 0.0)
    seeing = 2.05 * np.exp(0.2 * rng.standard_normal(n) + 0.08 * rng.standard_exponential(n))
    return FrameNights(
        conditions=conditions,
        fwhm_px=np.exp(np.round(np.log(np.clip(seeing, 1.3, 6.0)) / _SEEING_STEP) * _SEEING_STEP),
        noise=7.0 * np.exp(0.28 * common),
        sky=190.0 * np.exp(0.45 * common + 0.15 * rng.standard_normal(n)),
        zero_point_mag=26.2 + 0.06 * rng.standard_normal(n) - clouds,
        offset_px=rng.uniform(-0.5, 0.5, (n, 2)),
        seed=rng.integers(1 << 62, size=n),
    )

"""Noise peaks: correlated noise (resampling, fringes, clouds) that adds up to a detection."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from skyvet.core.arrays import FloatArray
from skyvet.simulation.scene import Scene, draw_field

__all__ = ["prepare"]


def prepare(scene: Scene) -> None:
    """Add noise that is correlated over about a PSF; the target is wherever it peaks."""
    rng, fwhm = scene.rng, scene.conditions.science_psf.fwhm_px
    draw_field(scene)
    width = fwhm / 2.355 * float(rng.uniform(0.5, 1.4))
    ratio = math.exp(float(rng.normal(0, 0.35))) if rng.random() < 0.4 else 1.0
    size = scene.conditions.noise * scene.traits.snr_inflation * float(rng.uniform(0.4, 0.9))

    def disturb(image: FloatArray, rng: np.random.Generator) -> None:
        grain = ndimage.gaussian_filter(
            rng.standard_normal(image.shape), (width * ratio, width / ratio), mode="wrap"
        )
        image += size * grain / grain.std()

    scene.science_steps.append(disturb)
    scene.search_px, scene.sign = 8.0, 0

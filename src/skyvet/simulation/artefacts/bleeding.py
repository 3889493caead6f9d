"""Bleeding: charge spilled along columns from a saturated star off the target."""

from __future__ import annotations

import math

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.simulation.masking import mask_box
from skyvet.simulation.scene import Scene, draw_field

__all__ = ["prepare"]


def prepare(scene: Scene) -> None:
    """Run a bleed trail from a star above or below through the target."""
    rng, fwhm = scene.rng, scene.conditions.science_psf.fwhm_px
    draw_field(scene, crowding=0.8)
    distance = float(rng.uniform(0.2, 0.6)) * scene.size_px * float(rng.choice((-1.0, 1.0)))
    flux = scene.traits.saturation * fwhm**2 * math.exp(float(rng.uniform(0.0, 2.0)))
    dx = float(rng.uniform(-1, 1))
    scene.add_star(flux, flux, dx=dx, dy=distance)
    half = min(3.5 * fwhm, abs(distance) - 3.0)
    mask_box(scene, x=scene.target_x + dx, y=scene.target_y + distance, half_px=half)
    width = int(rng.choice((1, 2, 3, 4)))
    size = (
        scene.traits.snr_inflation * scene.conditions.noise * math.exp(float(rng.normal(2.0, 0.9)))
    )
    column, star_row = round(scene.target_x), round(scene.target_y + distance)
    length = abs(distance) + float(rng.exponential(8.0)) + 1.0
    undershoots = rng.random() < 0.3

    def spill(image: FloatArray, rng: np.random.Generator) -> None:
        rows = np.abs(np.arange(image.shape[0]) - star_row)
        profile = size * np.clip(1.0 + (length - rows) / 4.0, 0.0, 2.0)
        profile *= 1.0 + 0.2 * rng.standard_normal(len(rows))
        image[:, column : column + width] += profile[:, None]
        if undershoots:
            image[:, column + width : column + width + 2] -= 0.3 * profile[:, None]

    scene.science_steps.append(spill)
    scene.search_px, scene.sign = 6.0, 0

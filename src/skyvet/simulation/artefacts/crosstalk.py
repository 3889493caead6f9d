"""Cross-talk: a faint copy of a saturated star read out by another amplifier."""

from __future__ import annotations

import math

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.simulation.scene import Scene, draw_field

__all__ = ["prepare"]


def prepare(scene: Scene) -> None:
    """Copy the clipped core and bleed trail of a bright star, positive or negative."""
    rng, fwhm = scene.rng, scene.conditions.science_psf.fwhm_px
    draw_field(scene)
    radius = fwhm * float(rng.uniform(0.9, 3.0))
    x, y = scene.offsets()
    core = 1.0 / (1.0 + (np.hypot(x, y) / radius) ** 10)
    trail = float(rng.uniform(1.0, 14.0)) * fwhm if rng.random() < 0.6 else radius
    bleed = (np.abs(x) < max(0.5, 0.35 * radius)) * (np.abs(y) < trail)
    sign = float(rng.choice((1.0, -1.0), p=(0.4, 0.6)))
    level = scene.conditions.noise * scene.traits.snr_inflation
    ghost = np.maximum(core, bleed) * sign * level * math.exp(float(rng.normal(1.0, 0.6)))

    def couple(image: FloatArray, rng: np.random.Generator) -> None:  # noqa: ARG001
        image += ghost

    scene.science_steps.append(couple)
    scene.search_px, scene.sign = 5.0, 0

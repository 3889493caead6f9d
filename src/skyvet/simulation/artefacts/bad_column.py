"""Bad columns and rows: hot, dead or wrongly corrected lines of pixels."""

from __future__ import annotations

import math

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.simulation.scene import Scene, draw_field

__all__ = ["prepare"]


def prepare(scene: Scene) -> None:
    """Offset one to three columns (or rows) through the target, from one end or throughout."""
    rng = scene.rng
    draw_field(scene)
    axis = 1 if rng.random() < 0.85 else 0
    width = int(rng.choice((1, 1, 1, 2, 3)))
    sign = float(rng.choice((-1.0, 1.0)))
    size = sign * scene.traits.snr_inflation * scene.conditions.noise
    size *= math.exp(float(rng.normal(1.3, 0.6)))
    target = round(scene.target_x if axis == 1 else scene.target_y)
    along = round(scene.target_y if axis == 1 else scene.target_x)
    start = 0 if rng.random() < 0.6 else max(0, along - int(rng.integers(0, 12)))
    flicker = float(rng.uniform(0.1, 0.8))

    def spoil(image: FloatArray, rng: np.random.Generator) -> None:
        lines = np.moveaxis(image, axis, 0)
        n_px = lines.shape[1] - start
        lines[target : target + width, start:] += size * (1 + flicker * rng.standard_normal(n_px))

    scene.science_steps.append(spoil)
    scene.search_px, scene.sign = 6.0, 0

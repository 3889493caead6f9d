"""Detector edges: glow, distorted columns and missing template at the border of the chip."""

from __future__ import annotations

import math

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.simulation.scene import Scene, draw_field

__all__ = ["prepare"]


def prepare(scene: Scene) -> None:
    """Put a glow or a drop at an edge close to the target; the stamp is cut there."""
    rng = scene.rng
    draw_field(scene)
    axis, side = int(rng.integers(2)), int(rng.choice((-1, 1)))
    distance = float(rng.uniform(3.0, 12.0))
    scene.edge = (axis, side, distance)
    x, y = scene.offsets()
    inward = distance - side * (x if axis == 0 else y) + np.zeros_like(scene.science_light)
    depth = float(rng.uniform(1.0, 5.0))
    level = scene.conditions.noise * scene.traits.snr_inflation
    size = level * math.exp(float(rng.normal(2.0, 0.7)))
    waves = 1.0 + 0.4 * np.sin((y if axis == 0 else x) / float(rng.uniform(2.0, 12.0)))
    sign = float(rng.choice((-1.0, 1.0)))
    glow = sign * size * np.exp(-np.maximum(inward - distance + 2.0, 0.0) / depth) * waves

    def shine(image: FloatArray, rng: np.random.Generator) -> None:  # noqa: ARG001
        image += glow
        image[inward < 0] = 0.0

    def end(image: FloatArray, rng: np.random.Generator) -> None:  # noqa: ARG001
        image[inward < 0] = 0.0

    scene.science_steps.append(shine)
    scene.template_steps.append(end)
    scene.search_px, scene.sign = min(7.0, distance - 1.0), 0

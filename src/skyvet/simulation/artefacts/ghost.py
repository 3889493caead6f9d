"""Ghosts: out-of-focus reflections of a bright star, discs and rings much larger than the PSF."""

from __future__ import annotations

import math

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.simulation.scene import Scene, draw_field

__all__ = ["prepare"]


def prepare(scene: Scene) -> None:
    """Put the rim of a pupil-shaped reflection near the target."""
    rng, scale = scene.rng, scene.traits.stamp_px / 63
    draw_field(scene)
    radius = float(rng.uniform(7.0, 28.0)) * scale
    hole = float(rng.uniform(0.25, 0.6)) * radius
    angle = float(rng.uniform(0, 2 * math.pi))
    reach = float(rng.choice((hole, radius))) * float(rng.uniform(0.85, 1.0))
    x, y = scene.offsets()
    x, y = x + reach * math.cos(angle), y + reach * math.sin(angle)
    offset = 0.2 * radius * rng.standard_normal(2)
    soft = float(rng.uniform(0.6, 2.0))
    disc = _disc(np.hypot(x, y), radius, soft)
    shadow = _disc(np.hypot(x - offset[0], y - offset[1]), hole, soft)
    shade = (
        1.0
        + float(rng.uniform(-0.4, 0.4)) * x / radius
        + float(rng.uniform(-0.4, 0.4)) * (y / radius)
    )
    peak = (
        scene.conditions.noise * scene.traits.snr_inflation * math.exp(float(rng.normal(0.8, 0.5)))
    )
    light = peak * disc * (1.0 - float(rng.uniform(0.3, 1.0)) * shadow) * np.maximum(shade, 0.0)
    if rng.random() < 0.25:
        scene.template_light += light
    else:
        scene.science_light += light
    scene.search_px, scene.sign = 7.0, 0


def _disc(distance: FloatArray, radius: float, soft: float) -> FloatArray:
    return np.asarray(0.5 * (1.0 - np.tanh((distance - radius) / soft)))

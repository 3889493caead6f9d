"""Template defects: the template holds a star, ray, trail or gap that the new image lacks."""

from __future__ import annotations

import math

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.simulation.scene import Scene, draw_field

__all__ = ["prepare"]


def prepare(scene: Scene) -> None:
    """Spoil the template with a residual ray, a trail, or an edge of lower depth."""
    rng = scene.rng
    draw_field(scene)
    kind = rng.choice(("ray", "trail", "edge"))
    if kind == "ray":
        _add_ray(scene)
    elif kind == "trail":
        _add_trail(scene)
    else:
        _add_edge(scene)
    scene.search_px = 7.0


def _size(scene: Scene) -> float:
    level = scene.conditions.noise * scene.traits.snr_inflation
    return level * math.exp(float(scene.rng.normal(1.6, 0.6)))


def _add_ray(scene: Scene) -> None:
    rng = scene.rng
    n_pixels = int(rng.integers(1, 7))
    steps = np.cumsum(rng.integers(-1, 2, (n_pixels, 2)), axis=0)
    size = 3.0 * _size(scene)

    def strike(image: FloatArray, rng: np.random.Generator) -> None:
        column, row = round(scene.target_x), round(scene.target_y)
        for dx, dy in steps:
            image[row + dy, column + dx] += size * float(rng.uniform(0.5, 1.0))

    scene.template_steps.append(strike)
    scene.sign = -1


def _add_trail(scene: Scene) -> None:
    angle = float(scene.rng.uniform(0, math.pi))
    x, y = scene.offsets()
    across = y * math.cos(angle) - x * math.sin(angle)
    width = 0.5 * scene.conditions.template_psf.fwhm_px
    scene.template_light += _size(scene) * np.exp(-0.5 * (across / width) ** 2)
    scene.sign = -1


def _add_edge(scene: Scene) -> None:
    """Beyond a straight line the template has another level and is noisier."""
    rng = scene.rng
    axis = int(rng.integers(2))
    line = round((scene.target_y, scene.target_x)[axis]) + int(rng.integers(-2, 3))
    step = float(rng.choice((-1.0, 1.0))) * _size(scene)
    grain = scene.conditions.noise * float(rng.uniform(0.3, 1.5))
    is_low = rng.random() < 0.5

    def cut(image: FloatArray, rng: np.random.Generator) -> None:
        lines = np.moveaxis(image, axis, 0)
        part = lines[:line] if is_low else lines[line:]
        part += step + grain * rng.standard_normal(part.shape)

    scene.template_steps.append(cut)
    scene.sign = 0

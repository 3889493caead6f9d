"""Hot and cold pixels, and dark spots where a defect or dust swallows light."""

from __future__ import annotations

import math

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.simulation.scene import Scene, draw_field

__all__ = ["prepare"]


def prepare(scene: Scene) -> None:
    """Raise or lower single pixels, or darken a spot of a few pixels."""
    rng = scene.rng
    draw_field(scene)
    charge = scene.draw_detection_flux(median_snr=14.0, scatter=0.9)
    kind = rng.choice(("hot", "cold", "spot"), p=(0.3, 0.2, 0.5))
    if kind == "spot":
        _add_spot(scene, charge=charge)
        return
    size = charge if kind == "hot" else -charge
    n_pixels = int(rng.choice((1, 1, 2, 3)))
    column, row = round(scene.target_x), round(scene.target_y)
    places = rng.integers(-1, 2, (n_pixels, 2)) * (np.arange(n_pixels) > 0)[:, None]

    def spoil(image: FloatArray, rng: np.random.Generator) -> None:  # noqa: ARG001
        for dx, dy in places:
            image[row + dy, column + dx] += size / n_pixels

    scene.science_steps.append(spoil)
    scene.injected_flux = size
    scene.sign = 0


def _add_spot(scene: Scene, *, charge: float) -> None:
    """Darken a spot with a soft or sharp rim; charge lost there may streak up the column."""
    rng = scene.rng
    radius = math.exp(float(rng.uniform(math.log(0.8), math.log(3.0))))
    sharpness = float(rng.choice((2.0, 6.0)))
    stretch = math.exp(float(rng.normal(0, 0.25)))
    x, y = scene.offsets()
    spot = np.exp(-((np.hypot(x * stretch, y / stretch) / radius) ** sharpness))
    spot *= -charge / spot.sum()
    has_streak = rng.random() < 0.4
    streak = 0.4 * scene.conditions.noise * math.exp(float(rng.normal(0, 0.8)))
    width = int(rng.integers(1, 5))
    target = round(scene.target_x)

    def spoil(image: FloatArray, rng: np.random.Generator) -> None:
        ragged = 1.0 + 0.15 * rng.standard_normal(spot.shape)
        image += spot * ragged
        if has_streak:
            image[:, target - width // 2 : target + width] += streak

    scene.science_steps.append(spoil)
    scene.injected_flux = -charge
    scene.sign, scene.search_px = -1, 3.0

"""Cosmic rays: charge along a short track in the science exposure, sharper than any star."""

from __future__ import annotations

import math

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.simulation.scene import Scene, draw_field

__all__ = ["prepare"]


def prepare(scene: Scene) -> None:
    """Leave charge in the pixels of a straight or bent track through the target."""
    rng = scene.rng
    draw_field(scene)
    length = float(rng.choice((0.3, 1.0, 2.5, 6.0)) * rng.exponential(1.0))
    angle, bend = float(rng.uniform(0, 2 * math.pi)), float(rng.normal(0, 0.1))
    charge = scene.draw_detection_flux(median_snr=16.0, scatter=0.9)
    spread = float(rng.uniform(0.05, 0.35))
    scene.injected_flux = charge
    n_points = max(4, round(6 * length))
    steps = np.linspace(-0.5, 0.5, n_points) * length
    angles = angle + bend * steps
    xs = scene.target_x + steps * np.cos(angles) + spread * rng.standard_normal(n_points)
    ys = scene.target_y + steps * np.sin(angles) + spread * rng.standard_normal(n_points)
    weights = rng.exponential(1.0, n_points) + 0.3
    weights *= charge / weights.sum()

    def strike(image: FloatArray, rng: np.random.Generator) -> None:  # noqa: ARG001
        columns = np.clip(np.round(xs).astype(int), 0, image.shape[1] - 1)
        rows = np.clip(np.round(ys).astype(int), 0, image.shape[0] - 1)
        np.add.at(image, (rows, columns), weights)

    scene.science_steps.append(strike)
    scene.search_px = 2.5 + 0.5 * min(length, 8.0)

"""Defocus: the exposure is out of focus and every star becomes a doughnut."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy import fft

from skyvet.core.arrays import FloatArray
from skyvet.simulation.scene import Scene, draw_field

__all__ = ["prepare"]


def prepare(scene: Scene) -> None:
    """Spread the science light of every star over an annulus; the template stays sharp."""
    rng, fwhm = scene.rng, scene.conditions.science_psf.fwhm_px
    draw_field(scene)
    flux = scene.conditions.noise * math.exp(float(rng.uniform(math.log(300), math.log(8000))))
    scene.add_star(flux, flux)
    radius = float(rng.uniform(1.2, 3.5)) * fwhm
    ring = _annulus(scene.size_px, radius, lopsided=0.3 * rng.standard_normal(2))
    points = np.zeros((scene.size_px, scene.size_px))
    for star in scene.stars:
        row, column = round(star.y), round(star.x)
        if 0 <= row < scene.size_px and 0 <= column < scene.size_px:
            points[row, column] += star.science_flux
    scene.stars = [replace(star, science_flux=0.0) for star in scene.stars]
    spread = fft.irfft2(fft.rfft2(points) * fft.rfft2(ring), s=points.shape)
    scene.science_light += np.maximum(spread, 0.0)
    scene.search_px, scene.sign, scene.host = 7.0, 0, "star"


def _annulus(size: int, radius: float, *, lopsided: FloatArray) -> FloatArray:
    """Ring of sum 1 around pixel (0, 0), wrapped around, brighter on one side."""
    offset = fft.fftfreq(size, 1.0 / size)
    distance = np.hypot(offset[None, :], offset[:, None])
    ring = 0.5 * (1 - np.tanh(distance - radius)) - 0.48 * (1 - np.tanh(distance - 0.45 * radius))
    tilt = lopsided[0] * offset[None, :] + lopsided[1] * offset[:, None]
    ring = np.maximum(ring, 0.0) * np.clip(1.0 + tilt / radius, 0.2, 2.0)
    return np.asarray(ring / ring.sum())

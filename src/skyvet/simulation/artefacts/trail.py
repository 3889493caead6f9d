"""Satellites, aeroplanes and glints: a steady, knotty or flashing trail across the stamp."""

from __future__ import annotations

import math

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.simulation.scene import Scene, draw_field

__all__ = ["prepare"]


def prepare(scene: Scene) -> None:
    """Draw a trail through the target: half are rows of equal flashes, half are lines."""
    rng = scene.rng
    draw_field(scene, crowding=0.8)
    is_level = rng.random() < 0.5
    angle = float(rng.normal(0, 0.15)) if is_level else float(rng.uniform(0, math.pi))
    if rng.random() < 0.5:
        _add_flashes(scene, angle=angle)
    else:
        _add_line(scene, angle=angle)


def _add_flashes(scene: Scene, *, angle: float) -> None:
    """Add evenly spaced point-like flashes of a tumbling satellite, on a faint line or none."""
    rng, scale = scene.rng, scene.traits.stamp_px / 63
    spacing = math.exp(float(rng.uniform(math.log(5.0), math.log(28.0)))) * scale
    flux = scene.draw_detection_flux(median_snr=25.0, scatter=0.8)
    n_side = math.ceil(scene.size_px / spacing)
    scatter = 0.3 if rng.random() < 0.4 else 0.05
    slope = float(rng.normal(0, 0.4)) / max(n_side, 1)
    for i_flash in range(-n_side, n_side + 1):
        strength = max(0.0, (1.0 + slope * i_flash) * math.exp(scatter * float(rng.normal())))
        along = i_flash * spacing
        scene.add_star(flux * strength, 0.0, dx=along * math.cos(angle), dy=along * math.sin(angle))
    if rng.random() < 0.4:
        peak = 0.3 * scene.conditions.noise * float(rng.exponential(2.0))
        scene.science_light += peak * _line(scene, angle=angle, width=_width(scene))
    scene.injected_flux = flux


def _add_line(scene: Scene, *, angle: float) -> None:
    """Add a line of steady or slowly changing brightness, now and then with an end."""
    rng = scene.rng
    width = _width(scene) * float(rng.choice((1.0, 1.0, 1.6)))
    peak = (
        scene.conditions.noise * scene.traits.snr_inflation * math.exp(float(rng.normal(0.9, 0.8)))
    )
    trail = _line(scene, angle=angle, width=width)
    x, y = scene.offsets()
    along = x * math.cos(angle) + y * math.sin(angle)
    waves = float(rng.uniform(0, 0.6)) * np.sin(
        along * 2 * math.pi / float(rng.uniform(6, 60)) + float(rng.uniform(0, 6.3))
    )
    trail *= 1.0 + waves
    if rng.random() < 0.15:
        trail *= 0.5 * (1.0 + np.tanh(along + float(rng.uniform(2, 15))))
    scene.science_light += peak * trail
    scene.search_px = 7.0


def _width(scene: Scene) -> float:
    return scene.conditions.science_psf.fwhm_px / 2.355


def _line(scene: Scene, *, angle: float, width: float) -> FloatArray:
    x, y = scene.offsets()
    across = y * math.cos(angle) - x * math.sin(angle)
    return np.asarray(np.exp(-0.5 * (across / width) ** 2))

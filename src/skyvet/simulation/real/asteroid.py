"""Asteroids: seen in this exposure alone, some slightly trailed."""

from __future__ import annotations

import math

import numpy as np

from skyvet.simulation.scene import Scene, draw_field

__all__ = ["prepare"]

_TRAILED_SHARE = 0.12


def prepare(scene: Scene) -> None:
    """Put a moving source of drawn S/N; most move less than a pixel during the exposure."""
    rng = scene.rng
    draw_field(scene, crowding=0.6)
    flux = scene.draw_detection_flux(median_snr=12.0, scatter=0.7, bright_share=0.03)
    is_trailed = rng.random() < _TRAILED_SHARE
    length_arcsec = float(rng.exponential(4.0 if is_trailed else 0.25))
    length_px = min(length_arcsec / scene.traits.pixel_scale_arcsec, 0.3 * scene.traits.stamp_px)
    angle = float(rng.uniform(0, math.pi))
    n_points = max(1, math.ceil(2 * length_px))
    for place in (np.arange(n_points) + 0.5) / n_points - 0.5:
        along = float(place) * length_px
        scene.add_star(flux / n_points, 0.0, dx=along * math.cos(angle), dy=along * math.sin(angle))
    scene.injected_flux = flux
    scene.search_px = 2.5 + 0.5 * length_px
    scene.solar_system_magnitude = scene.conditions.magnitude(flux) + float(rng.normal(0.0, 0.25))

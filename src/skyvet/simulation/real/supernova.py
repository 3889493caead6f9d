"""Supernova-like: a new point source on a host galaxy, off its centre."""

from __future__ import annotations

import math
from dataclasses import replace

from skyvet.simulation.scene import Scene, draw_field, draw_galaxy

__all__ = ["prepare"]


def prepare(scene: Scene) -> None:
    """Put a new source of drawn S/N within two half-light radii of a host."""
    rng = scene.rng
    draw_field(scene, crowding=0.7)
    flux = scene.draw_detection_flux(median_snr=14.0, scatter=0.8, bright_share=0.08)
    scene.injected_flux, scene.host = flux, "galaxy"
    scene.add_star(flux, 0.0)
    # Hosts are brighter than their supernovae more often than not.
    magnitude = scene.conditions.magnitude(flux) - float(rng.normal(0.5, 1.8))
    host = draw_galaxy(scene, x=0.0, y=0.0, magnitude=magnitude)
    distance = host.radius_px * float(rng.gamma(2.0, 0.5))
    angle = float(rng.uniform(0, 2 * math.pi))
    along = distance * math.cos(angle)
    across = distance * math.sin(angle) * host.axis_ratio
    cosine, sine = math.cos(host.angle_rad), math.sin(host.angle_rad)
    scene.galaxies.append(
        replace(
            host,
            x=scene.target_x + cosine * along - sine * across,
            y=scene.target_y + sine * along + cosine * across,
        )
    )

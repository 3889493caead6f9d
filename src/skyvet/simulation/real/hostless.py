"""Hostless transients: a new point source with nothing in the template."""

from __future__ import annotations

from skyvet.simulation.scene import Scene, draw_field

__all__ = ["prepare"]


def prepare(scene: Scene) -> None:
    """Put a new source on empty sky."""
    draw_field(scene, crowding=0.5)
    flux = scene.draw_detection_flux(median_snr=14.0, scatter=0.8, bright_share=0.04)
    scene.injected_flux = flux
    scene.add_star(flux, 0.0)

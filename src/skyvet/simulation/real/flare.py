"""Stellar flares: a faint red star in the template, far brighter now."""

from __future__ import annotations

from skyvet.simulation.scene import Scene, draw_field

__all__ = ["prepare"]


def prepare(scene: Scene) -> None:
    """Put a star that has brightened by one to four magnitudes."""
    draw_field(scene)
    change = scene.draw_detection_flux(median_snr=14.0, scatter=0.8, bright_share=0.03)
    template = change / (10 ** (0.4 * float(scene.rng.uniform(1.0, 4.0))) - 1.0)
    scene.injected_flux, scene.host = change, "star"
    scene.add_star(template + change, template)

"""Nuclear transients: a galaxy's centre brightens (active nucleus, tidal disruption)."""

from __future__ import annotations

from skyvet.simulation.scene import Scene, draw_field, draw_galaxy

__all__ = ["prepare"]


def prepare(scene: Scene) -> None:
    """Put a new source on the centre of a galaxy, some with a nucleus in the template."""
    rng = scene.rng
    draw_field(scene, crowding=0.7)
    flux = scene.draw_detection_flux(median_snr=13.0, scatter=0.8, bright_share=0.04)
    scene.injected_flux, scene.host = flux, "galaxy"
    nucleus = flux * float(rng.exponential(1.5)) if rng.random() < 0.6 else 0.0
    scene.add_star(nucleus + flux, nucleus)
    magnitude = scene.conditions.magnitude(flux) - float(rng.normal(1.2, 1.2))
    offset = 0.1 * rng.standard_normal(2)
    scene.galaxies.append(
        draw_galaxy(
            scene,
            x=scene.target_x + float(offset[0]),
            y=scene.target_y + float(offset[1]),
            magnitude=magnitude,
        )
    )

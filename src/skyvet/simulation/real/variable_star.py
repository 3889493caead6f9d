"""Variable stars: brighter than in the template, or fainter (negative difference)."""

from __future__ import annotations

import math

from skyvet.simulation.scene import Scene, draw_field, draw_galaxy

__all__ = ["prepare_brighter", "prepare_fainter"]

_BRIGHTEST_MAGNITUDE = 12.5


def _draw_amplitude(scene: Scene) -> float:
    """Change in magnitudes, log-uniform from 0.04 to 2."""
    return math.exp(float(scene.rng.uniform(math.log(0.04), math.log(2.0))))


def prepare_brighter(scene: Scene) -> None:
    """Put a star that has brightened by a drawn amplitude."""
    draw_field(scene, crowding=1.3)
    change = scene.draw_detection_flux(median_snr=14.0, scatter=0.9)
    template = change / (10 ** (0.4 * _draw_amplitude(scene)) - 1.0)
    template = min(template, scene.conditions.flux(_BRIGHTEST_MAGNITUDE))
    scene.injected_flux, scene.host = change, "star"
    scene.add_star(template + change, template)


def prepare_fainter(scene: Scene) -> None:
    """Put a star, or now and then an active nucleus, that has faded."""
    draw_field(scene, crowding=1.3)
    change = scene.draw_detection_flux(median_snr=14.0, scatter=0.9)
    template = change / (1.0 - 10 ** (-0.4 * _draw_amplitude(scene)))
    template = max(min(template, scene.conditions.flux(_BRIGHTEST_MAGNITUDE)), change)
    scene.injected_flux, scene.host, scene.sign = -change, "star", -1
    if scene.rng.random() < 0.15:
        scene.host = "galaxy"
        scene.galaxies.append(
            draw_galaxy(
                scene,
                x=scene.target_x,
                y=scene.target_y,
                magnitude=scene.conditions.magnitude(template) - float(scene.rng.normal(0.5, 1.0)),
            )
        )
    scene.add_star(template - change, template)

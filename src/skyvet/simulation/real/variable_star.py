"""Variable stars: brighter than in the template, or fainter (negative difference)."""

from __future__ import annotations

import math

from skyvet.simulation.scene import Scene, draw_field, draw_galaxy

__all__ = ["prepare_brighter", "prepare_fainter"]

_BRIGHTEST_SNR = 15_000.0
_FAINTEST_CHANGE_SNR = 5.5


def _draw_star(scene: Scene) -> tuple[float, float]:
    """Draw a star's flux in the template and the size of its change [pixel unit].

    Logarithms of flux and of the change in magnitudes (0.02 to 2) are triangular, faint stars and
    small changes being commonest, where the change can be detected: bright stars that vary little
    leave residuals of registration beside their change, as in nature.
    """
    rng = scene.rng
    noise = scene.traits.snr_inflation * scene.conditions.point_noise
    low = math.log(10.0)
    high = math.log(_BRIGHTEST_SNR / scene.traits.snr_inflation)
    while True:
        flux = noise * math.exp(float(rng.triangular(low, low + 0.12 * (high - low), high)))
        log_amplitude = rng.triangular(math.log(0.02), math.log(0.05), math.log(2.0))
        change = flux * (1.0 - 10 ** (-0.4 * math.exp(float(log_amplitude))))
        if change > _FAINTEST_CHANGE_SNR * noise:
            return flux, change


def prepare_brighter(scene: Scene) -> None:
    """Put a star that has brightened by a drawn amplitude."""
    draw_field(scene, crowding=1.3)
    bright, change = _draw_star(scene)
    scene.injected_flux, scene.host = change, "star"
    scene.add_star(bright, bright - change)


def prepare_fainter(scene: Scene) -> None:
    """Put a star, or now and then an active nucleus, that has faded."""
    draw_field(scene, crowding=1.3)
    bright, change = _draw_star(scene)
    scene.injected_flux, scene.host, scene.sign = -change, "star", -1
    if scene.rng.random() < 0.15:
        scene.host = "galaxy"
        scene.galaxies.append(
            draw_galaxy(
                scene,
                x=scene.target_x,
                y=scene.target_y,
                magnitude=scene.conditions.magnitude(bright) - float(scene.rng.normal(0.5, 1.0)),
            )
        )
    scene.add_star(bright - change, bright)

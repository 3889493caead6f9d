"""Diffraction spikes and flares of a bright star that the template does not share."""

from __future__ import annotations

import math

import numpy as np

from skyvet.simulation.masking import mask_box
from skyvet.simulation.scene import Scene, draw_field

__all__ = ["prepare"]


def prepare(scene: Scene) -> None:
    """Let a spike of a star at the stamp's border cross the target."""
    rng, fwhm = scene.rng, scene.conditions.science_psf.fwhm_px
    draw_field(scene, crowding=0.7)
    distance = float(rng.uniform(0.15, 0.55)) * scene.size_px
    angle = scene.conditions.spike_angle_rad + float(rng.choice((0.0, 0.0, 0.5, 0.17, 0.33))) * (
        math.pi
    )
    side = float(rng.choice((-1.0, 1.0)))
    dx, dy = side * distance * math.cos(angle), side * distance * math.sin(angle)
    well = scene.traits.saturation * fwhm**2
    flux = well * math.exp(float(rng.uniform(-1.0, 2.5)))
    scene.add_star(flux, flux, dx=dx, dy=dy)
    if flux > well:
        half = min(4.0 * fwhm, distance - 3.0)
        mask_box(scene, x=scene.target_x + dx, y=scene.target_y + dy, half_px=half)
    _add_spike(scene, star=(dx, dy), angle=angle, width=0.45 * fwhm)
    scene.search_px, scene.sign = 6.0, 0


def _add_spike(scene: Scene, *, star: tuple[float, float], angle: float, width: float) -> None:
    """Paint a knotty ray through star and target, in the science image alone."""
    rng = scene.rng
    x, y = scene.offsets()
    turn = angle + 0.02 * float(rng.normal())
    along = (x - star[0]) * math.cos(turn) + (y - star[1]) * math.sin(turn)
    across = (y - star[1]) * math.cos(turn) - (x - star[0]) * math.sin(turn)
    length = math.hypot(*star)
    knots = 1.0 + 0.5 * np.sin(along / float(rng.uniform(1.5, 6.0)) + float(rng.uniform(0, 6.3)))
    peak = scene.conditions.noise * scene.traits.snr_inflation * float(rng.uniform(2.0, 12.0))
    fade = np.exp(-(np.abs(along) - length) / max(length, 4.0))
    ray = peak * np.minimum(fade, 6.0) * knots * np.exp(-0.5 * (across / width) ** 2)
    if rng.random() < 0.3:
        scene.template_light += ray
    else:
        scene.science_light += ray

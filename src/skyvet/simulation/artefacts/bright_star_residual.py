"""Bright stars: rings and core residuals, or what remains beside a masked core."""

from __future__ import annotations

import math
from dataclasses import replace

from skyvet.simulation.conditions import perturb_psf
from skyvet.simulation.masking import mask_box
from skyvet.simulation.scene import Scene, draw_field

__all__ = ["prepare"]


def prepare(scene: Scene) -> None:
    """Put a star near saturation with wrong PSF models, its core masked half of the time."""
    rng, conditions = scene.rng, scene.conditions
    draw_field(scene, crowding=0.8)
    mismatch = 0.02 + float(rng.exponential(0.05))
    scene.conditions = replace(
        conditions,
        science_model=perturb_psf(
            conditions.science_model, width=mismatch, shape=mismatch, rng=rng
        ),
        flux_scale=conditions.flux_scale + 0.02 * float(rng.normal()),
    )
    fwhm = conditions.science_psf.fwhm_px
    well = scene.traits.saturation * fwhm**2
    scene.sign = 0
    if rng.random() < 0.5:
        flux = well * math.exp(float(rng.uniform(-2.5, 1.0)))
        scene.add_star(flux, flux)
        scene.search_px, scene.host = 2.5 * fwhm, "star"
        return
    _mask_core(scene, flux=well * math.exp(float(rng.uniform(0.0, 2.5))), fwhm=fwhm)


def _mask_core(scene: Scene, *, flux: float, fwhm: float) -> None:
    """Mask the star's core; the target lies just outside, along a spike more often than not."""
    rng = scene.rng
    half = float(rng.uniform(3.5, 6.0)) * fwhm
    distance = half + float(rng.uniform(0.5, 2.5))
    angle = scene.conditions.spike_angle_rad + float(rng.choice((0.0, math.pi)))
    if rng.random() < 0.3:
        angle += float(rng.uniform(-math.pi, math.pi))
    reach = distance / max(abs(math.cos(angle)), abs(math.sin(angle)))
    dx, dy = -reach * math.cos(angle), -reach * math.sin(angle)
    ratio = 1.0 + 0.1 * float(rng.normal())
    scene.add_star(flux * ratio, flux, dx=dx, dy=dy)
    mask_box(scene, x=scene.target_x + dx, y=scene.target_y + dy, half_px=half)
    scene.search_px = 4.0

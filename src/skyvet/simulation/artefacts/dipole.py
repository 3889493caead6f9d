"""Dipoles: a bright star whose template is misplaced, or whose PSFs are wrongly matched."""

from __future__ import annotations

import math
from dataclasses import replace

from skyvet.simulation.conditions import perturb_psf
from skyvet.simulation.scene import Scene, draw_field

__all__ = ["prepare"]


def prepare(scene: Scene) -> None:
    """Put a constant star at the target and spoil registration, PSF models and flux scale."""
    rng, conditions = scene.rng, scene.conditions
    draw_field(scene, crowding=0.8)
    flux = conditions.noise * math.exp(float(rng.triangular(7.0, 9.4, 11.0)))
    scale = conditions.science_psf.fwhm_px / 2.1
    size = scale * math.exp(float(rng.normal(math.log(0.1), 0.6)))
    angle = float(rng.uniform(0, 2 * math.pi))
    mismatch = float(rng.exponential(0.03))
    # A net flux error: pixels that cancel altogether never become alerts.
    excess = 0.018 + float(rng.exponential(0.02))
    scene.conditions = replace(
        conditions,
        shift_x=conditions.shift_x + size * math.cos(angle),
        shift_y=conditions.shift_y + size * math.sin(angle),
        science_model=perturb_psf(
            conditions.science_model, width=mismatch, shape=1.5 * mismatch, rng=rng
        ),
        flux_scale=conditions.flux_scale + float(rng.choice((-1.0, 1.0))) * excess,
    )
    scene.add_star(flux, flux)
    scene.sign, scene.search_px, scene.host = 0, 2.0 * scale + 1.5, "star"

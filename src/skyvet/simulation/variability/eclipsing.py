"""Eclipsing binaries EA, EB and EW.

Magnitudes are a constant, two Gaussian eclipses and an ellipsoidal cosine: the geometric model of
Mowlavi et al. (2017, A&A 606, A92).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.simulation.variability.base import (
    BandArray,
    Parameters,
    PriorLimits,
    band_values,
    magnitudes_to_flux,
    uniform,
)

__all__ = ["EclipsingEA", "EclipsingEB", "EclipsingEW"]

_COLOUR = {"u": 1.9, "g": 0.45, "r": 0.0, "i": -0.15, "z": -0.22, "y": -0.25}
# The secondary is cooler: its eclipse deepens redwards, the primary one becomes shallower.
_PRIMARY_RATIO = {"u": 1.15, "g": 1.06, "r": 1.0, "i": 0.96, "z": 0.94, "y": 0.93}
_SECONDARY_RATIO = {"u": 0.78, "g": 0.90, "r": 1.0, "i": 1.06, "z": 1.10, "y": 1.11}


def _dip(phase: FloatArray, centre: float, width: float) -> FloatArray:
    distance = np.abs((phase - centre + 0.5) % 1.0 - 0.5)
    return np.asarray(np.exp(-0.5 * (distance / width) ** 2))


def _eclipse_flux(mjd_tai: FloatArray, band: BandArray, parameters: Parameters) -> FloatArray:
    phase = ((mjd_tai - parameters["mjd_epoch"]) / parameters["period_d"]) % 1.0
    width = parameters["eclipse_width_phase"]
    primary = parameters["primary_depth_mag"] * _dip(phase, 0.0, width)
    secondary = parameters["secondary_depth_mag"] * _dip(
        phase, parameters["secondary_phase"], width
    )
    # brightest at the quadratures, so the sum of the depths is seen from there
    ellipsoidal = 0.5 * parameters["ellipsoidal_mag"] * (1 + np.cos(4 * np.pi * phase))
    fading = (
        primary * band_values(band, _PRIMARY_RATIO)
        + secondary * band_values(band, _SECONDARY_RATIO)
        + ellipsoidal
    )
    return magnitudes_to_flux(band, _COLOUR, parameters["r_magnitude"] + fading)


def _parameters(
    limits: PriorLimits, rng: np.random.Generator, shape: dict[str, float]
) -> dict[str, float]:
    amplitude = shape["primary_depth_mag"] + shape["ellipsoidal_mag"]
    return {
        "r_magnitude": limits.draw_magnitude(rng),
        "mjd_epoch": limits.mjd_start + uniform(rng, 0.0, shape["period_d"]),
        "amplitude_mag": amplitude,
        **shape,
    }


@dataclass(frozen=True, slots=True)
class EclipsingEA:
    """Detached (Algol) binary: flat outside narrow eclipses; some are eccentric. 0.8 to 20 d."""

    name: str = "eclipsing_ea"
    is_transient: bool = False

    def sample_parameters(self, limits: PriorLimits, rng: np.random.Generator) -> dict[str, float]:
        """Draw period, depths, width and the secondary's phase."""
        depth = uniform(rng, 0.2, 1.2)
        is_eccentric = rng.random() < 0.3
        shape = {
            "period_d": float(np.exp(rng.uniform(np.log(0.8), np.log(20.0)))),
            "primary_depth_mag": depth,
            "secondary_depth_mag": depth * uniform(rng, 0.05, 0.9),
            "eclipse_width_phase": uniform(rng, 0.012, 0.045),
            "secondary_phase": 0.5 + (uniform(rng, -0.12, 0.12) if is_eccentric else 0.0),
            "ellipsoidal_mag": uniform(rng, 0.0, 0.02),
        }
        return _parameters(limits, rng, shape)

    def flux_njy(self, mjd_tai: FloatArray, band: BandArray, parameters: Parameters) -> FloatArray:
        """Return the noiseless flux [nJy]."""
        return _eclipse_flux(mjd_tai, band, parameters)


@dataclass(frozen=True, slots=True)
class EclipsingEB:
    """Semi-detached (beta Lyrae) binary: unequal eclipses on ellipsoidal waves. 0.4 to 3 d."""

    name: str = "eclipsing_eb"
    is_transient: bool = False

    def sample_parameters(self, limits: PriorLimits, rng: np.random.Generator) -> dict[str, float]:
        """Draw period, depths, width and ellipsoidal amplitude."""
        depth = uniform(rng, 0.2, 0.7)
        shape = {
            "period_d": float(np.exp(rng.uniform(np.log(0.4), np.log(3.0)))),
            "primary_depth_mag": depth,
            "secondary_depth_mag": depth * uniform(rng, 0.1, 0.6),
            "eclipse_width_phase": uniform(rng, 0.045, 0.075),
            "secondary_phase": 0.5,
            "ellipsoidal_mag": uniform(rng, 0.08, 0.25),
        }
        return _parameters(limits, rng, shape)

    def flux_njy(self, mjd_tai: FloatArray, band: BandArray, parameters: Parameters) -> FloatArray:
        """Return the noiseless flux [nJy]."""
        return _eclipse_flux(mjd_tai, band, parameters)


@dataclass(frozen=True, slots=True)
class EclipsingEW:
    """Contact (W Ursae Majoris) binary: nearly equal minima, always changing. 0.22 to 0.6 d."""

    name: str = "eclipsing_ew"
    is_transient: bool = False

    def sample_parameters(self, limits: PriorLimits, rng: np.random.Generator) -> dict[str, float]:
        """Draw period, depths, width and ellipsoidal amplitude."""
        depth = uniform(rng, 0.03, 0.25)
        shape = {
            "period_d": float(np.clip(rng.normal(0.36, 0.08), 0.22, 0.60)),
            "primary_depth_mag": depth,
            "secondary_depth_mag": depth * uniform(rng, 0.75, 1.0),
            "eclipse_width_phase": uniform(rng, 0.06, 0.08),
            "secondary_phase": 0.5,
            "ellipsoidal_mag": uniform(rng, 0.10, 0.45),
        }
        return _parameters(limits, rng, shape)

    def flux_njy(self, mjd_tai: FloatArray, band: BandArray, parameters: Parameters) -> FloatArray:
        """Return the noiseless flux [nJy]."""
        return _eclipse_flux(mjd_tai, band, parameters)

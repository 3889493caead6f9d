"""Long-period variables: Miras and semi-regular giants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.simulation.variability.base import (
    BandArray,
    Parameters,
    PriorLimits,
    band_values,
    draw_seed,
    magnitudes_to_flux,
    uniform,
)

__all__ = ["LongPeriod"]

_COLOUR = {"u": 4.2, "g": 1.7, "r": 0.0, "i": -1.4, "z": -2.2, "y": -2.6}
_AMPLITUDE_RATIO = {"u": 1.15, "g": 1.2, "r": 1.0, "i": 0.7, "z": 0.55, "y": 0.5}
_ORIGIN_MJD = 50_000.0


@dataclass(frozen=True, slots=True)
class LongPeriod:
    """Mira or semi-regular: 80 to 600 d, cycles of differing height, slow drift of the mean.

    ``amplitude_mag`` is the mean peak-to-peak amplitude; each cycle has its own.
    """

    name: str = "lpv"
    is_transient: bool = False

    def sample_parameters(self, limits: PriorLimits, rng: np.random.Generator) -> dict[str, float]:
        """Draw period, amplitude, regularity and drift."""
        is_mira = rng.random() < 0.5
        period = float(np.exp(rng.uniform(np.log(150.0 if is_mira else 80.0), np.log(600.0))))
        return {
            "r_magnitude": limits.draw_magnitude(rng),
            "period_d": period,
            "mjd_epoch": limits.mjd_start + uniform(rng, 0.0, period),
            "amplitude_mag": uniform(rng, 2.0, 5.0) if is_mira else uniform(rng, 0.2, 1.8),
            "is_mira": float(is_mira),
            "cycle_scatter": uniform(rng, 0.03, 0.12) if is_mira else uniform(rng, 0.15, 0.40),
            "asymmetry": uniform(rng, 0.0, 0.18),
            "drift_mag": uniform(rng, 0.0, 0.25),
            "drift_period_d": period * uniform(rng, 4.0, 12.0),
            "seed": draw_seed(rng),
        }

    def flux_njy(self, mjd_tai: FloatArray, band: BandArray, parameters: Parameters) -> FloatArray:
        """Return the noiseless flux [nJy]."""
        cycle = (mjd_tai - parameters["mjd_epoch"]) / parameters["period_d"]
        angle = 2 * np.pi * cycle
        wave = 0.5 * np.cos(angle + parameters["asymmetry"] * np.pi * np.sin(angle))
        drift = np.sin(2 * np.pi * (mjd_tai - _ORIGIN_MJD) / parameters["drift_period_d"])
        height = _cycle_heights(cycle, parameters)
        swing = parameters["amplitude_mag"] * height * wave * band_values(band, _AMPLITUDE_RATIO)
        magnitude = parameters["r_magnitude"] + swing + parameters["drift_mag"] * drift
        return magnitudes_to_flux(band, _COLOUR, magnitude)


def _cycle_heights(cycle: FloatArray, parameters: Parameters) -> FloatArray:
    """Interpolate one random height a cycle, the same for any set of times."""
    origin = (_ORIGIN_MJD - parameters["mjd_epoch"]) / parameters["period_d"]
    position = np.clip(cycle - np.floor(origin), 0.0, None)
    n_knots = int(position.max(initial=0.0)) + 2
    rng = np.random.default_rng(int(parameters["seed"]))
    knots = np.exp(parameters["cycle_scatter"] * rng.standard_normal(n_knots))
    return np.asarray(np.interp(position, np.arange(n_knots), knots))

"""Stars that do not vary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.simulation.variability.base import (
    BandArray,
    Parameters,
    PriorLimits,
    magnitudes_to_flux,
    uniform,
)

__all__ = ["Constant"]


@dataclass(frozen=True, slots=True)
class Constant:
    """Constant star of any colour along the stellar locus."""

    name: str = "constant"
    is_transient: bool = False

    def sample_parameters(self, limits: PriorLimits, rng: np.random.Generator) -> dict[str, float]:
        """Draw brightness and colour."""
        return {
            "r_magnitude": limits.draw_magnitude(rng),
            "period_d": float("nan"),
            "amplitude_mag": 0.0,
            "g_minus_r": uniform(rng, -0.2, 1.4),
        }

    def flux_njy(
        self,
        mjd_tai: FloatArray,  # noqa: ARG002 - the interface
        band: BandArray,
        parameters: Parameters,
    ) -> FloatArray:
        """Return the noiseless flux [nJy]."""
        g_minus_r = parameters["g_minus_r"]
        r_minus_i = 0.42 * g_minus_r if g_minus_r < 1.2 else 0.42 * 1.2 + 3.0 * (g_minus_r - 1.2)
        colour = {
            "u": 1.0 + 2.0 * max(g_minus_r, 0.0),
            "g": g_minus_r,
            "r": 0.0,
            "i": -r_minus_i,
            "z": -1.5 * r_minus_i,
            "y": -1.7 * r_minus_i,
        }
        return np.asarray(magnitudes_to_flux(band, colour, parameters["r_magnitude"]))

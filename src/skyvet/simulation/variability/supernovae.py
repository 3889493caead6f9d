"""Supernovae: type Ia (Bazin rise and fall) and core collapse with a plateau (Villar)."""

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

__all__ = ["SupernovaCC", "SupernovaIa", "bazin_shape", "villar_shape"]

_COLOUR_IA = {"u": 0.9, "g": 0.0, "r": 0.0, "i": 0.35, "z": 0.5, "y": 0.6}
_FALL_RATIO_IA = {"u": 0.50, "g": 0.68, "r": 1.0, "i": 1.1, "z": 1.15, "y": 1.2}
_BUMP_IA = {"u": 0.0, "g": 0.0, "r": 0.08, "i": 0.35, "z": 0.45, "y": 0.50}
_COLOUR_CC = {"u": 0.3, "g": 0.1, "r": 0.0, "i": 0.1, "z": 0.15, "y": 0.2}
_SLOPE_CC = {"u": 4.0, "g": 2.2, "r": 1.0, "i": 0.8, "z": 0.7, "y": 0.7}
_GRID_D = np.linspace(-60.0, 200.0, 1041)


def bazin_shape(age_d: FloatArray, rise_d: float, fall_d: FloatArray | float) -> FloatArray:
    """Return the light curve of Bazin et al. (2009, A&A 499, 653), not normalised.

    Parameters
    ----------
    age_d : ndarray
        Time since the reference time [d].
    rise_d, fall_d : float or ndarray
        Time scales [d]; ``fall_d > rise_d``.

    Examples
    --------
    >>> bazin_shape(np.array([0.0]), 3.0, 20.0)
    array([0.5])
    """
    rise = 1.0 + np.exp(np.clip(-age_d / rise_d, -50.0, 50.0))
    return np.asarray(np.exp(np.clip(-age_d / fall_d, -50.0, 50.0)) / rise)


def villar_shape(
    age_d: FloatArray, parameters: Parameters, slope_ratio: FloatArray | float
) -> FloatArray:
    """Return the plateau light curve of Villar et al. (2019, ApJ 884, 83), peak near 1.

    Parameters
    ----------
    age_d : ndarray
        Time since the reference time [d].
    parameters : mapping
        ``rise_d``, ``plateau_d``, ``plateau_slope_per_d`` and ``fall_d``.
    slope_ratio : float or ndarray
        Factor on the plateau's slope, larger in the blue.

    Examples
    --------
    >>> shape = dict(rise_d=2.0, plateau_d=80.0, plateau_slope_per_d=0.0, fall_d=20.0)
    >>> villar_shape(np.array([-60.0, 40.0]), shape, 1.0).round(3)
    array([0., 1.])
    """
    slope = np.minimum(
        parameters["plateau_slope_per_d"] * slope_ratio, 0.95 / parameters["plateau_d"]
    )
    level = 1.0 - slope * np.clip(age_d, 0.0, parameters["plateau_d"])
    tail = np.exp(-np.clip(age_d - parameters["plateau_d"], 0.0, 2000.0) / parameters["fall_d"])
    rise = 1.0 + np.exp(np.clip(-age_d / parameters["rise_d"], -50.0, 50.0))
    return np.asarray(level * tail / rise)


def _event_time(limits: PriorLimits, rng: np.random.Generator) -> float:
    return uniform(rng, limits.mjd_start - 10.0, limits.mjd_end - 20.0)


@dataclass(frozen=True, slots=True)
class SupernovaIa:
    """Type Ia supernova: slower in the red, with the second maximum of i, z and y.

    ``r_magnitude`` is at r maximum; time scales are stretched by ``1 + z``.
    """

    name: str = "supernova_ia"
    is_transient: bool = True

    def sample_parameters(self, limits: PriorLimits, rng: np.random.Generator) -> dict[str, float]:
        """Draw peak brightness, time, stretch and redshift."""
        stretch = float(np.clip(rng.normal(1.0, 0.1), 0.7, 1.3))
        redshift = uniform(rng, 0.01, 0.12)
        return {
            "r_magnitude": limits.draw_magnitude(rng),
            "period_d": float("nan"),
            "amplitude_mag": float("nan"),
            "mjd_reference": _event_time(limits, rng),
            "redshift": redshift,
            "rise_d": uniform(rng, 3.0, 4.5) * stretch * (1 + redshift),
            "fall_d": uniform(rng, 19.0, 25.0) * stretch * (1 + redshift),
        }

    def flux_njy(self, mjd_tai: FloatArray, band: BandArray, parameters: Parameters) -> FloatArray:
        """Return the noiseless flux [nJy]."""
        age = mjd_tai - parameters["mjd_reference"]
        rise, fall = parameters["rise_d"], parameters["fall_d"]
        ratio = band_values(band, _FALL_RATIO_IA)
        peak = float(bazin_shape(_GRID_D, rise, fall).max())
        stretched = 25.0 * fall / 22.0
        bump = np.exp(-0.5 * ((age - stretched - 5.0) / (0.3 * stretched)) ** 2)
        shape = bazin_shape(age, rise, fall * ratio) / peak + band_values(band, _BUMP_IA) * bump
        return np.asarray(magnitudes_to_flux(band, _COLOUR_IA, parameters["r_magnitude"]) * shape)


@dataclass(frozen=True, slots=True)
class SupernovaCC:
    """Core-collapse supernova like II-P and II-L: fast rise, plateau, drop; blue fades first."""

    name: str = "supernova_cc"
    is_transient: bool = True

    def sample_parameters(self, limits: PriorLimits, rng: np.random.Generator) -> dict[str, float]:
        """Draw peak brightness, time, plateau length and slope."""
        plateau = uniform(rng, 50.0, 110.0)
        return {
            "r_magnitude": limits.draw_magnitude(rng),
            "period_d": float("nan"),
            "amplitude_mag": float("nan"),
            "mjd_reference": _event_time(limits, rng),
            "rise_d": uniform(rng, 1.2, 4.0),
            "plateau_d": plateau,
            "plateau_slope_per_d": uniform(rng, 0.0, 0.7) / plateau,
            "fall_d": uniform(rng, 8.0, 40.0),
        }

    def flux_njy(self, mjd_tai: FloatArray, band: BandArray, parameters: Parameters) -> FloatArray:
        """Return the noiseless flux [nJy]."""
        age = mjd_tai - parameters["mjd_reference"]
        shape = villar_shape(age, parameters, band_values(band, _SLOPE_CC))
        return np.asarray(magnitudes_to_flux(band, _COLOUR_CC, parameters["r_magnitude"]) * shape)

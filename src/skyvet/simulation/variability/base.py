"""The interface of a kind of variable object, and what its priors may depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.core.photometry import magnitude_to_flux_njy

__all__ = [
    "BandArray",
    "Parameters",
    "PriorLimits",
    "Variability",
    "band_values",
    "draw_seed",
    "magnitudes_to_flux",
    "uniform",
]

BandArray = NDArray[np.str_]
Parameters = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorLimits:
    """What the survey allows an object to be.

    Parameters
    ----------
    mjd_start, mjd_end : float
        Span in which events may fall [d, TAI].
    bright_mag, faint_mag : float
        Range of the mean (transients: peak) r magnitude [AB mag].
    """

    mjd_start: float
    mjd_end: float
    bright_mag: float
    faint_mag: float

    def draw_magnitude(self, rng: np.random.Generator) -> float:
        """Draw an r magnitude; counts rise as ``10**(0.2 m)`` towards faint ones."""
        low, high = 10 ** (0.2 * self.bright_mag), 10 ** (0.2 * self.faint_mag)
        return float(5.0 * np.log10(rng.uniform(low, high)))


class Variability(Protocol):
    """One kind of variable object.

    Parameters that every kind gives: ``r_magnitude`` [AB mag], ``period_d`` [d, NaN where not
    periodic] and ``amplitude_mag`` [mag, r band, peak to peak or, for stochastic kinds, as the
    kind's docstring says]. A kind that is random in time stores its own ``seed``, so that
    `flux_njy` is a pure function.
    """

    @property
    def name(self) -> str:
        """Name in truth tables."""

    @property
    def is_transient(self) -> bool:
        """True where the flux is zero outside one event (the light curve is a difference)."""

    def sample_parameters(self, limits: PriorLimits, rng: np.random.Generator) -> dict[str, float]:
        """Draw the parameters of one object from the priors."""

    def flux_njy(self, mjd_tai: FloatArray, band: BandArray, parameters: Parameters) -> FloatArray:
        """Return the noiseless flux [nJy] at each time in each time's band."""


def band_values(band: BandArray, table: Mapping[str, float]) -> FloatArray:
    """Look up one number for each epoch's band.

    Examples
    --------
    >>> band_values(np.array(["g", "r", "g"]), {"g": 1.0, "r": 0.5})
    array([1. , 0.5, 1. ])
    """
    values = np.empty(len(band))
    for name in np.unique(band):
        values[band == name] = table[str(name)]
    return values


def magnitudes_to_flux(
    band: BandArray, colour: Mapping[str, float], magnitude: FloatArray | float
) -> FloatArray:
    """Return the flux [nJy] of an r-like magnitude shifted by each band's colour [mag].

    Examples
    --------
    >>> magnitudes_to_flux(np.array(["r"]), {"r": 0.0}, 31.4)
    array([1.])
    """
    return np.asarray(magnitude_to_flux_njy(magnitude + band_values(band, colour)))


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw one number between two limits."""
    return float(rng.uniform(low, high))


def draw_seed(rng: np.random.Generator) -> float:
    """Draw a seed that survives as a float (below 2**52)."""
    return float(rng.integers(1 << 52))

"""Active galactic nuclei: the damped random walk."""

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

__all__ = ["ActiveNucleus", "damped_random_walk"]

_COLOUR = {"u": 0.45, "g": 0.20, "r": 0.0, "i": -0.08, "z": -0.12, "y": -0.14}
_WAVELENGTH_NM = {"u": 367.0, "g": 482.0, "r": 622.0, "i": 755.0, "z": 869.0, "y": 971.0}


def damped_random_walk(
    times_d: FloatArray, sf_infinity: float, tau_d: float, *, rng: np.random.Generator
) -> FloatArray:
    r"""Draw a damped random walk of mean zero at given times by its exact update.

    .. math:: m_{j+1} = m_j e^{-\Delta t/\tau}
              + \mathcal{N}\!\left(0, \tfrac{1}{2}SF_\infty^2 (1 - e^{-2\Delta t/\tau})\right)

    Its structure function is :math:`SF(\Delta t) = SF_\infty \sqrt{1 - e^{-\Delta t/\tau}}`
    (MacLeod et al. 2010, ApJ 721, 1014).

    Parameters
    ----------
    times_d : ndarray, shape (n,)
        Times [d], not decreasing.
    sf_infinity : float
        Structure function at long lags [mag], >= 0.
    tau_d : float
        Damping time [d], > 0.
    rng : Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (n,)
        Magnitude offsets; equal times get equal values.

    Examples
    --------
    >>> walk = damped_random_walk(np.array([0.0, 0.0]), 0.2, 100.0, rng=np.random.default_rng(1))
    >>> bool(walk[0] == walk[1])
    True
    """
    kicks = rng.standard_normal(len(times_d))
    decay = np.exp(-np.diff(times_d) / tau_d)
    sigma = sf_infinity / np.sqrt(2.0)
    scale = sigma * np.sqrt(1 - decay**2)
    walk = np.empty(len(times_d))
    value = 0.0
    for i in range(len(times_d)):
        value = sigma * kicks[0] if i == 0 else value * decay[i - 1] + scale[i - 1] * kicks[i]
        walk[i] = value
    return walk


@dataclass(frozen=True, slots=True)
class ActiveNucleus:
    """AGN or quasar: one damped random walk drives all bands, weaker towards the red.

    ``SF_inf`` falls as ``wavelength**-0.479``; the priors of ``SF_inf`` and ``tau_d`` (observed
    frame) follow MacLeod et al. (2010) for Stripe 82 quasars. ``amplitude_mag`` is ``SF_inf`` in
    r. There is no lag between the bands. The realisation depends on the set of times asked for.
    """

    name: str = "agn"
    is_transient: bool = False

    def sample_parameters(self, limits: PriorLimits, rng: np.random.Generator) -> dict[str, float]:
        """Draw mean brightness, SF_inf and tau (log-normal)."""
        sf_infinity = float(np.clip(10 ** rng.normal(-0.70, 0.18), 0.05, 0.8))
        return {
            "r_magnitude": limits.draw_magnitude(rng),
            "period_d": float("nan"),
            "amplitude_mag": sf_infinity,
            "sf_infinity_mag": sf_infinity,
            "tau_d": float(np.clip(10 ** rng.normal(2.6, 0.35), 20.0, 5000.0)),
            "colour_shift_mag": uniform(rng, -0.15, 0.15),
            "seed": draw_seed(rng),
        }

    def flux_njy(self, mjd_tai: FloatArray, band: BandArray, parameters: Parameters) -> FloatArray:
        """Return the noiseless flux [nJy]."""
        order = np.argsort(mjd_tai, kind="stable")
        rng = np.random.default_rng(int(parameters["seed"]))
        walk = np.empty(len(mjd_tai))
        walk[order] = damped_random_walk(
            mjd_tai[order], parameters["sf_infinity_mag"], parameters["tau_d"], rng=rng
        )
        wavelength = band_values(band, _WAVELENGTH_NM) / _WAVELENGTH_NM["r"]
        colour = parameters["colour_shift_mag"] * np.log10(wavelength) / np.log10(482.0 / 622.0)
        magnitude = parameters["r_magnitude"] + walk * wavelength**-0.479 + colour
        return magnitudes_to_flux(band, _COLOUR, magnitude)

"""Pulsating stars: RR Lyrae ab and c, classical Cepheids, delta Scuti.

Light curves are Fourier series ``sum A_k cos(k w (t - t0) + phi_k)`` with the amplitude ratios
``R_k1`` and phase differences ``phi_k1`` of Deb & Singh (2009, A&A 507, 1729); amplitudes shrink
redwards as in Sesar et al. (2010, ApJ 708, 717).
"""

from __future__ import annotations

from collections.abc import Mapping
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

__all__ = ["Cepheid", "DeltaScuti", "RRLyraeAB", "RRLyraeC", "fourier_shape"]

_AMPLITUDE_RATIO = {"u": 1.38, "g": 1.39, "r": 1.0, "i": 0.80, "z": 0.74, "y": 0.72}
_COLOUR_RR = {"u": 1.35, "g": 0.20, "r": 0.0, "i": -0.05, "z": -0.05, "y": -0.04}
_COLOUR_CEPHEID = {"u": 2.4, "g": 0.60, "r": 0.0, "i": -0.22, "z": -0.32, "y": -0.36}
_COLOUR_DSCT = {"u": 1.2, "g": 0.05, "r": 0.0, "i": 0.02, "z": 0.06, "y": 0.08}
_GRID = np.linspace(0.0, 1.0, 512, endpoint=False)


def fourier_shape(phase: FloatArray, parameters: Parameters) -> FloatArray:
    """Return a Fourier light curve of peak-to-peak 1 and mean 0, in magnitudes (bright = low).

    Parameters
    ----------
    phase : ndarray
        Cycles; any real numbers.
    parameters : mapping
        ``R21 phi21 R31 phi31 ...`` up to the highest order present.

    Examples
    --------
    >>> fourier_shape(np.array([0.0, 0.5]), {})
    array([-0.5,  0.5])
    """
    raw_grid = _raw_series(_GRID, parameters)
    return np.asarray(_raw_series(phase, parameters) / np.ptp(raw_grid))


def _raw_series(phase: FloatArray, parameters: Parameters) -> FloatArray:
    angle = 2 * np.pi * phase
    total = np.cos(angle + np.pi)
    order = 2
    while f"R{order}1" in parameters:
        shift = parameters[f"phi{order}1"] + order * np.pi
        total = total + parameters[f"R{order}1"] * np.cos(order * angle + shift)
        order += 1
    return np.asarray(total)


def _pulsation_flux(
    mjd_tai: FloatArray, band: BandArray, parameters: Parameters, colour: Mapping[str, float]
) -> FloatArray:
    phase = (mjd_tai - parameters["mjd_epoch"]) / parameters["period_d"]
    ratio = band_values(band, _AMPLITUDE_RATIO)
    swing = parameters["amplitude_mag"] * ratio * fourier_shape(phase, parameters)
    return magnitudes_to_flux(band, colour, parameters["r_magnitude"] + swing)


def _common(limits: PriorLimits, rng: np.random.Generator, period_d: float) -> dict[str, float]:
    return {
        "r_magnitude": limits.draw_magnitude(rng),
        "period_d": period_d,
        "mjd_epoch": limits.mjd_start + uniform(rng, 0.0, period_d),
    }


@dataclass(frozen=True, slots=True)
class RRLyraeAB:
    """Fundamental-mode RR Lyrae: 0.44 to 0.82 d, steep rise; larger amplitude at shorter period."""

    name: str = "rr_lyrae_ab"
    is_transient: bool = False

    def sample_parameters(self, limits: PriorLimits, rng: np.random.Generator) -> dict[str, float]:
        """Draw period, amplitude (period-amplitude relation) and Fourier shape."""
        period = float(np.clip(rng.normal(0.585, 0.075), 0.44, 0.82))
        amplitude = float(np.clip(0.72 - 1.9 * (period - 0.585) + rng.normal(0, 0.10), 0.2, 1.2))
        shape = {
            "R21": uniform(rng, 0.42, 0.54),
            "phi21": float(rng.normal(3.95, 0.10)),
            "R31": uniform(rng, 0.28, 0.40),
            "phi31": float(rng.normal(1.9, 0.15)),
            "R41": uniform(rng, 0.15, 0.25),
            "phi41": float(rng.normal(6.1, 0.20)),
            "R51": uniform(rng, 0.06, 0.15),
            "phi51": float(rng.normal(4.1, 0.30)),
        }
        return _common(limits, rng, period) | {"amplitude_mag": amplitude} | shape

    def flux_njy(self, mjd_tai: FloatArray, band: BandArray, parameters: Parameters) -> FloatArray:
        """Return the noiseless flux [nJy]."""
        return _pulsation_flux(mjd_tai, band, parameters, _COLOUR_RR)


@dataclass(frozen=True, slots=True)
class RRLyraeC:
    """First-overtone RR Lyrae: 0.25 to 0.42 d, almost a sine."""

    name: str = "rr_lyrae_c"
    is_transient: bool = False

    def sample_parameters(self, limits: PriorLimits, rng: np.random.Generator) -> dict[str, float]:
        """Draw period, amplitude and Fourier shape."""
        period = float(np.clip(rng.normal(0.325, 0.035), 0.25, 0.42))
        shape = {
            "amplitude_mag": uniform(rng, 0.22, 0.42),
            "R21": uniform(rng, 0.05, 0.22),
            "phi21": float(rng.normal(4.7, 0.25)),
            "R31": uniform(rng, 0.02, 0.10),
            "phi31": float(rng.normal(3.0, 0.5)),
        }
        return _common(limits, rng, period) | shape

    def flux_njy(self, mjd_tai: FloatArray, band: BandArray, parameters: Parameters) -> FloatArray:
        """Return the noiseless flux [nJy]."""
        return _pulsation_flux(mjd_tai, band, parameters, _COLOUR_RR)


@dataclass(frozen=True, slots=True)
class Cepheid:
    """Classical Cepheid: 2 to 50 d, with the bump that moves at 10 d (Hertzsprung progression)."""

    name: str = "cepheid"
    is_transient: bool = False

    def sample_parameters(self, limits: PriorLimits, rng: np.random.Generator) -> dict[str, float]:
        """Draw period (log-uniform), amplitude and period-dependent shape."""
        log_period = uniform(rng, np.log10(2.0), np.log10(50.0))
        near_resonance = float(np.exp(-(((log_period - 1.0) / 0.12) ** 2)))
        wrap = 1.6 if log_period < 1.0 else 0.2
        shape = {
            "amplitude_mag": uniform(rng, 0.35, 0.9) * (1 - 0.35 * near_resonance),
            "R21": max(0.08, 0.46 - 0.34 * near_resonance + float(rng.normal(0, 0.03))),
            "phi21": 4.1 + wrap * max(log_period - 0.4, 0.0) + float(rng.normal(0, 0.1)),
            "R31": max(0.04, 0.22 - 0.12 * near_resonance + float(rng.normal(0, 0.03))),
            "phi31": 2.0 + 2.0 * wrap * max(log_period - 0.4, 0.0) + float(rng.normal(0, 0.2)),
        }
        return _common(limits, rng, float(10**log_period)) | shape

    def flux_njy(self, mjd_tai: FloatArray, band: BandArray, parameters: Parameters) -> FloatArray:
        """Return the noiseless flux [nJy]."""
        return _pulsation_flux(mjd_tai, band, parameters, _COLOUR_CEPHEID)


@dataclass(frozen=True, slots=True)
class DeltaScuti:
    """Delta Scuti: 0.03 to 0.25 d; one in three also pulsates in the first overtone (ratio 0.773).

    ``amplitude_mag`` is that of the fundamental mode alone.
    """

    name: str = "delta_scuti"
    is_transient: bool = False

    def sample_parameters(self, limits: PriorLimits, rng: np.random.Generator) -> dict[str, float]:
        """Draw period, amplitude, asymmetry and the second mode."""
        period = float(np.exp(rng.uniform(np.log(0.03), np.log(0.25))))
        amplitude = float(np.exp(rng.uniform(np.log(0.03), np.log(0.5))))
        has_overtone = rng.random() < 1 / 3
        shape = {
            "amplitude_mag": amplitude,
            "R21": uniform(rng, 0.05, 0.40),
            "phi21": float(rng.normal(4.0, 0.2)),
            "overtone_amplitude_mag": amplitude * uniform(rng, 0.2, 0.6) if has_overtone else 0.0,
            "overtone_phase": uniform(rng, 0.0, 1.0),
        }
        return _common(limits, rng, period) | shape

    def flux_njy(self, mjd_tai: FloatArray, band: BandArray, parameters: Parameters) -> FloatArray:
        """Return the noiseless flux [nJy]."""
        flux = _pulsation_flux(mjd_tai, band, parameters, _COLOUR_DSCT)
        phase = (mjd_tai - parameters["mjd_epoch"]) / (0.773 * parameters["period_d"])
        angle = 2 * np.pi * (phase + parameters["overtone_phase"])
        ratio = band_values(band, _AMPLITUDE_RATIO)
        swing = 0.5 * parameters["overtone_amplitude_mag"] * ratio * np.cos(angle)
        return np.asarray(flux * 10 ** (-0.4 * swing))

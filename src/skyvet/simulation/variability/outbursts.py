"""Stars that burst: dwarf novae (cataclysmic variables) and flaring M dwarfs."""

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

__all__ = ["Cataclysmic", "FlareStar", "davenport_flare"]

_COLOUR_CV = {"u": -0.2, "g": 0.05, "r": 0.0, "i": 0.0, "z": -0.05, "y": -0.08}
_COLOUR_M_DWARF = {"u": 3.9, "g": 1.45, "r": 0.0, "i": -1.2, "z": -1.8, "y": -2.1}
# Flux of a 10,000 K flare over that of a late M dwarf, relative to the r band.
_FLARE_CONTRAST = {"u": 70.0, "g": 5.0, "r": 1.0, "i": 0.22, "z": 0.11, "y": 0.08}


def _event_times(
    parameters: Parameters, rate_per_d: float, last_mjd: float, margin_d: float
) -> FloatArray:
    """Poisson events from a fixed origin on, the same for any set of times."""
    rng = np.random.default_rng(int(parameters["seed"]))
    origin = parameters["mjd_origin"] - margin_d
    times = [origin]
    while times[-1] < last_mjd:
        times.append(times[-1] + rng.exponential(1.0 / rate_per_d))
    return np.array(times[1:])


@dataclass(frozen=True, slots=True)
class Cataclysmic:
    """Dwarf nova: flickering quiescence and outbursts of 2 to 6 mag every 10 to 300 d.

    Outbursts are a Gamma renewal process: 1 d rise, plateau, exponential decay in magnitudes.
    ``amplitude_mag`` is the mean outburst amplitude; ``r_magnitude`` is quiescence.
    """

    name: str = "cataclysmic"
    is_transient: bool = False

    def sample_parameters(self, limits: PriorLimits, rng: np.random.Generator) -> dict[str, float]:
        """Draw quiescent brightness, recurrence and outburst shape."""
        return {
            "r_magnitude": limits.draw_magnitude(rng),
            "period_d": float("nan"),
            "amplitude_mag": uniform(rng, 2.0, 5.5),
            "recurrence_d": float(np.exp(rng.uniform(np.log(15.0), np.log(300.0)))),
            "rise_d": uniform(rng, 0.4, 1.5),
            "plateau_d": uniform(rng, 1.0, 10.0),
            "decay_d": uniform(rng, 1.5, 4.0),
            "flicker_mag": uniform(rng, 0.03, 0.20),
            "mjd_origin": limits.mjd_start,
            "seed": draw_seed(rng),
        }

    def flux_njy(self, mjd_tai: FloatArray, band: BandArray, parameters: Parameters) -> FloatArray:
        """Return the noiseless flux [nJy]; the flickering depends on the set of times."""
        brightening = np.zeros(len(mjd_tai))
        rng = np.random.default_rng([int(parameters["seed"]), 1])
        start = parameters["mjd_origin"] - rng.uniform(0.0, parameters["recurrence_d"])
        last = float(np.max(mjd_tai, initial=parameters["mjd_origin"]))
        while start < last:
            peak = parameters["amplitude_mag"] * float(np.exp(0.12 * rng.standard_normal()))
            shape = _outburst(mjd_tai - start, parameters)
            brightening = np.maximum(brightening, peak * shape)
            start += parameters["recurrence_d"] * rng.gamma(6.0, 1 / 6.0)
        flicker_rng = np.random.default_rng([int(parameters["seed"]), 2])
        flicker = parameters["flicker_mag"] * flicker_rng.standard_normal(len(mjd_tai))
        magnitude = parameters["r_magnitude"] - brightening + flicker
        return magnitudes_to_flux(band, _COLOUR_CV, magnitude)


def _outburst(age_d: FloatArray, parameters: Parameters) -> FloatArray:
    after_plateau = age_d - parameters["rise_d"] - parameters["plateau_d"]
    rise = np.clip(age_d / parameters["rise_d"], 0.0, 1.0)
    decay = np.exp(-np.clip(after_plateau, 0.0, 60 * parameters["decay_d"]) / parameters["decay_d"])
    return np.asarray(rise * decay)


def davenport_flare(age: FloatArray) -> FloatArray:
    """Return the white-light flare template of Davenport et al. (2014, ApJ 797, 122).

    Parameters
    ----------
    age : ndarray
        Time since the peak in units of the flare's full width at half maximum.

    Returns
    -------
    ndarray
        Relative flux: 1 at the peak, 0 before -1.

    Examples
    --------
    >>> davenport_flare(np.array([-2.0, 0.0]))
    array([0., 1.])
    """
    rise = np.polyval([-1.125, -2.246, -0.175, 1.941, 1.0], np.clip(age, -1.0, 0.0))
    decay_age = np.clip(age, 0.0, 200.0)
    decay = 0.6890 * np.exp(-1.600 * decay_age) + 0.3030 * np.exp(-0.2783 * decay_age)
    shape = np.where(age < 0, rise, decay / 0.992)
    return np.where(age < -1.0, 0.0, np.clip(shape, 0.0, None))


@dataclass(frozen=True, slots=True)
class FlareStar:
    """M dwarf with flares: amplitudes follow a power law, strongest in the blue.

    ``amplitude_mag`` is the r-band amplitude of the largest flare allowed.
    """

    name: str = "flare"
    is_transient: bool = False

    def sample_parameters(self, limits: PriorLimits, rng: np.random.Generator) -> dict[str, float]:
        """Draw brightness, flare rate, smallest and largest flare and durations."""
        largest = float(np.exp(rng.uniform(np.log(0.5), np.log(8.0))))
        return {
            "r_magnitude": limits.draw_magnitude(rng),
            "period_d": float("nan"),
            "amplitude_mag": float(2.5 * np.log10(1 + largest)),
            "largest_flare": largest,
            "smallest_flare": 0.1 * largest,
            "flares_per_d": uniform(rng, 0.3, 3.0),
            "fwhm_d": uniform(rng, 10.0, 60.0) / 1440.0,
            "mjd_origin": limits.mjd_start,
            "seed": draw_seed(rng),
        }

    def flux_njy(self, mjd_tai: FloatArray, band: BandArray, parameters: Parameters) -> FloatArray:
        """Return the noiseless flux [nJy]."""
        last = float(np.max(mjd_tai, initial=parameters["mjd_origin"]))
        peaks = _event_times(parameters, parameters["flares_per_d"], last, 1.0)
        rng = np.random.default_rng([int(parameters["seed"]), 1])
        ratio = parameters["largest_flare"] / parameters["smallest_flare"]
        # dN/dA ~ A**-1.8 between the smallest and the largest flare
        power = -0.8
        draw = rng.random(len(peaks))
        sizes = parameters["smallest_flare"] * (1 + draw * (ratio**power - 1)) ** (1 / power)
        relative = _flare_sum(mjd_tai, peaks, sizes, parameters["fwhm_d"])
        base = magnitudes_to_flux(band, _COLOUR_M_DWARF, parameters["r_magnitude"])
        return np.asarray(base * (1 + relative * band_values(band, _FLARE_CONTRAST)))


def _flare_sum(
    mjd_tai: FloatArray, peaks: FloatArray, sizes: FloatArray, fwhm_d: float
) -> FloatArray:
    """Add the flares that can still be seen: from 1 width before to 20 widths after the peak."""
    total = np.zeros(len(mjd_tai))
    order = np.argsort(mjd_tai, kind="stable")
    times = mjd_tai[order]
    first = np.searchsorted(times, peaks - fwhm_d)
    last = np.searchsorted(times, peaks + 20 * fwhm_d)
    for i_flare in np.flatnonzero(last > first):
        seen = slice(first[i_flare], last[i_flare])
        age = (times[seen] - peaks[i_flare]) / fwhm_d
        total[order[seen]] += sizes[i_flare] * davenport_flare(age)
    return total

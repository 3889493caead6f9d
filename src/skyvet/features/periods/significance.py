r"""How often noise alone makes so high a peak, and how far a peak stands above its periodogram.

For power :math:`Z = (\chi^2_0 - \chi^2)/\chi^2_0` of a model with d amplitudes (2 for each harmonic
of each band), :math:`N_H` points less fitted means, and unknown noise, the chance of a peak above Z
anywhere below :math:`f_\max` is at most

.. math::
    \mathrm{FAP}_1 + W\,\frac{\bar k}{\Gamma(d/2)}\,\frac{\Gamma(N_H/2)}{\Gamma((N_H-d+1)/2)}\,
    Z^{(d-1)/2} (1-Z)^{(N_H-d-1)/2}, \qquad W = f_\max \sqrt{4\pi\,\mathrm{var}(t)}

(Baluev 2008, MNRAS 385, 1279, eq. 6; Baluev 2009, MNRAS 395, 1541 for harmonics), where
:math:`\bar k` is the mean of :math:`\sqrt{\sum_j k_j^2 x_j}` over even shares :math:`x_j` of the
pairs of amplitudes, :math:`k_j` their harmonic, and :math:`\mathrm{FAP}_1` holds for one frequency.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from scipy.integrate import quad
from scipy.special import betaincc, gammaln

from skyvet.core.arrays import FloatArray

__all__ = ["false_alarm_probability", "mean_harmonic", "robust_significance", "significance"]

_MAX_SAMPLES = 1 << 14


def false_alarm_probability(
    power: FloatArray, *, n_points: int, n_bands: int, n_terms: int, bandwidth: float
) -> FloatArray:
    """Return the chance that noise makes a peak so high anywhere on the grid.

    Parameters
    ----------
    power : ndarray, any shape
        Explained share of chi-square, 0 to 1; each band fitted on its own.
    n_points : int
        Points of all bands.
    n_bands, n_terms : int
        Bands, and harmonics of each.
    bandwidth : float
        Largest frequency times the square root of 4 pi times the variance of the times; no unit.

    Returns
    -------
    ndarray
        In [0, 1]; NaN where there are no points left for noise.

    Examples
    --------
    >>> chance = false_alarm_probability(
    ...     np.array([0.1, 0.35]), n_points=100, n_bands=1, n_terms=1, bandwidth=1e4)
    >>> bool(chance[0] > 0.99), bool(1e-6 < chance[1] < 1e-3)
    (True, True)
    """
    power = np.clip(np.asarray(power, dtype=np.float64), 0.0, 1.0 - 1e-15)
    n_pairs = n_bands * n_terms
    d, n_free = 2 * n_pairs, n_points - n_bands
    if n_free <= d + 1:
        return np.full(power.shape, np.nan)
    at_one = betaincc(d / 2, (n_free - d) / 2, power)
    log_factor = math.log(bandwidth * mean_harmonic(n_bands, n_terms)) + float(
        gammaln(n_free / 2) - gammaln((n_free - d + 1) / 2) - gammaln(d / 2)
    )
    with np.errstate(divide="ignore"):
        log_shape = 0.5 * (d - 1) * np.log(power) + 0.5 * (n_free - d - 1) * np.log1p(-power)
        log_none = np.log1p(-at_one)
    crossings = np.exp(np.minimum(log_factor + log_shape, 700.0))
    # Below its turning point the formula falls again, where a false alarm is certain.
    crossings = np.where(power < (d - 1) / (n_free - 2), np.inf, crossings)
    return np.asarray(-np.expm1(log_none - crossings))


@functools.cache
def mean_harmonic(n_bands: int, n_terms: int) -> float:
    """Return the mean of sqrt(sum k_j^2 x_j) over even shares x of the pairs of amplitudes.

    Examples
    --------
    >>> round(mean_harmonic(1, 1), 9), round(mean_harmonic(1, 2) * 9, 6)  # Baluev 2009: 14/9
    (1.0, 14.0)
    """
    k = np.repeat(np.arange(1.0, n_terms + 1), n_bands)

    def integrand(u: float) -> float:  # of E sqrt(S), S = sum k^2 g, g exponential; s = u^2
        return 2.0 * -math.expm1(-float(np.log1p(k**2 * u * u).sum())) / (u * u)

    total = quad(integrand, 0.0, 1.0)[0] + quad(integrand, 1.0, np.inf)[0]
    root_of_sum = total / (2.0 * math.sqrt(math.pi))
    return float(root_of_sum * math.exp(gammaln(len(k)) - gammaln(len(k) + 0.5)))


def significance(statistic: FloatArray, background: FloatArray) -> FloatArray:
    """Return (peak - mean) / standard deviation of a periodogram's (at most 16,384 even) samples.

    Parameters
    ----------
    statistic : ndarray
        Heights of peaks.
    background : ndarray, shape (n,)
        The periodogram, or a sample of it.
    """
    sample = np.asarray(background[:: -(-len(background) // _MAX_SAMPLES)], dtype=np.float64)
    deviation = float(np.std(sample))
    if not deviation > 0:
        return np.full(np.shape(statistic), np.nan)
    return np.asarray((statistic - np.mean(sample)) / deviation)


def robust_significance(statistic: FloatArray, background: FloatArray) -> FloatArray:
    """Return (peak - median) / median absolute deviation, of at most 16,384 even samples.

    Parameters
    ----------
    statistic : ndarray
        Heights of peaks.
    background : ndarray, shape (n,)
        The periodogram, or a sample of it.
    """
    sample = background[:: -(-len(background) // _MAX_SAMPLES)]
    middle = float(np.median(sample))
    deviation = float(np.median(np.abs(sample - middle)))
    if not deviation > 0:
        return np.full(np.shape(statistic), np.nan)
    return np.asarray((statistic - middle) / deviation)

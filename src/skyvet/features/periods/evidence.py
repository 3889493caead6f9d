r"""How probable a light curve is at a trial frequency: evidence of harmonics with a prior.

Raw power cannot compare periods: more harmonics always explain more, and folds at multiples and
aliases of the true period explain nearly as much. Here each band's amplitudes have a Gaussian prior
that falls with the harmonic's number, and are integrated out:

.. math::
    \ln E_b(f) = -\frac{n_b - 1}{2}
    \ln \frac{\chi^2_0 - r^\top (A + \Lambda^{-1})^{-1} r}{\chi^2_0}
    - \tfrac12 \ln \left|I + \Lambda A\right|

with A the normal equations of the harmonics (mean projected out), r their products with the
magnitudes and :math:`\Lambda` diagonal: strength s over :math:`k^d` for harmonic k. The band's
noise is integrated out as well, so that errors that are all too small or too large change nothing.
Weights are the inverse root of the errors, not their inverse square: what a model leaves of a real
star (changing cycles, outliers) does not shrink with the photon noise.
Strengths are averaged band by band; the steepness d, which says how smooth the light curve is, is
averaged over all bands together, for bands of one star share their shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.compiled import compiled
from skyvet.features.periods.normal_equations import FAST

__all__ = [
    "STEEPNESSES",
    "STRENGTHS",
    "EvidenceBand",
    "band_evidence",
    "evidence_bands",
    "log_evidence",
    "log_mean_exp",
    "prior_precisions",
]

STEEPNESSES = (1.0, 2.0, 4.0, 6.0)
"""How fast the prior variance of harmonic k falls: as k to the power of minus this."""
STRENGTHS = (0.3, 3.0, 30.0, 300.0)
"""Prior variance of the first harmonic's amplitudes over the variance of the noise."""
_WEIGHT_EXPONENT = -0.25
_MIN_TIMES = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvidenceBand:
    """One band, ready for evidence.

    Parameters
    ----------
    time_d : ndarray, shape (n,)
        Times [d].
    weight : ndarray, shape (n,)
        Weights; their sum is n.
    weighted_residual : ndarray, shape (n,)
        Weight times (magnitude - weighted mean), in units in which chi-square is n.
    """

    time_d: FloatArray
    weight: FloatArray
    weighted_residual: FloatArray

    def __len__(self) -> int:
        """Return the number of measurements."""
        return len(self.time_d)


def evidence_bands(
    series: Sequence[BandSeries], *, error_floor_mag: float
) -> tuple[EvidenceBand, ...]:
    """Return the bands that can say something about a period: 6 times or more, not constant.

    Parameters
    ----------
    series : sequence of BandSeries
        The source's bands.
    error_floor_mag : float
        Added to the errors in quadrature [mag].
    """
    bands = []
    for one in series:
        if len(np.unique(one.time_d)) < _MIN_TIMES:
            continue
        weight = (one.magnitude_err**2 + error_floor_mag**2) ** _WEIGHT_EXPONENT
        weight = weight / weight.mean()
        residual = one.magnitude - np.average(one.magnitude, weights=weight)
        chi2 = float(weight @ residual**2)
        if not chi2 > (1e-12 * np.abs(one.magnitude).max()) ** 2 * len(one):
            continue
        scaled = weight * residual * np.sqrt(len(one) / chi2)
        bands.append(EvidenceBand(time_d=one.time_d, weight=weight, weighted_residual=scaled))
    return tuple(bands)


def prior_precisions(n_harmonics: int) -> FloatArray:
    """Return the prior precision of each amplitude, shape (2 K, steepnesses * strengths)."""
    k = np.repeat(np.arange(1.0, n_harmonics + 1), 2)
    columns = [k**steepness / s for steepness in STEEPNESSES for s in STRENGTHS]
    return np.ascontiguousarray(np.array(columns).T)


def log_evidence(
    bands: Sequence[EvidenceBand],
    frequencies: FloatArray,
    *,
    max_harmonics: int,
    baseline_d: float,
) -> FloatArray:
    """Return the log evidence of each frequency relative to constant magnitudes.

    No more harmonics are allowed than the baseline holds cycles: with fewer, a slow trial period
    follows any wandering of the light curve.

    Parameters
    ----------
    bands : sequence of EvidenceBand
        Bands of one source.
    frequencies : ndarray, shape (n,)
        Frequencies [1/d], above 0.
    max_harmonics : int
        Largest number of harmonics K.
    baseline_d : float
        Last less first time [d].

    Returns
    -------
    ndarray, shape (n,), float64
        Summed over bands; above 0 where a period is more probable than none.

    Examples
    --------
    >>> time = np.sort(np.random.default_rng(1).uniform(0, 50, 60))
    >>> one = BandSeries(band="r", time_d=time, magnitude=15 + np.sin(2 * np.pi * time / 0.7),
    ...     magnitude_err=np.full(60, 0.01))
    >>> bands = evidence_bands([one], error_floor_mag=0.02)
    >>> odds = log_evidence(bands, np.array([1 / 0.7, 1 / 1.4, 1 / 0.9]), max_harmonics=6,
    ...     baseline_d=50.0)
    >>> odds.argsort()[::-1].tolist(), bool(odds[0] > 100)
    ([0, 1, 2], True)
    """
    frequencies = np.ascontiguousarray(frequencies, dtype=np.float64)
    n_allowed = np.clip(baseline_d * frequencies, 1, max_harmonics).astype(np.int64)
    precisions = prior_precisions(max_harmonics)
    by_shape = np.zeros((len(frequencies), len(STEEPNESSES)))
    for band in bands:
        found = band_evidence(band, frequencies, n_allowed=n_allowed, precisions=precisions)
        by_shape += log_mean_exp(found.reshape(len(frequencies), len(STEEPNESSES), -1))
    return log_mean_exp(by_shape)


def log_mean_exp(values: FloatArray) -> FloatArray:
    """Return the log of the mean of exp(values) along the last axis."""
    top = values.max(axis=-1, keepdims=True)
    return np.asarray(np.log(np.exp(values - top).mean(axis=-1)) + top[..., 0])


def band_evidence(
    band: EvidenceBand, frequencies: FloatArray, *, n_allowed: FloatArray, precisions: FloatArray
) -> FloatArray:
    """Return one band's log evidence for each prior, shape (n, n_priors).

    Parameters
    ----------
    band : EvidenceBand
        The band.
    frequencies : ndarray, shape (n,), float64
        Frequencies [1/d].
    n_allowed : ndarray of int, shape (n,)
        Harmonics at each frequency, at most half the rows of `precisions`.
    precisions : ndarray, shape (2 K, n_priors)
        Prior precision of cosine and sine of each harmonic, for each prior.
    """
    out = np.empty((len(frequencies), precisions.shape[1]))
    points = (band.time_d, band.weight, band.weighted_residual)
    _evidence(points, frequencies, n_allowed, precisions, out)
    return out


@compiled(nogil=True, fastmath=FAST, error_model="numpy")
def _evidence(points, frequencies, n_allowed, precisions, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    time, n_rows = points[0], precisions.shape[0]
    turns = np.empty((4, len(time)))
    sums = np.zeros((4, n_rows + 1))
    matrix = np.empty((n_rows, n_rows))
    right = np.empty(n_rows)
    factor = np.empty((n_rows, n_rows, precisions.shape[1]))
    solved = np.empty((n_rows + 3, precisions.shape[1]))
    for j in range(len(frequencies)):
        n_here = 2 * n_allowed[j]
        _sum_harmonics(points, frequencies[j], n_here, turns, sums)
        _fill_system(sums, n_here, matrix, right)
        shape = (n_here, len(time))
        _integrate((matrix, right, precisions), shape, factor, solved, out[j])


@compiled(nogil=True, fastmath=FAST)
def _sum_harmonics(points, frequency, n_last, turns, sums):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Sum weights and residuals over cos and sin of harmonics 0..n_last, over n."""
    time, weight, residual = points
    n = len(time)
    cos_1, sin_1, cos_k, sin_k = turns[0], turns[1], turns[2], turns[3]
    for i in range(n):
        phase = frequency * time[i]
        angle = 2.0 * np.pi * (phase - np.floor(phase))
        cos_1[i], sin_1[i] = np.cos(angle), np.sin(angle)
        cos_k[i], sin_k[i] = 1.0, 0.0
    for k in range(n_last + 1):
        w_cos = w_sin = r_cos = r_sin = 0.0
        for i in range(n):
            c, s = cos_k[i], sin_k[i]
            w_cos += weight[i] * c
            w_sin += weight[i] * s
            r_cos += residual[i] * c
            r_sin += residual[i] * s
            cos_k[i] = c * cos_1[i] - s * sin_1[i]
            sin_k[i] = s * cos_1[i] + c * sin_1[i]
        sums[0, k], sums[1, k], sums[2, k], sums[3, k] = w_cos, w_sin, r_cos, r_sin


@compiled(nogil=True, fastmath=FAST)
def _fill_system(sums, n_rows, matrix, right):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write normal equations of cos 1, sin 1, cos 2, ... with the mean projected out."""
    w_cos, w_sin, total = sums[0], sums[1], sums[0, 0]
    for i in range(n_rows):
        k, is_sin = i // 2 + 1, i % 2
        right[i] = sums[2 + is_sin, k]
        for j in range(i + 1):
            m, other_is_sin = j // 2 + 1, j % 2
            plus, minus = k + m, k - m
            if is_sin and other_is_sin:
                product = 0.5 * (w_cos[minus] - w_cos[plus])
            elif is_sin:
                product = 0.5 * (w_sin[plus] + w_sin[minus])
            elif other_is_sin:
                product = 0.5 * (w_sin[plus] - w_sin[minus])
            else:
                product = 0.5 * (w_cos[minus] + w_cos[plus])
            matrix[i, j] = product - sums[is_sin, k] * sums[other_is_sin, m] / total


@compiled(nogil=True, fastmath=FAST, error_model="numpy")
def _integrate(system, shape, factor, solved, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Cholesky's factor for all priors at once; evidence from its diagonal and the solution."""
    matrix, right, precisions = system
    n_rows, n_points = shape
    n_priors = precisions.shape[1]
    explained, determinant, rest = solved[n_rows], solved[n_rows + 1], solved[n_rows + 2]
    explained[:], determinant[:] = 0.0, 1.0
    for i in range(n_rows):
        for j in range(i):
            rest[:] = matrix[i, j]
            for k in range(j):
                for h in range(n_priors):
                    rest[h] -= factor[i, k, h] * factor[j, k, h]
            for h in range(n_priors):
                factor[i, j, h] = rest[h] * factor[j, j, h]
        for h in range(n_priors):
            diagonal = matrix[i, i] + precisions[i, h]
            value = right[i]
            for k in range(i):
                diagonal -= factor[i, k, h] * factor[i, k, h]
                value -= factor[i, k, h] * solved[k, h]
            determinant[h] *= diagonal / precisions[i, h]
            factor[i, i, h] = 1.0 / np.sqrt(diagonal)
            solved[i, h] = value * factor[i, i, h]
            explained[h] += solved[i, h] * solved[i, h]
    for h in range(n_priors):
        left = max(1.0 - explained[h] / n_points, 1e-12)
        out[h] = -0.5 * (n_points - 1) * np.log(left) - 0.5 * np.log(determinant[h])

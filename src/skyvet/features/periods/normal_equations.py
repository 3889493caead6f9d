r"""Weighted least squares of harmonics at many frequencies, from sums of phases.

A band's magnitudes are modelled as :math:`\sum_q \beta_q\,q(t) + \sum_{k=1}^{K} a_k \cos 2\pi k f t
+ b_k \sin 2\pi k f t` with a few nuisance columns :math:`q` (the mean, a slope) that do not depend
on the frequency. All that a fit needs are the sums :math:`\sum_i s_i\,e^{-2\pi\mathrm{i} k f t_i}`
of few strengths s: the weights, the weighted magnitudes and the weighted nuisance columns.
Products of two harmonics k, l are sums at k - l and k + l (Palmer 2009, ApJ 695, 496).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries

__all__ = ["WeightedBand", "direct_reductions", "reductions_from_sums", "weighted_bands"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightedBand:
    """One band, ready to be summed.

    Parameters
    ----------
    time_d : ndarray, shape (n,), float64
        Times [d].
    strengths : ndarray, shape (2 or 3, n), float64
        What is summed over phases: the weights (their sum is 1), the weighted residuals of the
        nuisance fit, the weighted slope column where there is one.
    n_nuisance : int
        0: no column; 1: the mean; 2: mean and slope.
    total_weight : float
        Sum of the weights before they were normalised [1/mag2].
    chi2_null : float
        Chi-square of the nuisance columns alone.
    """

    time_d: FloatArray
    strengths: FloatArray
    n_nuisance: int
    total_weight: float
    chi2_null: float

    def __len__(self) -> int:
        """Return the number of measurements."""
        return len(self.time_d)


def weighted_bands(
    series: Sequence[BandSeries],
    *,
    n_terms: int,
    n_nuisance: int = 1,
    is_weighted: bool = True,
    error_floor_mag: float = 0.0,
) -> tuple[WeightedBand, ...]:
    """Return the bands that have more distinct times than parameters, ready to be summed.

    Parameters
    ----------
    series : sequence of BandSeries
        The source's bands.
    n_terms : int
        Harmonics K that will be fitted.
    n_nuisance : int, default 1
        0: the mean is subtracted beforehand and not fitted again; 1: fitted at each frequency;
        2: mean and slope are fitted at each frequency.
    is_weighted : bool, default True
        Weights 1/error²; otherwise all 1.
    error_floor_mag : float, default 0
        Added to the errors in quadrature [mag].
    """
    bands = []
    for one in series:
        if len(np.unique(one.time_d)) <= max(n_nuisance, 1) + 2 * n_terms:
            continue
        variance = one.magnitude_err**2 + error_floor_mag**2
        weight = 1.0 / variance if is_weighted else np.ones(len(one))
        bands.append(_weighted_band(one, weight, n_nuisance))
    return tuple(bands)


def _weighted_band(one: BandSeries, weight: FloatArray, n_nuisance: int) -> WeightedBand:
    total = float(weight.sum())
    w = weight / total
    residual = one.magnitude - w @ one.magnitude
    residual = residual - w @ residual
    strengths = [w, w * residual]
    if n_nuisance == 2:
        slope = one.time_d - w @ one.time_d
        slope = slope / np.sqrt(w @ slope**2)
        residual = residual - slope * (w @ (slope * residual))
        strengths = [w, w * residual, w * slope]
    return WeightedBand(
        time_d=one.time_d,
        strengths=np.array(strengths),
        n_nuisance=n_nuisance,
        total_weight=total,
        chi2_null=total * float(w @ residual**2),
    )


def direct_reductions(
    bands: Sequence[WeightedBand], frequencies: FloatArray, *, n_terms: int, is_shared: bool = False
) -> FloatArray:
    """Return by how much 1..K harmonics reduce chi-square, exactly, at any frequencies.

    Parameters
    ----------
    bands : sequence of WeightedBand
        Bands of one source.
    frequencies : ndarray, shape (k,)
        Frequencies [1/d].
    n_terms : int
        Harmonics K.
    is_shared : bool, default False
        One amplitude and phase for all bands; otherwise each band has its own.

    Returns
    -------
    ndarray, shape (n_terms, k), float64
        Row j: harmonics 1..j+1 fitted, summed over bands.
    """
    frequencies = np.ascontiguousarray(frequencies, dtype=np.float64)
    sums = [_direct_sums(band.time_d, band.strengths, frequencies, n_terms) for band in bands]
    return reductions_from_sums(bands, sums, n_terms=n_terms, is_shared=is_shared)


def reductions_from_sums(
    bands: Sequence[WeightedBand],
    sums: Sequence[FloatArray],
    *,
    n_terms: int,
    is_shared: bool = False,
) -> FloatArray:
    """Return by how much 1..K harmonics reduce chi-square, given each band's sums.

    Parameters
    ----------
    bands : sequence of WeightedBand
        Bands of one source.
    sums : sequence of ndarray, shape (n_strengths, 2 n_terms, n), complex
        ``sums[b][s, k - 1]`` is the sum of strength s times ``exp(-2 pi i k f t)``.
    n_terms, is_shared
        See `direct_reductions`.
    """
    n = sums[0].shape[-1]
    size = 2 * n_terms
    matrix, right = np.zeros((size, size, n)), np.zeros((size, n))
    reductions = np.zeros((n_terms, n))
    for i_band, band in enumerate(bands):
        weight = band.total_weight
        _add_normal_equations(sums[i_band], weight, band.n_nuisance, matrix, right)
        if not is_shared or i_band == len(bands) - 1:
            _add_reductions(matrix, right, reductions)
            matrix[:], right[:] = 0.0, 0.0
    return reductions


@njit(cache=True)
def _direct_sums(time, strengths, frequencies, n_terms):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    n_strengths = strengths.shape[0]
    sums = np.zeros((n_strengths, 2 * n_terms, len(frequencies)), dtype=np.complex128)
    for j in range(len(frequencies)):
        for i in range(len(time)):
            phase = frequencies[j] * time[i]
            angle = -2.0 * np.pi * (phase - np.floor(phase))
            rotation = complex(np.cos(angle), np.sin(angle))
            z = complex(1.0, 0.0)
            for k in range(2 * n_terms):
                z *= rotation
                for s in range(n_strengths):
                    sums[s, k, j] += strengths[s, i] * z
    return sums


@njit(cache=True)
def _add_normal_equations(sums, weight, n_nuisance, matrix, right):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Columns in the order cos 1, sin 1, cos 2, ...; a sum's imaginary part is minus the sine's."""
    n_terms = sums.shape[1] // 2
    for j in range(sums.shape[2]):
        for k in range(n_terms):
            right[2 * k, j] += weight * sums[1, k, j].real
            right[2 * k + 1, j] -= weight * sums[1, k, j].imag
            for l in range(k + 1):  # noqa: E741
                plus = sums[0, k + l + 1, j]
                minus = sums[0, k - l - 1, j] if k > l else complex(1.0, 0.0)
                cc, ss = 0.5 * (minus.real + plus.real), 0.5 * (minus.real - plus.real)
                # sin(k) cos(l) and cos(k) sin(l)
                sc, cs = -0.5 * (plus.imag + minus.imag), -0.5 * (plus.imag - minus.imag)
                for q in range(n_nuisance):
                    u, v = sums[2 * q, k, j], sums[2 * q, l, j]
                    cc -= u.real * v.real
                    ss -= u.imag * v.imag
                    sc += u.imag * v.real
                    cs += u.real * v.imag
                matrix[2 * k, 2 * l, j] += weight * cc
                matrix[2 * k + 1, 2 * l + 1, j] += weight * ss
                matrix[2 * k + 1, 2 * l, j] += weight * sc
                if l < k:
                    matrix[2 * k, 2 * l + 1, j] += weight * cs


@njit(cache=True)
def _add_reductions(matrix, right, reductions):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Cholesky in place; a column that the ones before it explain takes no part."""
    size, n = right.shape
    for j in range(n):
        total = 0.0
        for i in range(size):
            before = matrix[i, i, j]
            for m in range(i):
                value = matrix[i, m, j]
                for p in range(m):
                    value -= matrix[i, p, j] * matrix[m, p, j]
                matrix[i, m, j] = value * matrix[m, m, j]
            pivot = before
            value = right[i, j]
            for p in range(i):
                pivot -= matrix[i, p, j] ** 2
                value -= matrix[i, p, j] * right[p, j]
            matrix[i, i, j] = 1.0 / np.sqrt(pivot) if pivot > 1e-10 * before else 0.0
            right[i, j] = value * matrix[i, i, j]
            total += right[i, j] ** 2
            if i % 2 == 1:
                reductions[i // 2, j] += total

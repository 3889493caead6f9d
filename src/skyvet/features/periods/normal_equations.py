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
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.compiled import compiled

__all__ = [
    "LinearSystem",
    "WeightedBand",
    "add_normal_equations",
    "add_reductions",
    "direct_reductions",
    "empty_system",
    "exact_phase_sums",
    "weighted_bands",
]

FAST = {"contract", "reassoc", "nsz", "arcp"}
_N_PER_CHUNK = 128
_EXACT = 1e-12
_ROUNDING = 1e-13


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
    if np.abs(residual).max() <= _ROUNDING * np.abs(one.magnitude).max():
        residual = np.zeros(len(one))
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
        Bands of one source, at least one.
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
    reductions = np.zeros((n_terms, len(frequencies)))
    total = sum(band.total_weight for band in bands)
    for first in range(0, len(frequencies), _N_PER_CHUNK):
        here = frequencies[first : first + _N_PER_CHUNK]
        system = empty_system(n_terms, len(here), np.dtype(np.float64))
        for i_band, band in enumerate(bands):
            sums = _direct_sums(band.time_d, band.strengths, here, n_terms)
            which = (0, band.n_nuisance, band.total_weight / total)
            add_normal_equations(sums, which, system)
            if not is_shared or i_band == len(bands) - 1:
                add_reductions(system, (first, 0.0, _EXACT), reductions)
    return reductions * total


def exact_phase_sums(
    time_d: FloatArray, strengths: FloatArray, frequencies: FloatArray
) -> NDArray[np.complex128]:
    r"""Return :math:`\sum_i s_i\,e^{-2\pi\mathrm{i} f t_i}` at any frequencies, in float64.

    Parameters
    ----------
    time_d : ndarray, shape (n,)
        Times [d].
    strengths : ndarray, shape (n_strengths, n)
        One or several sets of strengths.
    frequencies : ndarray, shape (k,)
        Frequencies [1/d].

    Returns
    -------
    ndarray, shape (n_strengths, k), complex128

    Examples
    --------
    >>> exact_phase_sums(np.array([0.0, 1.0]), np.ones((1, 2)), np.array([1.0, 1.5])).real.tolist()
    [[2.0, 0.0]]
    """
    time = np.ascontiguousarray(time_d, dtype=np.float64)
    strengths = np.ascontiguousarray(strengths, dtype=np.float64)
    found = np.empty((len(strengths), len(frequencies)), dtype=np.complex128)
    for first in range(0, len(frequencies), _N_PER_CHUNK):
        here = np.ascontiguousarray(frequencies[first : first + _N_PER_CHUNK], dtype=np.float64)
        sums = _direct_sums(time, strengths, here, 1)
        found[:, first : first + _N_PER_CHUNK] = sums[:, 0, 0] + 1j * sums[:, 0, 1]
    return found


class LinearSystem(NamedTuple):
    """Normal equations at several frequencies, which run fastest.

    Parameters
    ----------
    matrix : ndarray, shape (m (m + 1) / 2, n)
        Lower triangle, row by row, of the products of the m = 2 K columns cos 1, sin 1, cos 2, ...
    right : ndarray, shape (m, n)
        Products of the columns with the magnitudes.
    explained : ndarray, shape (n,)
        Scratch.
    """

    matrix: FloatArray
    right: FloatArray
    explained: FloatArray


def empty_system(n_terms: int, n: int, dtype: np.dtype[Any]) -> LinearSystem:
    """Return a system of zeros for K harmonics at n frequencies."""
    m = 2 * n_terms
    return LinearSystem(
        matrix=np.zeros((m * (m + 1) // 2, n), dtype=dtype),
        right=np.zeros((m, n), dtype=dtype),
        explained=np.zeros(n, dtype=dtype),
    )


@compiled(nogil=True, fastmath=FAST)
def _direct_sums(time, strengths, frequencies, n_terms):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return the sums at each frequency; frequencies are lanes, harmonics come by turning on."""
    n_strengths, n = strengths.shape[0], len(frequencies)
    sums = np.zeros((n_strengths, 2 * n_terms, 2, n))
    step_re, step_im, re, im = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for i in range(len(time)):
        _turn_all(time[i], frequencies, step_re, step_im)
        for q in range(n):
            re[q], im[q] = step_re[q], step_im[q]
        for k in range(2 * n_terms):
            for s in range(n_strengths if k < n_terms else 1):
                strength = strengths[s, i]
                sum_re, sum_im = sums[s, k, 0], sums[s, k, 1]
                for q in range(n):
                    sum_re[q] += strength * re[q]
                    sum_im[q] += strength * im[q]
            for q in range(n):
                turned = re[q] * step_re[q] - im[q] * step_im[q]
                im[q] = re[q] * step_im[q] + im[q] * step_re[q]
                re[q] = turned
    return sums


@compiled(nogil=True, fastmath=FAST)
def _turn_all(time, frequencies, re, im):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """exp(-2 pi i f t): Taylor series of a quarter of the angle, then doubled twice.

    Within 1e-15; unlike calls of sine and cosine it goes through all lanes at once.
    """
    for q in range(len(frequencies)):
        turns = frequencies[q] * time
        u = (turns - np.floor(turns + 0.5)) * (-0.5 * np.pi)
        x = u * u
        sine = 1.0 - x / 110 * (1.0 - x / 156 * (1.0 - x / 210 * (1.0 - x / 272)))
        sine = u * (1.0 - x / 6 * (1.0 - x / 20 * (1.0 - x / 42 * (1.0 - x / 72 * sine))))
        cosine = 1.0 - x / 90 * (1.0 - x / 132 * (1.0 - x / 182 * (1.0 - x / 240)))
        cosine = 1.0 - x / 2 * (1.0 - x / 12 * (1.0 - x / 30 * (1.0 - x / 56 * cosine)))
        sine, cosine = 2.0 * sine * cosine, 1.0 - 2.0 * sine * sine
        im[q], re[q] = 2.0 * sine * cosine, 1.0 - 2.0 * sine * sine


@compiled(nogil=True, fastmath=FAST)
def add_normal_equations(sums, which, system):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Add one band's normal equations, the nuisance columns projected out.

    Parameters
    ----------
    sums : ndarray, shape (n_strengths, 2 n_terms, 2, n_all)
        Real and imaginary parts of the band's sums; an imaginary part is minus the sine's sum.
    which : (int, int, float)
        First frequency of `sums` that is used (as many follow as the system has); number of
        nuisance columns; the band's weight.
    system : LinearSystem
        Added to.
    """
    first, n_nuisance, weight = which
    n_terms, n = system.right.shape[0] // 2, system.right.shape[1]
    weight = system.right.dtype.type(weight)
    for k in range(n_terms):
        cosine, sine = system.right[2 * k], system.right[2 * k + 1]
        re, im = sums[1, k, 0][first : first + n], sums[1, k, 1][first : first + n]
        for q in range(n):
            cosine[q] += weight * re[q]
            sine[q] -= weight * im[q]
        for other in range(k + 1):
            _add_products(sums, (first, k, other), weight, system)
            for column in range(n_nuisance):
                _project(sums[2 * column], (first, k, other), weight, system)


@compiled(nogil=True, fastmath=FAST)
def _add_products(sums, which, weight, system):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Products of harmonics k and l: sums of the weights at k + l and k - l."""
    first, k, other = which
    n = system.right.shape[1]
    cc, cs, sc, ss = _four_rows(system.matrix, k, other)
    plus_re = sums[0, k + other + 1, 0][first : first + n]
    plus_im = sums[0, k + other + 1, 1][first : first + n]
    half = weight * system.right.dtype.type(0.5)
    if k == other:
        for q in range(n):
            cc[q] += half + half * plus_re[q]
            sc[q] -= half * plus_im[q]
            ss[q] += half - half * plus_re[q]
        return
    minus_re = sums[0, k - other - 1, 0][first : first + n]
    minus_im = sums[0, k - other - 1, 1][first : first + n]
    for q in range(n):
        cc[q] += half * (minus_re[q] + plus_re[q])
        ss[q] += half * (minus_re[q] - plus_re[q])
        sc[q] -= half * (plus_im[q] + minus_im[q])
        cs[q] -= half * (plus_im[q] - minus_im[q])


@compiled(nogil=True, fastmath=FAST)
def _project(sums, which, weight, system):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Take out what a nuisance column explains of harmonics k and l."""
    first, k, other = which
    n = system.right.shape[1]
    cc, cs, sc, ss = _four_rows(system.matrix, k, other)
    k_re, k_im = sums[k, 0][first : first + n], sums[k, 1][first : first + n]
    l_re, l_im = sums[other, 0][first : first + n], sums[other, 1][first : first + n]
    for q in range(n):
        re, im = weight * k_re[q], weight * k_im[q]
        cc[q] -= re * l_re[q]
        sc[q] += im * l_re[q]
        ss[q] -= im * l_im[q]
    if k != other:
        for q in range(n):
            cs[q] += weight * k_re[q] * l_im[q]


@compiled(nogil=True)
def _four_rows(matrix, k, other):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Rows cos k x cos l, cos k x sin l (not used for k = l), sin k x cos l, sin k x sin l."""
    upper = k * (2 * k + 1) + 2 * other
    lower = (2 * k + 1) * (k + 1) + 2 * other
    return matrix[upper], matrix[upper + 1], matrix[lower], matrix[lower + 1]


@compiled(nogil=True, fastmath=FAST, error_model="numpy")
def add_reductions(system, which, reductions):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Solve the system, add the reductions of chi-square, and set the system to zero.

    Cholesky's factor L solves all nested models at once: with z = L^-1 right, the first 2 k
    columns reduce chi-square by the sum of their z squared.

    Parameters
    ----------
    system : LinearSystem
        Its scale is that of weights that sum to 1; all zero afterwards.
    which : (int, float, float)
        Column of `reductions` that is the system's first; what is added to the diagonal, to cover
        errors of the sums; a column of which less than the third is left after the columns before
        it takes no part.
    reductions : ndarray, shape (n_terms or 1, n_all)
        Added to; one row: all harmonics only.
    """
    matrix, right, explained = system
    size, n = right.shape
    first, ridge, least = which[0], right.dtype.type(which[1]), right.dtype.type(which[2])
    one, zero = right.dtype.type(1.0), right.dtype.type(0.0)
    for i in range(size):
        row = i * (i + 1) // 2
        pivot, z = matrix[row + i], right[i]
        for m in range(i):
            value, inverse = matrix[row + m], matrix[m * (m + 1) // 2 + m]
            z_before = right[m]
            for p in range(m):
                left, above = matrix[row + p], matrix[m * (m + 1) // 2 + p]
                for q in range(n):
                    value[q] -= left[q] * above[q]
            for q in range(n):
                factor = value[q] * inverse[q]
                value[q] = factor
                pivot[q] -= factor * factor
                z[q] -= factor * z_before[q]
        for q in range(n):
            left_over = pivot[q] + ridge
            inverse_root = one / np.sqrt(left_over) if left_over > least else zero
            pivot[q] = inverse_root
            z[q] *= inverse_root
            explained[q] += z[q] * z[q]
        is_last = i == size - 1
        if is_last or (reductions.shape[0] > 1 and i % 2 == 1):
            added = reductions[0 if reductions.shape[0] == 1 else i // 2][first : first + n]
            for q in range(n):
                added[q] += explained[q]
    matrix[:], right[:], explained[:] = zero, zero, zero

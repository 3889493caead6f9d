"""Statistics of magnitudes in one band: the 22 that SCoPe defines, for many rows at once."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.features.light_curves.ragged_series import RaggedSeries
from skyvet.features.periods.compiled import compiled

__all__ = ["MIN_POINTS", "STATISTICS", "basic_statistics"]

MIN_POINTS = 4
"""Rows with fewer points have no statistics."""

STATISTICS = (
    "n", "median", "wmean", "chi2red", "roms", "wstd", "norm_peak_to_peak_amp",
    "norm_excess_var", "median_abs_dev", "iqr", "i60r", "i70r", "i80r", "i90r", "skew",
    "smallkurt", "inv_vonneumannratio", "welch_i", "stetson_j", "stetson_k", "ad", "sw",
)  # fmt: skip
"""Names of the statistics, in the order of the columns."""


def basic_statistics(rows: RaggedSeries) -> FloatArray:
    """Return the 22 statistics of each row.

    Definitions are those of the registry (`skyvet.features.light_curves.registry`), after SCoPe
    (Coughlin et al. 2021, arXiv:2009.14071; Healy et al. 2024, arXiv:2312.00143). Times enter
    only as differences of float64, and the Shapiro-Wilk statistic is given for any number of
    points.

    Parameters
    ----------
    rows : RaggedSeries
        Measurements.

    Returns
    -------
    ndarray, shape (n_rows, 22), float64
        NaN for rows with fewer than `MIN_POINTS` points and where a definition divides by 0.

    Examples
    --------
    >>> rows = RaggedSeries(
    ...     time_d=np.arange(5.0), magnitude=np.array([1.0, 2.0, 3.0, 4.0, 5.0]),
    ...     magnitude_err=np.full(5, 0.1), offsets=np.array([0, 5]))
    >>> values = basic_statistics(rows)[0]
    >>> values[[0, 1, 9]].tolist()
    [5.0, 3.0, 2.0]
    """
    sizes = np.unique(np.maximum(rows.n_points, MIN_POINTS))
    weights = [_shapiro_weights(int(size)) for size in sizes]
    starts = np.concatenate([[0], np.cumsum([len(one) for one in weights])])
    place = np.searchsorted(sizes, np.maximum(rows.n_points, MIN_POINTS))
    values = _statistics_of_rows(
        rows.time_d,
        rows.magnitude,
        rows.magnitude_err,
        rows.offsets,
        (np.concatenate([*weights, np.empty(0)]), starts[place].astype(np.int64)),
    )
    values[~np.isfinite(values)] = np.nan
    return np.asarray(values)


def _shapiro_weights(n: int) -> FloatArray:
    """Return the upper half of the weights of ordered values (Royston 1995, AS R94)."""
    quantiles = ndtri((np.arange(1, n // 2 + 1) - 0.375) / (n + 0.25))
    total = 2.0 * np.sum(quantiles**2)
    root = 1.0 / math.sqrt(n)
    first = np.polyval([-2.706056, 4.434685, -2.07119, -0.147981, 0.221157, 0.0], root)
    first -= quantiles[0] / math.sqrt(total)
    if n > 5:
        second = np.polyval([-3.582633, 5.682633, -1.752461, -0.293762, 0.042981, 0.0], root)
        second -= quantiles[1] / math.sqrt(total)
        rest = total - 2.0 * quantiles[0] ** 2 - 2.0 * quantiles[1] ** 2
        rest /= 1.0 - 2.0 * first**2 - 2.0 * second**2
        return np.concatenate([[first, second], -quantiles[2:] / math.sqrt(rest)])
    rest = (total - 2.0 * quantiles[0] ** 2) / (1.0 - 2.0 * first**2)
    return np.concatenate([[first], -quantiles[1:] / math.sqrt(rest)])


@compiled(error_model="numpy", nogil=True)
def _statistics_of_rows(
    time: FloatArray,
    magnitude: FloatArray,
    error: FloatArray,
    offsets: IntArray,
    shapiro: tuple[FloatArray, IntArray],
) -> FloatArray:
    weights, starts = shapiro
    out = np.full((len(offsets) - 1, 22), np.nan)
    for k in range(len(offsets) - 1):
        begin, end = offsets[k], offsets[k + 1]
        n = end - begin
        if n < MIN_POINTS:
            continue
        t, m, e = time[begin:end], magnitude[begin:end], error[begin:end]
        row = out[k]
        row[0] = n
        _weighted(m, e, row)
        _spread(m, e, row)
        _moments_and_pairs(t, m, e, row)
        ordered = np.sort(m / e)
        row[20] = _anderson_darling(ordered)
        row[21] = _shapiro_wilk(ordered, weights[starts[k] : starts[k] + n // 2])
    return out


@compiled(error_model="numpy", nogil=True)
def _weighted(m, e, row):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill wmean, chi2red, wstd, norm_peak_to_peak_amp, norm_excess_var."""
    n = len(m)
    total = 0.0
    shift = 0.0
    for i in range(n):
        weight = 1.0 / (e[i] * e[i])
        total += weight
        shift += weight * (m[i] - m[0])
    wmean = m[0] + shift / total
    chi2 = 0.0
    excess = 0.0
    highest = m[0] - e[0]
    lowest = m[0] + e[0]
    for i in range(n):
        residual = m[i] - wmean
        chi2 += residual * residual / (e[i] * e[i])
        excess += residual * residual - e[i] * e[i]
        highest = max(highest, m[i] - e[i])
        lowest = min(lowest, m[i] + e[i])
    row[2] = wmean
    row[3] = chi2 / (n - 1)
    row[5] = math.sqrt(chi2 / total)
    row[6] = (highest - lowest) / (highest + lowest)
    row[7] = excess / (n * wmean * wmean)


@compiled(error_model="numpy", nogil=True)
def _quantile(ordered, fraction):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Interpolate linearly between ordered values."""
    place = fraction * (len(ordered) - 1)
    below = int(place)
    if below >= len(ordered) - 1:
        return ordered[len(ordered) - 1]
    return ordered[below] + (place - below) * (ordered[below + 1] - ordered[below])


@compiled(error_model="numpy", nogil=True)
def _spread(m, e, row):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill median, roms, median_abs_dev and the five ranges of percentiles."""
    n = len(m)
    ordered = np.sort(m)
    median = _quantile(ordered, 0.5)
    roms = 0.0
    for i in range(n):
        roms += abs(m[i] - median) / e[i]
    row[1] = median
    row[4] = roms / (n - 1)
    row[8] = _quantile(np.sort(np.abs(m - median)), 0.5)
    for i, tail in enumerate((0.25, 0.2, 0.15, 0.1, 0.05)):
        row[9 + i] = _quantile(ordered, 1.0 - tail) - _quantile(ordered, tail)


@compiled(error_model="numpy", nogil=True)
def _moments_and_pairs(t, m, e, row):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill skew, smallkurt, inv_vonneumannratio, welch_i, stetson_j, stetson_k."""
    n = len(m)
    third, fourth, size, square = 0.0, 0.0, 0.0, 0.0
    weights, steps, welch, stetson = 0.0, 0.0, 0.0, 0.0
    scale = math.sqrt(n / (n - 1.0))
    before = 0.0
    for i in range(n):
        residual = (m[i] - row[2]) / e[i]
        third += residual**3
        fourth += residual**4
        delta = scale * residual
        size += abs(delta)
        square += delta * delta
        if i > 0:
            pair = before * delta
            welch += pair
            stetson += math.copysign(math.sqrt(abs(pair)), pair)
            gap = t[i] - t[i - 1]
            if gap > 0:
                weights += 1.0 / (gap * gap)
                steps += (m[i] - m[i - 1]) ** 2 / (gap * gap)
        before = delta
    row[14] = n / ((n - 1.0) * (n - 2.0)) * third
    row[15] = n * (n + 1.0) / ((n - 1.0) * (n - 2.0) * (n - 3.0)) * fourth
    row[15] -= 3.0 * (n - 1.0) ** 2 / ((n - 2.0) * (n - 3.0))
    row[16] = weights * row[5] ** 2 / steps
    row[17] = welch
    row[18] = stetson
    row[19] = (size / n) / math.sqrt(square / n)


@compiled(error_model="numpy", nogil=True)
def _log_normal_cdf(z):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    if z > -25.0:
        return math.log(0.5 * math.erfc(-z / math.sqrt(2.0)))
    inverse = 1.0 / (z * z)
    series = 1.0 - inverse * (1.0 - 3.0 * inverse)
    return -0.5 * z * z - math.log(-z * math.sqrt(2.0 * math.pi)) + math.log(series)


@compiled(error_model="numpy", nogil=True)
def _anderson_darling(ordered):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return the statistic against a normal of the sample's mean and deviation."""
    n = len(ordered)
    mean = np.mean(ordered)
    deviation = math.sqrt(np.sum((ordered - mean) ** 2) / (n - 1))
    total = 0.0
    for i in range(n):
        z = (ordered[i] - mean) / deviation
        opposite = (mean - ordered[n - 1 - i]) / deviation
        total += (2 * i + 1) * (_log_normal_cdf(z) + _log_normal_cdf(opposite))
    return -n - total / n


@compiled(error_model="numpy", nogil=True)
def _shapiro_wilk(ordered, weights):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    n = len(ordered)
    middle = ordered[n // 2]
    mean = np.mean(ordered - middle)
    total = 0.0
    for i in range(n):
        total += (ordered[i] - middle - mean) ** 2
    ends = 0.0
    for i in range(n // 2):
        ends += weights[i] * (ordered[n - 1 - i] - ordered[i])
    return ends * ends / total

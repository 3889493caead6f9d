"""The shape of a light curve folded at a period, over all bands, and at twice the period."""

from __future__ import annotations

import math

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.light_curves.blocks import SourceSeries
from skyvet.features.light_curves.fourier import (
    FOURIER,
    MAX_HARMONICS,
    FourierSeries,
    fit_fourier,
    fourier_features,
)
from skyvet.features.light_curves.ragged_series import RaggedSeries
from skyvet.features.light_curves.statistics import STATISTICS
from skyvet.features.periods.compiled import compiled

__all__ = ["FOLDED", "N_BINS", "SHAPES", "folded_features", "joint_rows", "shape_features"]

N_BINS = 16
"""Phase bins of the folded medians at the period; twice as many at twice the period."""

_MIN_POINTS = 8
_N_PHASES = 128

SHAPES = (
    "power", "relamp1", "cos_phi1", "sin_phi1", "rise_fraction", "bright_fraction", "skew",
)  # fmt: skip
"""Names of what is said of a series that is fitted to all bands at one period."""

_OF_DOUBLE = (
    "fold_odd_fraction", "fold_depth_primary", "fold_depth_secondary", "fold_minima_distance",
    "fold_dip_width",
)  # fmt: skip
_OF_POINTS = ("fold_eta", "fold_eta_double", "fold_residual_ratio")

FOLDED = (
    *(f"fold_{name}" for name in SHAPES), *_OF_DOUBLE, *_OF_POINTS,
    *(f"fold_bin_{k:02d}" for k in range(N_BINS)),
)  # fmt: skip
"""Names of the features."""


def joint_rows(sources: SourceSeries, statistics: FloatArray) -> RaggedSeries:
    """Return one row a source with all bands, each about its median in units of its own range.

    The range is i90r of the band, so a shape that bands have in common lies on itself whatever
    their amplitudes; bands with fewer than 8 points or no range are left out.

    Parameters
    ----------
    sources : SourceSeries
        Clean series.
    statistics : ndarray, shape (n_rows, 22)
        Of `sources.rows`.

    Returns
    -------
    RaggedSeries
        Sorted by time within each source.
    """
    rows, n_bands = sources.rows, len(sources.bands)
    median, width = (statistics[:, STATISTICS.index(name)] for name in ("median", "i90r"))
    is_used = (rows.n_points >= _MIN_POINTS) & (np.nan_to_num(width) > 0)
    of_row = np.repeat(np.arange(len(rows)), rows.n_points)
    kept = is_used[of_row]
    of_row = of_row[kept]
    order = np.lexsort((rows.time_d[kept], of_row // max(n_bands, 1)))
    of_row = of_row[order]
    counts = np.bincount(of_row // max(n_bands, 1), minlength=len(sources))
    return RaggedSeries(
        time_d=rows.time_d[kept][order],
        magnitude=(rows.magnitude[kept][order] - median[of_row]) / width[of_row],
        magnitude_err=rows.magnitude_err[kept][order] / width[of_row],
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
    )


def folded_features(joint: RaggedSeries, period_d: FloatArray) -> FloatArray:
    """Return the features `FOLDED` of each source.

    Parameters
    ----------
    joint : RaggedSeries
        One row a source, from `joint_rows`.
    period_d : ndarray, shape (n_sources,)
        Periods [d]; NaN = none known.

    Returns
    -------
    ndarray, shape (n_sources, 31), float64
        NaN without a period or with fewer than 8 points; an empty phase bin is NaN.

    Examples
    --------
    >>> t = np.linspace(0.0, 30.0, 60)
    >>> joint = RaggedSeries(
    ...     time_d=t, magnitude=0.5 * np.sin(2 * np.pi * t / 0.7),
    ...     magnitude_err=np.full(60, 0.01), offsets=np.array([0, 60]))
    >>> values = folded_features(joint, np.array([0.7]))[0]
    >>> [round(float(values[FOLDED.index(f"fold_{name}")]), 2)
    ...  for name in ("power", "rise_fraction", "bright_fraction")]
    [1.0, 0.5, 0.5]
    """
    period_d = np.where(joint.n_points >= _MIN_POINTS, period_d, np.nan)
    once, twice = fit_fourier(joint, period_d), fit_fourier(joint, 2.0 * period_d)
    brightest = np.where(once.n_harmonics > 0, _models(once).argmin(axis=1) / _N_PHASES, 0.0)
    points = _fold_rows(
        joint.time_d, joint.magnitude, joint.offsets, (period_d, brightest, _in_phase(once))
    )
    odd = _odd_fraction(twice)[:, None]
    values = np.concatenate([shape_features(once), odd, points], axis=1)
    values[~np.isfinite(values)] = np.nan
    return values


def _in_phase(fit: FourierSeries) -> FloatArray:
    return np.ascontiguousarray(np.concatenate([fit.cosine, fit.sine], axis=1))


def _models(fit: FourierSeries) -> FloatArray:
    """Return each series over one cycle, shape (n, 128); 0 where no harmonic was chosen."""
    model = np.zeros((len(fit.cosine), _N_PHASES))
    # Sum by sum: a matrix product rounds by the number of its rows.
    for n in range(MAX_HARMONICS):
        angle = 2.0 * np.pi * (n + 1) * np.arange(_N_PHASES) / _N_PHASES
        model += fit.cosine[:, n, None] * np.cos(angle) + fit.sine[:, n, None] * np.sin(angle)
    return np.nan_to_num(model)


def shape_features(fit: FourierSeries) -> FloatArray:
    """Return the features `SHAPES` of fitted series, shape (n, 7).

    NaN where nothing could be fitted; all but the power are NaN where no harmonic was chosen.
    """
    model = _models(fit)
    brightest, faintest = model.argmin(axis=1), model.argmax(axis=1)
    rise = ((brightest - faintest) % _N_PHASES) / _N_PHASES
    middle = 0.5 * (model.min(axis=1) + model.max(axis=1))
    bright = np.mean(model < middle[:, None], axis=1)
    deviation = model - model.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        skew = np.mean(deviation**3, axis=1) / np.mean(deviation**2, axis=1) ** 1.5
    series = fourier_features(fit)
    of_series = [series[:, FOURIER.index(f"f1_{name}")] for name in SHAPES[:4]]
    shape = np.column_stack([*of_series, rise, bright, skew])
    shape[~(fit.n_harmonics > 0), 1:] = np.nan
    return shape


def _odd_fraction(fit: FourierSeries) -> FloatArray:
    """Return the share of odd harmonics of twice the period in the model's power."""
    power = fit.amplitudes**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(power[:, 0::2].sum(axis=1) / power.sum(axis=1))


@compiled(error_model="numpy", nogil=True)
def _fold_rows(time, value, offsets, fold):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return what points say at the period and at twice it, then the medians of phase bins."""
    periods, zeros, terms = fold
    out = np.full((len(offsets) - 1, 7 + N_BINS), np.nan)
    for k in range(len(offsets) - 1):
        t, y = time[offsets[k] : offsets[k + 1]], value[offsets[k] : offsets[k + 1]]
        if len(t) < 8 or not periods[k] > 0:
            continue
        phase = t / periods[k] - zeros[k]
        phase -= np.floor(phase)
        double = 0.5 * t / periods[k]
        double -= np.floor(double)
        order, order_double = np.argsort(phase), np.argsort(double)
        medians = _phase_medians(double[order_double], y[order_double], 2 * N_BINS)
        _minima(medians, out[k])
        out[k, 4] = _smoothness(y[order])
        out[k, 5] = _smoothness(y[order_double])
        out[k, 6] = _left_over(t / periods[k], y, terms[k])
        out[k, 7:] = _phase_medians(phase[order], y[order], N_BINS)
    return out


@compiled(error_model="numpy", nogil=True)
def _phase_medians(phase, y, n_bins):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return the median of each phase bin; phases are sorted."""
    medians = np.full(n_bins, np.nan)
    begin = 0
    for b in range(n_bins):
        end = begin
        while end < len(phase) and phase[end] * n_bins < b + 1:
            end += 1
        if end > begin:
            medians[b] = np.median(y[begin:end])
        begin = end
    return medians


@compiled(error_model="numpy", nogil=True)
def _smoothness(y):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return the von Neumann ratio around the circle."""
    mean = np.mean(y)
    steps = (y[0] - y[-1]) ** 2
    spread = (y[0] - mean) ** 2
    for i in range(1, len(y)):
        steps += (y[i] - y[i - 1]) ** 2
        spread += (y[i] - mean) ** 2
    return steps / spread


@compiled(error_model="numpy", nogil=True)
def _left_over(cycles, y, terms):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return the median deviation after over that before taking off the harmonics."""
    rest = y.copy()
    n_harmonics = len(terms) // 2
    for i in range(len(y)):
        for n in range(n_harmonics):
            angle = 2.0 * math.pi * (n + 1) * cycles[i]
            rest[i] -= terms[n] * math.cos(angle) + terms[n_harmonics + n] * math.sin(angle)
    before = np.median(np.abs(y - np.median(y)))
    return np.median(np.abs(rest - np.median(rest))) / before


@compiled(error_model="numpy", nogil=True)
def _without_holes(medians):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Interpolate around the circle where bins are empty; all NaN where half of them are."""
    n = len(medians)
    filled = medians.copy()
    if 2 * np.count_nonzero(np.isnan(medians)) >= n:
        filled[:] = math.nan
        return filled
    for b in range(n):
        if not math.isnan(medians[b]):
            continue
        before, after = 1, 1
        while math.isnan(medians[(b - before) % n]):
            before += 1
        while math.isnan(medians[(b + after) % n]):
            after += 1
        low, high = medians[(b - before) % n], medians[(b + after) % n]
        filled[b] = low + (high - low) * before / (before + after)
    return filled


@compiled(error_model="numpy", nogil=True)
def _minima(medians, row):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill depths of the two minima, their distance in phase, and the width of the first."""
    n = len(medians)
    filled = _without_holes(medians)
    if math.isnan(filled[0]):
        return
    top = np.quantile(filled, 0.1)
    first = int(np.argmax(filled))
    row[0] = filled[first] - top
    second, depth = -1, -math.inf
    for b in range(n):
        apart = min((b - first) % n, (first - b) % n)
        if apart >= n // 4 and filled[b] > depth:
            second, depth = b, filled[b]
    row[1] = depth - top
    row[2] = min((second - first) % n, (first - second) % n) / n
    inside = 0
    for b in range(n):
        inside += filled[b] > top + 0.5 * row[0]
    row[3] = inside / n

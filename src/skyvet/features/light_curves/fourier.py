"""Fourier series at a known period, with a slope and as many harmonics as BIC allows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.light_curves.ragged_series import RaggedSeries
from skyvet.features.periods.compiled import compiled

__all__ = [
    "FOURIER",
    "MAX_HARMONICS",
    "N_OF_SCOPE",
    "FourierSeries",
    "fit_fourier",
    "fourier_features",
]

MAX_HARMONICS = 5
"""Most harmonics that are tried."""

N_OF_SCOPE = 14
"""Features of `FOURIER`, from the first on, that are SCoPe's."""

_N_TERMS = 2 + 2 * MAX_HARMONICS
_SMALLEST_PIVOT = 1e-10

FOURIER = (
    "f1_power", "f1_bic", "f1_a", "f1_b", "f1_amp", "f1_phi0",
    "f1_relamp1", "f1_relphi1", "f1_relamp2", "f1_relphi2",
    "f1_relamp3", "f1_relphi3", "f1_relamp4", "f1_relphi4",
    "f1_harmonics",
    "f1_cos_phi1", "f1_sin_phi1", "f1_cos_phi2", "f1_sin_phi2",
)  # fmt: skip
"""Names of the features: the 14 of SCoPe, the number of harmonics, wrapped phases as pairs."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FourierSeries:
    """Fitted series of many rows; NaN where a row could not be fitted.

    The model is ``a + b (t - tmin) + sum_n A_n cos(2 pi n t / P) + B_n sin(2 pi n t / P)`` with t
    the times of the series, so phases of one source's bands have one zero.

    Parameters
    ----------
    period_d : ndarray, shape (n_rows,), float64
        P [d].
    offset, slope : ndarray, shape (n_rows,), float64
        a [mag] and b [mag/d].
    cosine, sine : ndarray, shape (n_rows, 5), float64
        A_n and B_n [mag]; 0 for harmonics not used.
    n_harmonics : ndarray, shape (n_rows,), float64
        Harmonics used, 0 to 5.
    chi2_flat, chi2 : ndarray, shape (n_rows,), float64
        Of a straight line (k = 0) and of the series.
    bic : ndarray, shape (n_rows,), float64
        ``chi2 + (2 + 2 k) ln N`` of the series.
    """

    period_d: FloatArray
    offset: FloatArray
    slope: FloatArray
    cosine: FloatArray
    sine: FloatArray
    n_harmonics: FloatArray
    chi2_flat: FloatArray
    chi2: FloatArray
    bic: FloatArray

    @property
    def amplitudes(self) -> FloatArray:
        """Half amplitude of each harmonic [mag], shape (n_rows, 5)."""
        return np.hypot(self.cosine, self.sine)


def fit_fourier(rows: RaggedSeries, period_d: FloatArray) -> FourierSeries:
    """Fit each row at its period by weighted least squares.

    The number of harmonics, 0 to 5, minimises BIC (Schwarz 1978). One Cholesky factor of the
    largest normal matrix serves all of them, as the models are nested. Harmonics that the points
    cannot tell apart, or that leave no degree of freedom, are not tried.

    Parameters
    ----------
    rows : RaggedSeries
        Measurements.
    period_d : ndarray, shape (n_rows,)
        Periods [d]; NaN = none known.

    Returns
    -------
    FourierSeries
        NaN for rows with fewer than 4 points or without a period.

    Examples
    --------
    >>> t = np.linspace(0.0, 30.0, 60)
    >>> rows = RaggedSeries(
    ...     time_d=t, magnitude=15.0 + 0.3 * np.sin(2 * np.pi * t / 0.7),
    ...     magnitude_err=np.full(60, 0.01), offsets=np.array([0, 60]))
    >>> fit = fit_fourier(rows, np.array([0.7]))
    >>> fit.n_harmonics.tolist(), round(float(fit.amplitudes[0, 0]), 6)
    ([1.0], 0.3)
    """
    solved = _fit_rows(
        rows.time_d,
        rows.magnitude,
        rows.magnitude_err,
        rows.offsets,
        np.ascontiguousarray(period_d, dtype=np.float64),
    )
    harmonics = solved[:, 2:_N_TERMS]
    return FourierSeries(
        period_d=np.asarray(period_d, dtype=np.float64),
        offset=solved[:, 0],
        slope=solved[:, 1],
        cosine=harmonics[:, 0::2],
        sine=harmonics[:, 1::2],
        n_harmonics=solved[:, _N_TERMS],
        chi2_flat=solved[:, _N_TERMS + 1],
        chi2=solved[:, _N_TERMS + 2],
        bic=solved[:, _N_TERMS + 3],
    )


def fourier_features(fit: FourierSeries) -> FloatArray:
    """Return the features `FOURIER` of fitted series, shape (n_rows, 19).

    Relative amplitudes and phases are NaN where no harmonic was chosen (there is nothing to be
    relative to), and relative phases where their harmonic was not used; both are missing values
    like others and never a reason to drop a source. Relative phases wrap at 1, so the first two
    are also given as cosine and sine.

    Examples
    --------
    >>> t = np.linspace(0.0, 30.0, 60)
    >>> rows = RaggedSeries(
    ...     time_d=t, magnitude=np.full(60, 15.0), magnitude_err=np.full(60, 0.01),
    ...     offsets=np.array([0, 60]))
    >>> values = fourier_features(fit_fourier(rows, np.array([0.7])))
    >>> float(values[0, FOURIER.index("f1_relamp1")])
    nan
    """
    amplitudes = fit.amplitudes
    phases = np.arctan2(fit.cosine, fit.sine)
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = [(fit.chi2_flat - fit.chi2) / fit.chi2_flat, fit.bic, fit.offset, fit.slope]
        columns += [amplitudes[:, 0], np.where(amplitudes[:, 0] > 0, phases[:, 0], np.nan)]
        relative_phases = []
        for n in range(2, MAX_HARMONICS + 1):
            relative = amplitudes[:, n - 1] / amplitudes[:, 0]
            phase = ((phases[:, n - 1] / n - phases[:, 0]) / (2.0 * np.pi / n)) % 1.0
            relative_phases.append(np.where(amplitudes[:, n - 1] > 0, phase, np.nan))
            columns += [relative, relative_phases[-1]]
    columns.append(fit.n_harmonics)
    for phase in relative_phases[:2]:
        columns += [np.cos(2.0 * np.pi * phase), np.sin(2.0 * np.pi * phase)]
    values = np.column_stack(columns)
    values[~np.isfinite(values)] = np.nan
    return values


@compiled(error_model="numpy", nogil=True)
def _fit_rows(time, magnitude, error, offsets, periods):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    out = np.full((len(offsets) - 1, _N_TERMS + 4), np.nan)
    normal = np.empty((_N_TERMS, _N_TERMS))
    right = np.empty(_N_TERMS)
    for k in range(len(offsets) - 1):
        begin, end = offsets[k], offsets[k + 1]
        if end - begin < 4 or not periods[k] > 0:
            continue
        t, m, e = time[begin:end], magnitude[begin:end], error[begin:end]
        weights = 1.0 / (e * e)
        centre = np.sum(weights * (t - t[0])) / np.sum(weights) + t[0]
        level = np.sum(weights * (m - m[0])) / np.sum(weights) + m[0]
        span = max(t[-1] - t[0], 1e-12)
        residual = m - level
        _fill_normal(((t - centre) / span, t / periods[k], residual, weights), normal, right)
        n_solid = _cholesky(normal, right)
        _choose(np.sum(weights * residual * residual), right, n_solid, (end - begin, out[k]))
        _solve(normal, right, out[k])
        out[k, 1] /= span
        out[k, 0] += level - out[k, 1] * (centre - t[0])
    return out


@compiled(error_model="numpy", nogil=True)
def _fill_normal(points, normal, right):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill the lower triangle of the normal matrix and the right-hand side."""
    x, cycles, y, weights = points
    normal[:] = 0.0
    right[:] = 0.0
    terms = np.empty(_N_TERMS)
    terms[0] = 1.0
    for i in range(len(x)):
        terms[1] = x[i]
        angle = 2.0 * math.pi * (cycles[i] - math.floor(cycles[i]))
        cosine, sine = math.cos(angle), math.sin(angle)
        terms[2], terms[3] = cosine, sine
        for n in range(1, MAX_HARMONICS):
            terms[2 * n + 2] = terms[2 * n] * cosine - terms[2 * n + 1] * sine
            terms[2 * n + 3] = terms[2 * n + 1] * cosine + terms[2 * n] * sine
        for p in range(_N_TERMS):
            weighted = weights[i] * terms[p]
            right[p] += weighted * y[i]
            for q in range(p + 1):
                normal[p, q] += weighted * terms[q]


@compiled(error_model="numpy", nogil=True)
def _cholesky(normal, right):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Factor in place and solve the first triangle; return how many terms are independent."""
    for p in range(_N_TERMS):
        diagonal = normal[p, p]
        for q in range(p):
            total = normal[p, q]
            for r in range(q):
                total -= normal[p, r] * normal[q, r]
            normal[p, q] = total / normal[q, q]
        pivot = diagonal
        for q in range(p):
            pivot -= normal[p, q] * normal[p, q]
        if not pivot > _SMALLEST_PIVOT * diagonal:
            return p
        normal[p, p] = math.sqrt(pivot)
        total = right[p]
        for q in range(p):
            total -= normal[p, q] * right[q]
        right[p] = total / normal[p, p]
    return _N_TERMS


@compiled(error_model="numpy", nogil=True)
def _choose(total, right, n_solid, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Choose the number of harmonics by BIC and note the sums of squares."""
    n, row = place
    chi2 = total
    best = math.inf
    for p in range(n_solid):
        chi2 -= right[p] * right[p]
        chi2 = max(chi2, 0.0)
        if p % 2 == 0:
            continue
        k = (p - 1) // 2
        if n <= p + 1 and k > 0:
            break
        bic = chi2 + (p + 1) * math.log(n)
        if k == 0:
            row[_N_TERMS + 1] = chi2
        if bic < best:
            best = bic
            row[_N_TERMS] = k
            row[_N_TERMS + 2] = chi2
            row[_N_TERMS + 3] = bic


@compiled(error_model="numpy", nogil=True)
def _solve(normal, right, row):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Solve the second triangle for the chosen number of harmonics."""
    if math.isnan(row[_N_TERMS]):
        return
    n_terms = 2 + 2 * int(row[_N_TERMS])
    row[:_N_TERMS] = 0.0
    for p in range(n_terms - 1, -1, -1):
        total = right[p]
        for q in range(p + 1, n_terms):
            total -= normal[q, p] * row[q]
        row[p] = total / normal[p, p]

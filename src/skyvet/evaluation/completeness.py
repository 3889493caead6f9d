"""Completeness of injected sources against their signal-to-noise ratio."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import expit, ndtr, ndtri

from skyvet.core.arrays import BoolArray, FloatArray, check_same_length
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.evaluation.estimates import NO_ESTIMATE, estimate
from skyvet.evaluation.facts import Estimate, InjectionBin, InjectionFacts
from skyvet.scoring.intervals import (
    Interval,
    Statistic,
    bootstrap_intervals,
    effective_trials,
    wilson_interval,
)

__all__ = [
    "CompletenessConfig",
    "CompletenessFit",
    "completeness_bins",
    "fit_completeness",
    "measure_completeness",
]

_N_FINE_BINS = 200
_SMALLEST_CHANCE = 1e-9
_MAX_STEPS = 100
_STEP_TOLERANCE = 1e-5
_DEPTHS = {"snr_at_50": 0.5, "snr_at_90": 0.9}

CurveShape = Literal["logistic", "erf"]


class CompletenessConfig(Config):
    """How completeness is measured.

    Parameters
    ----------
    threshold : float, optional
        ``score >= threshold`` is recovered; None takes the verdict ``real``.
    snr_column : {"snr", "snr_survey"}
        Which significance of the truth table: that of the stamp or that of the survey's depth.
    n_bins : int
        Bins of equal width in the logarithm of S/N.
    curve : {"logistic", "erf"}
        Shape of the fitted curve in the logarithm of S/N.
    confidence : float
        Coverage of every interval.
    n_resamples : int
        Bootstrap resamples, of whole hosts.
    seed : int
        Seed of the bootstrap.
    """

    threshold: float | None = Field(default=None, ge=0.0, le=1.0)
    snr_column: Literal["snr", "snr_survey"] = "snr"
    n_bins: int = Field(default=10, ge=2, le=100)
    curve: CurveShape = "logistic"
    confidence: float = Field(default=0.95, gt=0.0, lt=1.0)
    n_resamples: int = Field(default=300, ge=20)
    seed: int = Field(default=0, ge=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletenessFit:
    r"""A rising curve of completeness.

    .. math:: c(S) = c_\infty F\!\left(\frac{\ln S - \ln S_0}{w}\right)

    Parameters
    ----------
    curve : {"logistic", "erf"}
        :math:`F`: the logistic function or the cumulative normal distribution.
    snr_half : float
        :math:`S_0`, where half of the plateau is reached, > 0.
    width : float
        :math:`w`, in natural logarithm of S/N, > 0.
    plateau : float
        :math:`c_\infty`, completeness of the brightest sources, in (0, 1].
    snr_min, snr_max : float
        Range of the data; depths are not extrapolated.
    """

    curve: CurveShape
    snr_half: float
    width: float
    plateau: float
    snr_min: float
    snr_max: float

    def completeness(self, snr: FloatArray) -> FloatArray:
        """Return the fitted completeness at each S/N (> 0), in [0, 1]."""
        z = (np.log(snr) - math.log(self.snr_half)) / self.width
        return np.asarray(self.plateau * _cumulative(z, self.curve))

    def depth(self, level: float) -> float:
        """Return the S/N at which completeness reaches `level`.

        Parameters
        ----------
        level : float
            In (0, 1); absolute, not relative to the plateau.

        Returns
        -------
        float
            NaN where the plateau is lower or the depth lies outside the data.
        """
        share = level / self.plateau
        if share >= 1:
            return math.nan
        z = math.log(share / (1 - share)) if self.curve == "logistic" else float(ndtri(share))
        snr = self.snr_half * math.exp(min(self.width * z, 50.0))
        return snr if self.snr_min <= snr <= self.snr_max else math.nan


def fit_completeness(
    snr: FloatArray, is_recovered: BoolArray, *, curve: CurveShape = "logistic"
) -> CompletenessFit:
    """Fit a curve of completeness by maximum likelihood.

    Parameters
    ----------
    snr : ndarray, shape (n,)
        S/N of each source, finite and > 0.
    is_recovered : ndarray, shape (n,), bool
        True where it was kept.
    curve : {"logistic", "erf"}, default "logistic"
        Shape of the rise.

    Returns
    -------
    CompletenessFit

    Raises
    ------
    InvalidInputError
        If lengths differ, an S/N is not positive, or all or none were recovered.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> snr = np.exp(rng.uniform(0.0, 4.0, 20000))
    >>> fit = fit_completeness(snr, rng.random(20000) < 1 / (1 + (6.0 / snr) ** 4))
    >>> round(fit.depth(0.5))
    6
    """
    snr, recovered = _checked(snr, is_recovered)
    if recovered.all() or not recovered.any():
        raise InvalidInputError(
            f"a curve needs recovered and lost sources, got {int(recovered.sum())} of "
            f"{len(recovered)} recovered; inject a wider range of S/N"
        )
    counts = _count_finely(np.log(snr), recovered)
    start = np.array([float(np.average(counts.log_snr, weights=counts.n)), math.log(0.3), 2.0])
    best = _maximise(counts, curve, start, half_range=(math.log(snr.min()), math.log(snr.max())))
    return CompletenessFit(
        curve=curve,
        snr_half=float(math.exp(best[0])),
        width=float(math.exp(best[1])),
        plateau=float(expit(best[2])),
        snr_min=float(snr.min()),
        snr_max=float(snr.max()),
    )


def completeness_bins(
    snr: FloatArray,
    is_recovered: BoolArray,
    *,
    n_bins: int = 10,
    groups: NDArray[Any] | None = None,
    level: float = 0.95,
) -> tuple[InjectionBin, ...]:
    """Count recovered sources in bins of equal width in the logarithm of S/N.

    Parameters
    ----------
    snr : ndarray, shape (n,)
        S/N of each source, finite and > 0.
    is_recovered : ndarray, shape (n,), bool
        True where it was kept.
    n_bins : int, default 10
        Number of bins.
    groups : ndarray, shape (n,), optional
        Host of each source; sources in one host are not independent and widen the interval.
    level : float, default 0.95
        Coverage of the Wilson intervals.

    Returns
    -------
    tuple of InjectionBin
        In rising order; a bin without sources has no completeness.

    Raises
    ------
    InvalidInputError
        If lengths differ or an S/N is not positive.

    Examples
    --------
    >>> bins = completeness_bins(np.array([1.0, 10.0]), np.array([False, True]), n_bins=2)
    >>> [b.completeness.value for b in bins]
    [0.0, 1.0]
    """
    snr, recovered = _checked(snr, is_recovered)
    if len(snr) == 0:
        return ()
    hosts = np.arange(len(snr)) if groups is None else np.asarray(groups)
    check_same_length(snr=snr, groups=hosts)
    edges = np.geomspace(snr.min(), max(snr.max(), snr.min() * 1.001), n_bins + 1)
    i_bin = np.clip(np.searchsorted(edges, snr, side="right") - 1, 0, n_bins - 1)
    return tuple(
        InjectionBin(
            snr_low=float(edges[i]),
            snr_high=float(edges[i + 1]),
            n=int((i_bin == i).sum()),
            completeness=_rate(recovered[i_bin == i], hosts[i_bin == i], level),
        )
        for i in range(n_bins)
    )


def measure_completeness(
    truth: pa.Table, scores: pa.Table, config: CompletenessConfig | None = None
) -> InjectionFacts:
    """Measure completeness of injected sources from the truth and the score table.

    Parameters
    ----------
    truth : Table
        Columns ``candidate_id``, ``host_object_id`` and the S/N column, as `skyvet inject` writes.
    scores : Table
        Columns ``candidate_id``, ``score`` and, without a threshold, ``verdict``.
    config : CompletenessConfig, optional
        How.

    Returns
    -------
    InjectionFacts
        Injected sources without a score (rejected stamps) count as lost. Depths outside the
        injected range are None and the note says so.

    Raises
    ------
    InvalidInputError
        If a column is missing, no injected source has a score, or none has an S/N.
    """
    config = config or CompletenessConfig()
    _check_columns(truth, ("candidate_id", "host_object_id", config.snr_column), name="truth")
    needed = "verdict" if config.threshold is None else "score"
    _check_columns(scores, ("candidate_id", needed), name="scores")
    outcome = _outcomes(scores, config.threshold)
    ids = [str(value) for value in truth["candidate_id"].to_pylist()]
    snr = truth[config.snr_column].to_numpy().astype(np.float64)
    usable = np.isfinite(snr) & (snr > 0)
    if not any(identifier in outcome for identifier in ids):
        raise InvalidInputError(
            "no injected source has a score; score the packets that `skyvet inject` wrote"
        )
    if not usable.any():
        raise InvalidInputError(f"column {config.snr_column} of the truth holds no S/N above 0")
    n_unscored = sum(identifier not in outcome for identifier in ids)
    recovered = np.array([outcome.get(identifier, False) for identifier in ids], dtype=bool)
    hosts = np.array([str(value) for value in truth["host_object_id"].to_pylist()])
    depths, note = _depths(snr[usable], recovered[usable], hosts[usable], config)
    return InjectionFacts(
        n=int(usable.sum()),
        note=" ".join([*_counts_note(n_unscored, int((~usable).sum())), *note]),
        bins=completeness_bins(
            snr[usable],
            recovered[usable],
            n_bins=config.n_bins,
            groups=hosts[usable],
            level=config.confidence,
        ),
        snr_at_50=depths["snr_at_50"],
        snr_at_90=depths["snr_at_90"],
    )


def _checked(snr: FloatArray, is_recovered: BoolArray) -> tuple[FloatArray, BoolArray]:
    snr = np.asarray(snr, dtype=np.float64)
    recovered = np.asarray(is_recovered, dtype=bool)
    check_same_length(snr=snr, is_recovered=recovered)
    if not (np.isfinite(snr) & (snr > 0)).all():
        raise InvalidInputError("snr must be finite and above 0; remove other sources first")
    return snr, recovered


def _cumulative(z: FloatArray, curve: CurveShape) -> FloatArray:
    return np.asarray(expit(z) if curve == "logistic" else ndtr(z))


def _density(z: FloatArray, curve: CurveShape) -> FloatArray:
    if curve == "logistic":
        return np.asarray(expit(z) * expit(-z))
    return np.asarray(np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi))


@dataclass(frozen=True, slots=True, eq=False)
class _Counts:
    """Sources in narrow bins: mean ln S/N, number, number recovered."""

    log_snr: FloatArray
    n: FloatArray
    kept: FloatArray


def _count_finely(log_snr: FloatArray, recovered: BoolArray) -> _Counts:
    """Count in 200 narrow bins, so that a fit costs the same for any number of sources."""
    low, high = float(log_snr.min()), float(log_snr.max())
    scaled = (log_snr - low) / max(high - low, 1e-12) * _N_FINE_BINS
    i_bin = np.minimum(scaled.astype(int), _N_FINE_BINS - 1)
    n = np.bincount(i_bin, minlength=_N_FINE_BINS).astype(float)
    kept = np.bincount(i_bin, weights=recovered, minlength=_N_FINE_BINS).astype(float)
    mean = np.bincount(i_bin, weights=log_snr, minlength=_N_FINE_BINS) / np.maximum(n, 1)
    return _Counts(mean[n > 0], n[n > 0], kept[n > 0])


def _maximise(
    counts: _Counts, curve: CurveShape, start: FloatArray, *, half_range: tuple[float, float]
) -> FloatArray:
    """Damped Fisher scoring in (ln S0, ln w, logit plateau) within bounds."""
    low = np.array([half_range[0] - 2.0, math.log(0.005), -7.0])
    high = np.array([half_range[1] + 2.0, math.log(10.0), 12.0])
    here = start
    value, slope, curvature = _log_likelihood(here, counts, curve)
    damping = 1e-3
    for _ in range(_MAX_STEPS):
        scale = np.diag(damping * np.diag(curvature) + 1e-9)
        there = np.clip(here + np.linalg.solve(curvature + scale, slope), low, high)
        moved = float(np.abs(there - here).max())
        new_value, new_slope, new_curvature = _log_likelihood(there, counts, curve)
        if new_value >= value:
            here, value, slope, curvature = there, new_value, new_slope, new_curvature
            damping *= 0.2
        else:
            damping *= 8.0
        if moved < _STEP_TOLERANCE:
            break
    return here


def _log_likelihood(
    parameters: FloatArray, counts: _Counts, curve: CurveShape
) -> tuple[float, FloatArray, FloatArray]:
    """Binomial log-likelihood, its gradient and its Fisher information."""
    width, plateau = math.exp(parameters[1]), float(expit(parameters[2]))
    z = (counts.log_snr - parameters[0]) / width
    share = _cumulative(z, curve)
    chance = np.clip(plateau * share, _SMALLEST_CHANCE, 1 - _SMALLEST_CHANCE)
    density = plateau * _density(z, curve)
    change = np.stack([-density / width, -density * z, share * plateau * (1 - plateau)])
    lost = counts.n - counts.kept
    value = float((counts.kept * np.log(chance) + lost * np.log1p(-chance)).sum())
    gradient = change @ (counts.kept / chance - lost / (1 - chance))
    information = (change * (counts.n / (chance * (1 - chance)))) @ change.T
    return value, gradient, information


def _rate(recovered: BoolArray, hosts: NDArray[Any], level: float) -> Estimate:
    n = len(recovered)
    if n == 0:
        return NO_ESTIMATE
    rate = float(recovered.mean())
    n_effective = effective_trials(recovered, hosts)
    return estimate(rate, wilson_interval(rate * n_effective, n_effective, level=level))


def _depths(
    snr: FloatArray, recovered: BoolArray, hosts: NDArray[Any], config: CompletenessConfig
) -> tuple[dict[str, Estimate], list[str]]:
    """Depths with bootstrap intervals over hosts, and what cannot be said."""
    none = dict.fromkeys(_DEPTHS, NO_ESTIMATE)
    if recovered.all() or not recovered.any():
        word = "All" if recovered.all() else "No"
        return none, [f"{word} sources were recovered; no depth can be fitted."]
    fit = fit_completeness(snr, recovered, curve=config.curve)
    values = {name: fit.depth(level) for name, level in _DEPTHS.items()}
    known = {name: value for name, value in values.items() if math.isfinite(value)}
    notes = [
        f"The {level:.0%} depth lies outside the injected range (plateau {fit.plateau:.2f})."
        for name, level in _DEPTHS.items()
        if name not in known
    ]
    try:
        intervals = _bootstrap(known, snr, recovered, hosts, config)
    except InvalidInputError as error:
        intervals = {}
        notes.append(f"Depths without intervals: {error}.")
    found = {
        name: estimate(value, intervals[name]) if name in intervals else Estimate(value=value)
        for name, value in known.items()
    }
    return none | found, notes


def _bootstrap(
    known: dict[str, float],
    snr: FloatArray,
    recovered: BoolArray,
    hosts: NDArray[Any],
    config: CompletenessConfig,
) -> dict[str, Interval]:
    if not known:
        return {}
    statistics = {name: _depth_statistic(_DEPTHS[name], config.curve) for name in known}
    return bootstrap_intervals(
        statistics,
        snr,
        recovered.astype(np.int8),
        rng=np.random.default_rng(config.seed),
        groups=hosts,
        n_resamples=config.n_resamples,
        level=config.confidence,
    )


def _depth_statistic(level: float, curve: CurveShape) -> Statistic:
    def depth(snr: NDArray[np.float64], labels: NDArray[np.int8]) -> float:
        return fit_completeness(snr, labels == 1, curve=curve).depth(level)

    return depth


def _outcomes(scores: pa.Table, threshold: float | None) -> dict[str, bool]:
    """Whether each scored candidate was kept; the last row of an identifier counts."""
    ids = [str(value) for value in scores["candidate_id"].to_pylist()]
    if threshold is None:
        kept = [value == "real" for value in scores["verdict"].to_pylist()]
    else:
        kept = [v is not None and v >= threshold for v in scores["score"].to_pylist()]
    return dict(zip(ids, kept, strict=True))


def _counts_note(n_unscored: int, n_unknown: int) -> list[str]:
    notes = []
    if n_unscored:
        notes.append(f"{n_unscored} without a score count as lost.")
    if n_unknown:
        notes.append(f"{n_unknown} without a known S/N are left out.")
    return notes


def _check_columns(table: pa.Table, names: tuple[str, ...], *, name: str) -> None:
    missing = [column for column in names if column not in table.column_names]
    if missing:
        raise InvalidInputError(f"the {name} table lacks the columns {', '.join(missing)}")

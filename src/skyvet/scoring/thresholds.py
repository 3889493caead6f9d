"""Choose a threshold for a purity, completeness, F1, false positive rate or workload.

``score >= threshold`` is taken for REAL. The intervals are those of a fixed threshold: on the
labels that chose it the estimate is optimistic, so quote the figures of other labels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skyvet.core.errors import InvalidInputError
from skyvet.scoring.arguments import ScoredLabels, check_fraction, check_scored_labels
from skyvet.scoring.curves import CumulativeCounts, cumulative_counts
from skyvet.scoring.intervals import Interval, wilson_interval
from skyvet.scoring.metrics import ConfusionCounts, confusion_counts
from skyvet.scoring.priors import prior_weights, purity_at_prior, purity_interval_at_prior

__all__ = [
    "OperatingPoint",
    "operating_point",
    "threshold_for_completeness",
    "threshold_for_f1",
    "threshold_for_fpr",
    "threshold_for_purity",
    "threshold_for_workload",
]

_ROUNDING = 1e-12
"""A target that is met but for rounding is met."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """A threshold and what it gave on a labelled sample.

    Parameters
    ----------
    threshold : float
        ``score >= threshold`` is taken for REAL.
    purity, completeness, fpr : float
        Rates in [0, 1]; purity at `prior`, NaN where nothing is selected.
    purity_interval, completeness_interval, fpr_interval : Interval
        Wilson intervals, that of the purity as in
        `skyvet.scoring.priors.purity_interval_at_prior`; at effective counts under weights.
    selected_fraction : float
        Fraction of all candidates selected at `prior`, in [0, 1].
    prior : float
        Fraction REAL at which purity and workload hold.
    n_positive, n_negative : int
        Numbers of REAL and BOGUS in the sample.
    is_reached : bool
        False where no threshold meets the target while selecting something; the point is then
        the nearest to it.
    """

    threshold: float
    purity: float
    completeness: float
    fpr: float
    purity_interval: Interval
    completeness_interval: Interval
    fpr_interval: Interval
    selected_fraction: float
    prior: float
    n_positive: int
    n_negative: int
    is_reached: bool


def operating_point(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    threshold: float,
    prior: float | None = None,
    weights: ArrayLike | None = None,
    level: float = 0.95,
    is_reached: bool = True,
) -> OperatingPoint:
    """Rates and intervals at a given threshold.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Finite; larger means more likely REAL.
    labels : array_like, shape (n,)
        1 = REAL, 0 = BOGUS; both must be there. Remove UNKNOWN first.
    threshold : float
        ``score >= threshold`` is taken for REAL.
    prior : float, optional
        Fraction REAL, in (0, 1), at which the purity holds; that of the sample where not given.
    weights : array_like, shape (n,), optional
        Sample weights >= 0.
    level : float, default 0.95
        Coverage of the intervals, in (0, 1).
    is_reached : bool, default True
        Copied into the result.

    Returns
    -------
    OperatingPoint

    Raises
    ------
    InvalidInputError
        If an argument is out of range or a class is missing.

    Examples
    --------
    >>> point = operating_point([0.9, 0.8, 0.1], [1, 0, 0], threshold=0.5, prior=0.5)
    >>> point.completeness, point.fpr, round(point.purity, 3)
    (1.0, 0.5, 0.667)
    """
    checked = check_scored_labels(scores, labels, weights)
    counts = confusion_counts(
        checked.scores, checked.is_real, threshold=threshold, weights=checked.weights
    )
    used_prior = _prior_of(checked, prior)
    effective = _effective_counts(checked, counts)
    return OperatingPoint(
        threshold=float(threshold),
        purity=purity_at_prior(counts.completeness, counts.fpr, prior=used_prior),
        completeness=counts.completeness,
        fpr=counts.fpr,
        purity_interval=_purity_interval(effective, used_prior, level, has_prior=prior is not None),
        completeness_interval=wilson_interval(
            effective.n_true_positive, effective.n_positive, level=level
        ),
        fpr_interval=wilson_interval(effective.n_false_positive, effective.n_negative, level=level),
        selected_fraction=used_prior * counts.completeness + (1 - used_prior) * counts.fpr,
        prior=used_prior,
        n_positive=int(np.count_nonzero(checked.is_real)),
        n_negative=int(np.count_nonzero(~checked.is_real)),
        is_reached=is_reached,
    )


def threshold_for_purity(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    purity: float = 0.95,
    prior: float | None = None,
    weights: ArrayLike | None = None,
    level: float = 0.95,
) -> OperatingPoint:
    """Most complete threshold whose purity is at least `purity`.

    Parameters
    ----------
    scores, labels, prior, weights, level
        As for `operating_point`.
    purity : float, default 0.95
        Target, in [0, 1].

    Returns
    -------
    OperatingPoint
        The purest threshold, with `is_reached` False, where none is pure enough.

    Raises
    ------
    InvalidInputError
        As for `operating_point`.

    Examples
    --------
    >>> threshold_for_purity([0.9, 0.8, 0.7, 0.1], [1, 1, 0, 0], purity=0.95).threshold
    0.8
    """
    check_fraction(purity, "purity")
    curve = _selecting_curve(scores, labels, weights)
    real, bogus = _selected_parts(curve, prior)
    pure = real / (real + bogus)
    is_met = pure >= purity * (1 - _ROUNDING)
    best = _last_step(curve.completeness, is_met) if is_met.any() else _first_max(pure)
    return operating_point(
        scores,
        labels,
        threshold=float(curve.thresholds[best]),
        prior=prior,
        weights=weights,
        level=level,
        is_reached=bool(is_met.any()),
    )


def threshold_for_completeness(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    completeness: float = 0.9,
    prior: float | None = None,
    weights: ArrayLike | None = None,
    level: float = 0.95,
) -> OperatingPoint:
    """Highest threshold whose completeness is at least `completeness`; one always exists.

    Parameters
    ----------
    scores, labels, prior, weights, level
        As for `operating_point`.
    completeness : float, default 0.9
        Target, in [0, 1].

    Returns
    -------
    OperatingPoint

    Raises
    ------
    InvalidInputError
        As for `operating_point`.

    Examples
    --------
    >>> threshold_for_completeness([0.9, 0.8, 0.7, 0.1], [1, 0, 1, 0], completeness=0.9).threshold
    0.7
    """
    check_fraction(completeness, "completeness")
    curve = _selecting_curve(scores, labels, weights)
    best = _first_true(curve.completeness >= completeness)
    return operating_point(
        scores,
        labels,
        threshold=float(curve.thresholds[best]),
        prior=prior,
        weights=weights,
        level=level,
    )


def threshold_for_f1(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    prior: float | None = None,
    weights: ArrayLike | None = None,
    level: float = 0.95,
) -> OperatingPoint:
    """Threshold with the largest harmonic mean of purity and completeness; one always exists.

    Parameters
    ----------
    scores, labels, prior, weights, level
        As for `operating_point`; the purity is that at the prior.

    Returns
    -------
    OperatingPoint
        The highest threshold, where several are equal.

    Raises
    ------
    InvalidInputError
        As for `operating_point`.

    Examples
    --------
    >>> threshold_for_f1([0.9, 0.8, 0.7, 0.1], [1, 1, 0, 0]).threshold
    0.8
    """
    curve = _selecting_curve(scores, labels, weights)
    real, bogus = _selected_parts(curve, prior)
    used = curve.n_positive / (curve.n_positive + curve.n_negative) if prior is None else prior
    best = _first_max(2 * real / (real + bogus + used))
    return operating_point(
        scores,
        labels,
        threshold=float(curve.thresholds[best]),
        prior=prior,
        weights=weights,
        level=level,
    )


def threshold_for_fpr(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    fpr: float = 0.01,
    prior: float | None = None,
    weights: ArrayLike | None = None,
    level: float = 0.95,
) -> OperatingPoint:
    """Most complete threshold whose false positive rate is at most `fpr`.

    Parameters
    ----------
    scores, labels, prior, weights, level
        As for `operating_point`.
    fpr : float, default 0.01
        Target, in [0, 1].

    Returns
    -------
    OperatingPoint
        The highest score, with `is_reached` False, where even that selects too many BOGUS.

    Raises
    ------
    InvalidInputError
        As for `operating_point`.

    Examples
    --------
    >>> threshold_for_fpr([0.9, 0.8, 0.7, 0.1], [1, 0, 1, 0], fpr=0.0).threshold
    0.9
    """
    check_fraction(fpr, "fpr")
    curve = _selecting_curve(scores, labels, weights)
    is_met = curve.fpr <= fpr
    best = _last_step(curve.completeness, is_met) if is_met.any() else 0
    return operating_point(
        scores,
        labels,
        threshold=float(curve.thresholds[best]),
        prior=prior,
        weights=weights,
        level=level,
        is_reached=bool(is_met.any()),
    )


def threshold_for_workload(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    fraction: float | None = None,
    n_per_night: float | None = None,
    n_candidates_per_night: float | None = None,
    prior: float | None = None,
    weights: ArrayLike | None = None,
    level: float = 0.95,
) -> OperatingPoint:
    """Lowest threshold that selects no more candidates than can be looked at.

    Parameters
    ----------
    scores, labels, prior, weights, level
        As for `operating_point`; the expected selection is taken at the prior.
    fraction : float, optional
        Largest fraction of all candidates to select, in [0, 1].
    n_per_night, n_candidates_per_night : float, optional
        Instead of a fraction: how many can be looked at, of how many that come [1 / night].

    Returns
    -------
    OperatingPoint
        The highest score, with `is_reached` False, where even that selects too many.

    Raises
    ------
    InvalidInputError
        As for `operating_point`, or unless the workload is given in one of the two ways.

    Examples
    --------
    >>> point = threshold_for_workload(
    ...     [0.9, 0.8, 0.7, 0.1], [1, 0, 1, 0], n_per_night=500, n_candidates_per_night=1000)
    >>> point.threshold, point.selected_fraction
    (0.8, 0.5)
    """
    target = _workload_fraction(fraction, n_per_night, n_candidates_per_night)
    curve = _selecting_curve(scores, labels, weights)
    real, bogus = _selected_parts(curve, prior)
    is_met = real + bogus <= target * (1 + _ROUNDING)
    best = int(np.flatnonzero(is_met)[-1]) if is_met.any() else 0
    return operating_point(
        scores,
        labels,
        threshold=float(curve.thresholds[best]),
        prior=prior,
        weights=weights,
        level=level,
        is_reached=bool(is_met.any()),
    )


def _workload_fraction(
    fraction: float | None, n_per_night: float | None, n_candidates_per_night: float | None
) -> float:
    if fraction is not None and n_per_night is None and n_candidates_per_night is None:
        check_fraction(fraction, "fraction")
        return fraction
    if fraction is not None or n_per_night is None or n_candidates_per_night is None:
        raise InvalidInputError(
            "give a workload either as fraction or as n_per_night with n_candidates_per_night"
        )
    if not (n_per_night >= 0 and 0 < n_candidates_per_night < math.inf):
        raise InvalidInputError(
            "a workload needs n_per_night >= 0 and n_candidates_per_night > 0, "
            f"got {n_per_night} and {n_candidates_per_night}"
        )
    return min(n_per_night / n_candidates_per_night, 1.0)


def _selecting_curve(
    scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None
) -> CumulativeCounts:
    """Count at every threshold that selects something."""
    counts = cumulative_counts(scores, labels, weights, needs_both_classes=True)
    keep = (counts.n_true_positive + counts.n_false_positive) > 0
    return CumulativeCounts(
        thresholds=counts.thresholds[keep],
        n_true_positive=counts.n_true_positive[keep],
        n_false_positive=counts.n_false_positive[keep],
        n_positive=counts.n_positive,
        n_negative=counts.n_negative,
    )


def _selected_parts(
    curve: CumulativeCounts, prior: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fractions of all candidates that are selected REAL and selected BOGUS, at the prior."""
    own = curve.n_positive / (curve.n_positive + curve.n_negative)
    used = own if prior is None else prior
    check_fraction(used, "prior", is_open=True)
    return used * curve.completeness, (1 - used) * curve.fpr


def _last_step(completeness: NDArray[np.float64], is_met: NDArray[np.bool_]) -> int:
    """First index at which the allowed completeness is largest: no BOGUS is taken for nothing."""
    return _first_max(np.where(is_met, completeness, -1.0))


def _first_max(values: NDArray[np.float64]) -> int:
    return int(np.argmax(values))


def _first_true(values: NDArray[np.bool_]) -> int:
    return int(np.argmax(values))


def _prior_of(checked: ScoredLabels, prior: float | None) -> float:
    """Given prior, or the weighted fraction REAL; either class missing is refused."""
    prior_weights(checked.is_real, prior=0.5 if prior is None else prior, weights=checked.weights)
    if prior is not None:
        return prior
    return float(np.average(checked.is_real, weights=checked.weights))


def _effective_counts(checked: ScoredLabels, counts: ConfusionCounts) -> ConfusionCounts:
    """Keep the rates, at Kish's effective numbers of REAL and BOGUS (the counts if unweighted)."""
    n_real = _kish(checked.weights[checked.is_real])
    n_bogus = _kish(checked.weights[~checked.is_real])
    tp, fp = counts.completeness * n_real, counts.fpr * n_bogus
    return ConfusionCounts(
        n_true_positive=tp,
        n_false_positive=fp,
        n_true_negative=max(n_bogus - fp, 0.0),
        n_false_negative=max(n_real - tp, 0.0),
        threshold=counts.threshold,
    )


def _kish(weights: NDArray[np.float64]) -> float:
    return float(weights.sum() ** 2 / np.sum(weights**2))


def _purity_interval(
    counts: ConfusionCounts, prior: float, level: float, *, has_prior: bool
) -> Interval:
    """Wilson's where the sample's own ratio is meant, that of a ratio of rates otherwise."""
    if has_prior:
        return purity_interval_at_prior(counts, prior=prior, level=level)
    return wilson_interval(counts.n_true_positive, counts.n_selected, level=level)

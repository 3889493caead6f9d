"""Fit calibrators on held-out logits and labels, and choose between them.

Every method uses Platt's smoothed targets, so that 20 labels, even perfectly separated ones, give
probabilities short of 0 and 1. Calibrate on candidates (and objects) the model was not trained on.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

from skyvet.core.arrays import check_same_length
from skyvet.core.errors import InvalidInputError
from skyvet.scoring.arguments import ScoredLabels, check_both_classes, check_scored_labels
from skyvet.scoring.calibrators import (
    BetaCalibrator,
    Calibrator,
    IdentityCalibrator,
    IsotonicCalibrator,
    PlattCalibrator,
    TemperatureCalibrator,
    calibrator_from_dict,
)
from skyvet.scoring.metrics import log_loss
from skyvet.scoring.monotone_logistic import fit_monotone_logistic, smoothed_targets

__all__ = [
    "CalibrationMethod",
    "Calibrator",
    "CalibratorChoice",
    "calibrator_from_dict",
    "fit_calibrator",
    "select_calibrator",
]


class CalibrationMethod(enum.StrEnum):
    """Ways to turn logits into probabilities, simplest first."""

    IDENTITY = "identity"
    TEMPERATURE = "temperature"
    PLATT = "platt"
    BETA = "beta"
    ISOTONIC = "isotonic"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratorChoice:
    """The calibrator that cross-validation preferred, and by how much.

    Parameters
    ----------
    calibrator : Calibrator
        Fitted on all rows.
    method : CalibrationMethod
        The chosen one.
    log_losses : mapping of CalibrationMethod to float
        Cross-validated log loss [nat] of each method tried; lower is better.
    n_folds : int
        Folds used.
    """

    calibrator: Calibrator
    method: CalibrationMethod
    log_losses: Mapping[CalibrationMethod, float]
    n_folds: int


def fit_calibrator(
    method: CalibrationMethod | str,
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    weights: ArrayLike | None = None,
) -> Calibrator:
    """Fit one calibrator.

    Parameters
    ----------
    method : CalibrationMethod
        identity, temperature, platt, beta or isotonic. Under some 1000 labels the first four.
    logits : array_like, shape (n,)
        Finite outputs of a model on candidates it was not trained on.
    labels : array_like, shape (n,)
        1 = REAL, 0 = BOGUS; both must be there. Remove UNKNOWN first.
    weights : array_like, shape (n,), optional
        Sample weights >= 0; `skyvet.scoring.priors.prior_weights` calibrates for another prior.

    Returns
    -------
    Calibrator
        Frozen; holds for the class ratio of the (weighted) labels.

    Raises
    ------
    InvalidInputError
        If the method is unknown, an array is out of range or a class is missing.

    References
    ----------
    Platt 1999; Zadrozny & Elkan 2002; Guo et al. 2017; Kull, Silva Filho & Flach 2017.

    Examples
    --------
    >>> logits = np.array([-4.0, -2.0, 2.0, 4.0, -3.0, 3.0])
    >>> fitted = fit_calibrator("platt", logits, np.array([0, 1, 0, 1, 0, 1]))
    >>> fitted.probability([-3.0, 0.0, 3.0]).round(2)
    array([0.34, 0.5 , 0.66])
    """
    kind = _as_method(method)
    checked = check_scored_labels(logits, labels, weights)
    check_both_classes(checked)
    return _FITTERS[kind](checked)


def select_calibrator(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    rng: np.random.Generator,
    groups: ArrayLike | None = None,
    methods: Sequence[CalibrationMethod | str] = tuple(CalibrationMethod),
    weights: ArrayLike | None = None,
    n_folds: int = 5,
) -> CalibratorChoice:
    """Choose the method with the lowest cross-validated log loss, and fit it on all rows.

    Objects are kept whole and each class is spread over the folds. Equal losses go to the method
    named first.

    Parameters
    ----------
    logits, labels, weights : array_like, shape (n,)
        As for `fit_calibrator`.
    rng : numpy.random.Generator
        Deals objects to folds.
    groups : array_like, shape (n,), optional
        Object of each row. Each row its own where not given.
    methods : sequence of CalibrationMethod, default all
        Methods to try, preferred first.
    n_folds : int, default 5
        At least 2; fewer are used where a class has fewer objects.

    Returns
    -------
    CalibratorChoice

    Raises
    ------
    InvalidInputError
        If no method is named, or a class has fewer than 2 objects.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> logits = 3 * rng.normal(size=400)
    >>> labels = (rng.random(400) < 1 / (1 + np.exp(-logits / 3))).astype(int)
    >>> choice = select_calibrator(logits, labels, rng=rng, methods=["identity", "temperature"])
    >>> str(choice.method), round(choice.calibrator.slope, 1)
    ('temperature', 0.3)
    """
    kinds = [_as_method(method) for method in methods]
    if not kinds or n_folds < 2:
        raise InvalidInputError(
            f"at least 1 method and 2 folds are needed, got {len(kinds)} and {n_folds}"
        )
    checked = check_scored_labels(logits, labels, weights)
    check_both_classes(checked)
    i_fold = _deal_folds(checked, groups, n_folds, rng)
    losses = {kind: _cross_validated_loss(kind, checked, i_fold) for kind in kinds}
    best = min(kinds, key=losses.__getitem__)
    return CalibratorChoice(
        calibrator=_FITTERS[best](checked),
        method=best,
        log_losses=MappingProxyType(losses),
        n_folds=int(i_fold.max()) + 1,
    )


def _as_method(method: CalibrationMethod | str) -> CalibrationMethod:
    try:
        return CalibrationMethod(method)
    except ValueError as error:
        names = ", ".join(CalibrationMethod)
        raise InvalidInputError(f"method must be one of {names}, got {method!r}") from error


def _fit_identity(checked: ScoredLabels) -> Calibrator:
    del checked
    return IdentityCalibrator()


def _fit_temperature(checked: ScoredLabels) -> Calibrator:
    slopes, _ = fit_monotone_logistic(
        checked.scores[:, None], smoothed_targets(checked), checked.weights, has_intercept=False
    )
    return TemperatureCalibrator(slope=float(slopes[0]))


def _fit_platt(checked: ScoredLabels) -> Calibrator:
    slopes, intercept = fit_monotone_logistic(
        checked.scores[:, None], smoothed_targets(checked), checked.weights
    )
    return PlattCalibrator(slope=float(slopes[0]), intercept=intercept)


def _fit_beta(checked: ScoredLabels) -> Calibrator:
    low, high = -np.logaddexp(0.0, -checked.scores), np.logaddexp(0.0, checked.scores)
    slopes, intercept = fit_monotone_logistic(
        np.column_stack([low, high]), smoothed_targets(checked), checked.weights
    )
    return BetaCalibrator(
        slope_low=float(slopes[0]), slope_high=float(slopes[1]), intercept=intercept
    )


def _fit_isotonic(checked: ScoredLabels) -> Calibrator:
    has_weight = checked.weights > 0
    logits, i_value = np.unique(checked.scores[has_weight], return_inverse=True)
    weights = checked.weights[has_weight]
    targets = smoothed_targets(checked)[has_weight]
    weight = np.bincount(i_value, weights=weights)
    mean = np.bincount(i_value, weights=weights * targets) / weight
    fitted = np.clip(np.maximum.accumulate(isotonic_regression(mean, weights=weight).x), 0.0, 1.0)
    # Of each block the two ends are enough.
    is_inner = np.zeros(len(fitted), dtype=bool)
    is_inner[1:-1] = (fitted[1:-1] == fitted[:-2]) & (fitted[1:-1] == fitted[2:])
    return IsotonicCalibrator(
        knot_logits=tuple(logits[~is_inner].tolist()),
        knot_probabilities=tuple(fitted[~is_inner].tolist()),
    )


_FITTERS: dict[CalibrationMethod, Callable[[ScoredLabels], Calibrator]] = {
    CalibrationMethod.IDENTITY: _fit_identity,
    CalibrationMethod.TEMPERATURE: _fit_temperature,
    CalibrationMethod.PLATT: _fit_platt,
    CalibrationMethod.BETA: _fit_beta,
    CalibrationMethod.ISOTONIC: _fit_isotonic,
}


def _deal_folds(
    checked: ScoredLabels, groups: ArrayLike | None, n_folds: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Fold of each row: objects shuffled within their class, then dealt round."""
    n = len(checked.scores)
    group_array = np.arange(n) if groups is None else np.asarray(groups)
    check_same_length(logits=checked.scores, groups=group_array)
    _, i_group = np.unique(group_array, return_inverse=True)
    weighted_real = np.where(checked.is_real, checked.weights, 0.0)
    weighted_bogus = np.where(checked.is_real, 0.0, checked.weights)
    has_real = np.bincount(i_group, weights=weighted_real) > 0
    has_bogus = np.bincount(i_group, weights=weighted_bogus) > 0
    # Objects with REAL, and those with BOGUS, each stand in a row: so two of either never share
    # all folds, and every training part holds both classes.
    kind = np.where(has_real, has_bogus.astype(int), np.where(has_bogus, 2, 3))
    n_used = min(n_folds, int(has_real.sum()), int(has_bogus.sum()))
    if n_used < 2:
        raise InvalidInputError(
            f"choosing needs 2 objects of each class, got {int(has_real.sum())} with REAL and "
            f"{int(has_bogus.sum())} with BOGUS; name one method and fit it instead"
        )
    shuffled = rng.permutation(len(kind))
    dealt = shuffled[np.argsort(kind[shuffled], kind="stable")]
    fold_of_group = np.empty(len(kind), dtype=np.intp)
    fold_of_group[dealt] = np.arange(len(kind)) % n_used
    return fold_of_group[i_group]


def _cross_validated_loss(
    kind: CalibrationMethod, checked: ScoredLabels, i_fold: NDArray[np.intp]
) -> float:
    probabilities = np.empty(len(checked.scores))
    for fold in range(int(i_fold.max()) + 1):
        inside = i_fold == fold
        rest = ScoredLabels(*(values[~inside] for values in checked))
        check_both_classes(rest)
        probabilities[inside] = _FITTERS[kind](rest).probability(checked.scores[inside])
    return log_loss(probabilities, checked.is_real, checked.weights)

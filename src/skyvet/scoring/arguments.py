"""The one check of score, label and weight arrays that every metric calls first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skyvet.core.arrays import check_same_length
from skyvet.core.errors import InvalidInputError

__all__ = ["ScoredLabels", "check_both_classes", "check_fraction", "check_scored_labels"]


class ScoredLabels(NamedTuple):
    """Checked arrays, all float64 or bool of shape (n,).

    Attributes
    ----------
    scores : ndarray, float64
        Finite.
    is_real : ndarray, bool
        True = REAL.
    weights : ndarray, float64
        Non-negative, 1 where none were given.
    """

    scores: NDArray[np.float64]
    is_real: NDArray[np.bool_]
    weights: NDArray[np.float64]


def check_fraction(value: float, name: str, *, is_open: bool = False) -> None:
    """Raise unless `value` lies in [0, 1], or in (0, 1) where `is_open`.

    Parameters
    ----------
    value : float
        The number to check; NaN is refused.
    name : str
        Its name in the message.
    is_open : bool, default False
        True refuses 0 and 1 too.

    Raises
    ------
    InvalidInputError
        If it lies outside.

    Examples
    --------
    >>> check_fraction(9.0, "prior", is_open=True)
    Traceback (most recent call last):
    ...
    skyvet.core.errors.InvalidInputError: prior must be a fraction in (0, 1), got 9.0
    """
    is_inside = 0.0 < value < 1.0 if is_open else 0.0 <= value <= 1.0
    if not is_inside:
        bounds = "(0, 1)" if is_open else "[0, 1]"
        raise InvalidInputError(f"{name} must be a fraction in {bounds}, got {value}")


def check_scored_labels(
    scores: ArrayLike,
    labels: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    is_probability: bool = False,
) -> ScoredLabels:
    """Check scores and labels together; nothing is removed.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Finite; larger means more likely REAL.
    labels : array_like, shape (n,)
        1 or True = REAL, 0 or False = BOGUS. Remove UNKNOWN first.
    weights : array_like, shape (n,), optional
        Weight of each sample, finite and >= 0, not all zero; 1 each where not given.
    is_probability : bool, default False
        True asks for scores in [0, 1] as well.

    Returns
    -------
    ScoredLabels

    Raises
    ------
    InvalidInputError
        If arrays are empty, not one-dimensional, of different length or out of range.

    Examples
    --------
    >>> check_scored_labels([0.2, 0.9], [0, 1]).is_real
    array([False,  True])
    """
    score_array = np.asarray(scores, dtype=np.float64)
    is_real = _as_is_real(labels)
    if score_array.ndim != 1 or is_real.ndim != 1:
        raise InvalidInputError(
            f"scores and labels must have shape (n,), got {score_array.shape} and {is_real.shape}"
        )
    weight_array = (
        np.ones(score_array.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    )
    check_same_length(scores=score_array, labels=is_real, weights=weight_array)
    if len(score_array) == 0:
        raise InvalidInputError("scores and labels must hold at least one sample, got none")
    _check_scores(score_array, is_probability=is_probability)
    _check_weights(weight_array)
    return ScoredLabels(score_array, is_real, weight_array)


def check_both_classes(checked: ScoredLabels) -> None:
    """Raise unless REAL and BOGUS both carry weight.

    Raises
    ------
    InvalidInputError
        If a class is missing.
    """
    n_real = int(np.count_nonzero(checked.is_real & (checked.weights > 0)))
    n_bogus = int(np.count_nonzero(~checked.is_real & (checked.weights > 0)))
    if n_real == 0 or n_bogus == 0:
        raise InvalidInputError(
            f"labels must hold both classes, got {n_real} REAL and {n_bogus} BOGUS; "
            "add labels of the missing class"
        )


def _as_is_real(labels: ArrayLike) -> NDArray[np.bool_]:
    values = np.asarray(labels)
    if values.dtype == np.bool_:
        return values
    is_number = np.issubdtype(values.dtype, np.number)
    if not is_number or not bool(np.isin(values, (0, 1)).all()):
        found = ", ".join(repr(value) for value in np.unique(values).tolist()[:5])
        raise InvalidInputError(
            f"labels must be 1 (REAL) or 0 (BOGUS), got {found}; remove UNKNOWN first"
        )
    return values.astype(np.bool_)


def _check_scores(scores: NDArray[np.float64], *, is_probability: bool) -> None:
    n_bad = int(np.count_nonzero(~np.isfinite(scores)))
    if n_bad:
        raise InvalidInputError(
            f"scores must be finite, got {n_bad} NaN or infinite of {len(scores)}; "
            "leave rejected candidates out"
        )
    if is_probability and (scores.min() < 0 or scores.max() > 1):
        raise InvalidInputError(
            f"scores must be in [0, 1], got min={scores.min():g}, max={scores.max():g}; "
            "apply a calibrator first"
        )


def _check_weights(weights: NDArray[np.float64]) -> None:
    if not bool(np.isfinite(weights).all()) or weights.min() < 0 or weights.sum() <= 0:
        raise InvalidInputError(
            "weights must be finite, >= 0 and not all zero, "
            f"got min={weights.min():g}, sum={weights.sum():g}"
        )

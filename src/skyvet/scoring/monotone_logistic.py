"""Logistic regression with slopes >= 0 on soft targets: the fit behind three calibrators."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from skyvet.scoring.arguments import ScoredLabels

__all__ = ["fit_monotone_logistic", "smoothed_targets"]

_MAX_STEPS = 100
_MAX_HALVINGS = 30
_GRADIENT_TOLERANCE = 1e-12

_Array = NDArray[np.float64]


def smoothed_targets(checked: ScoredLabels) -> _Array:
    """Targets (n+ + 1) / (n+ + 2) for REAL and 1 / (n- + 2) for BOGUS (Platt 1999).

    They stand for one more unseen candidate of either class, and keep a fit finite where few
    labels are separated perfectly. n+ and n- are sums of weights.

    Examples
    --------
    >>> from skyvet.scoring.arguments import check_scored_labels
    >>> smoothed_targets(check_scored_labels([1.0, -1.0], [1, 0]))
    array([0.66666667, 0.33333333])
    """
    n_real = float(checked.weights[checked.is_real].sum())
    n_bogus = float(checked.weights[~checked.is_real].sum())
    return np.where(checked.is_real, (n_real + 1) / (n_real + 2), 1 / (n_bogus + 2))


def fit_monotone_logistic(
    features: _Array, targets: _Array, weights: _Array, *, has_intercept: bool = True
) -> tuple[_Array, float]:
    """Minimise the weighted cross-entropy of ``expit(features @ slopes + intercept)``.

    The problem is convex, so its optimum under ``slopes >= 0`` is the best feasible optimum over
    all choices of slopes that are set to 0; these are few and each is solved by Newton steps.

    Parameters
    ----------
    features : ndarray, shape (n, k), float64
        Finite; k is 1 or 2.
    targets : ndarray, shape (n,), float64
        Strictly inside (0, 1).
    weights : ndarray, shape (n,), float64
        >= 0.
    has_intercept : bool, default True
        False holds the intercept at 0.

    Returns
    -------
    slopes : ndarray, shape (k,), float64
        All >= 0.
    intercept : float

    Examples
    --------
    A feature that points the wrong way gets slope 0, and the mean target remains:

    >>> fit_monotone_logistic(np.array([[1.0], [-1.0]]), np.array([0.2, 0.8]), np.ones(2))
    (array([0.]), 0.0)
    """
    n_features = features.shape[1]
    scale = np.maximum(np.abs(features).max(axis=0), np.finfo(np.float64).tiny)
    columns = features / scale
    best: tuple[float, _Array, float] | None = None
    for n_free in range(n_features, -1, -1):
        for free in combinations(range(n_features), n_free):
            slopes, intercept, loss = _solve_free(
                columns, targets, weights, free=list(free), has_intercept=has_intercept
            )
            is_better = best is None or loss < best[0]
            if is_better and bool((slopes >= 0).all()):
                best = (loss, slopes, intercept)
    assert best is not None  # with no slope free the constant is always feasible
    return best[1] / scale, best[2]


def _solve_free(
    columns: _Array, targets: _Array, weights: _Array, *, free: list[int], has_intercept: bool
) -> tuple[_Array, float, float]:
    """Optimum with the slopes outside `free` at 0: (slopes, intercept, loss)."""
    design = columns[:, free]
    if has_intercept:
        design = np.column_stack([design, np.ones(len(targets))])
    solution = _newton(design, targets, weights)
    slopes = np.zeros(columns.shape[1])
    slopes[free] = solution[: len(free)]
    intercept = float(solution[-1]) if has_intercept else 0.0
    return slopes, intercept, _loss(design @ solution, targets, weights)


def _newton(design: _Array, targets: _Array, weights: _Array) -> _Array:
    """Damped Newton steps (Lin, Lin & Weng 2007) from zero; the least-norm step if singular."""
    solution = np.zeros(design.shape[1])
    loss = _loss(design @ solution, targets, weights)
    for _ in range(_MAX_STEPS):
        probability = expit(design @ solution)
        gradient = design.T @ (weights * (probability - targets))
        if np.abs(gradient).max(initial=0.0) <= _GRADIENT_TOLERANCE * weights.sum():
            break
        curvature = (design.T * (weights * probability * (1 - probability))) @ design
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        for halving in range(_MAX_HALVINGS):
            trial = solution - step * 0.5**halving
            trial_loss = _loss(design @ trial, targets, weights)
            if trial_loss < loss:
                break
        else:
            break
        solution, loss = trial, trial_loss
    return solution


def _loss(activation: _Array, targets: _Array, weights: _Array) -> float:
    """Cross-entropy [nat, summed] without overflow."""
    return float(np.sum(weights * (np.logaddexp(0.0, activation) - targets * activation)))

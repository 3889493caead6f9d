"""A few labels on top of a network that never saw this survey: never far from where it started.

The network's logit f and its features z stay as they are. What is learnt is

    logit = a f + b + d . z,    (a - 1)^2, b^2 and d^2 penalised,

by maximum posterior, with both classes weighing the same. The penalty on d is chosen among a few,
"infinite" among them, by cross-validation inside the bought labels: the largest whose log loss lies
within one standard error of the best. Penalties below 600 / n are not tried, as the standard error
of a handful of labels is itself unsure: they move little more than a and b.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from skyvet.core.arrays import FloatArray, IntArray

__all__ = ["AdaptedHead", "adapt_head", "principal_features"]

_PENALTIES = (np.inf, 300.0, 100.0, 30.0, 10.0, 3.0)
_LEAST_PENALTY_TIMES_LABELS = 600.0
_PENALTY_SCALE = 3.0
_PENALTY_SHIFT = 0.3
_N_FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AdaptedHead:
    """What a few labels made of a network's logit.

    Parameters
    ----------
    scale, shift : float
        a and b.
    weights : ndarray, shape (d,)
        d, one a feature.
    penalty : float
        The penalty on `weights` that was chosen; infinite = none of them is used.
    """

    scale: float
    shift: float
    weights: FloatArray
    penalty: float

    def logits(self, logits: FloatArray, features: FloatArray) -> FloatArray:
        """Return the adapted logits, shape (n,)."""
        moved: FloatArray = self.scale * logits + self.shift + features @ self.weights
        return moved


def principal_features(features: FloatArray, n_kept: int) -> FloatArray:
    """Return the first principal components of standardised features; labels are not used.

    Parameters
    ----------
    features : ndarray, shape (n, d)
        Of all rows, labelled or not.
    n_kept : int
        Components to keep; the first has variance 1, the others what they have of it.

    Returns
    -------
    ndarray, shape (n, min(n_kept, n, d))
    """
    centred = features.astype(np.float64) - features.mean(axis=0)
    spread = centred.std(axis=0)
    scaled = centred / np.where(spread > 0, spread, 1.0)
    left, sizes, _ = np.linalg.svd(scaled, full_matrices=False)
    parts = left[:, :n_kept] * sizes[:n_kept]
    first = parts[:, 0].std()
    return parts / (first if first > 0 else 1.0)


def adapt_head(
    logits: FloatArray, features: FloatArray, labels: IntArray, *, rng: np.random.Generator
) -> AdaptedHead:
    """Adapt a logit to a few labels.

    Parameters
    ----------
    logits : ndarray, shape (n,)
        Of the labelled rows, by the network as it came.
    features : ndarray, shape (n, d)
        Their features, each of variance 1 at most.
    labels : ndarray, shape (n,)
        1 = REAL, 0 = BOGUS.
    rng : numpy.random.Generator
        Of the folds.

    Returns
    -------
    AdaptedHead
        The start (a = 1, b = 0, d = 0) where a class is missing.
    """
    n_scarce = int(np.bincount(labels, minlength=2).min())
    if n_scarce == 0:
        return AdaptedHead(
            scale=1.0, shift=0.0, weights=np.zeros(features.shape[1]), penalty=np.inf
        )
    penalty = np.inf
    if n_scarce >= 2:
        penalty = _choose_penalty(
            logits, features, labels, n_folds=min(_N_FOLDS, n_scarce), rng=rng
        )
    return _fit(logits, features, labels, penalty=penalty)


def _choose_penalty(
    logits: FloatArray,
    features: FloatArray,
    labels: IntArray,
    *,
    n_folds: int,
    rng: np.random.Generator,
) -> float:
    """Return the largest penalty within one standard error of the best held-out loss."""
    folds = np.empty(len(labels), dtype=int)
    for value in (0, 1):
        rows = rng.permutation(np.flatnonzero(labels == value))
        folds[rows] = np.arange(len(rows)) % n_folds
    least = _LEAST_PENALTY_TIMES_LABELS / len(labels)
    penalties = [penalty for penalty in _PENALTIES if penalty >= least]
    losses = np.empty((len(penalties), len(labels)))
    for i_penalty, penalty in enumerate(penalties):
        for i_fold in range(n_folds):
            train, held_out = folds != i_fold, folds == i_fold
            head = _fit(logits[train], features[train], labels[train], penalty=penalty)
            moved = head.logits(logits[held_out], features[held_out])
            losses[i_penalty, held_out] = np.logaddexp(0, moved) - labels[held_out] * moved
    weights = _class_weights(labels)
    means = losses @ weights / weights.sum()
    gaps = (losses - losses[means.argmin()]) * weights * len(labels) / weights.sum()
    errors = gaps.std(axis=1) / np.sqrt(len(labels))
    good = np.flatnonzero(means - means.min() <= errors)
    return penalties[good[0]]


def _class_weights(labels: IntArray) -> FloatArray:
    counts = np.bincount(labels, minlength=2)
    return len(labels) / (2.0 * counts[labels])


def _fit(
    logits: FloatArray, features: FloatArray, labels: IntArray, *, penalty: float
) -> AdaptedHead:
    """Maximise the posterior, which has one maximum."""
    used = features if np.isfinite(penalty) else features[:, :0]
    columns = np.concatenate([logits[:, None], np.ones((len(logits), 1)), used], axis=1)
    columns = columns.astype(np.float64)
    start = np.zeros(columns.shape[1])
    start[0] = 1.0
    precision = np.full(len(start), penalty if np.isfinite(penalty) else 1.0)
    precision[:2] = _PENALTY_SCALE, _PENALTY_SHIFT
    weights = _class_weights(labels)

    def loss_and_slope(at: FloatArray) -> tuple[float, FloatArray]:
        moved, away = columns @ at, at - start
        losses = np.logaddexp(0, moved) - labels * moved
        slope = columns.T @ (weights * (expit(moved) - labels)) + precision * away
        return float(weights @ losses + 0.5 * precision @ away**2), slope

    at = minimize(loss_and_slope, start, jac=True, method="L-BFGS-B").x
    full = np.zeros(features.shape[1])
    full[: used.shape[1]] = at[2:]
    return AdaptedHead(scale=float(at[0]), shift=float(at[1]), weights=full, penalty=penalty)

"""How far labellers agree: Cohen's and Fleiss' kappa, and each against a consensus.

Labels of one labeller are whole numbers, one a candidate, from 0; a negative number says that the
labeller gave none.

References
----------
Cohen, J. 1960, Educational and Psychological Measurement 20, 37.
Fleiss, J. L. 1971, Psychological Bulletin 76, 378.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from skyvet.core.arrays import IntArray
from skyvet.core.errors import InvalidInputError

__all__ = [
    "PairAgreement",
    "confusion_with",
    "count_votes",
    "fleiss_kappa",
    "pair_agreement",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAgreement:
    """How far two labellers agree on what both have labelled.

    Parameters
    ----------
    n : int
        Candidates that both have labelled.
    fraction : float
        Of them, those with equal labels, in [0, 1]; NaN for n = 0.
    kappa : float
        Cohen's kappa, at most 1: 0 is what chance gives. NaN where chance alone would give full
        agreement (one label throughout) or n = 0.
    """

    n: int
    fraction: float
    kappa: float


def pair_agreement(first: ArrayLike, second: ArrayLike) -> PairAgreement:
    r"""Compare two labellers by Cohen's kappa.

    .. math:: \kappa = \frac{p_o - p_e}{1 - p_e}, \quad p_e = \sum_c p_{1c}\, p_{2c}

    Parameters
    ----------
    first, second : array_like, shape (n_candidates,), int
        Their labels of the same candidates; negative = none.

    Returns
    -------
    PairAgreement

    Raises
    ------
    InvalidInputError
        If the shapes differ or the labels are no whole numbers.

    Examples
    --------
    >>> pair_agreement([1, 1, 0, 0, 1], [1, 1, 0, 1, -1])
    PairAgreement(n=4, fraction=0.75, kappa=0.5)
    """
    a, b = _labels(first, "first"), _labels(second, "second")
    if a.shape != b.shape or a.ndim != 1:
        raise InvalidInputError(
            f"first and second must be one label a candidate, got shapes {a.shape} and {b.shape}"
        )
    both_mask = (a >= 0) & (b >= 0)
    a, b = a[both_mask], b[both_mask]
    if len(a) == 0:
        return PairAgreement(n=0, fraction=math.nan, kappa=math.nan)
    n_classes = int(max(a.max(), b.max())) + 1
    shares = [np.bincount(labels, minlength=n_classes) / len(a) for labels in (a, b)]
    observed, by_chance = float((a == b).mean()), float(shares[0] @ shares[1])
    kappa = _above_chance(observed, by_chance)
    return PairAgreement(n=len(a), fraction=observed, kappa=kappa)


def fleiss_kappa(votes: ArrayLike) -> float:
    r"""Return Fleiss' kappa of many labellers, who need not all have labelled all.

    .. math::

        \kappa = \frac{\bar P - \sum_c p_c^2}{1 - \sum_c p_c^2}, \quad
        P_i = \frac{\sum_c n_{ic} (n_{ic} - 1)}{n_i (n_i - 1)}

    :math:`\bar P` is the mean over candidates with at least two labels, :math:`p_c` the share of
    label c among all their labels. With equal numbers of labels it is Fleiss' own definition.

    Parameters
    ----------
    votes : array_like, shape (n_candidates, n_classes), int
        Number of labellers who gave each label, as `count_votes` makes it.

    Returns
    -------
    float
        At most 1; 0 is what chance gives. NaN where no candidate has two labels or all labels are
        equal.

    Raises
    ------
    InvalidInputError
        If the votes are no table of counts.

    Examples
    --------
    >>> round(fleiss_kappa([[3, 0], [0, 3], [2, 1], [1, 2]]), 3)
    0.333
    """
    counts = np.asarray(votes)
    if counts.ndim != 2 or not np.issubdtype(counts.dtype, np.integer) or (counts < 0).any():
        raise InvalidInputError(
            "votes must be counts of shape (n_candidates, n_classes), got "
            f"{counts.dtype} of shape {counts.shape}"
        )
    counts = counts[counts.sum(axis=1) >= 2].astype(np.float64)
    if len(counts) == 0:
        return math.nan
    n_labels = counts.sum(axis=1)
    agreeing = (counts * (counts - 1)).sum(axis=1) / (n_labels * (n_labels - 1))
    shares = counts.sum(axis=0) / counts.sum()
    return _above_chance(float(agreeing.mean()), float(shares @ shares))


def count_votes(labels: ArrayLike, *, n_classes: int) -> IntArray:
    """Count the labels that each candidate got.

    Parameters
    ----------
    labels : array_like, shape (n_candidates, n_labellers), int
        Negative = none.
    n_classes : int
        Labels are below it.

    Returns
    -------
    ndarray, shape (n_candidates, n_classes), int

    Raises
    ------
    InvalidInputError
        If a label is `n_classes` or more, or no whole number.

    Examples
    --------
    >>> count_votes([[1, 1, 0], [0, -1, -1]], n_classes=2)
    array([[1, 2],
           [1, 0]])
    """
    table = _labels(labels, "labels")
    if table.ndim != 2 or (table.size and table.max() >= n_classes):
        raise InvalidInputError(
            f"labels must be below {n_classes}, of shape (n_candidates, n_labellers), got shape "
            f"{table.shape} with largest {table.max() if table.size else 'none'}"
        )
    return np.stack([(table == label).sum(axis=1) for label in range(n_classes)], axis=1)


def confusion_with(consensus: ArrayLike, labels: ArrayLike, *, n_classes: int) -> IntArray:
    """Count a labeller's labels against a consensus.

    Parameters
    ----------
    consensus : array_like, shape (n_candidates,), int
        Label agreed on; negative = none.
    labels : array_like, shape (n_candidates,), int
        The labeller's; negative = none.
    n_classes : int
        Labels are below it.

    Returns
    -------
    ndarray, shape (n_classes, n_classes), int
        Row = consensus, column = the labeller's; candidates that lack one are left out.

    Raises
    ------
    InvalidInputError
        If shapes differ, or a label is `n_classes` or more or no whole number.

    Examples
    --------
    >>> confusion_with([1, 1, 0, -1], [1, 0, 0, 1], n_classes=2)
    array([[1, 0],
           [1, 1]])
    """
    agreed, own = _labels(consensus, "consensus"), _labels(labels, "labels")
    if agreed.shape != own.shape or agreed.ndim != 1:
        raise InvalidInputError(
            f"consensus and labels must be alike, got shapes {agreed.shape} and {own.shape}"
        )
    both_mask = (agreed >= 0) & (own >= 0)
    agreed, own = agreed[both_mask], own[both_mask]
    if len(agreed) and max(agreed.max(), own.max()) >= n_classes:
        raise InvalidInputError(f"labels must be below {n_classes}")
    cells = np.bincount(agreed * n_classes + own, minlength=n_classes**2)
    return cells.reshape(n_classes, n_classes)


def _labels(values: ArrayLike, name: str) -> IntArray:
    labels = np.asarray(values)
    if labels.size == 0:
        return labels.astype(np.int64)
    if not np.issubdtype(labels.dtype, np.integer):
        raise InvalidInputError(f"{name} must be whole numbers, got {labels.dtype}")
    return labels.astype(np.int64)


def _above_chance(observed: float, by_chance: float) -> float:
    if by_chance >= 1.0 - 1e-12:  # all labels are equal
        return math.nan
    return (observed - by_chance) / (1.0 - by_chance)

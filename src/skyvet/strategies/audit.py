"""Which labels look wrong: confident learning on held-out probabilities.

The probability of a row must come from a model that learnt from other objects only
(`skyvet.training.cross_validation`); where it contradicts the label, one of the two is wrong. A
class-wise threshold, the mean probability that the class's own labels get, says what counts as a
contradiction, so that a shy model or a rare class is judged by its own measure.

Everything here is arithmetic on arrays: any model's probabilities will do.

References
----------
Northcutt, Jiang & Chuang 2021, JAIR 70, 1373 (confident learning); Kuan & Mueller 2022,
arXiv:2207.03061 (scores of label quality and their averages over ensembles).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import BoolArray, FloatArray, IntArray, check_same_length
from skyvet.core.errors import InvalidInputError
from skyvet.scoring.arguments import check_both_classes, check_scored_labels

__all__ = ["ConfidentJoint", "Suspects", "SuspicionMethod", "confident_joint", "rank_suspects"]


class SuspicionMethod(enum.StrEnum):
    """What a label's suspicion is.

    With two classes the first two rank alike; the third differs where one class is harder, or is
    given shyer probabilities, than the other.
    """

    SELF_CONFIDENCE = "self_confidence"
    NORMALIZED_MARGIN = "normalized_margin"
    CLASS_ADJUSTED = "class_adjusted"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Suspects:
    """Labels from the most to the least suspicious.

    Parameters
    ----------
    i_row : ndarray, shape (n,), intp
        Rows, the most suspicious first; each once.
    suspicion : ndarray, shape (n,), float64
        In [0, 1], in the order of `i_row`; with objects kept together it need not fall.
    given, suggested : ndarray, shape (n,), int8
        The label, and what the probabilities say (1 = REAL, 0 = BOGUS), in the order of `i_row`.
    is_likely_wrong : ndarray, shape (n,), bool
        Whether the row counts as a contradiction in the confident joint, in that order.
    n_expected_wrong : tuple of float
        Expected number of wrong labels among those given as BOGUS and as REAL.
    thresholds : tuple of float
        Probability of BOGUS and of REAL from which the class counts as confidently predicted.
    """

    i_row: IntArray
    suspicion: FloatArray
    given: IntArray
    suggested: IntArray
    is_likely_wrong: BoolArray
    n_expected_wrong: tuple[float, float]
    thresholds: tuple[float, float]

    def __len__(self) -> int:
        """Return the number of labels."""
        return len(self.i_row)


def rank_suspects(
    probabilities: FloatArray,
    labels: IntArray,
    *,
    method: SuspicionMethod = SuspicionMethod.SELF_CONFIDENCE,
    object_ids: NDArray[Any] | None = None,
) -> Suspects:
    """Rank labels by how little held-out probabilities believe them.

    Parameters
    ----------
    probabilities : ndarray, shape (n,) or (n_repeats, n)
        Probability of REAL, in [0, 1], of each row from a model that had not seen its object; of
        several cross-validations the suspicions are averaged.
    labels : ndarray, shape (n,)
        1 = REAL, 0 = BOGUS. Remove UNKNOWN first.
    method : SuspicionMethod
        What is ranked by.
    object_ids : ndarray, shape (n,), optional
        Keeps the rows of an object together, at the place of its most suspicious one: a person
        judges them in one go.

    Returns
    -------
    Suspects

    Raises
    ------
    InvalidInputError
        If shapes differ, a value is out of range, or one class is missing.

    Examples
    --------
    >>> probabilities = np.array([0.9, 0.8, 0.1, 0.2, 0.95])
    >>> suspects = rank_suspects(probabilities, np.array([1, 1, 0, 0, 0]))
    >>> int(suspects.i_row[0]), int(suspects.suggested[0]), bool(suspects.is_likely_wrong[0])
    (4, 1, True)
    """
    repeats = _checked_repeats(probabilities, labels)
    mean = repeats.mean(axis=0)
    joint = confident_joint(mean, labels)
    suspicion = np.mean([_suspicion(row, labels, method) for row in repeats], axis=0)
    order: IntArray = np.lexsort((np.arange(len(labels)), -suspicion))
    if object_ids is not None:
        check_same_length(object_ids=object_ids, labels=labels)
        order = _kept_together(order, object_ids)
    given = np.asarray(labels).astype(np.int8)
    return Suspects(
        i_row=order,
        suspicion=suspicion[order],
        given=given[order],
        suggested=joint.suggested[order],
        is_likely_wrong=(joint.suggested != given)[order],
        n_expected_wrong=joint.n_expected_wrong,
        thresholds=joint.thresholds,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConfidentJoint:
    """Counts of given against confidently predicted labels.

    Parameters
    ----------
    counts : ndarray, shape (2, 2), int64
        Row = given, column = confidently predicted; 0 = BOGUS, 1 = REAL.
    suggested : ndarray, shape (n,), int8
        Confident prediction of each row; the given label where neither class is confident.
    thresholds : tuple of float
        Mean probability of its own class among the BOGUS and the REAL labels.
    n_expected_wrong : tuple of float
        Of the labels given as BOGUS and as REAL.
    """

    counts: NDArray[np.int64]
    suggested: NDArray[np.int8]
    thresholds: tuple[float, float]
    n_expected_wrong: tuple[float, float]


def confident_joint(probabilities: FloatArray, labels: IntArray) -> ConfidentJoint:
    """Count how often a label meets a confident prediction of the same or the other class.

    A class is confidently predicted where its probability reaches the mean that it has among its
    own labels; of two confident classes the likelier counts. Rows with no confident class are
    spread as the others of their label.

    Parameters
    ----------
    probabilities : ndarray, shape (n,)
        Held-out probability of REAL, in [0, 1].
    labels : ndarray, shape (n,)
        1 = REAL, 0 = BOGUS.

    Returns
    -------
    ConfidentJoint

    Raises
    ------
    InvalidInputError
        If shapes differ, a value is out of range, or one class is missing.

    Examples
    --------
    >>> confident_joint(np.array([0.9, 0.8, 0.1, 0.1, 0.95]), np.array([1, 1, 0, 0, 0])).counts
    array([[2, 1],
           [0, 1]])
    """
    checked = check_scored_labels(probabilities, labels, is_probability=True)
    check_both_classes(checked)
    given = checked.is_real.astype(np.int8)
    of_class = np.stack([1 - checked.scores, checked.scores])
    thresholds = np.array([of_class[k, given == k].mean() for k in (0, 1)])
    # A constant class meets its own mean but for rounding.
    is_confident = of_class >= thresholds[:, None] - 1e-12
    best = np.where(is_confident, of_class, -1.0).argmax(axis=0).astype(np.int8)
    any_confident = is_confident.any(axis=0)
    counts = np.zeros((2, 2), dtype=np.int64)
    np.add.at(counts, (given[any_confident], best[any_confident]), 1)
    n_given = np.bincount(given, minlength=2)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return ConfidentJoint(
        counts=counts,
        suggested=np.where(any_confident, best, given).astype(np.int8),
        thresholds=(float(thresholds[0]), float(thresholds[1])),
        n_expected_wrong=(float(n_given[0] * share[0, 1]), float(n_given[1] * share[1, 0])),
    )


def _checked_repeats(probabilities: FloatArray, labels: IntArray) -> NDArray[np.float64]:
    repeats = np.atleast_2d(np.asarray(probabilities, dtype=np.float64))
    if repeats.ndim != 2 or len(repeats) == 0:
        raise InvalidInputError(
            f"probabilities must have shape (n,) or (n_repeats, n), got {np.shape(probabilities)}"
        )
    for row in repeats:
        check_both_classes(check_scored_labels(row, labels, is_probability=True))
    return repeats


def _suspicion(
    probability: FloatArray, labels: IntArray, method: SuspicionMethod
) -> NDArray[np.float64]:
    """Return the suspicion of each label, in [0, 1]."""
    is_real = np.asarray(labels) == 1
    own = np.where(is_real, probability, 1 - probability)
    if method is SuspicionMethod.SELF_CONFIDENCE:
        return np.asarray(1 - own)
    if method is SuspicionMethod.NORMALIZED_MARGIN:
        return np.asarray((1 - (2 * own - 1)) / 2)
    return _class_adjusted(probability, is_real)


def _class_adjusted(probability: FloatArray, is_real: BoolArray) -> NDArray[np.float64]:
    """Compare each class's probability with what that class's own labels get."""
    low, high = (1 - probability[~is_real]).mean(), probability[is_real].mean()
    excess_of_real = (probability - high) - ((1 - probability) - low)
    contradiction = np.where(is_real, -excess_of_real, excess_of_real)
    # Two probabilities and two thresholds: the excess lies in [-2, 2].
    return np.asarray((contradiction + 2) / 4)


def _kept_together(order: IntArray, object_ids: NDArray[Any]) -> IntArray:
    """Return the order with the rows of each object at the place of its first."""
    _, group = np.unique(object_ids, return_inverse=True)
    first_place = np.full(int(group.max()) + 1, len(order))
    np.minimum.at(first_place, group[order], np.arange(len(order)))
    return order[np.argsort(first_place[group[order]], kind="stable")]

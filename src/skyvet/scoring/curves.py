"""Curves over all thresholds: ROC, precision-recall, DET, and the areas under them.

A candidate is taken for REAL where ``score >= threshold``. Tied scores enter together, so that
no curve depends on the order of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from skyvet.core.arrays import FloatArray
from skyvet.scoring.arguments import check_both_classes, check_scored_labels

__all__ = [
    "CumulativeCounts",
    "DetCurve",
    "PrecisionRecallCurve",
    "RocCurve",
    "average_precision",
    "cumulative_counts",
    "det_curve",
    "precision_recall_curve",
    "roc_auc",
    "roc_curve",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CumulativeCounts:
    """True and false positives at every threshold that changes them.

    Parameters
    ----------
    thresholds : ndarray, shape (k,), float64
        Strictly decreasing distinct scores; the first is +inf, at which nothing is selected.
    n_true_positive, n_false_positive : ndarray, shape (k,), float64
        Weight of REAL and BOGUS with ``score >= threshold``; both start at 0.
    n_positive, n_negative : float
        Weight of all REAL and all BOGUS.
    """

    thresholds: FloatArray
    n_true_positive: FloatArray
    n_false_positive: FloatArray
    n_positive: float
    n_negative: float

    @property
    def completeness(self) -> NDArray[np.float64]:
        """Fraction of REAL selected, shape (k,); NaN without REAL."""
        return _ratio(self.n_true_positive, self.n_positive)

    @property
    def fpr(self) -> NDArray[np.float64]:
        """Fraction of BOGUS selected, shape (k,); NaN without BOGUS."""
        return _ratio(self.n_false_positive, self.n_negative)

    @property
    def purity(self) -> NDArray[np.float64]:
        """Fraction of the selected that is REAL, shape (k,); NaN where nothing is selected."""
        return _ratio(self.n_true_positive, self.n_true_positive + self.n_false_positive)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RocCurve:
    """Completeness against false positive rate, from (0, 0) to (1, 1).

    Parameters
    ----------
    thresholds, fpr, completeness : ndarray, shape (k,), float64
        One point a threshold; thresholds decrease from +inf, the rates rise from 0 to 1.
    """

    thresholds: FloatArray
    fpr: FloatArray
    completeness: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PrecisionRecallCurve:
    """Purity (precision) against completeness (recall).

    Parameters
    ----------
    thresholds, completeness, purity : ndarray, shape (k,), float64
        One point a distinct score; thresholds decrease, completeness rises to 1.
    """

    thresholds: FloatArray
    completeness: FloatArray
    purity: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DetCurve:
    """Missed detection rate against false positive rate (Martin et al. 1997).

    Parameters
    ----------
    thresholds, fpr, mdr : ndarray, shape (k,), float64
        One point a threshold; thresholds decrease from +inf.
    fpr_deviate, mdr_deviate : ndarray, shape (k,), float64
        The same rates as standard normal deviates, the usual axes; -inf at 0, +inf at 1.
    """

    thresholds: FloatArray
    fpr: FloatArray
    mdr: FloatArray
    fpr_deviate: FloatArray
    mdr_deviate: FloatArray


def cumulative_counts(
    scores: ArrayLike,
    labels: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    needs_both_classes: bool = False,
) -> CumulativeCounts:
    """Count true and false positives at every distinct score.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Finite; larger means more likely REAL. Logits will do.
    labels : array_like, shape (n,)
        1 = REAL, 0 = BOGUS. Remove UNKNOWN first.
    weights : array_like, shape (n,), optional
        Sample weights >= 0; 1 each where not given.
    needs_both_classes : bool, default False
        True refuses a sample in which REAL or BOGUS is missing.

    Returns
    -------
    CumulativeCounts

    Raises
    ------
    InvalidInputError
        If shapes differ, a value lies outside its range, or a needed class is missing.

    Examples
    --------
    >>> counts = cumulative_counts([0.9, 0.9, 0.1], [1, 0, 0])
    >>> counts.thresholds, counts.n_true_positive, counts.n_false_positive
    (array([inf, 0.9, 0.1]), array([0., 1., 1.]), array([0., 1., 2.]))
    """
    checked = check_scored_labels(scores, labels, weights)
    if needs_both_classes:
        check_both_classes(checked)
    order = np.argsort(-checked.scores, kind="stable")
    sorted_scores = checked.scores[order]
    is_last_of_tie = np.append(np.diff(sorted_scores) != 0, [True])
    tp = np.cumsum(np.where(checked.is_real, checked.weights, 0.0)[order])[is_last_of_tie]
    fp = np.cumsum(np.where(checked.is_real, 0.0, checked.weights)[order])[is_last_of_tie]
    return CumulativeCounts(
        thresholds=np.append([np.inf], sorted_scores[is_last_of_tie]),
        n_true_positive=np.append([0.0], tp),
        n_false_positive=np.append([0.0], fp),
        n_positive=float(tp[-1]),
        n_negative=float(fp[-1]),
    )


def roc_curve(scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> RocCurve:
    """Receiver operating characteristic.

    Parameters
    ----------
    scores, labels, weights : array_like, shape (n,)
        As for `cumulative_counts`; both classes must be there.

    Returns
    -------
    RocCurve

    Raises
    ------
    InvalidInputError
        If an array is out of range or a class is missing.

    Examples
    --------
    >>> roc_curve([0.9, 0.8, 0.1], [1, 0, 1]).completeness
    array([0. , 0.5, 0.5, 1. ])
    """
    counts = cumulative_counts(scores, labels, weights, needs_both_classes=True)
    return RocCurve(thresholds=counts.thresholds, fpr=counts.fpr, completeness=counts.completeness)


def roc_auc(scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Area under the ROC curve: P(score of a REAL > that of a BOGUS), ties counting one half.

    Parameters
    ----------
    scores, labels, weights : array_like, shape (n,)
        As for `cumulative_counts`; both classes must be there.

    Returns
    -------
    float
        In [0, 1]; 0.5 is chance.

    Raises
    ------
    InvalidInputError
        If an array is out of range or a class is missing.

    Examples
    --------
    >>> roc_auc([0.9, 0.5, 0.5, 0.1], [1, 1, 0, 0])
    0.875
    """
    curve = roc_curve(scores, labels, weights)
    return float(min(np.trapezoid(curve.completeness, curve.fpr), 1.0))


def precision_recall_curve(
    scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> PrecisionRecallCurve:
    """Purity and completeness at every distinct score.

    The point without any selection (purity undefined) is left out, not invented.

    Parameters
    ----------
    scores, labels, weights : array_like, shape (n,)
        As for `cumulative_counts`; both classes must be there.

    Returns
    -------
    PrecisionRecallCurve

    Raises
    ------
    InvalidInputError
        If an array is out of range or a class is missing.

    Examples
    --------
    >>> precision_recall_curve([0.9, 0.8, 0.1], [1, 0, 1]).purity
    array([1.        , 0.5       , 0.66666667])
    """
    counts = cumulative_counts(scores, labels, weights, needs_both_classes=True)
    is_selecting = (counts.n_true_positive + counts.n_false_positive) > 0
    return PrecisionRecallCurve(
        thresholds=counts.thresholds[is_selecting],
        completeness=counts.completeness[is_selecting],
        purity=counts.purity[is_selecting],
    )


def average_precision(
    scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> float:
    r"""Average precision of REAL, the sum :math:`\sum_k (R_k - R_{k-1}) P_k` without interpolation.

    Parameters
    ----------
    scores, labels, weights : array_like, shape (n,)
        As for `cumulative_counts`; both classes must be there.

    Returns
    -------
    float
        In [0, 1]; chance gives the fraction of REAL, so it cannot be compared between priors.

    Raises
    ------
    InvalidInputError
        If an array is out of range or a class is missing.

    Examples
    --------
    >>> average_precision([0.9, 0.8, 0.1], [1, 0, 1])
    0.8333333333333333
    """
    curve = precision_recall_curve(scores, labels, weights)
    return float(np.sum(np.diff(curve.completeness, prepend=0.0) * curve.purity))


def det_curve(scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> DetCurve:
    """Trace the detection error trade-off: missed detection rate against false positive rate.

    Parameters
    ----------
    scores, labels, weights : array_like, shape (n,)
        As for `cumulative_counts`; both classes must be there.

    Returns
    -------
    DetCurve

    Raises
    ------
    InvalidInputError
        If an array is out of range or a class is missing.

    References
    ----------
    Martin et al. 1997, "The DET curve in assessment of detection task performance", Eurospeech.

    Examples
    --------
    >>> det_curve([0.9, 0.8, 0.1], [1, 0, 1]).mdr
    array([1. , 0.5, 0.5, 0. ])
    """
    curve = roc_curve(scores, labels, weights)
    mdr = 1.0 - curve.completeness
    return DetCurve(
        thresholds=curve.thresholds,
        fpr=curve.fpr,
        mdr=mdr,
        fpr_deviate=ndtri(curve.fpr),
        mdr_deviate=ndtri(mdr),
    )


def _ratio(numerator: FloatArray, denominator: FloatArray | float) -> NDArray[np.float64]:
    """Divide, NaN where the denominator is 0."""
    bottom = np.broadcast_to(np.asarray(denominator, dtype=np.float64), numerator.shape)
    out = np.full(numerator.shape, np.nan)
    np.divide(numerator, bottom, out=out, where=bottom > 0)
    return out

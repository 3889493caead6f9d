"""Figures of merit: proper scores, confusion counts, and rates at a stated working point.

A candidate is taken for REAL where ``score >= threshold``; the positive class is always REAL.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from skyvet.core.errors import InvalidInputError
from skyvet.scoring.arguments import check_fraction, check_scored_labels
from skyvet.scoring.curves import cumulative_counts

__all__ = [
    "ConfusionCounts",
    "brier_score",
    "completeness_at_purity",
    "confusion_counts",
    "log_loss",
    "mdr_at_fpr",
    "purity_at_completeness",
]

_SMALLEST_PROBABILITY = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusionCounts:
    """The four counts at one threshold and what follows from them.

    Rates are NaN where their denominator is 0, never an invented 0 or 1.

    Parameters
    ----------
    n_true_positive, n_false_positive, n_true_negative, n_false_negative : float
        Counts, or sums of weights; REAL is positive.
    threshold : float
        ``score >= threshold`` is taken for REAL.

    Examples
    --------
    DMTN-272, run 255K, S/N > 6:

    >>> counts = ConfusionCounts(n_true_positive=51, n_false_positive=39,
    ...     n_true_negative=3691, n_false_negative=0, threshold=0.5)
    >>> round(counts.purity, 3), counts.completeness, round(counts.fpr, 4), round(counts.f1, 2)
    (0.567, 1.0, 0.0105, 0.72)
    """

    n_true_positive: float
    n_false_positive: float
    n_true_negative: float
    n_false_negative: float
    threshold: float

    @property
    def n_positive(self) -> float:
        """All REAL."""
        return self.n_true_positive + self.n_false_negative

    @property
    def n_negative(self) -> float:
        """All BOGUS."""
        return self.n_false_positive + self.n_true_negative

    @property
    def n_selected(self) -> float:
        """All taken for REAL."""
        return self.n_true_positive + self.n_false_positive

    @property
    def purity(self) -> float:
        """Fraction of the selected that is REAL (precision)."""
        return _quotient(self.n_true_positive, self.n_selected)

    @property
    def completeness(self) -> float:
        """Fraction of REAL that is selected (recall)."""
        return _quotient(self.n_true_positive, self.n_positive)

    @property
    def fpr(self) -> float:
        """False positive rate: fraction of BOGUS that is selected."""
        return _quotient(self.n_false_positive, self.n_negative)

    @property
    def mdr(self) -> float:
        """Missed detection rate: fraction of REAL that is not selected."""
        return _quotient(self.n_false_negative, self.n_positive)

    @property
    def accuracy(self) -> float:
        """Fraction judged rightly; rewards guessing the commoner class."""
        right = self.n_true_positive + self.n_true_negative
        return _quotient(right, self.n_positive + self.n_negative)

    @property
    def f1(self) -> float:
        """Harmonic mean of purity and completeness."""
        wrong = self.n_false_positive + self.n_false_negative
        return _quotient(2 * self.n_true_positive, 2 * self.n_true_positive + wrong)

    @property
    def mcc(self) -> float:
        """Matthews correlation coefficient, in [-1, 1]; NaN where one side is empty."""
        tp, tn = self.n_true_positive, self.n_true_negative
        fp, fn = self.n_false_positive, self.n_false_negative
        bottom = math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
        return _quotient(tp * tn - fp * fn, bottom)


def confusion_counts(
    scores: ArrayLike, labels: ArrayLike, *, threshold: float, weights: ArrayLike | None = None
) -> ConfusionCounts:
    """Count the four outcomes at one threshold.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Finite; larger means more likely REAL.
    labels : array_like, shape (n,)
        1 = REAL, 0 = BOGUS. Remove UNKNOWN first. One class alone will do.
    threshold : float
        ``score >= threshold`` is taken for REAL.
    weights : array_like, shape (n,), optional
        Sample weights >= 0.

    Returns
    -------
    ConfusionCounts

    Raises
    ------
    InvalidInputError
        If an array is out of range or the threshold is NaN.

    Examples
    --------
    >>> confusion_counts([0.9, 0.5, 0.1], [1, 0, 1], threshold=0.5).purity
    0.5
    """
    if math.isnan(threshold):
        raise InvalidInputError("threshold must be a number, got NaN")
    checked = check_scored_labels(scores, labels, weights)
    is_selected = checked.scores >= threshold

    def total(mask: np.ndarray) -> float:
        return float(checked.weights[mask].sum())

    return ConfusionCounts(
        n_true_positive=total(is_selected & checked.is_real),
        n_false_positive=total(is_selected & ~checked.is_real),
        n_true_negative=total(~is_selected & ~checked.is_real),
        n_false_negative=total(~is_selected & checked.is_real),
        threshold=float(threshold),
    )


def brier_score(scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean squared gap between probability and label (Brier 1950).

    Parameters
    ----------
    scores : array_like, shape (n,)
        Probability of REAL, in [0, 1].
    labels : array_like, shape (n,)
        1 = REAL, 0 = BOGUS. Remove UNKNOWN first.
    weights : array_like, shape (n,), optional
        Sample weights >= 0.

    Returns
    -------
    float
        In [0, 1]; 0 is perfect, 0.25 is always saying one half.

    Raises
    ------
    InvalidInputError
        If an array is out of range.

    Examples
    --------
    >>> brier_score([0.8, 0.4], [1, 0])
    0.1
    """
    checked = check_scored_labels(scores, labels, weights, is_probability=True)
    gap = checked.scores - checked.is_real
    return float(np.average(gap**2, weights=checked.weights))


def log_loss(scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean negative log probability of the true label [nat].

    Parameters
    ----------
    scores : array_like, shape (n,)
        Probability of REAL, in [0, 1]; moved inside by 2.2e-16 at 0 and 1, so that a certain
        and wrong score costs 36 nat and not infinity.
    labels : array_like, shape (n,)
        1 = REAL, 0 = BOGUS. Remove UNKNOWN first.
    weights : array_like, shape (n,), optional
        Sample weights >= 0.

    Returns
    -------
    float
        >= 0; 0.693 is always saying one half.

    Raises
    ------
    InvalidInputError
        If an array is out of range.

    Examples
    --------
    >>> round(log_loss([0.8, 0.4], [1, 0]), 4)
    0.367
    """
    checked = check_scored_labels(scores, labels, weights, is_probability=True)
    inside = np.clip(checked.scores, _SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY)
    loss = np.where(checked.is_real, -np.log(inside), -np.log1p(-inside))
    return float(np.average(loss, weights=checked.weights))


def mdr_at_fpr(
    scores: ArrayLike, labels: ArrayLike, *, fpr: float = 0.01, weights: ArrayLike | None = None
) -> float:
    """Smallest missed detection rate of any threshold whose false positive rate is <= `fpr`.

    The curve is a staircase and is not interpolated: a threshold gives the figure exactly.

    Parameters
    ----------
    scores, labels, weights : array_like, shape (n,)
        As for `confusion_counts`; both classes must be there.
    fpr : float, default 0.01
        Largest allowed fraction of BOGUS selected, in [0, 1].

    Returns
    -------
    float
        In [0, 1]; 0 is best.

    Raises
    ------
    InvalidInputError
        If an array is out of range or a class is missing.

    Examples
    --------
    >>> mdr_at_fpr([0.9, 0.8, 0.1], [1, 0, 1], fpr=0.0)
    0.5
    """
    check_fraction(fpr, "fpr")
    counts = cumulative_counts(scores, labels, weights, needs_both_classes=True)
    return float(1.0 - counts.completeness[counts.fpr <= fpr].max())


def completeness_at_purity(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    purity: float = 0.95,
    weights: ArrayLike | None = None,
) -> float:
    """Largest completeness of any threshold whose purity is >= `purity`.

    Parameters
    ----------
    scores, labels, weights : array_like, shape (n,)
        As for `confusion_counts`; both classes must be there. Purity is that of this sample:
        give `skyvet.scoring.priors.prior_weights` for another prior.
    purity : float, default 0.95
        Smallest allowed purity, in [0, 1].

    Returns
    -------
    float
        In [0, 1]; 0 where no threshold is that pure.

    Raises
    ------
    InvalidInputError
        If an array is out of range or a class is missing.

    Examples
    --------
    >>> completeness_at_purity([0.9, 0.8, 0.1], [1, 0, 1], purity=0.95)
    0.5
    """
    check_fraction(purity, "purity")
    counts = cumulative_counts(scores, labels, weights, needs_both_classes=True)
    is_pure = np.nan_to_num(counts.purity, nan=-1.0) >= purity
    return float(counts.completeness[is_pure].max(initial=0.0))


def purity_at_completeness(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    completeness: float = 0.9,
    weights: ArrayLike | None = None,
) -> float:
    """Largest purity of any threshold whose completeness is >= `completeness`.

    Parameters
    ----------
    scores, labels, weights : array_like, shape (n,)
        As for `completeness_at_purity`.
    completeness : float, default 0.9
        Smallest allowed completeness, in [0, 1].

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InvalidInputError
        If an array is out of range or a class is missing.

    Examples
    --------
    >>> purity_at_completeness([0.9, 0.8, 0.1], [1, 0, 1], completeness=0.9)
    0.6666666666666666
    """
    check_fraction(completeness, "completeness")
    counts = cumulative_counts(scores, labels, weights, needs_both_classes=True)
    return float(np.nanmax(counts.purity[counts.completeness >= completeness]))


def _quotient(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else math.nan

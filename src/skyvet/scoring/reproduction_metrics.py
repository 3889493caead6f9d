"""Figures of RB-C1000 (Liu et al. 2025, A&A 693, A105), for comparison with its tables alone.

Its "AP" looks only at what is taken for REAL, so that a missed source costs nothing: values sit
near 1 and cannot be compared with `skyvet.scoring.curves.average_precision`. Its "Sum" adds six
figures, that one among them. Both have names of their own here; judge by the standard ones.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from skyvet.scoring.arguments import check_scored_labels
from skyvet.scoring.curves import average_precision
from skyvet.scoring.metrics import confusion_counts

__all__ = ["RbC1000Figures", "rb_c1000_average_precision", "rb_c1000_figures"]

_JUST_ABOVE_HALF = float(np.nextafter(0.5, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class RbC1000Figures:
    """One row of RB-C1000's tables, and the standard average precision beside it.

    All are fractions; what has no denominator is 0, as the row must be a number to be added up.

    Parameters
    ----------
    precision, accuracy, recall, f1, mcc : float
        At ``p(REAL) > 0.5``. MCC is in [-1, 1].
    standard_ap : float
        `skyvet.scoring.curves.average_precision`; not part of the sum. NaN with one class alone.
    rb_c1000_ap : float
        `rb_c1000_average_precision`.
    """

    precision: float
    accuracy: float
    recall: float
    f1: float
    mcc: float
    standard_ap: float
    rb_c1000_ap: float

    @property
    def total(self) -> float:
        """The recipe's "Sum" in percent, at most 600: all but the standard average precision."""
        kept = [field.name for field in fields(self) if field.name != "standard_ap"]
        return 100.0 * sum(float(getattr(self, name)) for name in kept)


def rb_c1000_average_precision(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean precision at each REAL among those *taken* for REAL, the surest first.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Probability of REAL, in [0, 1]; equal ones keep their order.
    labels : array_like, shape (n,)
        1 = REAL, 0 = BOGUS. Remove UNKNOWN first. One class alone will do.

    Returns
    -------
    float
        In [0, 1]; 0 where nothing, or nothing rightly, is taken for REAL (``score > 0.5``).

    Raises
    ------
    InvalidInputError
        If an array is out of range.

    Examples
    --------
    The source that was missed (0.4) costs nothing:

    >>> rb_c1000_average_precision([0.9, 0.8, 0.7, 0.4], [1, 0, 1, 1])
    0.8333333333333333
    """
    checked = check_scored_labels(scores, labels, is_probability=True)
    selected = np.flatnonzero(checked.scores > 0.5)
    order = selected[np.argsort(-checked.scores[selected], kind="stable")]
    is_hit = checked.is_real[order]
    if not is_hit.any():
        return 0.0
    precision = np.cumsum(is_hit) / np.arange(1, len(order) + 1)
    return float(precision[is_hit].mean())


def rb_c1000_figures(scores: ArrayLike, labels: ArrayLike) -> RbC1000Figures:
    """Return the figures of one row of RB-C1000's tables.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Probability of REAL, in [0, 1]; REAL is taken where ``score > 0.5``.
    labels : array_like, shape (n,)
        1 = REAL, 0 = BOGUS. Remove UNKNOWN first. One class alone will do.

    Returns
    -------
    RbC1000Figures

    Raises
    ------
    InvalidInputError
        If an array is out of range.

    Examples
    --------
    >>> round(rb_c1000_figures([0.9, 0.8, 0.1, 0.2], [1, 1, 0, 0]).total)
    600
    """
    checked = check_scored_labels(scores, labels, is_probability=True)
    counts = confusion_counts(checked.scores, checked.is_real, threshold=_JUST_ABOVE_HALF)
    has_both = 0 < int(checked.is_real.sum()) < len(checked.is_real)

    def or_zero(value: float) -> float:
        return 0.0 if np.isnan(value) else value

    return RbC1000Figures(
        precision=or_zero(counts.purity),
        accuracy=or_zero(counts.accuracy),
        recall=or_zero(counts.completeness),
        f1=or_zero(counts.f1),
        mcc=or_zero(counts.mcc),
        standard_ap=average_precision(scores, labels) if has_both else np.nan,
        rb_c1000_ap=rb_c1000_average_precision(scores, labels),
    )

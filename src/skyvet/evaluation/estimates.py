"""Rates of a sample with intervals that respect objects seen many times."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import BoolArray
from skyvet.evaluation.facts import Estimate, finite_or_none
from skyvet.evaluation.tables import Sample
from skyvet.scoring.curves import roc_auc
from skyvet.scoring.intervals import Interval, auc_interval, effective_trials, wilson_interval
from skyvet.scoring.metrics import ConfusionCounts, confusion_counts
from skyvet.scoring.priors import purity_at_prior, purity_interval_at_prior

__all__ = [
    "NO_ESTIMATE",
    "auc_of",
    "completeness_of",
    "effective_counts",
    "estimate",
    "false_positive_rate_of",
    "groups_of",
    "purity_at_prior_of",
    "rate_of",
]

NO_ESTIMATE = Estimate()
"""A figure that cannot be computed."""


def estimate(value: float, interval: Interval) -> Estimate:
    """Put a value and its interval together; None where the value is undefined.

    Examples
    --------
    >>> estimate(0.5, Interval(low=0.4, high=0.6, level=0.95)).high
    0.6
    """
    if not math.isfinite(value):
        return NO_ESTIMATE
    return Estimate(
        value=float(value), low=finite_or_none(interval.low), high=finite_or_none(interval.high)
    )


def rate_of(is_success: BoolArray, sample: Sample, *, level: float) -> Estimate:
    """Fraction of rows that succeed, with a Wilson interval at the effective count.

    Parameters
    ----------
    is_success : ndarray, shape (n,), bool
        Outcome of each row of `sample`.
    sample : Sample
        The rows; those of one object are not independent.
    level : float
        Coverage, in (0, 1).

    Returns
    -------
    Estimate
        None without rows.
    """
    if len(sample) == 0:
        return NO_ESTIMATE
    rate = float(np.mean(is_success))
    n = effective_trials(is_success, groups_of(sample))
    return estimate(rate, wilson_interval(rate * n, n, level=level))


def completeness_of(sample: Sample, *, threshold: float, level: float) -> Estimate:
    """Fraction of REAL at or above the threshold."""
    real = sample.take(sample.is_real)
    return rate_of(real.scores >= threshold, real, level=level)


def false_positive_rate_of(sample: Sample, *, threshold: float, level: float) -> Estimate:
    """Fraction of BOGUS at or above the threshold."""
    bogus = sample.take(~sample.is_real)
    return rate_of(bogus.scores >= threshold, bogus, level=level)


def purity_at_prior_of(sample: Sample, *, threshold: float, prior: float, level: float) -> Estimate:
    """Purity at the threshold and a stated prior; None where a class is missing."""
    counts = effective_counts(sample, threshold=threshold)
    if counts is None:
        return NO_ESTIMATE
    value = purity_at_prior(counts.completeness, counts.fpr, prior=prior)
    return estimate(value, purity_interval_at_prior(counts, prior=prior, level=level))


def auc_of(sample: Sample, *, level: float) -> Estimate:
    """Area under the ROC curve with Newcombe's interval; None where a class is missing."""
    n_real = int(sample.is_real.sum())
    n_bogus = len(sample) - n_real
    if min(n_real, n_bogus) == 0:
        return NO_ESTIMATE
    value = roc_auc(sample.scores, sample.labels)
    interval = auc_interval(value, n_positive=n_real, n_negative=n_bogus, level=level)
    return estimate(value, interval)


def effective_counts(sample: Sample, *, threshold: float) -> ConfusionCounts | None:
    """Confusion counts scaled to the number of independent candidates; None for one class."""
    n_real = int(sample.is_real.sum())
    if n_real in (0, len(sample)):
        return None
    counts = confusion_counts(sample.scores, sample.labels, threshold=threshold)
    real, bogus = sample.take(sample.is_real), sample.take(~sample.is_real)
    of_real = effective_trials(real.scores >= threshold, groups_of(real)) / len(real)
    of_bogus = effective_trials(bogus.scores >= threshold, groups_of(bogus)) / len(bogus)
    return ConfusionCounts(
        n_true_positive=counts.n_true_positive * of_real,
        n_false_negative=counts.n_false_negative * of_real,
        n_false_positive=counts.n_false_positive * of_bogus,
        n_true_negative=counts.n_true_negative * of_bogus,
        threshold=threshold,
    )


def groups_of(sample: Sample) -> NDArray[np.intp]:
    """Return a number for each row, shape (n,), that rows of one object share."""
    numbers: dict[tuple[str, object], int] = {}
    pairs = zip(sample.survey.tolist(), sample.object_ids.tolist(), strict=True)
    return np.array([numbers.setdefault(pair, len(numbers)) for pair in pairs], dtype=np.intp)

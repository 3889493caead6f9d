"""What rates become at another class ratio.

Completeness and false positive rate do not depend on how common REAL is; purity and every
probability do. A prior here is always the fraction of REAL among all candidates, in (0, 1):
Rubin's nine artefacts per real candidate is ``prior=0.1``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from skyvet.core.errors import InvalidInputError
from skyvet.scoring.arguments import check_fraction, check_scored_labels
from skyvet.scoring.intervals import Interval, wilson_interval
from skyvet.scoring.metrics import ConfusionCounts

__all__ = [
    "max_fpr",
    "prior_from_ratio",
    "prior_weights",
    "purity_at_prior",
    "purity_interval_at_prior",
    "reprior_probability",
]


def prior_from_ratio(n_bogus_per_real: float) -> float:
    """Turn artefacts per real candidate into the fraction REAL.

    Parameters
    ----------
    n_bogus_per_real : float
        Positive and finite.

    Returns
    -------
    float
        In (0, 1).

    Raises
    ------
    InvalidInputError
        If the ratio is not positive.

    Examples
    --------
    >>> prior_from_ratio(9)
    0.1
    """
    if not 0 < n_bogus_per_real < math.inf:
        raise InvalidInputError(
            f"n_bogus_per_real must be positive and finite, got {n_bogus_per_real}"
        )
    return 1.0 / (1.0 + n_bogus_per_real)


def purity_at_prior(completeness: float, fpr: float, *, prior: float) -> float:
    r"""Purity that a completeness and a false positive rate give at a prior.

    .. math:: \frac{c\,p}{c\,p + f\,(1 - p)}

    Parameters
    ----------
    completeness, fpr : float
        Rates at one threshold, in [0, 1].
    prior : float
        Fraction REAL, in (0, 1).

    Returns
    -------
    float
        In [0, 1]; NaN where nothing is selected (both rates 0) or a rate is NaN.

    Raises
    ------
    InvalidInputError
        If a rate or the prior lies outside its range.

    Examples
    --------
    Rubin's DP1 network, quoted as 97.9 % pure on a balanced set, at 9 artefacts per real:

    >>> round(purity_at_prior(0.9827, 0.0214, prior=0.1), 3)
    0.836
    """
    check_fraction(prior, "prior", is_open=True)
    for name, value in (("completeness", completeness), ("fpr", fpr)):
        if not math.isnan(value):
            check_fraction(value, name)
    real, bogus = completeness * prior, fpr * (1 - prior)
    return real / (real + bogus) if real + bogus > 0 else math.nan


def max_fpr(completeness: float, purity: float, *, prior: float) -> float:
    """Largest false positive rate that still gives `purity` at `completeness` and a prior.

    Parameters
    ----------
    completeness : float
        In [0, 1].
    purity : float
        In (0, 1].
    prior : float
        Fraction REAL, in (0, 1).

    Returns
    -------
    float
        In [0, 1]; 1 where every false positive rate would do.

    Raises
    ------
    InvalidInputError
        If an argument lies outside its range.

    Examples
    --------
    >>> round(max_fpr(0.90, 0.95, prior=0.1), 4)
    0.0053
    """
    check_fraction(completeness, "completeness")
    check_fraction(purity, "purity")
    check_fraction(prior, "prior", is_open=True)
    if purity == 0:
        return 1.0
    return min(completeness * (1 / purity - 1) * prior / (1 - prior), 1.0)


def reprior_probability(
    score: ArrayLike, *, from_prior: float, to_prior: float
) -> NDArray[np.float64]:
    """Move calibrated probabilities from one prior to another (Bayes; Saerens et al. 2002).

    Right if the two samples differ in the class ratio alone, not in what REAL and BOGUS look like.

    Parameters
    ----------
    score : array_like, any shape
        Probability of REAL, in [0, 1].
    from_prior, to_prior : float
        Fraction REAL where the calibrator was fitted and where it shall hold, in (0, 1).

    Returns
    -------
    ndarray, float64
        In [0, 1], in the order of the scores; 0 and 1 stay.

    Raises
    ------
    InvalidInputError
        If a score or a prior lies outside its range.

    References
    ----------
    Saerens, Latinne & Decaestecker 2002, Neural Computation 14, 21.

    Examples
    --------
    >>> reprior_probability([0.5, 0.9], from_prior=0.5, to_prior=0.1)
    array([0.1, 0.5])
    """
    check_fraction(from_prior, "from_prior", is_open=True)
    check_fraction(to_prior, "to_prior", is_open=True)
    values = np.asarray(score, dtype=np.float64)
    if values.size and not bool(((values >= 0) & (values <= 1)).all()):
        raise InvalidInputError(
            f"score must be in [0, 1], got min={values.min():g}, max={values.max():g}; "
            "apply a calibrator first"
        )
    shift = float(logit(to_prior) - logit(from_prior))
    return np.asarray(expit(logit(values) + shift), dtype=np.float64)


def prior_weights(
    labels: ArrayLike, *, prior: float, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Sample weights that give the sample a stated fraction of REAL.

    Every metric of this package that takes `weights` is thereby had at any prior. The weights of
    REAL sum to ``prior * n`` and those of BOGUS to ``(1 - prior) * n``.

    Parameters
    ----------
    labels : array_like, shape (n,)
        1 = REAL, 0 = BOGUS; both must be there.
    prior : float
        Fraction REAL, in (0, 1).
    weights : array_like, shape (n,), optional
        Weights to begin with; 1 each where not given.

    Returns
    -------
    ndarray, shape (n,), float64

    Raises
    ------
    InvalidInputError
        If a class is missing or an argument is out of range.

    Examples
    --------
    >>> prior_weights([1, 0, 0], prior=0.5)
    array([1.5 , 0.75, 0.75])
    """
    check_fraction(prior, "prior", is_open=True)
    label_array = np.asarray(labels)
    checked = check_scored_labels(np.zeros(label_array.shape), label_array, weights)
    real = float(checked.weights[checked.is_real].sum())
    bogus = float(checked.weights[~checked.is_real].sum())
    if real <= 0 or bogus <= 0:
        raise InvalidInputError(
            "a prior needs both classes, got weight "
            f"{real:g} of REAL and {bogus:g} of BOGUS; add labels of the missing class"
        )
    n = len(checked.weights)
    factor = np.where(checked.is_real, prior * n / real, (1 - prior) * n / bogus)
    return checked.weights * factor


def purity_interval_at_prior(
    counts: ConfusionCounts, *, prior: float, level: float = 0.95
) -> Interval:
    """Interval of the purity at a prior, the threshold and the prior taken as given.

    Purity is a falling function of the ratio fpr / completeness of two independent proportions.
    The interval of that ratio comes from the two Wilson intervals by the method of variance
    estimates recovery (Donner & Zou 2012), which stays sane at zero counts.

    Parameters
    ----------
    counts : ConfusionCounts
        Counts of independent candidates at a threshold that was not tuned on them. Need not be
        whole (effective counts).
    prior : float
        Fraction REAL, in (0, 1).
    level : float, default 0.95
        Coverage, in (0, 1).

    Returns
    -------
    Interval
        Within [0, 1], holding `purity_at_prior`; [0, 1] where a class is missing.

    Raises
    ------
    InvalidInputError
        If the prior or the level lies outside its range.

    References
    ----------
    Donner & Zou 2012, Statistical Methods in Medical Research 21, 347.

    Examples
    --------
    >>> counts = ConfusionCounts(n_true_positive=51, n_false_positive=10,
    ...     n_true_negative=3720, n_false_negative=0, threshold=0.5)
    >>> interval = purity_interval_at_prior(counts, prior=0.1)
    >>> round(interval.low, 3), round(interval.high, 3)
    (0.957, 0.987)
    """
    check_fraction(prior, "prior", is_open=True)
    if counts.n_positive <= 0 or counts.n_negative <= 0:
        check_fraction(level, "level", is_open=True)
        return Interval(low=0.0, high=1.0, level=level)
    fpr = wilson_interval(counts.n_false_positive, counts.n_negative, level=level)
    completeness = wilson_interval(counts.n_true_positive, counts.n_positive, level=level)
    low, high = _ratio_limits(counts.fpr, fpr, counts.completeness, completeness)
    odds = (1 - prior) / prior
    return Interval(low=1 / (1 + odds * high), high=1 / (1 + odds * low), level=level)


def _ratio_limits(
    top: float, top_interval: Interval, bottom: float, bottom_interval: Interval
) -> tuple[float, float]:
    """Limits of top / bottom; each form keeps clear of cancellation and of 0 / 0."""
    low_gap = top_interval.low * (2 * top - top_interval.low)
    bottom_high = bottom_interval.high * (2 * bottom - bottom_interval.high)
    product = top * bottom
    root = math.sqrt(max(product**2 - low_gap * bottom_high, 0.0))
    low = low_gap / (product + root) if low_gap > 0 else 0.0
    high_gap = top_interval.high * (2 * top - top_interval.high)
    bottom_low = bottom_interval.low * (2 * bottom - bottom_interval.low)
    root = math.sqrt(max(product**2 - high_gap * bottom_low, 0.0))
    high = (product + root) / bottom_low if bottom_low > 0 else math.inf
    return low, high

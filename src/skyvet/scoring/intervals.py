"""Intervals for proportions and for any statistic of scores and labels.

Which one to use: `wilson_interval` for a rate at a fixed threshold; `clopper_pearson_interval`
where coverage may never fall below the level; `bootstrap_interval` for areas, calibration errors
and whatever depends on many alerts of one object; `auc_interval` where the AUC is close to 1 and
the bootstrap collapses to a point.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import betaincinv, ndtri

from skyvet.core.arrays import check_same_length
from skyvet.core.errors import InvalidInputError
from skyvet.scoring.arguments import check_fraction, check_scored_labels

__all__ = [
    "Interval",
    "Statistic",
    "auc_interval",
    "bootstrap_interval",
    "bootstrap_intervals",
    "clopper_pearson_interval",
    "effective_trials",
    "wilson_interval",
]

Statistic = Callable[[NDArray[np.float64], NDArray[np.int8]], float]
"""Function of (scores, labels), such as `skyvet.scoring.curves.roc_auc`."""

_MAX_DRAWS_PER_RESAMPLE = 20
_ROOT_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A two-sided interval.

    Parameters
    ----------
    low, high : float
        Ends, in the unit of the quantity; low <= high.
    level : float
        Coverage aimed at, in (0, 1).

    Examples
    --------
    >>> 0.5 in Interval(low=0.4, high=0.6, level=0.95)
    True
    """

    low: float
    high: float
    level: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def wilson_interval(n_successes: float, n_trials: float, *, level: float = 0.95) -> Interval:
    """Score interval of a proportion (Wilson 1927): close to the level even for few trials.

    Parameters
    ----------
    n_successes, n_trials : float
        Counts with 0 <= n_successes <= n_trials; need not be whole (effective counts).
    level : float, default 0.95
        Coverage, in (0, 1).

    Returns
    -------
    Interval
        Within [0, 1] and always holding n_successes / n_trials; [0, 1] without trials.

    Raises
    ------
    InvalidInputError
        If the counts or the level are impossible.

    Examples
    --------
    DMTN-272: 51 of 61 selected candidates were real.

    >>> interval = wilson_interval(51, 61)
    >>> round(interval.low, 2), round(interval.high, 2)
    (0.72, 0.91)
    """
    _check_counts(n_successes, n_trials, level)
    if n_trials == 0:
        return Interval(low=0.0, high=1.0, level=level)
    z2 = float(ndtri(0.5 + level / 2)) ** 2
    rate = n_successes / n_trials
    centre = n_successes + z2 / 2
    half = math.sqrt(z2 * (n_successes * (1 - rate) + z2 / 4))
    low = (centre - half) / (n_trials + z2)
    high = (centre + half) / (n_trials + z2)
    # Rounding may leave the estimate outside by one unit in the last place.
    return Interval(low=max(min(low, rate), 0.0), high=min(max(high, rate), 1.0), level=level)


def clopper_pearson_interval(
    n_successes: float, n_trials: float, *, level: float = 0.95
) -> Interval:
    """Exact interval of a proportion (Clopper & Pearson 1934): never covers less than the level.

    Parameters
    ----------
    n_successes, n_trials : float
        Counts with 0 <= n_successes <= n_trials.
    level : float, default 0.95
        Coverage, in (0, 1).

    Returns
    -------
    Interval
        Wider than Wilson's; [0, 1] without trials.

    Raises
    ------
    InvalidInputError
        If the counts or the level are impossible.

    Examples
    --------
    >>> interval = clopper_pearson_interval(51, 51)
    >>> round(interval.low, 3), interval.high
    (0.93, 1.0)
    """
    _check_counts(n_successes, n_trials, level)
    tail = (1 - level) / 2
    n_failures = n_trials - n_successes
    low = 0.0 if n_successes == 0 else float(betaincinv(n_successes, n_failures + 1, tail))
    high = 1.0 if n_failures == 0 else float(betaincinv(n_successes + 1, n_failures, 1 - tail))
    return Interval(low=low, high=high, level=level)


def auc_interval(auc: float, *, n_positive: int, n_negative: int, level: float = 0.95) -> Interval:
    """Score interval of an AUC that stays honest at 1 (Newcombe 2006, method 5).

    Bootstrap and DeLong intervals have no width when a small sample is separated perfectly;
    this one inverts the Hanley-McNeil variance and does not collapse. It takes all candidates
    as independent: with many alerts an object use `bootstrap_interval`.

    Parameters
    ----------
    auc : float
        Estimate, in [0, 1].
    n_positive, n_negative : int
        Numbers of REAL and BOGUS, at least 1 each.
    level : float, default 0.95
        Coverage, in (0, 1).

    Returns
    -------
    Interval
        Within [0, 1], holding the estimate.

    Raises
    ------
    InvalidInputError
        If an argument is out of range.

    References
    ----------
    Newcombe 2006, Statistics in Medicine 25, 559.

    Examples
    --------
    >>> interval = auc_interval(1.0, n_positive=20, n_negative=20)
    >>> round(interval.low, 2), interval.high
    (0.9, 1.0)
    """
    check_fraction(auc, "auc")
    check_fraction(level, "level", is_open=True)
    if min(n_positive, n_negative) < 1:
        raise InvalidInputError(f"both classes are needed, got {n_positive} and {n_negative}")
    z2 = float(ndtri(0.5 + level / 2)) ** 2
    n_star = (n_positive + n_negative) / 2 - 1

    def spread(value: float) -> float:
        """Variance over (1 - value), times z squared."""
        shape = 1 + n_star * (1 - value) / (2 - value) + n_star * value / (1 + value)
        return z2 * value * shape / (n_positive * n_negative)

    def excess(value: float) -> float:
        return (auc - value) ** 2 - (1 - value) * spread(value)

    if min(auc, 1 - auc) < _ROOT_TOLERANCE:
        # One end is the estimate itself: divide its root out. The variance is symmetric in 1/2.
        reach = 1.0 - float(brentq(lambda value: 1 - value - spread(value), 0.0, 1.0))
        return Interval(low=max(auc - reach, 0.0), high=min(auc + reach, 1.0), level=level)
    return Interval(
        low=float(brentq(excess, 0.0, auc)), high=float(brentq(excess, auc, 1.0)), level=level
    )


def bootstrap_interval(
    statistic: Statistic,
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    rng: np.random.Generator,
    groups: ArrayLike | None = None,
    n_resamples: int = 1000,
    level: float = 0.95,
) -> Interval:
    """Percentile bootstrap interval of one statistic, resampling whole objects.

    See `bootstrap_intervals`, which does several statistics on the same resamples.

    Parameters
    ----------
    statistic : callable
        ``statistic(scores, labels) -> float``.
    scores, labels : array_like, shape (n,)
        As for the statistic; labels 1 = REAL, 0 = BOGUS.
    rng : numpy.random.Generator
        Source of the resamples.
    groups : array_like, shape (n,), optional
        Object of each row; rows of one object are drawn together. Each row its own where not given.
    n_resamples : int, default 1000
        Number of resamples.
    level : float, default 0.95
        Coverage, in (0, 1).

    Returns
    -------
    Interval

    Raises
    ------
    InvalidInputError
        As for `bootstrap_intervals`.

    Examples
    --------
    >>> from skyvet.scoring.metrics import brier_score
    >>> rng = np.random.default_rng(1)
    >>> scores = rng.random(200)
    >>> labels = (rng.random(200) < scores).astype(int)
    >>> interval = bootstrap_interval(brier_score, scores, labels, rng=rng, n_resamples=200)
    >>> brier_score(scores, labels) in interval
    True
    """
    found = bootstrap_intervals(
        {"statistic": statistic},
        scores,
        labels,
        rng=rng,
        groups=groups,
        n_resamples=n_resamples,
        level=level,
    )
    return found["statistic"]


def bootstrap_intervals(
    statistics: Mapping[str, Statistic],
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    rng: np.random.Generator,
    groups: ArrayLike | None = None,
    n_resamples: int = 1000,
    level: float = 0.95,
) -> dict[str, Interval]:
    """Percentile bootstrap intervals of several statistics on the same resamples.

    As many objects are drawn, with replacement, as there are; all rows of a drawn object come
    with it. A resample that lacks a class of the sample, or in which a statistic is NaN, is
    drawn again: the interval holds given that the statistic is defined. The estimate lies inside
    for nearly all statistics but need not for biased ones (calibration error), and the interval
    has no width where no resample can differ (a perfectly separated sample: `auc_interval`).

    Parameters
    ----------
    statistics : mapping of str to callable
        ``statistic(scores, labels) -> float``, by name.
    scores, labels : array_like, shape (n,)
        As for the statistics; labels 1 = REAL, 0 = BOGUS.
    rng : numpy.random.Generator
        Source of the resamples.
    groups : array_like, shape (n,), optional
        Object of each row. Each row its own where not given.
    n_resamples : int, default 1000
        Number of resamples; 1000 is good to about 0.1 of the interval's width.
    level : float, default 0.95
        Coverage, in (0, 1).

    Returns
    -------
    dict of str to Interval

    Raises
    ------
    InvalidInputError
        If there are fewer than 2 objects, a statistic is NaN on the sample itself, or nearly
        all resamples are undefined.

    References
    ----------
    Efron 1979, Annals of Statistics 7, 1; Field & Welsh 2007, JRSS B 69, 369 (whole clusters).
    """
    check_fraction(level, "level", is_open=True)
    checked = check_scored_labels(scores, labels)
    label_array = checked.is_real.astype(np.int8)
    _check_defined(statistics, checked.scores, label_array)
    rows = _rows_by_group(groups, len(label_array))
    values = np.empty((n_resamples, len(statistics)))
    n_done = 0
    for _ in range(_MAX_DRAWS_PER_RESAMPLE * n_resamples):
        if n_done == n_resamples:
            break
        drawn = rows.draw(rng)
        if len(np.unique(label_array[drawn])) < len(np.unique(label_array)):
            continue
        values[n_done] = [f(checked.scores[drawn], label_array[drawn]) for f in statistics.values()]
        n_done += int(not np.isnan(values[n_done]).any())
    if n_done < n_resamples:
        raise InvalidInputError(
            f"only {n_done} of {n_resamples} resamples held both classes and a defined statistic; "
            "more objects of the rarer class are needed"
        )
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail], axis=0)
    return {
        name: Interval(low=float(low[i]), high=float(high[i]), level=level)
        for i, name in enumerate(statistics)
    }


def effective_trials(is_success: ArrayLike, groups: ArrayLike) -> float:
    """Count the independent trials that carry as much information as these grouped ones.

    Trials divided by the design effect (Kish 1965): the between-object variance of the rate over
    its binomial variance. Where all trials agree the variance says nothing, and objects are
    taken to agree with themselves wholly (design effect = sum of squares of sizes / n).

    Parameters
    ----------
    is_success : array_like, shape (n,), bool
        Outcome of each trial.
    groups : array_like, shape (n,)
        Object of each trial.

    Returns
    -------
    float
        In [0, n]; n where every object was seen once.

    Raises
    ------
    InvalidInputError
        If lengths differ.

    Examples
    --------
    >>> effective_trials([True, True, False, False], ["a", "a", "b", "b"])
    2.0
    """
    success = np.asarray(is_success, dtype=np.float64)
    group_array = np.asarray(groups)
    check_same_length(is_success=success, groups=group_array)
    n = len(success)
    _, i_group, sizes = np.unique(group_array, return_inverse=True, return_counts=True)
    if n == 0 or len(sizes) == n:
        return float(n)
    worst = float(np.sum(sizes.astype(np.float64) ** 2)) / n
    rate = float(success.mean())
    if rate in (0.0, 1.0) or len(sizes) == 1:
        return n / worst
    residual = np.bincount(i_group, weights=success - rate)
    between = float(np.sum(residual**2)) / n**2
    effect = between / (rate * (1 - rate) / n)
    return n / min(max(effect, 1.0), worst)


@dataclass(frozen=True, slots=True, eq=False)
class _GroupedRows:
    """Row numbers sorted by group, so that one draw of groups is one gather."""

    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    sizes: NDArray[np.intp]

    def draw(self, rng: np.random.Generator) -> NDArray[np.intp]:
        """Row numbers of as many groups as there are, drawn with replacement."""
        chosen = rng.integers(len(self.sizes), size=len(self.sizes))
        sizes = self.sizes[chosen]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        rows: NDArray[np.intp] = self.order[np.repeat(self.starts[chosen], sizes) + within]
        return rows


def _rows_by_group(groups: ArrayLike | None, n_rows: int) -> _GroupedRows:
    group_array = np.arange(n_rows) if groups is None else np.asarray(groups)
    check_same_length(scores=np.empty(n_rows), groups=group_array)
    _, i_group, sizes = np.unique(group_array, return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        raise InvalidInputError(
            f"a bootstrap needs at least 2 objects, got {len(sizes)}; no interval can be given"
        )
    order = np.argsort(i_group, kind="stable")
    return _GroupedRows(order, np.cumsum(sizes) - sizes, sizes)


def _check_counts(n_successes: float, n_trials: float, level: float) -> None:
    check_fraction(level, "level", is_open=True)
    if not 0 <= n_successes <= n_trials or math.isinf(n_trials):
        raise InvalidInputError(
            f"counts must satisfy 0 <= n_successes <= n_trials, got {n_successes} of {n_trials}"
        )


def _check_defined(
    statistics: Mapping[str, Statistic], scores: NDArray[np.float64], labels: NDArray[np.int8]
) -> None:
    undefined = [name for name, f in statistics.items() if math.isnan(f(scores, labels))]
    if undefined:
        raise InvalidInputError(f"undefined (NaN) on the sample itself: {', '.join(undefined)}")

"""Does a score mean what it says? Reliability bins and the expected calibration error."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skyvet.core.errors import InvalidInputError
from skyvet.scoring.arguments import ScoredLabels, check_scored_labels
from skyvet.scoring.intervals import Interval, wilson_interval

__all__ = ["Binning", "ReliabilityBin", "expected_calibration_error", "reliability_bins"]


class Binning(enum.StrEnum):
    """How scores are cut into bins."""

    EQUAL_WIDTH = "equal_width"
    EQUAL_MASS = "equal_mass"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """One point of a reliability diagram.

    Parameters
    ----------
    low, high : float
        Range of scores of the bin: its edges for equal width, its extreme scores for equal mass.
    n : int
        Number of candidates in it, at least 1.
    mean_score : float
        Weighted mean of their scores.
    observed_fraction : float
        Weighted fraction REAL among them.
    interval : Interval
        Wilson interval of the fraction, at the effective count where weights differ.
    """

    low: float
    high: float
    n: int
    mean_score: float
    observed_fraction: float
    interval: Interval


def expected_calibration_error(
    scores: ArrayLike,
    labels: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    n_bins: int = 15,
    binning: Binning | str = Binning.EQUAL_WIDTH,
) -> float:
    r"""Mean gap between score and observed fraction of REAL, over score bins.

    .. math:: \mathrm{ECE} = \sum_b \frac{n_b}{n} \left| \bar{y}_b - \bar{s}_b \right|

    Biased upwards: with n candidates even a perfect calibrator shows about
    :math:`\sqrt{n_\mathrm{bins} / n} / 3`. Compare at equal n and equal bins.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Probability of REAL, in [0, 1].
    labels : array_like, shape (n,)
        1 = REAL, 0 = BOGUS. Remove UNKNOWN first.
    weights : array_like, shape (n,), optional
        Sample weights >= 0.
    n_bins : int, default 15
        Number of bins.
    binning : Binning, default equal_width
        Equal width on [0, 1], or equal numbers of candidates (tied scores stay together).

    Returns
    -------
    float
        In [0, 1]; 0 is perfect calibration.

    Raises
    ------
    InvalidInputError
        If shapes differ, or a score or label lies outside its range.

    References
    ----------
    Naeini, Cooper & Hauskrecht 2015, AAAI.

    Examples
    --------
    >>> expected_calibration_error([0.25, 0.75], [0, 1], n_bins=2)
    0.25
    """
    checked = check_scored_labels(scores, labels, weights, is_probability=True)
    i_bin = _bin_numbers(checked.scores, n_bins, _as_binning(binning))
    gap = np.bincount(i_bin, weights=checked.weights * (checked.is_real - checked.scores))
    return float(np.abs(gap).sum() / checked.weights.sum())


def reliability_bins(
    scores: ArrayLike,
    labels: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    n_bins: int = 15,
    binning: Binning | str = Binning.EQUAL_WIDTH,
    level: float = 0.95,
) -> tuple[ReliabilityBin, ...]:
    """Points of a reliability diagram; empty bins are left out.

    Parameters
    ----------
    scores, labels, weights, n_bins, binning
        As for `expected_calibration_error`.
    level : float, default 0.95
        Coverage of the intervals, in (0, 1).

    Returns
    -------
    tuple of ReliabilityBin
        In rising order of score; their `n` add up to the number of candidates.

    Raises
    ------
    InvalidInputError
        If an argument is out of range.

    Examples
    --------
    >>> [(b.n, b.mean_score, b.observed_fraction)
    ...  for b in reliability_bins([0.1, 0.2, 0.9], [0, 1, 1], n_bins=2)]
    [(2, 0.15, 0.5), (1, 0.9, 1.0)]
    """
    checked = check_scored_labels(scores, labels, weights, is_probability=True)
    kind = _as_binning(binning)
    i_bin = _bin_numbers(checked.scores, n_bins, kind)
    has_weight = np.bincount(i_bin, weights=checked.weights) > 0
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    found = []
    for b in np.flatnonzero(has_weight):
        inside = i_bin == b
        part = ScoredLabels(
            checked.scores[inside], checked.is_real[inside], checked.weights[inside]
        )
        is_width = kind is Binning.EQUAL_WIDTH
        low = edges[b] if is_width else part.scores.min()
        high = edges[b + 1] if is_width else part.scores.max()
        found.append(_summarise(part, float(low), float(high), level))
    return tuple(found)


def _as_binning(binning: Binning | str) -> Binning:
    try:
        return Binning(binning)
    except ValueError as error:
        raise InvalidInputError(
            f"binning must be one of {', '.join(Binning)}, got {binning!r}"
        ) from error


def _summarise(part: ScoredLabels, low: float, high: float, level: float) -> ReliabilityBin:
    fraction = float(np.average(part.is_real, weights=part.weights))
    n_effective = float(part.weights.sum() ** 2 / np.sum(part.weights**2))
    return ReliabilityBin(
        low=low,
        high=high,
        n=len(part.scores),
        mean_score=float(np.average(part.scores, weights=part.weights)),
        observed_fraction=fraction,
        interval=wilson_interval(fraction * n_effective, n_effective, level=level),
    )


def _bin_numbers(scores: NDArray[np.float64], n_bins: int, binning: Binning) -> NDArray[np.intp]:
    """Bin of each score; a tied score never falls into two bins."""
    if n_bins < 1:
        raise InvalidInputError(f"n_bins must be at least 1, got {n_bins}")
    if binning is Binning.EQUAL_WIDTH:
        return np.minimum((scores * n_bins).astype(np.intp), n_bins - 1)
    values, i_value, counts = np.unique(scores, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - 0.5 * counts
    i_bin = np.minimum((middle * n_bins / len(scores)).astype(np.intp), n_bins - 1)
    return i_bin[i_value].reshape(scores.shape) if len(values) else i_value

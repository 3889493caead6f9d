"""How far period-search algorithms agree, as SCoPe's features say it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from skyvet.core.arrays import FloatArray

__all__ = ["AGREEMENT_NAMES", "agreement_of"]

AGREEMENT_NAMES = (
    "n_agree_pairs", "n_total_pairs", "agree_score", "agree_strict", "agree_weighted",
    "best_agree_period", "best_consensus_period",
)  # fmt: skip
"""Keys of `agreement_of`, in order."""
_RATIOS = np.array([1.0, 0.5, 2.0, 1.0 / 3.0, 3.0])
_TOLERANCE = 0.05
_MIN_PERIOD_D = 0.007


def agreement_of(periods_d: Sequence[FloatArray]) -> dict[str, float]:
    """Return how far the best periods of several algorithms agree.

    Two periods match if their ratio is 1, 1/2, 2, 1/3 or 3 within 5 %; periods below 0.007 d are
    passed over.

    Parameters
    ----------
    periods_d : sequence of ndarray
        For each algorithm its periods, best first [d]; NaN is passed over.

    Returns
    -------
    dict of str to float
        ``n_agree_pairs``: pairs of algorithms that share any period; ``n_total_pairs``;
        ``agree_score``: their ratio; ``agree_strict``: share of pairs whose best periods match;
        ``agree_weighted``: mean over pairs of the best 1 / (rank * rank); ``best_agree_period``:
        of the pair that agrees best (the period of the better-ranked algorithm of the two);
        ``best_consensus_period``: the period with the largest sum of 1 / (rank * rank) over
        all matches. Ratios and periods are NaN where there is no pair, or no match.

    Examples
    --------
    >>> found = agreement_of([np.array([0.5, 3.0]), np.array([0.25, 7.0]), np.array([3.01])])
    >>> found["n_agree_pairs"], found["agree_strict"], found["best_agree_period"]
    (2.0, 0.3333333333333333, 0.5)
    """
    pairs = list(combinations(periods_d, 2))
    found = [_matches(one, other) for one, other in pairs]
    best = [float(weights.max(initial=0.0)) for weights in found]
    n_pairs, n_agree = len(pairs), sum(value > 0 for value in best)
    ratio = 1.0 / n_pairs if n_pairs else np.nan
    values = (
        n_agree,
        n_pairs,
        n_agree * ratio,
        sum(bool(w.size and w[0, 0] > 0) for w in found) * ratio,
        sum(best) * ratio,
        _best_agreeing(pairs, found, best),
        _best_consensus(periods_d),
    )
    return dict(zip(AGREEMENT_NAMES, map(float, values), strict=True))


def _matches(one: FloatArray, other: FloatArray) -> FloatArray:
    """1 / (rank * rank) where periods match, else 0; shape (n_one, n_other)."""
    if not (len(one) and len(other)):
        return np.zeros((len(one), len(other)))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = one[:, None, None] / (_RATIOS * other[None, :, None])
        is_match = (np.abs(ratio - 1.0) < _TOLERANCE).any(axis=2)
    is_match &= (one > _MIN_PERIOD_D)[:, None] & (other > _MIN_PERIOD_D)
    ranks = np.arange(1, len(one) + 1)[:, None] * np.arange(1, len(other) + 1)
    return np.where(is_match, 1.0 / ranks, 0.0)


def _best_agreeing(
    pairs: Sequence[tuple[FloatArray, FloatArray]],
    found: Sequence[FloatArray],
    best: Sequence[float],
) -> float:
    if not max(best, default=0.0) > 0:
        return np.nan
    i_pair = int(np.argmax(best))
    row, column = np.unravel_index(int(found[i_pair].argmax()), found[i_pair].shape)
    one, other = pairs[i_pair]
    return float(one[row] if row <= column else other[column])


def _best_consensus(periods_d: Sequence[FloatArray]) -> float:
    best, period = 0.0, np.nan
    for i, one in enumerate(periods_d):
        support = np.zeros(len(one))
        for j, other in enumerate(periods_d):
            if j != i and len(other):
                support += _matches(one, other).sum(axis=1)
        if len(one) and support.max() > best:
            best, period = float(support.max()), float(one[support.argmax()])
    return period

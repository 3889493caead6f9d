"""RB-C1000's rules on plain arrays: splits, query, class-ratio cut, pseudo-labels.

Each follows the published code (Liu et al. 2025, A&A 693, A105), its weaknesses included: 40 % of
the paid labels only choose the epoch, and labels that unbalance the classes are thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import InvalidInputError

__all__ = [
    "RbC1000Split",
    "class_ratio_cut",
    "confident_rows",
    "least_confident",
    "split_in_two",
    "split_rb_c1000",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RbC1000Split:
    """Rows of a shuffled set.

    Parameters
    ----------
    first, pool, test : ndarray of int
        To be labelled at once, unlabelled, and held out; no row is in two of them.
    """

    first: IntArray
    pool: IntArray
    test: IntArray


def split_rb_c1000(
    n: int, *, n_first: int, n_pool: int, test_fraction: float, rng: np.random.Generator
) -> RbC1000Split:
    """Shuffle all rows; the first are labelled, the next are the pool, the last are the test.

    Parameters
    ----------
    n : int
        Number of rows.
    n_first, n_pool : int
        Labelled and unlabelled rows; the pool is smaller where the test begins before.
    test_fraction : float
        Share of all rows, in (0, 1).
    rng : numpy.random.Generator
        Of the shuffle.

    Returns
    -------
    RbC1000Split

    Raises
    ------
    InvalidInputError
        If nothing is left for the pool.

    Examples
    --------
    >>> split = split_rb_c1000(
    ...     20, n_first=5, n_pool=8, test_fraction=0.1, rng=np.random.default_rng(0)
    ... )
    >>> len(split.first), len(split.pool), len(split.test)
    (5, 8, 2)
    """
    n_test = int(n * test_fraction)
    if n - n_test <= n_first:
        raise InvalidInputError(
            f"{n} rows less {n_test} for the test leave nothing beyond the first {n_first} labels; "
            "use more rows or fewer first labels"
        )
    order = rng.permutation(n)
    return RbC1000Split(
        first=order[:n_first],
        pool=order[n_first : min(n_first + n_pool, n - n_test)],
        test=order[n - n_test :],
    )


def split_in_two(
    n: int, *, train_share: float, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Shuffle n rows and cut them by position into training and validation.

    Examples
    --------
    >>> train, validation = split_in_two(10, train_share=0.6, rng=np.random.default_rng(0))
    >>> len(train), len(validation)
    (6, 4)
    """
    order = rng.permutation(n)
    n_train = int(n * train_share)
    return order[:n_train], order[n_train:]


def least_confident(logits: FloatArray, n: int) -> IntArray:
    """Return the n rows of smallest confidence ``max(p, 1 - p)``, the smallest first.

    Parameters
    ----------
    logits : ndarray, shape (n_rows,)
        Logit of REAL.
    n : int
        How many, >= 0; all where there are fewer.

    Returns
    -------
    ndarray of int
        Equal ones in the order of the rows.

    Examples
    --------
    >>> least_confident(np.array([3.0, -0.1, 0.5, -2.0]), 2).tolist()
    [1, 2]
    """
    return np.argsort(np.abs(logits), kind="stable")[:n]


def class_ratio_cut(labels: IntArray, real_fraction: float, *, tolerance: float) -> IntArray:
    """Drop the last rows of the commoner class until REAL has the wanted share.

    With n0 BOGUS and n1 REAL and the share r: at most n0 (r + t) / (1 - r - t) REAL stay, or else
    at most n1 / (r - t) - n1 BOGUS, rounded down.

    Parameters
    ----------
    labels : ndarray, shape (n,)
        1 = REAL, 0 = BOGUS, those to keep first in front.
    real_fraction : float
        Wanted share r of REAL, in [0, 1].
    tolerance : float
        t, >= 0.

    Returns
    -------
    ndarray of int
        Rows that stay, ascending. None where one class is missing and the share says otherwise.

    Examples
    --------
    >>> class_ratio_cut(np.array([1, 1, 0, 1, 0]), 0.5, tolerance=0.001).tolist()
    [0, 1, 2, 4]
    """
    n_bogus, n_real = int((labels == 0).sum()), int((labels == 1).sum())
    high, low = real_fraction + tolerance, real_fraction - tolerance
    most_real = n_bogus * high / (1 - high) if high < 1 else np.inf
    most_bogus = n_real / low - n_real if low > 0 else np.inf
    is_kept = np.ones(len(labels), dtype=bool)
    if n_real > most_real:
        is_kept[np.flatnonzero(labels == 1)[int(most_real) :]] = False
    elif n_bogus > most_bogus:
        is_kept[np.flatnonzero(labels == 0)[int(most_bogus) :]] = False
    return np.flatnonzero(is_kept)


def confident_rows(logits: FloatArray, *, confidence: float) -> IntArray:
    """Return the rows whose ``max(p, 1 - p)`` reaches the threshold, the surest first.

    Parameters
    ----------
    logits : ndarray, shape (n,)
        Logit of REAL.
    confidence : float
        In [0.5, 1).

    Returns
    -------
    ndarray of int
        Empty where none does.

    Examples
    --------
    >>> confident_rows(np.array([3.0, -1.0, -5.0]), confidence=0.95).tolist()
    [2, 0]
    """
    size = np.abs(logits.astype(np.float64))
    order = np.argsort(-size, kind="stable")
    sure: IntArray = order[size[order] >= np.log(confidence / (1 - confidence))]
    return sure

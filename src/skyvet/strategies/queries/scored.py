"""Strategies that give each candidate a number and ask for the largest first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.strategies.queries.interface import QuerySettings, QueryState

__all__ = ["ScoredQuery", "highest_first"]

_TINY = np.finfo(np.float64).tiny


def highest_first(values: FloatArray, *, rng: np.random.Generator) -> IntArray:
    """Return the positions of values from the largest to the smallest, ties in random order.

    Examples
    --------
    >>> highest_first(np.array([0.1, 0.9, 0.5]), rng=np.random.default_rng(0))
    array([1, 2, 0])
    """
    return np.lexsort((rng.random(len(values)), -values))


class ScoredQuery(QuerySettings):
    """A strategy that is one number a candidate: the larger, the sooner it is asked for.

    The best few of such a ranking are often near copies of each other. A finite `coldness` draws
    instead of sorting: the chance of being next is proportional to ``utility ** coldness``.

    References
    ----------
    Kirsch et al. 2023, TMLR (stochastic batch acquisition): power sampling matches far dearer
    batch strategies.
    """

    coldness: float | None = Field(
        default=None,
        ge=0,
        description="exponent of a random draw by utility; none = strictly the highest first",
    )

    def utility(
        self, state: QueryState, rows: IntArray, *, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return how much is expected of each label, shape (k,), >= 0.

        Parameters
        ----------
        state : QueryState
            The pool.
        rows : ndarray, shape (k,), intp
            Candidates to be judged.
        rng : numpy.random.Generator
            For strategies that are random themselves.
        """
        raise NotImplementedError

    def choose(
        self, state: QueryState, available: IntArray, n: int, *, rng: np.random.Generator
    ) -> IntArray:
        """Return the `n` candidates of the largest utility, or draw them by it."""
        values = self.utility(state, available, rng=rng)
        if self.coldness is not None:
            gumbel = -np.log(-np.log(np.maximum(rng.random(len(values)), _TINY)))
            values = self.coldness * np.log(np.maximum(values, _TINY)) + gumbel
        return available[highest_first(values, rng=rng)[:n]]

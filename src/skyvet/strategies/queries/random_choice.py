"""Random choice: the control that every other strategy is judged against."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from skyvet.core.arrays import IntArray
from skyvet.strategies.queries.interface import QuerySettings, QueryState

__all__ = ["RandomQuery"]


class RandomQuery(QuerySettings):
    """Every available candidate alike; the only labels that are a fair sample of the pool.

    Examples
    --------
    >>> from skyvet.strategies.queries.interface import Opinion
    >>> state = QueryState(
    ...     opinion=Opinion(logits=np.zeros(3)),
    ...     labels=np.array([-1, 1, -1]),
    ...     is_available=np.array([True, False, True]),
    ... )
    >>> sorted(RandomQuery().rank(state, 5, rng=np.random.default_rng(0)).tolist())
    [0, 2]
    """

    title: ClassVar[str] = "Random"

    kind: Literal["random"] = "random"

    def choose(
        self,
        state: QueryState,  # noqa: ARG002 - it does not look
        available: IntArray,
        n: int,
        *,
        rng: np.random.Generator,
    ) -> IntArray:
        """Return the first `n` of a random order."""
        return rng.permutation(available)[:n]

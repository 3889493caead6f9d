"""k-center (core-set): candidates that leave no part of the pool far from a label."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from skyvet.core.arrays import IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.strategies.queries.interface import QuerySettings, QueryState
from skyvet.strategies.queries.spread import farthest_first, standardized

__all__ = ["KCenterQuery", "embeddings_for_distances"]


class KCenterQuery(QuerySettings):
    """Asks for the candidate farthest from all labelled and pending ones, again and again.

    Blind to the classifier's verdict; good at finding what has never been labelled, and outliers.

    References
    ----------
    Sener & Savarese 2018, ICLR (core-set), its greedy form without the integer program.

    Examples
    --------
    >>> from skyvet.strategies.queries.interface import Opinion
    >>> points = np.array([[0.0], [7.0], [10.0], [11.0]])
    >>> state = QueryState(
    ...     opinion=Opinion(logits=np.zeros(4), embeddings=points),
    ...     labels=np.array([1, -1, -1, -1]),
    ...     is_available=np.array([False, True, True, True]),
    ... )
    >>> KCenterQuery().rank(state, 2, rng=np.random.default_rng(0))
    array([3, 1])
    """

    title: ClassVar[str] = "k-center (core-set)"
    needs_embeddings: ClassVar[bool] = True

    kind: Literal["k_center"] = "k_center"
    standardize: bool = Field(
        default=False, description="give each embedding column the same weight in the distances"
    )

    def choose(
        self, state: QueryState, available: IntArray, n: int, *, rng: np.random.Generator
    ) -> IntArray:
        """Return `n` candidates, farthest first; a random order of the rows decides ties."""
        embeddings = embeddings_for_distances(state, standardize=self.standardize)
        rows = rng.permutation(available)
        return rows[farthest_first(embeddings[rows], embeddings[state.is_covered], n)]


def embeddings_for_distances(state: QueryState, *, standardize: bool) -> np.ndarray:
    """Return the pool's embeddings in float32, standardised if asked.

    Raises
    ------
    InvalidInputError
        If the classifier gave none.

    Examples
    --------
    >>> from skyvet.strategies.queries.interface import Opinion
    >>> state = QueryState(
    ...     opinion=Opinion(logits=np.zeros(2), embeddings=np.array([[1.0], [3.0]])),
    ...     labels=np.full(2, -1),
    ...     is_available=np.ones(2, dtype=bool),
    ... )
    >>> embeddings_for_distances(state, standardize=True)
    array([[-1.],
           [ 1.]], dtype=float32)
    """
    embeddings = state.opinion.embeddings
    if embeddings is None:
        raise InvalidInputError("distances need embeddings; use a network")
    if standardize:
        return standardized(embeddings)
    return np.asarray(embeddings, dtype=np.float32)

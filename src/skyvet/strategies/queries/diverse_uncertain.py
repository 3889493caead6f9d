"""Diverse within the uncertain: the least sure candidates, thinned to those unlike each other."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from skyvet.core.arrays import IntArray
from skyvet.strategies.queries.interface import QuerySettings, QueryState
from skyvet.strategies.queries.k_center import embeddings_for_distances
from skyvet.strategies.queries.probability import ProbabilityConfig
from skyvet.strategies.queries.scored import highest_first
from skyvet.strategies.queries.spread import farthest_first

__all__ = ["DiverseUncertainQuery"]


class DiverseUncertainQuery(QuerySettings):
    """Pre-selects the ``factor * n`` least sure candidates and spreads the batch among them.

    The first one is the least sure; each further one is the farthest from the labelled and the
    chosen ones. `factor` = 1 is plain uncertainty, a very large one is k-center.

    References
    ----------
    Zhdanov 2019, arXiv:1901.05954 (diverse mini-batch active learning), with k-center as the
    second step.

    Examples
    --------
    >>> from skyvet.strategies.queries.interface import Opinion
    >>> points = np.array([[0.0], [0.1], [5.0], [9.0]])
    >>> state = QueryState(
    ...     opinion=Opinion(logits=np.array([0.0, 0.1, 0.2, 9.0]), embeddings=points),
    ...     labels=np.full(4, -1),
    ...     is_available=np.ones(4, dtype=bool),
    ... )
    >>> DiverseUncertainQuery(factor=1.5).rank(state, 2, rng=np.random.default_rng(0))
    array([0, 2])
    """

    title: ClassVar[str] = "Diverse within the uncertain"
    needs_embeddings: ClassVar[bool] = True
    is_nested: ClassVar[bool] = False

    kind: Literal["diverse_uncertain"] = "diverse_uncertain"
    factor: float = Field(
        default=10.0, ge=1, description="candidates pre-selected for each one asked for"
    )
    standardize: bool = Field(
        default=False, description="give each embedding column the same weight in the distances"
    )
    probability: ProbabilityConfig = ProbabilityConfig()

    def choose(
        self, state: QueryState, available: IntArray, n: int, *, rng: np.random.Generator
    ) -> IntArray:
        """Return `n` of the least sure candidates, spread over the embeddings."""
        distance = np.abs(self.probability.logits(state.opinion.logits[available]))
        n_doubtful = min(int(np.ceil(self.factor * n)), len(available))
        doubtful = available[highest_first(-distance, rng=rng)[:n_doubtful]]
        embeddings = embeddings_for_distances(state, standardize=self.standardize)
        others = doubtful[1:]
        centres = np.concatenate([embeddings[state.is_covered], embeddings[doubtful[:1]]])
        if n == 1:
            return doubtful[:1]
        return np.concatenate(
            [doubtful[:1], others[farthest_first(embeddings[others], centres, n - 1)]]
        )

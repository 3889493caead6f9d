"""Anomaly: what is unlike the rest of the pool, steered by what turned out to be interesting."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from skyvet.core.arrays import IntArray
from skyvet.strategies.queries.interface import QueryState
from skyvet.strategies.queries.isolation_forest import LeafWeighting, WeightedForest
from skyvet.strategies.queries.k_center import embeddings_for_distances
from skyvet.strategies.queries.scored import ScoredQuery

__all__ = ["AnomalyQuery"]


class AnomalyQuery(ScoredQuery):
    """Isolation forest on the embeddings; labels move the weights of its leaves (AAD).

    References
    ----------
    Liu, Ting & Zhou 2008, ICDM; Das et al. 2016, ICDM; Das et al. 2017, arXiv:1708.09441.

    Examples
    --------
    >>> from skyvet.strategies.queries.interface import Opinion
    >>> points = np.vstack([np.random.default_rng(0).normal(size=(99, 2)), [[9.0, 9.0]]])
    >>> state = QueryState(
    ...     opinion=Opinion(logits=np.zeros(100), embeddings=points),
    ...     labels=np.full(100, -1),
    ...     is_available=np.ones(100, dtype=bool),
    ... )
    >>> AnomalyQuery(n_trees=20).rank(state, 1, rng=np.random.default_rng(1))
    array([99])
    """

    title: ClassVar[str] = "Anomalies (isolation forest, AAD)"
    needs_embeddings: ClassVar[bool] = True

    kind: Literal["anomaly"] = "anomaly"
    interesting: Literal["real", "bogus", "none"] = Field(
        default="real",
        description="label of the anomalies one looks for; none = isolation forest without labels",
    )
    n_trees: int = Field(default=100, ge=1, description="trees of the forest")
    n_per_tree: int = Field(default=256, ge=2, description="candidates that a tree is grown on")
    anomalous_share: float = Field(
        default=0.03, gt=0, lt=1, description="share of the pool that is taken for anomalous"
    )
    interesting_weight: float = Field(
        default=1.0, gt=0, description="weight of the interesting labels against the others"
    )
    prior_influence: float = Field(
        default=1.0, gt=0, description="how firmly the leaves keep to equal weights"
    )

    def utility(
        self, state: QueryState, rows: IntArray, *, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return how anomalous each candidate is, shifted to >= 0."""
        forest = WeightedForest(
            embeddings_for_distances(state, standardize=False),
            n_trees=self.n_trees,
            n_per_tree=self.n_per_tree,
            rng=rng,
        )
        if self.interesting != "none":
            labelled = np.flatnonzero(state.labels >= 0)
            forest.learn(
                labelled,
                state.labels[labelled] == int(self.interesting == "real"),
                LeafWeighting(
                    anomalous_share=self.anomalous_share,
                    interesting_weight=self.interesting_weight,
                    prior_influence=self.prior_influence,
                ),
            )
        scores = forest.scores()[rows]
        shifted: NDArray[np.float64] = scores - scores.min()
        return shifted

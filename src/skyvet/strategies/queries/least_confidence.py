"""Least confidence: the candidate whose likelier class is least likely."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from skyvet.core.arrays import IntArray
from skyvet.strategies.queries.interface import QueryState
from skyvet.strategies.queries.probability import ProbabilityConfig
from skyvet.strategies.queries.scored import ScoredQuery

__all__ = ["LeastConfidenceQuery"]


class LeastConfidenceQuery(ScoredQuery):
    """Asks first where the classifier is least sure of its verdict.

    With two classes, least confidence, margin and entropy rank alike: all three fall with the
    distance of the probability from one half. They differ in size alone, which matters where
    `coldness` draws by it.

    References
    ----------
    Lewis & Gale 1994, SIGIR.

    Examples
    --------
    >>> from skyvet.strategies.queries.interface import Opinion
    >>> state = QueryState(
    ...     opinion=Opinion(logits=np.array([-5.0, 0.1, 2.0])),
    ...     labels=np.full(3, -1),
    ...     is_available=np.ones(3, dtype=bool),
    ... )
    >>> LeastConfidenceQuery().rank(state, 2, rng=np.random.default_rng(0))
    array([1, 2])
    """

    title: ClassVar[str] = "Least confident"

    kind: Literal["least_confidence"] = "least_confidence"
    probability: ProbabilityConfig = ProbabilityConfig()

    def utility(
        self,
        state: QueryState,
        rows: IntArray,
        *,
        rng: np.random.Generator,  # noqa: ARG002 - nothing random in it
    ) -> NDArray[np.float64]:
        """Return 1 minus the probability of the likelier class, in [0, 1/2]."""
        logits = self.probability.logits(state.opinion.logits[rows])
        return np.asarray(expit(-np.abs(logits)), dtype=np.float64)

"""Entropy: the candidate whose verdict is the most open."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import IntArray
from skyvet.strategies.queries.interface import QueryState
from skyvet.strategies.queries.probability import ProbabilityConfig, verdict_entropy
from skyvet.strategies.queries.scored import ScoredQuery

__all__ = ["EntropyQuery"]


class EntropyQuery(ScoredQuery):
    """Asks first where the entropy of the verdict is largest.

    With two classes, least confidence, margin and entropy rank alike: all three fall with the
    distance of the probability from one half. They differ in size alone, which matters where
    `coldness` draws by it.

    References
    ----------
    Shannon 1948; Settles & Craven 2008, EMNLP.

    Examples
    --------
    >>> from skyvet.strategies.queries.interface import Opinion
    >>> state = QueryState(
    ...     opinion=Opinion(logits=np.array([-5.0, 0.1, 2.0])),
    ...     labels=np.full(3, -1),
    ...     is_available=np.ones(3, dtype=bool),
    ... )
    >>> EntropyQuery().rank(state, 2, rng=np.random.default_rng(0))
    array([1, 2])
    """

    title: ClassVar[str] = "Largest entropy"

    kind: Literal["entropy"] = "entropy"
    probability: ProbabilityConfig = ProbabilityConfig()

    def utility(
        self,
        state: QueryState,
        rows: IntArray,
        *,
        rng: np.random.Generator,  # noqa: ARG002 - nothing random in it
    ) -> NDArray[np.float64]:
        """Return the entropy of the verdict [nats], in [0, ln 2]."""
        logits = self.probability.logits(state.opinion.logits[rows])
        return verdict_entropy(logits)

"""Margin: the candidate whose two classes are closest."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from skyvet.core.arrays import IntArray
from skyvet.strategies.queries.interface import QueryState
from skyvet.strategies.queries.probability import ProbabilityConfig
from skyvet.strategies.queries.scored import ScoredQuery

__all__ = ["MarginQuery"]


class MarginQuery(ScoredQuery):
    """Asks first where the probabilities of REAL and BOGUS are closest.

    With two classes, least confidence, margin and entropy rank alike: all three fall with the
    distance of the probability from one half. They differ in size alone, which matters where
    `coldness` draws by it.

    References
    ----------
    Scheffer, Decomain & Wrobel 2001, IDA.

    Examples
    --------
    >>> from skyvet.strategies.queries.interface import Opinion
    >>> state = QueryState(
    ...     opinion=Opinion(logits=np.array([-5.0, 0.1, 2.0])),
    ...     labels=np.full(3, -1),
    ...     is_available=np.ones(3, dtype=bool),
    ... )
    >>> MarginQuery().rank(state, 2, rng=np.random.default_rng(0))
    array([1, 2])
    """

    title: ClassVar[str] = "Smallest margin"

    kind: Literal["margin"] = "margin"
    probability: ProbabilityConfig = ProbabilityConfig()

    def utility(
        self,
        state: QueryState,
        rows: IntArray,
        *,
        rng: np.random.Generator,  # noqa: ARG002 - nothing random in it
    ) -> NDArray[np.float64]:
        """Return 1 minus the difference of the two probabilities, in [0, 1]."""
        logits = self.probability.logits(state.opinion.logits[rows])
        return np.asarray(2 * expit(-np.abs(logits)), dtype=np.float64)

"""Strategies that ask where the verdict is most in doubt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.strategies.queries.interface import QueryState
from skyvet.strategies.queries.probability import ProbabilityConfig
from skyvet.strategies.queries.scored import ScoredQuery

__all__ = ["DoubtQuery"]


class DoubtQuery(ScoredQuery):
    """A scored strategy that reads the logit alone: how open is its verdict.

    With two classes all such strategies rank alike: the doubt falls with the distance of the
    probability from one half. They differ in size alone, which matters where `coldness` draws by
    it.
    """

    probability: ProbabilityConfig = ProbabilityConfig()

    def doubt(self, logits: FloatArray) -> NDArray[np.float64]:
        """Return how open a verdict is, shape (k,), >= 0 and largest at logit 0."""
        raise NotImplementedError

    def utility(
        self,
        state: QueryState,
        rows: IntArray,
        *,
        rng: np.random.Generator,  # noqa: ARG002 - nothing random in it
    ) -> NDArray[np.float64]:
        """Return the doubt in each verdict."""
        return self.doubt(self.probability.logits(state.opinion.logits[rows]))

"""High confidence: what the classifier is surest of, for a person to confirm (SCoPe's selection).

SCoPe's samples for its scanners hold, for each class, sources with a probability of at least 0.9,
drawn at random or the most probable first; see Healy et al. 2024 (SCoPe III). It measures the
purity that users see and finds confident mistakes; it teaches a classifier little.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import expit

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.strategies.queries.interface import QuerySettings, QueryState
from skyvet.strategies.queries.probability import ProbabilityConfig
from skyvet.strategies.queries.scored import highest_first

__all__ = ["HighConfidenceQuery", "spaced_positions"]


class HighConfidenceQuery(QuerySettings):
    """Asks for sure verdicts of both classes in turn; when none is left, for the next surest.

    Examples
    --------
    >>> from skyvet.strategies.queries.interface import Opinion
    >>> state = QueryState(
    ...     opinion=Opinion(logits=np.array([6.0, 9.0, 0.2, -7.0])),
    ...     labels=np.full(4, -1),
    ...     is_available=np.ones(4, dtype=bool),
    ... )
    >>> HighConfidenceQuery(order="surest").rank(state, 4, rng=np.random.default_rng(0))
    array([3, 1, 0, 2])
    """

    title: ClassVar[str] = "High confidence (audit)"

    kind: Literal["high_confidence"] = "high_confidence"
    threshold: float = Field(
        default=0.9, ge=0.5, lt=1, description="probability of the verdict from which it is sure"
    )
    order: Literal["random", "surest"] = Field(
        default="random", description="among the sure ones: at random, or the surest first"
    )
    real_share: float = Field(
        default=0.5, ge=0, le=1, description="share of verdicts REAL among those asked for"
    )
    probability: ProbabilityConfig = ProbabilityConfig()

    def choose(
        self, state: QueryState, available: IntArray, n: int, *, rng: np.random.Generator
    ) -> IntArray:
        """Return sure verdicts of both classes in the wanted share, then what is left."""
        logits = self.probability.logits(state.opinion.logits[available])
        order = self._by_confidence(logits, rng)
        is_real = logits[order] >= 0
        real, bogus = order[is_real], order[~is_real]
        is_real_turn = spaced_positions(len(order), self.real_share)
        turns = np.empty(len(order))
        turns[: len(real)] = _turns(is_real_turn, len(real))
        turns[len(real) :] = _turns(~is_real_turn, len(bogus))
        positions: IntArray = np.concatenate([real, bogus])[np.argsort(turns, kind="stable")]
        return np.asarray(available[positions[:n]])

    def _by_confidence(self, logits: NDArray[np.float64], rng: np.random.Generator) -> IntArray:
        """Return positions: sure ones in the wanted order, then all others, the surest first."""
        distance = np.abs(logits)
        shuffled = rng.random(len(logits))
        is_sure = expit(distance) >= self.threshold
        if self.order == "random":
            order: IntArray = np.lexsort((shuffled, np.where(is_sure, 0.0, -distance), ~is_sure))
            return order
        return highest_first(distance, rng=rng)


def spaced_positions(n: int, share: float) -> NDArray[np.bool_]:
    """Mark a share of `n` positions, evenly spaced, so that every beginning has about that share.

    Examples
    --------
    >>> spaced_positions(6, 0.5).astype(int)
    array([0, 1, 0, 1, 0, 1])
    """
    steps = np.floor(np.arange(n + 1) * share + 1e-9)
    return np.asarray(np.diff(steps) > 0)


def _turns(is_own_turn: NDArray[np.bool_], n: int) -> FloatArray:
    """Return the position of each of `n` items of a class; past its turns it comes at the end."""
    own = np.flatnonzero(is_own_turn)[:n]
    rest = len(is_own_turn) + np.arange(n - len(own))
    return np.concatenate([own, rest]).astype(np.float64)

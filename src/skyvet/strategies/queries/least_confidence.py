"""Least confidence: the candidate whose likelier class is least likely."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from skyvet.core.arrays import FloatArray
from skyvet.strategies.queries.doubt import DoubtQuery

__all__ = ["LeastConfidenceQuery"]


class LeastConfidenceQuery(DoubtQuery):
    """Asks first where the classifier is least sure of its verdict.

    References
    ----------
    Lewis & Gale 1994, SIGIR.

    Examples
    --------
    >>> from skyvet.strategies.queries.interface import Opinion, QueryState
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

    def doubt(self, logits: FloatArray) -> NDArray[np.float64]:
        """Return 1 minus the probability of the likelier class, in [0, 1/2]."""
        return np.asarray(expit(-np.abs(logits)), dtype=np.float64)

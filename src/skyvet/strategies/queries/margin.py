"""Margin: the candidate whose two classes are closest."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from skyvet.core.arrays import FloatArray
from skyvet.strategies.queries.doubt import DoubtQuery

__all__ = ["MarginQuery"]


class MarginQuery(DoubtQuery):
    """Asks first where the probabilities of REAL and BOGUS are closest.

    References
    ----------
    Scheffer, Decomain & Wrobel 2001, IDA.

    Examples
    --------
    >>> from skyvet.strategies.queries.interface import Opinion, QueryState
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

    def doubt(self, logits: FloatArray) -> NDArray[np.float64]:
        """Return 1 minus the difference of the two probabilities, in [0, 1]."""
        return np.asarray(2 * expit(-np.abs(logits)), dtype=np.float64)

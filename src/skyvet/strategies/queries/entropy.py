"""Entropy: the candidate whose verdict is the most open."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.strategies.queries.doubt import DoubtQuery
from skyvet.strategies.queries.probability import verdict_entropy

__all__ = ["EntropyQuery"]


class EntropyQuery(DoubtQuery):
    """Asks first where the entropy of the verdict is largest.

    References
    ----------
    Shannon 1948; Settles & Craven 2008, EMNLP.

    Examples
    --------
    >>> from skyvet.strategies.queries.interface import Opinion, QueryState
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

    def doubt(self, logits: FloatArray) -> NDArray[np.float64]:
        """Return the entropy of the verdict [nats], in [0, ln 2]."""
        return verdict_entropy(logits)

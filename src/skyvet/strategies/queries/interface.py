"""What a query strategy is given and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from skyvet.core.arrays import FloatArray, IntArray, check_same_length
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError

__all__ = ["Opinion", "QuerySettings", "QueryState"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opinion:
    """What a classifier thinks of n candidates.

    Parameters
    ----------
    logits : ndarray, shape (n,), float32
        Logit of REAL.
    member_logits : ndarray, shape (n_members, n), float32, optional
        Of each member of an ensemble (at least 2).
    embeddings : ndarray, shape (n, d), float32, optional
        Features of the last layer but one.
    """

    logits: FloatArray
    member_logits: FloatArray | None = None
    embeddings: FloatArray | None = None

    def __len__(self) -> int:
        """Return the number of candidates."""
        return len(self.logits)

    def take(self, indices: IntArray) -> Opinion:
        """Return what is thought of the given candidates."""
        members, embeddings = self.member_logits, self.embeddings
        return Opinion(
            logits=self.logits[indices],
            member_logits=None if members is None else members[:, indices],
            embeddings=None if embeddings is None else embeddings[indices],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QueryState:
    """A pool as a strategy sees it.

    Parameters
    ----------
    opinion : Opinion
        Of all n candidates of the pool.
    labels : ndarray, shape (n,), int8
        1 = REAL, 0 = BOGUS, -1 = no label.
    is_available : ndarray, shape (n,), bool
        Whether the candidate may be asked for (no label yet, not UNKNOWN, not taken by another).

    Raises
    ------
    InvalidInputError
        If lengths differ.
    """

    opinion: Opinion
    labels: IntArray
    is_available: np.ndarray

    def __post_init__(self) -> None:
        """Check lengths."""
        check_same_length(
            logits=self.opinion.logits, labels=self.labels, is_available=self.is_available
        )


class QuerySettings(Config):
    """Settings of a strategy; each strategy's own class says how it chooses."""

    needs_members: ClassVar[bool] = False
    needs_embeddings: ClassVar[bool] = False

    kind: str

    def rank(self, state: QueryState, n: int, *, rng: np.random.Generator) -> IntArray:
        """Return up to `n` available candidates, the one to ask for first in front.

        Parameters
        ----------
        state : QueryState
            The pool.
        n : int
            How many are wanted, >= 0; fewer come back where fewer are available.
        rng : numpy.random.Generator
            Source of all randomness, ties included.

        Returns
        -------
        ndarray, shape (min(n, n_available),), intp
            Rows of the pool, each once.
        """
        raise NotImplementedError

    def check(self, state: QueryState) -> None:
        """Refuse a state that lacks what this strategy needs.

        Raises
        ------
        InvalidInputError
            Naming what is missing.
        """
        if self.needs_members and state.opinion.member_logits is None:
            raise InvalidInputError(
                f"strategy {self.kind!r} needs an ensemble's member_logits; use a learner with "
                "several members, or another strategy"
            )
        if self.needs_embeddings and state.opinion.embeddings is None:
            raise InvalidInputError(
                f"strategy {self.kind!r} needs embeddings; use a network, or another strategy"
            )

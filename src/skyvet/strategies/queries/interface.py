"""What a query strategy is given and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import BoolArray, FloatArray, IntArray, check_same_length
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError

__all__ = ["Opinion", "QuerySettings", "QueryState"]

_MIN_MEMBERS = 2
_HUGE = 1e15
"""Squares of distances between larger numbers overflow float32."""


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
    is_pending : ndarray, shape (n,), bool, optional
        Asked for already and not answered yet: strategies that spread a batch keep away from them.
    object_ids : ndarray, shape (n,), optional
        Object of each candidate; needed where a strategy limits the candidates an object.

    Raises
    ------
    InvalidInputError
        If lengths differ.
    """

    opinion: Opinion
    labels: IntArray
    is_available: BoolArray
    is_pending: BoolArray | None = None
    object_ids: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        """Check lengths."""
        given = {"is_pending": self.is_pending, "object_ids": self.object_ids}
        check_same_length(
            logits=self.opinion.logits,
            labels=self.labels,
            is_available=self.is_available,
            **{name: values for name, values in given.items() if values is not None},
        )

    @property
    def is_covered(self) -> BoolArray:
        """Whether a candidate has a label or is about to get one, shape (n,)."""
        labelled: BoolArray = self.labels >= 0
        return labelled if self.is_pending is None else labelled | self.is_pending


class QuerySettings(Config):
    """Settings of a strategy; each strategy's own class says how it chooses.

    A strategy is one subclass with a `kind`, a `title` and the method `choose`.
    """

    title: ClassVar[str] = ""
    needs_members: ClassVar[bool] = False
    needs_embeddings: ClassVar[bool] = False
    is_nested: ClassVar[bool] = True
    """Whether the first k of n are the answer to a request for k (same pool, same seed)."""

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

        Raises
        ------
        InvalidInputError
            If `n` is negative, or the pool lacks what this strategy needs.
        """
        if n < 0:
            raise InvalidInputError(f"n must be >= 0, got {n}")
        self.check(state)
        available = np.flatnonzero(state.is_available)
        n_wanted = min(n, len(available))
        if n_wanted == 0:
            return np.zeros(0, dtype=np.intp)
        return self.choose(state, available, n_wanted, rng=rng).astype(np.intp, copy=False)

    def choose(
        self, state: QueryState, available: IntArray, n: int, *, rng: np.random.Generator
    ) -> IntArray:
        """Return `n` of the available rows; `rank` has checked and bounded the request.

        Parameters
        ----------
        state : QueryState
            The pool.
        available : ndarray, shape (k,), intp
            Rows that may be asked for, ascending; k >= n.
        n : int
            How many, > 0.
        rng : numpy.random.Generator
            Source of all randomness.
        """
        raise NotImplementedError

    def check(self, state: QueryState) -> None:
        """Refuse a state that lacks what this strategy needs.

        Raises
        ------
        InvalidInputError
            Naming what is missing, or the first row that is not a number.
        """
        opinion = state.opinion
        _refuse_nan(opinion.logits, "logits")
        if self.needs_members:
            members = opinion.member_logits
            if members is None or len(members) < _MIN_MEMBERS:
                raise InvalidInputError(
                    f"strategy {self.kind!r} needs member_logits of an ensemble of at least 2; use "
                    "a learner with several members, or another strategy"
                )
            _refuse_nan(members.T, "member_logits")
        if self.needs_embeddings:
            if opinion.embeddings is None:
                raise InvalidInputError(
                    f"strategy {self.kind!r} needs embeddings; use a network, or another strategy"
                )
            _refuse_nan(opinion.embeddings, "embeddings")
            _refuse_huge(opinion.embeddings, "embeddings")


def _refuse_nan(values: FloatArray, name: str) -> None:
    """Name the first row with a NaN; a sum finds out without a copy of the array."""
    if not np.isnan(np.sum(values, dtype=np.float64)):
        return
    is_bad = np.isnan(values) if values.ndim == 1 else np.isnan(values).any(axis=1)
    if is_bad.any():
        raise InvalidInputError(
            f"{name} must be numbers, got NaN in {int(is_bad.sum())} rows, the first is row "
            f"{int(np.argmax(is_bad))}; leave candidates that cannot be scored out of the pool"
        )


def _refuse_huge(values: FloatArray, name: str) -> None:
    """Name the first row of which no distance can be told."""
    if values.size == 0 or max(float(values.max()), -float(values.min())) <= _HUGE:
        return
    is_bad = (np.abs(values) > _HUGE).any(axis=1)
    raise InvalidInputError(
        f"{name} must lie within +-{_HUGE:g}, got larger ones in {int(is_bad.sum())} rows, the "
        f"first is row {int(np.argmax(is_bad))}; the network has diverged, train it anew with a "
        "smaller learning rate"
    )

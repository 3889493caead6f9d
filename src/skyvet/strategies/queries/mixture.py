"""Mixture: a strategy with a share of random labels, a wanted class ratio, a limit an object."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import expit

from skyvet.core.arrays import BoolArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.strategies.queries.diverse_uncertain import DiverseUncertainQuery
from skyvet.strategies.queries.high_confidence import spaced_positions
from skyvet.strategies.queries.interface import QuerySettings, QueryState
from skyvet.strategies.queries.probability import ProbabilityConfig
from skyvet.strategies.queries.single import SingleQueryConfig

__all__ = ["MixtureQuery"]

_MAX_SHARE = 0.999


class MixtureQuery(QuerySettings):
    """Asks as `main` does, under rules that act before a label is paid for.

    - `random_share` of the batch is drawn at random: a fair sample to measure on, and insurance
      against a strategy that is wrong about itself.
    - `real_share` is the share of REAL to be expected among the asked, by the classifier's own
      (calibrated) probabilities. What `main` asks for keeps within one label of it (shifted to
      make up for the random ones) as long as candidates on both sides are left. No label that
      came back is ever thrown away.
    - `max_per_object` limits the candidates of one object, labelled and pending ones included.

    Examples
    --------
    >>> from skyvet.strategies.queries.interface import Opinion
    >>> state = QueryState(
    ...     opinion=Opinion(logits=np.array([0.0, 0.1, 3.0])),
    ...     labels=np.full(3, -1),
    ...     is_available=np.ones(3, dtype=bool),
    ...     object_ids=np.array(["a", "a", "b"]),
    ... )
    >>> query = MixtureQuery(main={"kind": "entropy"}, random_share=0.0, max_per_object=1)
    >>> query.rank(state, 3, rng=np.random.default_rng(0))
    array([0, 2])
    """

    title: ClassVar[str] = "Mixture (share of random, class ratio, limit an object)"
    is_nested: ClassVar[bool] = False

    kind: Literal["mixture"] = "mixture"
    main: SingleQueryConfig = Field(
        default=DiverseUncertainQuery(), description="strategy of the labels that are not random"
    )
    random_share: float = Field(default=0.1, ge=0, le=1, description="share drawn at random")
    real_share: float | None = Field(
        default=None, gt=0, lt=1, description="wanted share of REAL among the asked; none = free"
    )
    max_per_object: int = Field(
        default=0, ge=0, description="candidates of one object at most; 0 = no limit"
    )
    probability: ProbabilityConfig = ProbabilityConfig()

    def check(self, state: QueryState) -> None:
        """Refuse a state that lacks what the main strategy or the limit needs."""
        super().check(state)
        self.main.check(state)
        if self.max_per_object and state.object_ids is None:
            raise InvalidInputError(
                "max_per_object needs the object_ids of the pool; give them, or set it to 0"
            )

    def choose(
        self, state: QueryState, available: IntArray, n: int, *, rng: np.random.Generator
    ) -> IntArray:
        """Return up to `n` rows; fewer where the limit an object leaves no more."""
        batch = _Batch(self, state, n, rng)
        for is_random in spaced_positions(n, self.random_share):
            if not batch.add(is_random=bool(is_random)):
                break
        return np.array(batch.chosen, dtype=available.dtype)


@dataclass
class _Side:
    """Candidates on one side of the wanted share of REAL, as the main strategy ranks them."""

    is_member: BoolArray
    queue: list[int] = field(default_factory=list)
    n_asked: int = 0


class _Batch:
    """The rows chosen so far, and what may still be chosen."""

    def __init__(
        self, query: MixtureQuery, state: QueryState, n: int, rng: np.random.Generator
    ) -> None:
        self.chosen: list[int] = []
        self._query, self._state, self._n, self._rng = query, state, n, rng
        self._is_open = np.array(state.is_available)
        self._group, self._room = _room_of_objects(state, query.max_per_object)
        self._close_full_objects(np.unique(self._group))
        self._probability = expit(query.probability.logits(state.opinion.logits))
        self._share = self._share_of_main()
        self._surplus = 0.0  # expected REAL among those of the main strategy, above their share
        self._sides = self._split()
        self._shuffled = rng.permutation(np.flatnonzero(self._is_open)).tolist()

    def add(self, *, is_random: bool) -> bool:
        """Choose one more row; say whether there was one."""
        row = self._next_random() if is_random else self._next_of_main()
        if row is None:
            return False
        self.chosen.append(row)
        if not is_random and self._share is not None:
            self._surplus += float(self._probability[row]) - self._share
        self._is_open[row] = False
        self._room[self._group[row]] -= 1
        self._close_full_objects(self._group[[row]])
        return True

    def _close_full_objects(self, groups: IntArray) -> None:
        full = groups[self._room[groups] <= 0]
        if len(full):
            self._is_open &= ~np.isin(self._group, full)

    def _share_of_main(self) -> float | None:
        """Return the share of REAL that makes the wanted one together with random candidates."""
        wanted, n_random = self._query.real_share, self._query.random_share
        if wanted is None or n_random == 1 or not self._is_open.any():
            return None
        at_random = float(self._probability[self._is_open].mean())
        share = (wanted - n_random * at_random) / (1 - n_random)
        return min(max(share, 1 - _MAX_SHARE), _MAX_SHARE)

    def _split(self) -> tuple[_Side, ...]:
        """Return one side, or two where the share of REAL is steered: below it and above it."""
        if self._share is None:
            return (_Side(np.ones(len(self._is_open), dtype=bool)),)
        is_above = self._probability >= self._share
        return _Side(~is_above), _Side(is_above)

    def _next_random(self) -> int | None:
        while self._shuffled:
            row = self._shuffled.pop()
            if self._is_open[row]:
                return int(row)
        return None

    def _next_of_main(self) -> int | None:
        sides = self._sides[::-1] if self._surplus <= 0 else self._sides
        for side in sides:
            row = self._first_open(side)
            if row is not None:
                return row
        return None

    def _first_open(self, side: _Side) -> int | None:
        """Return the best open row of a side; ask the main strategy again when none is left."""
        while True:
            while side.queue:
                row = side.queue.pop(0)
                if self._is_open[row]:
                    return row
            is_open = self._is_open & side.is_member
            if not is_open.any():
                return None
            side.n_asked = max(2 * side.n_asked, self._n - len(self.chosen))
            side.queue = self._ask(is_open, side.n_asked)

    def _ask(self, is_open: BoolArray, n: int) -> list[int]:
        is_pending = np.zeros(len(is_open), dtype=bool)
        if self._state.is_pending is not None:
            is_pending |= self._state.is_pending
        is_pending[self.chosen] = True
        state = replace(self._state, is_available=is_open, is_pending=is_pending)
        ranked: list[int] = self._query.main.rank(state, n, rng=self._rng).tolist()
        return ranked


def _room_of_objects(state: QueryState, limit: int) -> tuple[IntArray, NDArray[np.intp]]:
    """Return the object of each row as a number, and how many more rows each object may give."""
    n = len(state.labels)
    if not limit or state.object_ids is None:
        return np.arange(n), np.full(n, n + 1)
    _, group = np.unique(state.object_ids, return_inverse=True)
    taken = np.bincount(group[state.is_covered], minlength=int(group.max(initial=-1)) + 1)
    return group, limit - taken

"""Stratified by score: one candidate from each quantile of the score."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from skyvet.core.arrays import IntArray
from skyvet.strategies.queries.interface import QuerySettings, QueryState

__all__ = ["StratifiedQuery", "halving_order"]


class StratifiedQuery(QuerySettings):
    """Cuts the pool into as many equal parts of rising score as labels are wanted.

    Nearly as fair a sample as a random one, with the whole range of the score for certain: a good
    first batch, before a classifier's own doubts are worth anything, and a good one to calibrate
    on. The order is such that any beginning covers the range, too. With `boundary_share` > 0 that
    share of the parts covers the half of the candidates nearest to the boundary a second time.

    Examples
    --------
    >>> from skyvet.strategies.queries.interface import Opinion
    >>> state = QueryState(
    ...     opinion=Opinion(logits=np.array([-4.0, -3.9, 0.1, 0.2, 5.0, 5.1])),
    ...     labels=np.full(6, -1),
    ...     is_available=np.ones(6, dtype=bool),
    ... )
    >>> rows = StratifiedQuery().rank(state, 3, rng=np.random.default_rng(0))
    >>> sorted((rows // 2).tolist())
    [0, 1, 2]
    """

    title: ClassVar[str] = "Stratified by score"
    is_nested: ClassVar[bool] = False

    kind: Literal["stratified"] = "stratified"
    boundary_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of the labels kept for the half of the pool nearest to a logit of 0",
    )

    def choose(
        self, state: QueryState, available: IntArray, n: int, *, rng: np.random.Generator
    ) -> IntArray:
        """Return one candidate a stratum, strata in halving order."""
        logits = np.asarray(state.opinion.logits[available], dtype=np.float64)
        order = available[np.lexsort((rng.random(len(logits)), logits))]
        distance = np.abs(state.opinion.logits[order])
        near = order[distance <= np.median(distance)]
        n_near = min(round(self.boundary_share * n), len(near))
        first = _one_of_each(near, n_near, rng)
        rest = order[~np.isin(order, first)]
        chosen = np.concatenate([_one_of_each(rest, n - n_near, rng), first])
        return _interleaved(chosen, n - n_near)


def _one_of_each(order: IntArray, n: int, rng: np.random.Generator) -> IntArray:
    """Cut a sequence into `n` parts of nearly equal length and draw one of each."""
    edges = np.arange(n + 1) * len(order) // max(n, 1)
    return order[rng.integers(edges[:-1], edges[1:])][halving_order(n)]


def _interleaved(chosen: IntArray, n_first: int) -> IntArray:
    """Mix two parts evenly, each in its own order."""
    n_second = len(chosen) - n_first
    places = np.concatenate([(np.arange(n) + 0.5) / max(n, 1) for n in (n_first, n_second)])
    return chosen[np.argsort(places, kind="stable")]


def halving_order(n: int) -> IntArray:
    """Return 0 to n - 1 so that any beginning is spread over the whole range.

    The van der Corput sequence in base 2: the bits of the position, read backwards.

    Examples
    --------
    >>> halving_order(8)
    array([0, 4, 2, 6, 1, 5, 3, 7])
    """
    n_bits = max(int(n - 1).bit_length(), 1)
    positions = np.arange(1 << n_bits)
    mirrored = np.zeros_like(positions)
    for i_bit in range(n_bits):
        mirrored |= ((positions >> i_bit) & 1) << (n_bits - 1 - i_bit)
    return mirrored[mirrored < n]

"""BADGE: a batch that is uncertain and diverse at once, by the gradients its labels would cause."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.strategies.queries.interface import QuerySettings, QueryState
from skyvet.strategies.queries.k_center import embeddings_for_distances
from skyvet.strategies.queries.probability import ProbabilityConfig
from skyvet.strategies.queries.spread import NearestCentre

__all__ = ["BadgeQuery", "gradient_embeddings"]


class BadgeQuery(QuerySettings):
    """Seeds k-means++ on gradients of the last layer, as if the verdict were the label.

    The first is the one of the largest gradient; each further one is drawn with a chance that
    grows with the squared distance of its gradient to those chosen and pending.

    References
    ----------
    Ash et al. 2020, ICLR (BADGE); Arthur & Vassilvitskii 2007 (k-means++).

    Examples
    --------
    >>> from skyvet.strategies.queries.interface import Opinion
    >>> state = QueryState(
    ...     opinion=Opinion(logits=np.array([0.1, 9.0]), embeddings=np.ones((2, 3))),
    ...     labels=np.full(2, -1),
    ...     is_available=np.ones(2, dtype=bool),
    ... )
    >>> BadgeQuery().rank(state, 1, rng=np.random.default_rng(0))
    array([0])
    """

    title: ClassVar[str] = "BADGE (uncertain and diverse)"
    needs_embeddings: ClassVar[bool] = True

    kind: Literal["badge"] = "badge"
    probability: ProbabilityConfig = ProbabilityConfig()

    def choose(
        self, state: QueryState, available: IntArray, n: int, *, rng: np.random.Generator
    ) -> IntArray:
        """Return `n` candidates in the order in which k-means++ draws them."""
        logits = self.probability.logits(state.opinion.logits)
        embeddings = embeddings_for_distances(state, standardize=False)
        rows = rng.permutation(available)
        gradients = gradient_embeddings(logits[rows], embeddings[rows])
        near = NearestCentre(gradients)
        if state.is_pending is not None and state.is_pending.any():
            pending = state.is_pending
            near.add(gradient_embeddings(logits[pending], embeddings[pending]))
            return rows[_seed(near, n, first=None, rng=rng)]
        largest = int(np.argmax(np.einsum("ij,ij->i", gradients, gradients)))
        return rows[_seed(near, n, first=largest, rng=rng)]


def gradient_embeddings(logits: FloatArray, embeddings: FloatArray) -> NDArray[np.float32]:
    """Return the gradient of the loss by the head's weights if each verdict were the label.

    With two classes the two blocks of BADGE are each other's negative; one of them is enough.

    Parameters
    ----------
    logits : ndarray, shape (n,)
        Logit of REAL.
    embeddings : ndarray, shape (n, d)
        Input of the last layer.

    Returns
    -------
    ndarray, shape (n, d), float32

    Examples
    --------
    >>> gradient_embeddings(np.array([0.0, -50.0]), np.array([[2.0], [2.0]]))
    array([[-1.],
           [ 0.]], dtype=float32)
    """
    distance = expit(-np.abs(logits))  # probability of the class that is not the verdict
    residual = np.where(np.asarray(logits) >= 0, -distance, distance).astype(np.float32)
    return np.asarray(residual[:, None] * embeddings, dtype=np.float32)


def _seed(near: NearestCentre, n: int, *, first: int | None, rng: np.random.Generator) -> IntArray:
    """Draw `n` different points by k-means++; those that coincide with a centre come last."""
    is_free = np.ones(len(near.squared), dtype=bool)
    chosen = np.empty(n, dtype=np.intp)
    for i_step in range(n):
        draw = rng.random()
        if i_step == 0 and first is not None:
            i_row = first
        else:
            i_row = _draw(np.where(is_free, near.squared, 0.0), is_free, draw)
        chosen[i_step] = i_row
        is_free[i_row] = False
        near.add_row(i_row)
    return chosen


def _draw(weights: FloatArray, is_free: NDArray[np.bool_], draw: float) -> int:
    """Return the point at the share `draw` of the total weight; any free one where that is 0."""
    total = np.cumsum(weights, dtype=np.float64)
    if total[-1] <= 0:
        total = np.cumsum(is_free, dtype=np.float64)
    return int(np.searchsorted(total, draw * total[-1], side="right"))

"""An isolation forest whose leaves carry weights that labels can change.

Leaves of a random tree are reached sooner by candidates unlike the others (Liu, Ting & Zhou 2008).
A score is the sum over trees of weight times value of the leaf that was reached; the value falls
with the leaf's depth. With all weights alike it is an isolation forest; active anomaly detection
moves the weights so that labelled interesting candidates lie above a quantile of the scores and
labelled uninteresting ones below (Das et al. 2016, ICDM; Das et al. 2017, arXiv:1708.09441).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse

from skyvet.core.arrays import BoolArray, FloatArray, IntArray
from skyvet.core.optional import require

__all__ = ["LeafWeighting", "WeightedForest"]

_EULER_GAMMA = 0.5772156649015329
_SEED_RANGE = 2**31
_MAX_STEPS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafWeighting:
    """How labels move the leaves' weights.

    Parameters
    ----------
    anomalous_share : float
        The labels place candidates above or below the score of this share of the pool, in (0, 1).
    interesting_weight : float
        Weight of all interesting labels together, against 1 of all others.
    prior_influence : float
        Pull towards equal weights, > 0.
    """

    anomalous_share: float
    interesting_weight: float
    prior_influence: float


class WeightedForest:
    """Random isolation trees and the weights of their leaves.

    Parameters
    ----------
    embeddings : ndarray, shape (n, d)
        Candidates to grow the trees on and to score.
    n_trees, n_per_tree : int
        Trees, and candidates that each is grown on, > 0.
    rng : numpy.random.Generator
        Of the trees.

    Raises
    ------
    MissingDependencyError
        If scikit-learn (extra ``train``) is not installed.

    Examples
    --------
    >>> points = np.vstack([np.random.default_rng(0).normal(size=(99, 2)), [[9.0, 9.0]]])
    >>> forest = WeightedForest(points, n_trees=20, n_per_tree=64, rng=np.random.default_rng(1))
    >>> int(np.argmax(forest.scores()))
    99
    """

    def __init__(
        self, embeddings: FloatArray, *, n_trees: int, n_per_tree: int, rng: np.random.Generator
    ) -> None:
        ensemble = require("sklearn.ensemble", extra="train")
        points = np.ascontiguousarray(embeddings, dtype=np.float32)
        fitted = ensemble.IsolationForest(
            n_estimators=n_trees,
            max_samples=min(n_per_tree, len(points)),
            random_state=int(rng.integers(_SEED_RANGE)),
        ).fit(points)
        trees = [estimator.tree_ for estimator in fitted.estimators_]
        offsets = np.concatenate([[0], np.cumsum([tree.node_count for tree in trees])])
        self._values = np.concatenate([1 / (1 + _path_lengths(tree)) for tree in trees])
        self._leaves = np.empty((len(points), n_trees), dtype=np.int32)
        for i_tree, tree in enumerate(trees):
            self._leaves[:, i_tree] = tree.apply(points) + offsets[i_tree]
        n_leaves = sum(int(tree.n_leaves) for tree in trees)
        self._weights = np.full(len(self._values), 1 / np.sqrt(n_leaves))

    def scores(self) -> NDArray[np.float64]:
        """Return how anomalous each candidate is, shape (n,); larger is more."""
        weighted = self._weights * self._values
        total = np.zeros(len(self._leaves))
        for column in self._leaves.T:
            total += weighted[column]
        return total

    def learn(self, rows: IntArray, is_interesting: BoolArray, how: LeafWeighting) -> None:
        r"""Move the weights by labels.

        Minimises, over the weights w with scores :math:`s_i = z_i \cdot w`,

        .. math::
            \frac{\lambda}{2} |w - w_0|^2 + \frac{C}{n_+} \sum_+ \max(0, q - s_i)
            + \frac{1}{n_-} \sum_- \max(0, s_i - q)

        by its dual, which has one bounded variable a label and one minimum.

        Parameters
        ----------
        rows : ndarray, shape (k,), int
            Labelled candidates.
        is_interesting : ndarray, shape (k,), bool
            What was found.
        how : LeafWeighting
            q, C and lambda.
        """
        if len(rows) == 0:
            return
        paths = self._paths(rows)
        scores = self.scores()
        level = np.quantile(scores, 1 - how.anomalous_share)
        sign = np.where(is_interesting, 1.0, -1.0)
        n_of_kind = np.where(is_interesting, is_interesting.sum(), (~is_interesting).sum())
        bound = np.where(is_interesting, how.interesting_weight, 1.0) / n_of_kind
        shortfall = sign * (level - scores[rows])
        gram = (paths @ paths.T).toarray() * np.outer(sign, sign) / how.prior_influence
        pull = _solve_dual(gram, shortfall, bound)
        self._weights = self._weights + paths.T @ (pull * sign) / how.prior_influence

    def _paths(self, rows: IntArray) -> Any:  # noqa: ANN401 - a sparse matrix
        """Return the leaf values of some candidates, shape (k, n_nodes), sparse."""
        leaves = self._leaves[rows]
        indptr = np.arange(0, leaves.size + 1, leaves.shape[1])
        flat = leaves.ravel()
        shape = (len(rows), len(self._values))
        return sparse.csr_matrix((self._values[flat], flat, indptr), shape=shape)


def _solve_dual(gram: FloatArray, gain: FloatArray, bound: FloatArray) -> NDArray[np.float64]:
    """Maximise ``gain @ a - a @ gram @ a / 2`` over 0 <= a <= bound."""

    def loss(a: FloatArray) -> tuple[float, FloatArray]:
        product = gram @ a
        return float(a @ product / 2 - gain @ a), product - gain

    limits = optimize.Bounds(np.zeros(len(bound)), bound)
    found = optimize.minimize(
        loss,
        np.zeros(len(bound)),
        jac=True,
        method="L-BFGS-B",
        bounds=limits,
        options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": _MAX_STEPS},
    )
    return np.asarray(found.x, dtype=np.float64)


def _path_lengths(tree: Any) -> NDArray[np.float64]:  # noqa: ANN401 - a scikit-learn tree
    """Return each node's depth and the mean path that would follow below it."""
    depth = np.zeros(tree.node_count)
    level = np.array([0])
    while len(level):
        children = np.concatenate([tree.children_left[level], tree.children_right[level]])
        parents = np.concatenate([level, level])[children >= 0]
        level = children[children >= 0]
        depth[level] = depth[parents] + 1
    n = tree.n_node_samples.astype(np.float64)
    harmonic = np.log(np.maximum(n - 1, 1)) + _EULER_GAMMA
    below = np.where(n > 2, 2 * harmonic - 2 * (n - 1) / n, np.where(n == 2, 1.0, 0.0))
    return depth + below

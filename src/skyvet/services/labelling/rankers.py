"""What learns from the labels of a session and so decides what is asked next."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.preprocessing.pools import BoughtLabels
from skyvet.strategies.queries.interface import Opinion

__all__ = ["LinearRanker", "Ranker"]

_N_MEMBERS = 8
_MAX_STEPS = 30
_PRIOR_OF_LOGIT = 0.3
_PRIOR_OF_STATISTICS = 0.3
_PRIOR_OF_INTERCEPT = 2.0
_LIMIT = 8.0


class Ranker(Protocol):
    """Learns from few labels, fast enough to be fitted again while a person labels."""

    @property
    def knows_before(self) -> bool:
        """Whether its opinion says something before the first label (a bundle's scores do)."""
        ...

    def fit(self, bought: BoughtLabels, *, seed: int) -> Opinion:
        """Return what is thought of every candidate of the dataset, in its order.

        Parameters
        ----------
        bought : BoughtLabels
            All labels so far; may be none, or of one class.
        seed : int
            Source of all randomness.
        """
        ...


class LinearRanker:
    """Logistic regression on a bundle's logit and stamp statistics, in NumPy alone.

    Maximum a posteriori with Gaussian priors: the bundle's logit counts as it is (weight 1 ±
    0.3), the standardised statistics count nothing (0 ± 0.3), until labels say otherwise. Members
    are draws from the posterior's Laplace approximation (MacKay 1992), which is the prior before
    the first label.

    Parameters
    ----------
    statistics : ndarray, shape (n, k)
        Numbers of each candidate; NaN counts as the column's mean.
    logits : ndarray, shape (n,), optional
        A bundle's logit of REAL.

    Examples
    --------
    >>> ranker = LinearRanker(np.array([[-1.0], [0.0], [1.0]]))
    >>> labels = BoughtLabels(i_row=np.array([0, 2]), labels=np.array([0, 1]))
    >>> bool(np.all(np.diff(ranker.fit(labels, seed=1).logits) > 0))
    True
    """

    def __init__(self, statistics: FloatArray, *, logits: FloatArray | None = None) -> None:
        scaled = _standardised(statistics)
        n = len(scaled)
        own = np.zeros((n, 0)) if logits is None else np.clip(logits, -_LIMIT, _LIMIT)[:, None]
        self._embeddings = np.concatenate([own / 2.0, scaled], axis=1).astype(np.float32)
        self._columns = np.concatenate([own, scaled, np.ones((n, 1))], axis=1)
        self._mean = np.zeros(self._columns.shape[1])
        self._spread = np.full(len(self._mean), _PRIOR_OF_STATISTICS)
        self._spread[-1] = _PRIOR_OF_INTERCEPT
        if own.shape[1]:
            self._mean[0], self._spread[0] = 1.0, _PRIOR_OF_LOGIT
        self._knows_before = logits is not None

    @property
    def knows_before(self) -> bool:
        """Whether a bundle's scores stand behind it."""
        return self._knows_before

    def fit(self, bought: BoughtLabels, *, seed: int) -> Opinion:
        """Return what is thought of every candidate; see `Ranker.fit`."""
        rows = self._columns[bought.i_row]
        weights, precision = self._posterior(rows, bought.labels, bought.row_weights())
        rng = np.random.default_rng(seed)
        draws = rng.normal(size=(_N_MEMBERS, len(weights)))
        deviations = np.linalg.solve(np.linalg.cholesky(precision).T, draws.T)
        members = self._columns @ (weights[:, None] + deviations)
        return Opinion(
            logits=(self._columns @ weights).astype(np.float32),
            member_logits=np.ascontiguousarray(members.T, dtype=np.float32),
            embeddings=self._embeddings,
        )

    def _posterior(
        self, rows: FloatArray, labels: IntArray, trust: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the most probable weights and the Hessian there (Newton's method)."""
        penalty = 1.0 / self._spread**2
        weights = self._mean.copy()
        for _ in range(_MAX_STEPS):
            p = 1.0 / (1.0 + np.exp(-np.clip(rows @ weights, -30.0, 30.0)))
            gradient = rows.T @ (trust * (p - labels)) + penalty * (weights - self._mean)
            hessian = (rows.T * (trust * p * (1.0 - p))) @ rows + np.diag(penalty)
            step = np.linalg.solve(hessian, gradient)
            weights = weights - step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
            if float(np.abs(step).max()) < 1e-6:
                break
        return weights, hessian


def _standardised(statistics: FloatArray) -> FloatArray:
    """Return columns of mean 0 and spread 1, cut at 5; constant and missing ones are 0."""
    values = np.asarray(statistics, dtype=np.float64)
    known = np.isfinite(values)
    n_known = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0.0).sum(axis=0) / n_known
    centred = np.where(known, values - mean, 0.0)
    spread = np.sqrt((centred**2).sum(axis=0) / n_known)
    scaled: FloatArray = np.clip(centred / np.where(spread > 0, spread, 1.0), -5.0, 5.0)
    return scaled

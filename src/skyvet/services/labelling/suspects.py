"""Labels of a session that look wrong to classifiers which never saw them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.preprocessing.pools import BoughtLabels
from skyvet.services.labelling.rankers import Ranker
from skyvet.strategies.audit import rank_suspects

__all__ = ["Suspicion", "find_suspects"]

_N_FOLDS = 5
_N_REPEATS = 3
_FEWEST = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Suspicion:
    """Labelled candidates, the most suspicious label first.

    Parameters
    ----------
    rows : ndarray, shape (k,), intp
        Rows of the dataset.
    suspicion : ndarray, shape (k,), float64
        How little a classifier that had no part in it believes the label, in [0, 1].
    """

    rows: IntArray
    suspicion: FloatArray

    def of_row(self, row: int) -> float | None:
        """Return the suspicion of a candidate's label; None where it is not suspected."""
        found = np.flatnonzero(self.rows == row)
        return float(self.suspicion[found[0]]) if len(found) else None

    @classmethod
    def none(cls) -> Suspicion:
        """Return the state in which nothing is suspected."""
        return cls(rows=np.zeros(0, dtype=np.intp), suspicion=np.zeros(0))


def find_suspects(
    ranker: Ranker, bought: BoughtLabels, *, groups: IntArray, seed: int
) -> Suspicion:
    """Rank labels by how much a classifier that did not see them doubts them.

    Parameters
    ----------
    ranker : Ranker
        Fitted once a fold.
    bought : BoughtLabels
        Labels so far; fewer than 10, or of one class, are not judged.
    groups : ndarray, shape (n,)
        Number of the object of each candidate; one object is in one fold.
    seed : int
        Source of all randomness.

    Returns
    -------
    Suspicion
        Labels that the held-out opinion contradicts; see `skyvet.strategies.audit`.
    """
    if len(bought) < _FEWEST or len(np.unique(bought.labels)) < 2:
        return Suspicion.none()
    repeats = [
        _held_out(ranker, bought, groups=groups, seed=seed + i_repeat)
        for i_repeat in range(_N_REPEATS)
    ]
    suspects = rank_suspects(np.stack(repeats), bought.labels)
    is_shown = suspects.is_likely_wrong | (suspects.suspicion > 0.5)
    return Suspicion(
        rows=bought.i_row[suspects.i_row[is_shown]], suspicion=suspects.suspicion[is_shown]
    )


def _held_out(ranker: Ranker, bought: BoughtLabels, *, groups: IntArray, seed: int) -> FloatArray:
    """Return the probability of REAL of each label from a fit without its object."""
    folds = np.random.default_rng(seed).permutation(int(groups.max()) + 1)[groups] % _N_FOLDS
    i_fold = folds[bought.i_row]
    logits = np.zeros(len(bought))
    for fold in np.unique(i_fold):
        is_out = i_fold == fold
        rest = BoughtLabels(i_row=bought.i_row[~is_out], labels=bought.labels[~is_out])
        logits[is_out] = ranker.fit(rest, seed=seed).logits[bought.i_row[is_out]]
    probability: FloatArray = expit(logits)
    return probability

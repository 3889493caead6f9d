"""Labels of a session that look wrong to classifiers which never saw them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.preprocessing.pools import BoughtLabels
from skyvet.services.labelling.rankers import Ranker

__all__ = ["Suspicion", "find_suspects"]

_N_FOLDS = 5
_FEWEST = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Suspicion:
    """Labelled candidates, the most suspicious label first.

    Parameters
    ----------
    rows : ndarray, shape (k,), intp
        Rows of the dataset.
    suspicion : ndarray, shape (k,), float64
        Probability that the label is wrong as a classifier sees it that had no part in it.
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
        Labels that the held-out opinion contradicts.
    """
    if len(bought) < _FEWEST or len(np.unique(bought.labels)) < 2:
        return Suspicion.none()
    folds = np.random.default_rng(seed).permutation(int(groups.max()) + 1)[groups] % _N_FOLDS
    i_fold = folds[bought.i_row]
    held_out = np.full(len(bought), 0.5)
    for fold in np.unique(i_fold):
        is_out = i_fold == fold
        rest = BoughtLabels(i_row=bought.i_row[~is_out], labels=bought.labels[~is_out])
        logits = ranker.fit(rest, seed=seed).logits[bought.i_row[is_out]]
        held_out[is_out] = 1.0 / (1.0 + np.exp(-np.clip(logits, -30, 30)))
    doubt = np.where(bought.labels == 1, 1.0 - held_out, held_out)
    suspected = np.flatnonzero(doubt > 0.5)
    order = suspected[np.argsort(-doubt[suspected], kind="stable")]
    return Suspicion(rows=bought.i_row[order], suspicion=doubt[order])

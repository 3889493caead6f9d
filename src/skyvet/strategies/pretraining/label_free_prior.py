"""How common positives are among unlabelled rows, from positives and unlabelled rows alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from skyvet.core.errors import InvalidInputError

__all__ = ["prior_by_best_bin"]


def prior_by_best_bin(
    positive_scores: ArrayLike, unlabelled_scores: ArrayLike, *, confidence: float = 0.9
) -> float:
    """Largest fraction of positives that the unlabelled rows have room for.

    Above any threshold the unlabelled rows hold at least ``prior`` times the positives' share, so
    the smallest ratio of the two shares bounds the prior from above; it is reached where no
    negatives are left. The threshold is chosen with both shares' errors added (best bin
    estimation; Garg et al. 2021, NeurIPS, algorithm 1).

    Right if the positives are like those among the unlabelled rows and neither was trained on.
    Injected sources that are more alike than real ones make it too small, negatives that look like
    positives too large.

    Parameters
    ----------
    positive_scores : array_like, shape (n,)
        Scores of positives, finite; higher = more like a positive.
    unlabelled_scores : array_like, shape (m,)
        Scores of unlabelled rows, finite.
    confidence : float, default 0.9
        Of the bounds by which the threshold is chosen, in (0, 1).

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InvalidInputError
        If one of both is empty or not finite, or the confidence is out of range.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> mixed = np.concatenate([rng.normal(3, 1, 300), rng.normal(-3, 1, 700)])
    >>> round(prior_by_best_bin(rng.normal(3, 1, 1000), mixed), 1)
    0.3
    """
    positive = np.sort(np.asarray(positive_scores, dtype=np.float64).ravel())
    unlabelled = np.sort(np.asarray(unlabelled_scores, dtype=np.float64).ravel())
    if not (positive.size and unlabelled.size and 0 < confidence < 1):
        raise InvalidInputError(
            f"scores of both kinds and a confidence in (0, 1) are needed, got {positive.size}, "
            f"{unlabelled.size} and {confidence}"
        )
    if not (np.isfinite(positive).all() and np.isfinite(unlabelled).all()):
        raise InvalidInputError("scores must be finite")
    share_of_positive = 1 - np.arange(positive.size) / positive.size
    n_above = unlabelled.size - np.searchsorted(unlabelled, positive, side="left")
    share_of_unlabelled = n_above / unlabelled.size
    error = np.sqrt(np.log(4 / (1 - confidence)) / 2) * (
        positive.size**-0.5 + unlabelled.size**-0.5
    )
    best = int(np.argmin((share_of_unlabelled + error) / share_of_positive))
    return float(min(share_of_unlabelled[best] / share_of_positive[best], 1.0))

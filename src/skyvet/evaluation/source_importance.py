"""Which features a classifier of sources rests on: what shuffling one of them costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress, SilentProgress
from skyvet.evaluation.source_facts import FeatureImportance
from skyvet.records.feature_table import FeatureTable

__all__ = ["permutation_importances"]

_SMALLEST = 1e-6


def permutation_importances(
    table: FeatureTable,
    votes: FloatArray,
    predict: Callable[[FeatureTable], FloatArray],
    *,
    tags: tuple[str, ...],
    rng: np.random.Generator,
    n_repeats: int = 3,
    n_screened: int = 40,
    progress: Progress | None = None,
) -> dict[str, tuple[FeatureImportance, ...]]:
    """Measure by how much the log loss of each class rises when a feature is shuffled.

    Every feature is shuffled once; those that matter most to any class are shuffled again. Of
    features that say the same (such as one statistic in two bands), each may look unimportant,
    since the other stands in for it.

    Parameters
    ----------
    table : FeatureTable
        Labelled sources, best some hundreds that had no part in the training.
    votes : ndarray, shape (n, len(tags))
        From 0 to 1; NaN = takes no part.
    predict : callable
        Takes a table, returns probabilities of shape (n, len(tags)).
    tags : tuple of str
        Classes.
    rng : numpy.random.Generator
        Source of the shuffles.
    n_repeats : int, default 3
        Shuffles of a feature that is measured well.
    n_screened : int, default 40
        How many features are shuffled more than once.
    progress : Progress, optional
        Told of each prediction.

    Returns
    -------
    dict of str to tuple of FeatureImportance
        Features that were measured well, the largest rise first; `spread` is the standard
        deviation between shuffles.

    Raises
    ------
    InvalidInputError
        If there is no source or shapes disagree.

    References
    ----------
    Breiman 2001, Machine Learning 45, 5; Fisher, Rudin & Dominici 2019, JMLR 20, 177.

    Examples
    --------
    >>> table = FeatureTable(source_ids=np.arange(4), names=("a", "b"),
    ...                      values=np.array([[0.9, 1.0], [0.8, 2.0], [0.1, 1.5], [0.2, 0.0]]))
    >>> found = permutation_importances(
    ...     table, np.array([[1.0], [1.0], [0.0], [0.0]]), lambda t: t.values[:, :1],
    ...     tags=("rrab",), rng=np.random.default_rng(0))
    >>> [one.feature for one in found["rrab"]], found["rrab"][1].value
    (['a', 'b'], 0.0)
    """
    if len(table) == 0 or votes.shape != (len(table), len(tags)):
        raise InvalidInputError(
            f"votes must have shape ({len(table)}, {len(tags)}) with at least one source, got "
            f"{votes.shape}"
        )
    progress = progress or SilentProgress()
    n_features = len(table.names)
    n_again = min(n_screened, n_features)
    progress.start("Features", n_features + n_again * (n_repeats - 1))
    base = _losses(predict(table), votes)

    def rise(i_feature: int) -> NDArray[np.float64]:
        shuffled = np.array(table.values)
        shuffled[:, i_feature] = shuffled[rng.permutation(len(table)), i_feature]
        progress.advance()
        return _losses(predict(replace(table, values=shuffled)), votes) - base

    first = np.array([rise(i) for i in range(n_features)]).reshape(n_features, len(tags))
    largest = np.argsort(-np.max(np.nan_to_num(first), axis=1), kind="stable")[:n_again]
    rises = {int(i): [first[i], *(rise(int(i)) for _ in range(n_repeats - 1))] for i in largest}
    progress.finish()
    return {tag: _ranked(table, rises, i_tag) for i_tag, tag in enumerate(tags)}


def _losses(probabilities: FloatArray, votes: FloatArray) -> NDArray[np.float64]:
    """Return the mean log loss of each class [nat]; NaN where nobody voted."""
    inside = np.clip(probabilities, _SMALLEST, 1.0 - _SMALLEST)
    loss = -(votes * np.log(inside) + (1.0 - votes) * np.log1p(-inside))
    n = np.sum(~np.isnan(loss), axis=0)
    total = np.nansum(loss, axis=0)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def _ranked(
    table: FeatureTable, rises: dict[int, list[NDArray[np.float64]]], i_tag: int
) -> tuple[FeatureImportance, ...]:
    found = [
        FeatureImportance(
            feature=table.names[i],
            value=float(np.mean([one[i_tag] for one in every])),
            spread=float(np.std([one[i_tag] for one in every])),
        )
        for i, every in rises.items()
        if not np.isnan(every[0][i_tag])
    ]
    return tuple(sorted(found, key=lambda one: -one.value))

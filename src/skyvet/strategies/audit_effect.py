"""What correcting labels did to a classifier, told without judging a correction by itself.

Labels are corrected where a model disagrees with them, so the corrected rows agree with that model
better than before, whatever the truth: a figure on all rows rises even if every correction is
wrong. Three views, from the most to the least honest:

- ``trusted``: rows whose labels were checked apart from the audit (a random sample, another
  instrument). Only these say how good the classifier is.
- ``untouched``: rows whose label was not changed. They are the easier ones, so the level is too
  high for both classifiers; the difference is fair, as both are judged on the same rows and labels.
- ``corrected``: all rows against the corrected labels. Circular in the sense above; it says how
  consistent labels and model are now.

Both classifiers are cross-validated on the same folds: every score is that of a network that had
seen neither the row nor its object.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import BoolArray, FloatArray, IntArray, check_same_length
from skyvet.core.errors import InvalidInputError
from skyvet.scoring.curves import average_precision, roc_auc
from skyvet.scoring.intervals import Interval, bootstrap_intervals
from skyvet.scoring.metrics import brier_score

__all__ = ["CorrectionEffect", "FigurePair", "measure_correction"]

_FIGURES = {"auc": roc_auc, "average_precision": average_precision, "brier": brier_score}


@dataclass(frozen=True, slots=True, kw_only=True)
class FigurePair:
    """One figure before and after the correction, on the same rows and labels.

    Parameters
    ----------
    name : str
        auc, average_precision or brier.
    before, after : float
        Of the classifiers trained on the labels before and after.
    difference : Interval
        95 % interval of after minus before, objects resampled as a whole.
    """

    name: str
    before: float
    after: float
    difference: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionEffect:
    """Figures before and after a correction; see the module for what each view is worth.

    Parameters
    ----------
    n_corrected, n_removed : int
        Labels turned round, and labels taken back as UNKNOWN.
    trusted, untouched, corrected : tuple of FigurePair
        Empty where the rows hold one class only.
    """

    n_corrected: int
    n_removed: int
    trusted: tuple[FigurePair, ...]
    untouched: tuple[FigurePair, ...]
    corrected: tuple[FigurePair, ...]


def measure_correction(
    before: FloatArray,
    after: FloatArray,
    *,
    labels: IntArray,
    corrected_labels: IntArray,
    object_ids: NDArray[Any],
    rng: np.random.Generator,
    is_trusted: BoolArray | None = None,
    n_resamples: int = 500,
) -> CorrectionEffect:
    """Compare classifiers trained on labels before and after they were corrected.

    Parameters
    ----------
    before, after : ndarray, shape (n,)
        Held-out probability of REAL, in [0, 1], by training on `labels` and on `corrected_labels`.
    labels : ndarray, shape (n,)
        1 = REAL, 0 = BOGUS, before the correction.
    corrected_labels : ndarray, shape (n,)
        The same after it; -1 = taken back.
    object_ids : ndarray, shape (n,)
        Resampled as a whole.
    rng : numpy.random.Generator
        Of the bootstrap.
    is_trusted : ndarray, shape (n,), bool, optional
        Rows whose corrected label was checked apart from the audit.
    n_resamples : int, default 500
        Of the bootstrap.

    Returns
    -------
    CorrectionEffect

    Raises
    ------
    InvalidInputError
        If lengths differ or a label is out of range.

    Examples
    --------
    >>> labels = np.array([1, 1, 1, 0, 0, 0, 0, 1])
    >>> p = np.array([0.9, 0.8, 0.2, 0.1, 0.3, 0.2, 0.1, 0.6])
    >>> effect = measure_correction(
    ...     p, p, labels=labels, corrected_labels=np.array([1, 1, 0, 0, 0, 0, 0, -1]),
    ...     object_ids=np.arange(8), rng=np.random.default_rng(0), n_resamples=20,
    ... )
    >>> effect.n_corrected, effect.n_removed, effect.untouched[0].after
    (1, 1, 1.0)
    """
    check_same_length(
        before=before, after=after, labels=labels, corrected=corrected_labels, objects=object_ids
    )
    if not np.isin(corrected_labels, (-1, 0, 1)).all() or not np.isin(labels, (0, 1)).all():
        raise InvalidInputError("labels must be 1 or 0, corrected ones also -1 (taken back)")
    is_kept = corrected_labels >= 0
    views = {
        "trusted": np.zeros(len(labels), dtype=bool) if is_trusted is None else is_trusted,
        "untouched": corrected_labels == labels,
        "corrected": is_kept,
    }
    figures = {
        name: _figures(
            np.stack([before, after])[:, rows & is_kept],
            corrected_labels[rows & is_kept],
            groups=object_ids[rows & is_kept],
            rng=rng,
            n_resamples=n_resamples,
        )
        for name, rows in views.items()
    }
    return CorrectionEffect(
        n_corrected=int((is_kept & (corrected_labels != labels)).sum()),
        n_removed=int((~is_kept).sum()),
        **figures,
    )


def _figures(
    pair: FloatArray,
    labels: IntArray,
    *,
    groups: NDArray[Any],
    rng: np.random.Generator,
    n_resamples: int,
) -> tuple[FigurePair, ...]:
    """Return each figure of both classifiers on these rows; none where a class is missing."""
    if len(np.unique(labels)) < 2:
        return ()
    scores = np.asarray(pair, dtype=np.float64)
    # The bootstrap hands rows back as their scores: positions stand in for the pair of scores.
    differences = {
        name: lambda rows, drawn, figure=figure: (
            figure(scores[1, rows.astype(np.intp)], drawn)
            - figure(scores[0, rows.astype(np.intp)], drawn)
        )
        for name, figure in _FIGURES.items()
    }
    intervals = bootstrap_intervals(
        differences,
        np.arange(len(labels), dtype=np.float64),
        labels,
        groups=groups,
        rng=rng,
        n_resamples=n_resamples,
    )
    return tuple(
        FigurePair(
            name=name,
            before=float(figure(scores[0], labels)),
            after=float(figure(scores[1], labels)),
            difference=intervals[name],
        )
        for name, figure in _FIGURES.items()
    )

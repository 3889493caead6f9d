"""Intervals of the curves and areas of one class, all from the same resamples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.scoring.arguments import check_both_classes, check_scored_labels
from skyvet.scoring.intervals import Interval

__all__ = ["CurveBand", "ResampledClass", "resample_class"]

_GRID = 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CurveBand:
    """Interval of a curve on a grid.

    Parameters
    ----------
    x, low, high : ndarray, shape (k,), float64
        Places and ends of the interval there.
    """

    x: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResampledClass:
    """What resampling says of one class.

    Parameters
    ----------
    roc : CurveBand
        Recall against false positive rate.
    precision_recall : CurveBand
        Precision against recall.
    intervals : dict of str to Interval
        Of ``auc``, ``average_precision``, ``ece``, ``brier`` and ``f1``.
    """

    roc: CurveBand
    precision_recall: CurveBand
    intervals: dict[str, Interval]


def resample_class(
    scores: FloatArray,
    labels: NDArray[np.int8],
    *,
    threshold: float,
    rng: np.random.Generator,
    n_resamples: int = 300,
    n_bins: int = 10,
    level: float = 0.95,
) -> ResampledClass:
    """Bootstrap a class: as many sources of it, and as many others, are drawn as there are.

    The classes are drawn apart (a stratified bootstrap), so that a rare class is never empty.
    Rows are sorted once and carry how often they were drawn as weights: a resample costs a sum.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Probability of the class, in [0, 1].
    labels : ndarray, shape (n,), int8
        1 = of the class, 0 = not; both must be there.
    threshold : float
        Working point of F1.
    rng : numpy.random.Generator
        Source of the resamples.
    n_resamples : int, default 300
        Number of resamples.
    n_bins : int, default 10
        Bins of the calibration error.
    level : float, default 0.95
        Coverage, in (0, 1).

    Returns
    -------
    ResampledClass

    Raises
    ------
    InvalidInputError
        If an array is out of range or a class is missing.

    References
    ----------
    Efron 1979, Annals of Statistics 7, 1.

    Examples
    --------
    >>> scores, labels = np.array([0.9, 0.8, 0.7, 0.2]), np.array([1, 1, 0, 0], dtype=np.int8)
    >>> found = resample_class(scores, labels, threshold=0.5, rng=np.random.default_rng(0))
    >>> found.intervals["auc"]
    Interval(low=1.0, high=1.0, level=0.95)
    """
    checked = check_scored_labels(scores, labels, is_probability=True)
    check_both_classes(checked)
    if n_resamples < 2:
        raise InvalidInputError(f"n_resamples must be at least 2, got {n_resamples}")
    rows = _SortedRows.of(checked.scores, checked.is_real, threshold=threshold, n_bins=n_bins)
    drawn = [rows.measure(rows.draw(rng)) for _ in range(n_resamples)]
    tail = (1 - level) / 2
    ends = [tail, 1 - tail]
    recall = np.quantile([one.recall for one in drawn], ends, axis=0)
    precision = np.quantile([one.precision for one in drawn], ends, axis=0)
    figures = {
        key: np.quantile([one.figures[key] for one in drawn], ends) for key in drawn[0].figures
    }
    return ResampledClass(
        roc=CurveBand(x=_FPR_GRID, low=recall[0], high=recall[1]),
        precision_recall=CurveBand(x=_RECALL_GRID, low=precision[0], high=precision[1]),
        intervals={
            key: Interval(low=float(low), high=float(high), level=level)
            for key, (low, high) in figures.items()
        },
    )


_FPR_GRID = np.linspace(0.0, 1.0, _GRID + 1)
_RECALL_GRID = np.linspace(1.0 / _GRID, 1.0, _GRID)


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    recall: FloatArray
    precision: FloatArray
    figures: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class _SortedRows:
    """Rows by falling score; weights turn into any figure by sums over them."""

    scores: FloatArray
    is_positive: NDArray[np.bool_]
    is_last_of_tie: NDArray[np.bool_]
    i_bin: NDArray[np.intp]
    is_selected: NDArray[np.bool_]
    n_bins: int

    @classmethod
    def of(
        cls,
        scores: FloatArray,
        is_positive: NDArray[np.bool_],
        *,
        threshold: float,
        n_bins: int,
    ) -> _SortedRows:
        order = np.argsort(-scores, kind="stable")
        ordered = scores[order]
        return cls(
            ordered,
            is_positive[order],
            np.append(np.diff(ordered) != 0, [True]),
            np.minimum((ordered * n_bins).astype(np.intp), n_bins - 1),
            ordered >= threshold,
            n_bins,
        )

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Return how often each row is drawn; each class is drawn by itself."""
        weights = np.empty(len(self.scores))
        for side in (True, False):
            rows = np.flatnonzero(self.is_positive == side)
            picked = rng.integers(len(rows), size=len(rows))
            weights[rows] = np.bincount(picked, minlength=len(rows))
        return weights

    def measure(self, weights: FloatArray) -> _Drawn:
        """Return curves on the grids, areas and errors of weighted rows."""
        of_class = np.where(self.is_positive, weights, 0.0)
        tp = np.cumsum(of_class)[self.is_last_of_tie]
        fp = np.cumsum(weights - of_class)[self.is_last_of_tie]
        recall, fpr = tp / tp[-1], fp / fp[-1]
        with np.errstate(invalid="ignore"):
            precision = np.where(tp + fp > 0, tp / (tp + fp), 1.0)
        at_fpr = np.searchsorted(fpr, _FPR_GRID, side="right") - 1
        at_recall = np.searchsorted(recall, _RECALL_GRID - 1e-9, side="left")
        figures = {
            "auc": float(np.trapezoid(np.append([0.0], recall), np.append([0.0], fpr))),
            "average_precision": float(np.sum(np.diff(recall, prepend=0.0) * precision)),
            **self._errors(weights),
            "f1": self._f1(of_class, weights),
        }
        return _Drawn(
            np.where(at_fpr >= 0, recall[np.maximum(at_fpr, 0)], 0.0),
            precision[np.minimum(at_recall, len(precision) - 1)],
            figures,
        )

    def _errors(self, weights: FloatArray) -> dict[str, float]:
        gap = weights * (self.is_positive - self.scores)
        in_bins = np.bincount(self.i_bin, weights=gap, minlength=self.n_bins)
        total = weights.sum()
        squares = weights * (self.is_positive - self.scores) ** 2
        return {
            "ece": float(np.abs(in_bins).sum() / total),
            "brier": float(squares.sum() / total),
        }

    def _f1(self, of_class: FloatArray, weights: FloatArray) -> float:
        hits = of_class[self.is_selected].sum()
        return float(2 * hits / max(weights[self.is_selected].sum() + of_class.sum(), 1.0))

"""Figures on rows that no scoring member had seen, for bundles and their cards."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.scoring.curves import average_precision, roc_auc
from skyvet.scoring.intervals import bootstrap_intervals
from skyvet.scoring.metrics import brier_score, completeness_at_purity
from skyvet.scoring.reliability import expected_calibration_error

__all__ = ["held_out_metrics"]


def held_out_metrics(
    scores: FloatArray, labels: IntArray, *, groups: NDArray[Any], n_resamples: int = 1000
) -> dict[str, float | int | str | None]:
    """Return figures on held-out rows, with 95 % intervals.

    Where the calibration was fitted on the same held-out logits (two or three numbers), Brier score
    and calibration error are slightly optimistic; the ranking figures are not touched by it.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Calibrated probability of REAL of rows that the model had not seen.
    labels : ndarray, shape (n,)
        1 = REAL, 0 = BOGUS.
    groups : ndarray, shape (n,)
        Objects, resampled as a whole.
    n_resamples : int, default 1000
        Of the bootstrap.
    """
    statistics = {"auc": roc_auc, "average_precision": average_precision}
    intervals = bootstrap_intervals(
        statistics,
        scores,
        labels,
        groups=groups,
        n_resamples=n_resamples,
        rng=np.random.default_rng(0),
    )
    metrics: dict[str, float | int | str | None] = {"n_labelled": len(labels)}
    for name, statistic in statistics.items():
        metrics[name] = float(statistic(scores, labels))
        metrics[f"{name}_low"] = intervals[name].low
        metrics[f"{name}_high"] = intervals[name].high
    metrics["ece"] = expected_calibration_error(scores, labels)
    metrics["brier"] = brier_score(scores, labels)
    metrics["completeness_at_purity_95"] = completeness_at_purity(scores, labels, purity=0.95)
    return metrics

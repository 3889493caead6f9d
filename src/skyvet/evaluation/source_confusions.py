"""What each class of sources is mistaken for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skyvet.evaluation.estimates import estimate
from skyvet.evaluation.source_facts import ConfusionCell
from skyvet.evaluation.source_sample import SourceSample
from skyvet.scoring.intervals import wilson_interval

__all__ = ["measure_confusions"]


def measure_confusions(
    sample: SourceSample, thresholds: NDArray[np.float64], *, level: float = 0.95
) -> tuple[ConfusionCell, ...]:
    """Count sources of one class that are called another which they surely are not.

    Classes do not exclude each other, so a row need not add up to 1: a source may be called
    several classes, or none. Classes above and below are left out by themselves: nobody labels a
    source as one class and not as the class above it.

    Parameters
    ----------
    sample : SourceSample
        Scores and labels.
    thresholds : ndarray, shape (len(sample.tags),)
        ``probability >= threshold`` is called the class.
    level : float, default 0.95
        Coverage of the intervals, in (0, 1).

    Returns
    -------
    tuple of ConfusionCell
        Pairs of classes with at least one such source, and each class with itself (the share of
        its sources that is called so).

    Examples
    --------
    >>> sample = SourceSample(
    ...     source_ids=np.arange(3), tags=("a", "b"),
    ...     probabilities=np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.7]]),
    ...     votes=np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), period_d=np.full(3, np.nan),
    ...     min_vote=0.7, n_scored=3, n_labels_without_score=0)
    >>> [(c.tag, c.called, c.n, c.n_called)
    ...  for c in measure_confusions(sample, np.array([0.5, 0.5]))]
    [('a', 'a', 2, 1), ('a', 'b', 2, 1), ('b', 'a', 1, 1), ('b', 'b', 1, 1)]
    """
    has_score = ~np.isnan(sample.probabilities)
    is_called = has_score & (np.nan_to_num(sample.probabilities) >= thresholds)
    is_yes, is_no = sample.is_yes, sample.is_no
    cells = []
    for i_true, tag in enumerate(sample.tags):
        for i_called, called in enumerate(sample.tags):
            is_counted = is_yes[:, i_true] & has_score[:, i_called]
            if i_called != i_true:
                is_counted = is_counted & is_no[:, i_called]
            n = int(is_counted.sum())
            if n == 0:
                continue
            n_called = int((is_called[:, i_called] & is_counted).sum())
            share = estimate(n_called / n, wilson_interval(n_called, n, level=level))
            cells.append(ConfusionCell(tag=tag, called=called, n=n, n_called=n_called, share=share))
    return tuple(cells)

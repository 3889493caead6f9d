"""The figures that stand first, with intervals."""

from __future__ import annotations

import numpy as np

from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.estimates import (
    NO_ESTIMATE,
    auc_of,
    completeness_of,
    false_positive_rate_of,
    purity_at_prior_of,
    rate_of,
)
from skyvet.evaluation.facts import Estimate, HeadlineFigure
from skyvet.evaluation.figures_of_merit import (
    bootstrap_by_object,
    figure_row,
    figures_of_merit,
    with_interval,
)
from skyvet.evaluation.tables import Sample

__all__ = ["measure_headline"]


def measure_headline(
    sample: Sample, config: EvaluationConfig, *, threshold: float
) -> tuple[HeadlineFigure, ...]:
    """Measure the headline figures of a sample.

    Parameters
    ----------
    sample : Sample
        Labelled candidates.
    config : EvaluationConfig
        Prior, confidence level, resamples and seed.
    threshold : float
        Working point of completeness and purity.

    Returns
    -------
    tuple of HeadlineFigure
        Always the same rows; estimates are None where a class is missing.
    """
    bootstrapped = _bootstrapped(sample, config)
    return (*_at_threshold(sample, config, threshold), *bootstrapped)


def _at_threshold(
    sample: Sample, config: EvaluationConfig, threshold: float
) -> tuple[HeadlineFigure, ...]:
    level = config.confidence
    completeness = completeness_of(sample, threshold=threshold, level=level)
    purity = purity_at_prior_of(sample, threshold=threshold, prior=config.prior, level=level)
    fpr = false_positive_rate_of(sample, threshold=threshold, level=level)
    rows = _rates(completeness, purity, fpr)
    return rows if sample.subject == "candidate" else (*rows, _accuracy(sample, level))


def _accuracy(sample: Sample, level: float) -> HeadlineFigure:
    """Return what papers on frame sequences compare by."""
    is_right = np.asarray((sample.scores >= 0.5) == sample.is_real)
    return HeadlineFigure(
        key="accuracy_at_half",
        name="Accuracy at a score of 0.5",
        weighting="counted",
        better="higher",
        meaning="share of the objects that lie on their side of 0.5",
        estimate=rate_of(is_right, sample, level=level),
    )


def _rates(completeness: Estimate, purity: Estimate, fpr: Estimate) -> tuple[HeadlineFigure, ...]:
    return (
        HeadlineFigure(
            key="completeness",
            name="Completeness at the threshold",
            weighting="none",
            better="higher",
            meaning="share of the real ones that is kept",
            estimate=completeness,
        ),
        HeadlineFigure(
            key="purity",
            name="Purity at the threshold",
            weighting="prior",
            better="higher",
            meaning="share of what is kept that is real",
            estimate=purity,
        ),
        HeadlineFigure(
            key="false_positive_rate",
            name="False positive rate at the threshold",
            weighting="none",
            better="lower",
            meaning="share of the bogus ones that is kept by mistake",
            estimate=fpr,
        ),
    )


def _bootstrapped(sample: Sample, config: EvaluationConfig) -> tuple[HeadlineFigure, ...]:
    figures = figures_of_merit(config)
    n_real = int(sample.is_real.sum())
    if min(n_real, len(sample) - n_real) == 0:
        return tuple(figure_row(f, NO_ESTIMATE) for f in figures)
    statistics = {f.key: f.compute for f in figures}
    intervals = bootstrap_by_object(statistics, sample, sample.scores, config=config, seed_offset=0)
    rows = []
    for figure in figures:
        value = figure.compute(sample.scores, sample.labels)
        rows.append(figure_row(figure, with_interval(value, intervals.get(figure.key))))
    return _with_honest_auc(rows, sample, config)


def _with_honest_auc(
    rows: list[HeadlineFigure], sample: Sample, config: EvaluationConfig
) -> tuple[HeadlineFigure, ...]:
    """Where the bootstrap has no width (perfect separation), take the analytic interval."""
    auc = rows[0].estimate
    if auc.low is not None and auc.low != auc.high:
        return tuple(rows)
    analytic = auc_of(sample, level=config.confidence)
    return (rows[0].model_copy(update={"estimate": analytic}), *rows[1:])

"""Figures of merit of a set of scores and their bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from skyvet.core.errors import InvalidInputError
from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.estimates import estimate, groups_of
from skyvet.evaluation.facts import Estimate, HeadlineFigure
from skyvet.evaluation.tables import Sample
from skyvet.scoring.curves import average_precision, roc_auc
from skyvet.scoring.intervals import Interval, Statistic, bootstrap_intervals
from skyvet.scoring.metrics import brier_score, completeness_at_purity
from skyvet.scoring.priors import prior_weights
from skyvet.scoring.reliability import expected_calibration_error

__all__ = [
    "FigureOfMerit",
    "bootstrap_by_object",
    "figure_row",
    "figures_of_merit",
    "n_resamples_for",
    "with_interval",
]

Scores = NDArray[np.float64]
Labels = NDArray[np.int8]

_MAX_ROWS_DRAWN = 3_000_000
_MIN_RESAMPLES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureOfMerit:
    """How one figure is called, computed and read."""

    key: str
    name: str
    weighting: Literal["counted", "prior", "none"]
    better: Literal["higher", "lower"]
    meaning: str
    needs_probability: bool
    compute: Callable[[Scores, Labels], float]


def figures_of_merit(config: EvaluationConfig) -> tuple[FigureOfMerit, ...]:
    """Return the figures that get a bootstrap interval.

    Parameters
    ----------
    config : EvaluationConfig
        Prior, purity asked for, bins.

    Returns
    -------
    tuple of FigureOfMerit
        Areas, completeness at a purity, calibration errors, Brier score; AUC first.
    """
    return (*_ranking_figures(config), *_probability_figures(config))


def _ranking_figures(config: EvaluationConfig) -> tuple[FigureOfMerit, ...]:
    purity, prior = config.min_purity, config.prior
    return (
        FigureOfMerit(
            key="auc",
            name="ROC AUC",
            weighting="none",
            better="higher",
            meaning="chance that a real one scores above a bogus one; 0.5 is guessing",
            needs_probability=False,
            compute=roc_auc,
        ),
        FigureOfMerit(
            key="average_precision",
            name="Average precision",
            weighting="prior",
            better="higher",
            meaning="mean purity over all completenesses",
            needs_probability=False,
            compute=lambda s, y: average_precision(s, y, prior_weights(y, prior=prior)),
        ),
        FigureOfMerit(
            key="completeness_at_purity",
            name=f"Completeness at purity {purity:g}",
            weighting="prior",
            better="higher",
            meaning=f"share of the real ones kept when the selection must be {purity:.0%} real",
            needs_probability=False,
            compute=lambda s, y: completeness_at_purity(
                s, y, purity=purity, weights=prior_weights(y, prior=prior)
            ),
        ),
    )


def _probability_figures(config: EvaluationConfig) -> tuple[FigureOfMerit, ...]:
    prior = config.prior
    return (
        FigureOfMerit(
            key="ece",
            name="Calibration error (ECE)",
            weighting="counted",
            better="lower",
            meaning="how far a score of, say, 0.8 is from being right 80% of the time",
            needs_probability=True,
            compute=lambda s, y: expected_calibration_error(s, y, n_bins=config.n_bins),
        ),
        FigureOfMerit(
            key="ece_at_prior",
            name="Calibration error (ECE)",
            weighting="prior",
            better="lower",
            meaning="the same in the stream; large where scores were calibrated for another mix",
            needs_probability=True,
            compute=lambda s, y: expected_calibration_error(
                s, y, prior_weights(y, prior=prior), n_bins=config.n_bins
            ),
        ),
        FigureOfMerit(
            key="brier",
            name="Brier score",
            weighting="counted",
            better="lower",
            meaning="mean squared error of the probabilities; 0.25 is always saying one half",
            needs_probability=True,
            compute=brier_score,
        ),
    )


def n_resamples_for(sample: Sample, config: EvaluationConfig) -> int:
    """Return how often to resample: fewer for large samples, whose intervals are narrow anyway.

    Parameters
    ----------
    sample : Sample
        Labelled candidates.
    config : EvaluationConfig
        The number asked for.

    Returns
    -------
    int
        The number asked for, or as many as draw 3 million rows but at least 100.
    """
    affordable = max(_MAX_ROWS_DRAWN // max(len(sample), 1), _MIN_RESAMPLES)
    return min(config.n_resamples, affordable)


def bootstrap_by_object(
    statistics: dict[str, Statistic],
    sample: Sample,
    scores: Scores,
    *,
    config: EvaluationConfig,
    seed_offset: int,
) -> dict[str, Interval]:
    """Bootstrap statistics by object.

    Parameters
    ----------
    statistics : dict of str to callable
        ``statistic(scores, labels) -> float``.
    sample : Sample
        Gives labels and objects.
    scores : ndarray, shape (n,)
        What the statistics take as scores.
    config : EvaluationConfig
        Seed, resamples, confidence level.
    seed_offset : int
        Keeps the draws of two sections apart.

    Returns
    -------
    dict of str to Interval
        Empty where there are too few objects for it.
    """
    try:
        return bootstrap_intervals(
            statistics,
            scores,
            sample.labels,
            rng=np.random.default_rng((config.seed, seed_offset)),
            groups=groups_of(sample),
            n_resamples=n_resamples_for(sample, config),
            level=config.confidence,
        )
    except InvalidInputError:
        return {}


def with_interval(value: float, interval: Interval | None) -> Estimate:
    """Put a value and its interval together; no ends where there is no interval."""
    return Estimate(value=value) if interval is None else estimate(value, interval)


def figure_row(figure: FigureOfMerit, value: Estimate) -> HeadlineFigure:
    """Return a row of a table of figures."""
    return HeadlineFigure(
        key=figure.key,
        name=figure.name,
        weighting=figure.weighting,
        better=figure.better,
        meaning=figure.meaning,
        estimate=value,
    )

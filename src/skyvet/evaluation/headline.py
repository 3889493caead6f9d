"""The figures that stand first, with intervals, and the same for the survey's own score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from skyvet.core.errors import InvalidInputError
from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.estimates import (
    NO_ESTIMATE,
    auc_of,
    completeness_of,
    estimate,
    false_positive_rate_of,
    groups_of,
    purity_at_prior_of,
)
from skyvet.evaluation.facts import Comparison, CurveFacts, Estimate, HeadlineFigure
from skyvet.evaluation.tables import Sample
from skyvet.evaluation.views import curve_facts
from skyvet.scoring.curves import average_precision, roc_auc, roc_curve
from skyvet.scoring.intervals import Interval, Statistic, bootstrap_intervals
from skyvet.scoring.metrics import brier_score, completeness_at_purity
from skyvet.scoring.priors import prior_weights
from skyvet.scoring.reliability import expected_calibration_error

__all__ = ["compare_with_survey", "measure_headline"]

Scores = NDArray[np.float64]
Labels = NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    """How one figure is called, computed and read."""

    key: str
    name: str
    weighting: Literal["counted", "prior", "none"]
    better: Literal["higher", "lower"]
    meaning: str
    needs_probability: bool
    compute: Callable[[Scores, Labels], float]


def _figures(config: EvaluationConfig) -> tuple[_Figure, ...]:
    """Bootstrapped figures: areas, calibration errors, completeness at a purity."""
    purity = config.min_purity

    def at_prior(labels: Labels) -> NDArray[np.float64]:
        return prior_weights(labels, prior=config.prior)

    return (
        _Figure(
            key="auc",
            name="ROC AUC",
            weighting="none",
            better="higher",
            meaning="chance that a real candidate scores above a bogus one; 0.5 is guessing",
            needs_probability=False,
            compute=roc_auc,
        ),
        _Figure(
            key="average_precision",
            name="Average precision",
            weighting="prior",
            better="higher",
            meaning="mean purity over all completenesses",
            needs_probability=False,
            compute=lambda s, y: average_precision(s, y, at_prior(y)),
        ),
        _Figure(
            key="completeness_at_purity",
            name=f"Completeness at purity {purity:g}",
            weighting="prior",
            better="higher",
            meaning=f"share of the real ones kept when the selection must be {purity:.0%} real",
            needs_probability=False,
            compute=lambda s, y: completeness_at_purity(s, y, purity=purity, weights=at_prior(y)),
        ),
        _Figure(
            key="ece",
            name="Calibration error (ECE)",
            weighting="counted",
            better="lower",
            meaning="how far a score of, say, 0.8 is from being right 80% of the time",
            needs_probability=True,
            compute=lambda s, y: expected_calibration_error(s, y, n_bins=config.n_bins),
        ),
        _Figure(
            key="ece_at_prior",
            name="Calibration error (ECE)",
            weighting="prior",
            better="lower",
            meaning="the same in the stream; large where scores were calibrated for another mix",
            needs_probability=True,
            compute=lambda s, y: expected_calibration_error(
                s, y, at_prior(y), n_bins=config.n_bins
            ),
        ),
        _Figure(
            key="brier",
            name="Brier score",
            weighting="counted",
            better="lower",
            meaning="mean squared error of the probabilities; 0.25 is always saying one half",
            needs_probability=True,
            compute=brier_score,
        ),
    )


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
    bootstrapped = _bootstrapped(sample, sample.scores, config, seed_offset=0)
    return (*_at_threshold(sample, config, threshold), *bootstrapped)


def _at_threshold(
    sample: Sample, config: EvaluationConfig, threshold: float
) -> tuple[HeadlineFigure, ...]:
    level = config.confidence
    completeness = completeness_of(sample, threshold=threshold, level=level)
    purity = purity_at_prior_of(sample, threshold=threshold, prior=config.prior, level=level)
    fpr = false_positive_rate_of(sample, threshold=threshold, level=level)
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


def _bootstrapped(
    sample: Sample, scores: Scores, config: EvaluationConfig, *, seed_offset: int
) -> tuple[HeadlineFigure, ...]:
    is_probability = scores.size > 0 and scores.min() >= 0 and scores.max() <= 1
    figures = [f for f in _figures(config) if is_probability or not f.needs_probability]
    n_real = int(sample.is_real.sum())
    if min(n_real, len(sample) - n_real) == 0:
        return tuple(_row(f, NO_ESTIMATE) for f in figures)
    statistics = {f.key: f.compute for f in figures}
    intervals = _intervals(statistics, sample, scores, config, seed_offset=seed_offset)
    rows = []
    for figure in figures:
        value = figure.compute(scores, sample.labels)
        rows.append(_row(figure, _with_interval(value, intervals.get(figure.key))))
    return _with_honest_auc(rows, sample, scores, config)


def _with_honest_auc(
    rows: list[HeadlineFigure], sample: Sample, scores: Scores, config: EvaluationConfig
) -> tuple[HeadlineFigure, ...]:
    """Where the bootstrap has no width (perfect separation), take the analytic interval."""
    auc = rows[0].estimate
    if auc.low is not None and auc.low != auc.high:
        return tuple(rows)
    analytic = auc_of(replace(sample, scores=scores), level=config.confidence)
    return (rows[0].model_copy(update={"estimate": analytic}), *rows[1:])


def _intervals(
    statistics: dict[str, Statistic],
    sample: Sample,
    scores: Scores,
    config: EvaluationConfig,
    *,
    seed_offset: int,
) -> dict[str, Interval]:
    """Bootstrap by object; nothing where there are too few objects for it."""
    try:
        return bootstrap_intervals(
            statistics,
            scores,
            sample.labels,
            rng=np.random.default_rng((config.seed, seed_offset)),
            groups=groups_of(sample),
            n_resamples=config.n_resamples,
            level=config.confidence,
        )
    except InvalidInputError:
        return {}


def _with_interval(value: float, interval: Interval | None) -> Estimate:
    return Estimate(value=value) if interval is None else estimate(value, interval)


def _row(figure: _Figure, value: Estimate) -> HeadlineFigure:
    return HeadlineFigure(
        key=figure.key,
        name=figure.name,
        weighting=figure.weighting,
        better=figure.better,
        meaning=figure.meaning,
        estimate=value,
    )


def compare_with_survey(sample: Sample, config: EvaluationConfig) -> Comparison | None:
    """Measure this classifier and the survey's own score on the objects that carry both.

    Parameters
    ----------
    sample : Sample
        Labelled candidates.
    config : EvaluationConfig
        Prior, confidence level, resamples and seed.

    Returns
    -------
    Comparison or None
        None where no labelled candidate carries a survey score. Differences are this classifier
        minus the survey's score on the same bootstrap resamples.
    """
    has_survey = np.isfinite(sample.survey_score)
    if not has_survey.any():
        return None
    both = sample.take(has_survey)
    ours, survey = both.scores, both.survey_score
    figures = _bootstrapped(both, ours, config, seed_offset=1)
    survey_figures = _bootstrapped(both, survey, config, seed_offset=1)
    names = sorted({str(v) for v in both.survey_score_version if v})
    n_real = int(both.is_real.sum())
    return Comparison(
        survey_score_name=", ".join(names) or "survey score",
        n=len(both),
        n_real=n_real,
        n_bogus=len(both) - n_real,
        note=_comparison_note(len(both), n_real, n_versions=len(names)),
        figures=figures,
        survey_figures=survey_figures,
        differences=_differences(both, survey_figures, config),
        roc=_roc(both, ours),
        survey_roc=_roc(both, survey),
    )


def _comparison_note(n: int, n_real: int, *, n_versions: int) -> str:
    if n_real in (0, n):
        return "Only one class carries a survey score, so the two cannot be compared."
    if n_versions > 1:
        return (
            f"The survey's score comes in {n_versions} versions here, which are not on one scale; "
            "its curve mixes them."
        )
    return ""


def _differences(
    both: Sample, rows: tuple[HeadlineFigure, ...], config: EvaluationConfig
) -> tuple[HeadlineFigure, ...]:
    if all(row.estimate.value is None for row in rows):
        return ()
    wanted = {row.key for row in rows}
    figures = [f for f in _figures(config) if f.key in wanted]
    statistics = {f.key: _paired(f.compute, both.scores, both.survey_score) for f in figures}
    row_numbers = np.arange(len(both), dtype=np.float64)
    intervals = _intervals(statistics, both, row_numbers, config, seed_offset=1)
    return tuple(
        _row(
            f,
            _with_interval(statistics[f.key](row_numbers, both.labels), intervals.get(f.key)),
        )
        for f in figures
    )


def _paired(compute: Statistic, ours: Scores, survey: Scores) -> Statistic:
    """Difference of a statistic on the same rows; takes row numbers in place of scores."""

    def difference(rows: Scores, labels: Labels) -> float:
        picked = rows.astype(np.intp)
        return compute(ours[picked], labels) - compute(survey[picked], labels)

    return difference


def _roc(sample: Sample, scores: Scores) -> CurveFacts | None:
    n_real = int(sample.is_real.sum())
    if n_real in (0, len(sample)):
        return None
    curve = roc_curve(scores, sample.labels)
    return curve_facts(curve.fpr, curve.completeness)

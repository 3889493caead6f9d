"""The classifier and the survey's own score on the same objects."""

from __future__ import annotations

import numpy as np

from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.facts import Comparison, CurveFacts, HeadlineFigure
from skyvet.evaluation.figures_of_merit import (
    FigureOfMerit,
    Labels,
    Scores,
    bootstrap_by_object,
    figure_row,
    figures_of_merit,
    with_interval,
)
from skyvet.evaluation.tables import Sample
from skyvet.evaluation.views import curve_facts
from skyvet.scoring.curves import roc_curve
from skyvet.scoring.intervals import Statistic

__all__ = ["compare_with_survey"]


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
    names = sorted({str(v) for v in both.survey_score_version if v})
    n_real = int(both.is_real.sum())
    ours, survey, differences = _paired_figures(both, config)
    return Comparison(
        survey_score_name=", ".join(names) or "survey score",
        n=len(both),
        n_real=n_real,
        n_bogus=len(both) - n_real,
        note=_note(len(both), n_real, n_versions=len(names)),
        figures=ours,
        survey_figures=survey,
        differences=differences,
        roc=_roc(both, both.scores),
        survey_roc=_roc(both, both.survey_score),
    )


def _note(n: int, n_real: int, *, n_versions: int) -> str:
    if n_real in (0, n):
        return "Only one class carries a survey score, so the two cannot be compared."
    if n_versions > 1:
        return (
            f"The survey's score comes in {n_versions} versions here, which are not on one scale; "
            "its curve mixes them."
        )
    return ""


def _paired_figures(
    both: Sample, config: EvaluationConfig
) -> tuple[tuple[HeadlineFigure, ...], ...]:
    """Rows of this classifier, of the survey and of the difference; empty for one class."""
    if int(both.is_real.sum()) in (0, len(both)):
        return (), (), ()
    survey = both.survey_score
    is_probability = bool(survey.min() >= 0 and survey.max() <= 1)
    figures = [f for f in figures_of_merit(config) if is_probability or not f.needs_probability]
    statistics: dict[str, Statistic] = {}
    for figure in figures:
        ours = _Remembered(figure, both.scores)
        theirs = _Remembered(figure, survey)
        statistics[f"ours {figure.key}"] = ours
        statistics[f"survey {figure.key}"] = theirs
        statistics[f"difference {figure.key}"] = _Difference(ours, theirs)
    rows = np.arange(len(both), dtype=np.float64)
    intervals = bootstrap_by_object(statistics, both, rows, config=config, seed_offset=1)

    def table(kind: str) -> tuple[HeadlineFigure, ...]:
        names = [(f, f"{kind} {f.key}") for f in figures]
        return tuple(
            figure_row(f, with_interval(statistics[n](rows, both.labels), intervals.get(n)))
            for f, n in names
        )

    return table("ours"), table("survey"), table("difference")


class _Remembered:
    """A figure of merit of picked rows that remembers its last answer.

    It takes row numbers in place of scores, so that two scores can share one resample.
    """

    def __init__(self, figure: FigureOfMerit, scores: Scores) -> None:
        self._figure = figure
        self._scores = scores
        self._last_rows: Scores | None = None
        self._last_value = 0.0

    def __call__(self, rows: Scores, labels: Labels) -> float:
        """Compute the figure of the picked rows."""
        if self._last_rows is None or not np.array_equal(rows, self._last_rows):
            self._last_value = self._figure.compute(self._scores[rows.astype(np.intp)], labels)
            self._last_rows = rows
        return self._last_value


class _Difference:
    """One figure of merit minus another on the same rows."""

    def __init__(self, ours: _Remembered, survey: _Remembered) -> None:
        self._ours = ours
        self._survey = survey

    def __call__(self, rows: Scores, labels: Labels) -> float:
        """Compute the difference."""
        return self._ours(rows, labels) - self._survey(rows, labels)


def _roc(sample: Sample, scores: Scores) -> CurveFacts | None:
    n_real = int(sample.is_real.sum())
    if n_real in (0, len(sample)):
        return None
    curve = roc_curve(scores, sample.labels)
    return curve_facts(curve.fpr, curve.completeness)

"""From a joined score table to every fact of the report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import skyvet
from skyvet.core.errors import LabelError
from skyvet.evaluation.comparison import compare_with_survey
from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.estimates import groups_of
from skyvet.evaluation.examples import pick_examples
from skyvet.evaluation.explanations import measure_explanations
from skyvet.evaluation.facts import Counts, EvaluationResult, InjectionFacts
from skyvet.evaluation.figures_of_merit import n_resamples_for
from skyvet.evaluation.gate import judge_requirement
from skyvet.evaluation.headline import measure_headline
from skyvet.evaluation.review import measure_review
from skyvet.evaluation.slices import make_slices
from skyvet.evaluation.tables import Sample, TableCounts, sample_of_table
from skyvet.evaluation.views import make_views
from skyvet.evaluation.working_point import choose_threshold, purity_at_ratios

__all__ = ["evaluate"]

_FEW = 30


def evaluate(
    table: pa.Table,
    config: EvaluationConfig | None = None,
    *,
    injections: InjectionFacts | None = None,
    protocol: str = "",
) -> EvaluationResult:
    """Measure a classifier on labelled scores; `skyvet.evaluation.pages` writes the page.

    Parameters
    ----------
    table : pyarrow.Table
        Scores joined with labels by `skyvet.evaluation.tables.join_labels`. Needs
        ``candidate_id``, ``score`` and ``label``; what else is there is used for slices.
    config : EvaluationConfig, optional
        Prior, cuts, threshold, requirement.
    injections : InjectionFacts, optional
        Completeness of injected sources, drawn where given.
    protocol : str, default ""
        Sentence that says how it was made sure that no score is of an object that its model was
        trained on; without one the page says that it cannot tell.

    Returns
    -------
    EvaluationResult
        The same for the same table, config and version of skyvet.

    Raises
    ------
    LabelError
        If no candidate with a score is labelled real or bogus.
    InvalidInputError
        If a column is missing or a value is out of range.

    Examples
    --------
    >>> table = pa.table({"candidate_id": [1, 2, 3, 4], "score": [0.9, 0.8, 0.3, 0.1],
    ...                   "label": ["real", "real", "bogus", "bogus"], "snr": [9.0, 8.0, 7.0, 9.0]})
    >>> result = evaluate(table, EvaluationConfig(n_resamples=20))
    >>> result.gate.outcome, result.counts.n_real
    ('UNDECIDED', 2)
    """
    config = config or EvaluationConfig()
    sample, counted = sample_of_table(table)
    if len(sample) == 0:
        raise LabelError(
            f"none of the {counted.n_scored} scored rows is labelled real or bogus; "
            "join the scores with a label file first"
        )
    point = choose_threshold(sample, config)
    threshold = point.threshold
    return EvaluationResult(
        skyvet_version=skyvet.__version__,
        title=config.title or _title(sample),
        subject=sample.subject,
        bundles=_names(sample.bundle),
        surveys=_names(sample.survey),
        prior=config.prior,
        threshold=threshold,
        threshold_origin=point.origin,
        confidence=config.confidence,
        n_resamples=n_resamples_for(sample, config),
        seed=config.seed,
        counts=_counts(sample, counted),
        notes=_notes(sample, point.warning, protocol),
        gate=judge_requirement(sample, config, threshold=threshold),
        headline=measure_headline(sample, config, threshold=threshold),
        comparison=compare_with_survey(sample, config),
        views=make_views(sample, config, threshold=threshold),
        purity_at_ratios=purity_at_ratios(sample, config, threshold=threshold),
        slices=make_slices(sample, config, threshold=threshold),
        review=measure_review(sample, level=config.confidence),
        explanations=measure_explanations(
            sample, table, threshold=threshold, level=config.confidence
        ),
        examples=pick_examples(
            sample, threshold=threshold, n_examples=config.n_examples, table=table
        ),
        injections=injections,
        config=config.model_dump(mode="json"),
    )


def _counts(sample: Sample, counted: TableCounts) -> Counts:
    return Counts(
        **{name: getattr(counted, name) for name in TableCounts.__slots__},
        n_snr_missing=int((~np.isfinite(sample.snr)).sum()),
        n_not_calibrated=int((~sample.is_calibrated).sum()),
        n_objects=int(groups_of(sample).max()) + 1,
    )


def _notes(sample: Sample, warning: str, protocol: str) -> tuple[str, ...]:
    n = len(sample)
    ones = f"{sample.subject}s"
    n_real = int(sample.is_real.sum())
    n_not_calibrated = int((~sample.is_calibrated).sum())
    n_without_snr = int((~np.isfinite(sample.snr)).sum())
    repeated = n - len(set(sample.candidate_ids.tolist()))
    said = (
        (bool(warning), warning),
        (
            min(n_real, n - n_real) < _FEW,
            f"Only {n_real:,} real and {n - n_real:,} bogus {ones} are labelled: expect wide "
            "intervals, and take differences smaller than them for chance.",
        ),
        (
            n_not_calibrated > 0,
            f"{n_not_calibrated:,} of {n:,} scores are not calibrated for their survey: read them "
            "as an order, not as probabilities.",
        ),
        (
            n_without_snr > 0 and ones == "candidates",
            f"{n_without_snr:,} of {n:,} labelled candidates have no S/N and are above no S/N cut.",
        ),
        (
            True,
            protocol
            or "These figures hold for new objects only if the model was trained on none of the "
            f"labelled {ones}; the tables cannot tell. For a model's own training labels, its "
            "card has figures on rows that no scoring member had seen.",
        ),
        (repeated > 0, f"{repeated:,} {ones} stand in the table more than once."),
    )
    return tuple(text for holds, text in said if holds)


def _title(sample: Sample) -> str:
    bundles = _names(sample.bundle)
    what = "Artefact or not" if sample.subject == "object" else "Real or bogus"
    return f"{what}: {bundles[0]}" if len(bundles) == 1 else f"{what}: evaluation"


def _names(values: NDArray[Any]) -> tuple[str, ...]:
    return tuple(sorted({str(value) for value in values if value}))

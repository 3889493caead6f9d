"""From scores and labels of sources to every fact of the report, class by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

import skyvet
from skyvet.evaluation.source_configs import SourceReportConfig
from skyvet.evaluation.source_confusions import measure_confusions
from skyvet.evaluation.source_examples import pick_source_examples
from skyvet.evaluation.source_facts import ClassFacts, FeatureImportance, SourceReport
from skyvet.evaluation.source_figures import measure_class, n_resamples_of
from skyvet.evaluation.source_sample import SourceSample
from skyvet.records.source_taxonomy import SourceTaxonomy

__all__ = ["SourceReportContext", "evaluate_sources"]

_HALF = 0.5
_NO_PROTOCOL = (
    "Nothing tells whether the classifier was trained on these very sources; if it was, every "
    "figure here is too good."
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceReportContext:
    """What is known of a score table beside its scores.

    Parameters
    ----------
    bundle : str, default ""
        What made the scores.
    protocol : str, default ""
        Sentence on how it was made sure that no score is of a source that its model was trained
        on; without one the page says that it cannot tell.
    thresholds : mapping of str to float
        Threshold of each class; one half where there is none.
    importances : mapping of str to sequence of FeatureImportance
        Of some or all classes.
    importance_note : str, default ""
        How these were measured.
    n_not_calibrated : int, default 0
        Scores that are not calibrated for their survey.
    notes : tuple of str
        What must be known before a figure is believed.
    """

    bundle: str = ""
    protocol: str = ""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    importances: Mapping[str, Sequence[FeatureImportance]] = field(default_factory=dict)
    importance_note: str = ""
    n_not_calibrated: int = 0
    notes: tuple[str, ...] = ()


def evaluate_sources(
    sample: SourceSample,
    taxonomy: SourceTaxonomy,
    config: SourceReportConfig | None = None,
    *,
    context: SourceReportContext | None = None,
) -> SourceReport:
    """Measure a classifier of sources, class by class.

    Parameters
    ----------
    sample : SourceSample
        Scores joined with labels by `skyvet.evaluation.source_sample.join_source_labels`.
    taxonomy : SourceTaxonomy
        The tree of the classes.
    config : SourceReportConfig, optional
        Votes, thresholds, intervals.
    context : SourceReportContext, optional
        Thresholds and importances of the classifier.

    Returns
    -------
    SourceReport
        Classes from the top down, each below its parent. The same for the same input, config and
        version of skyvet.

    Examples
    --------
    >>> from skyvet.records.source_taxonomy import TaxonomyNode
    >>> sample = SourceSample(
    ...     source_ids=np.arange(4), tags=("rrab",), votes=np.array([[1.0], [1.0], [0.0], [0.0]]),
    ...     probabilities=np.array([[0.9], [0.4], [0.2], [0.1]]), period_d=np.full(4, np.nan),
    ...     min_vote=0.7, n_scored=4, n_labels_without_score=0)
    >>> tree = SourceTaxonomy(name="t", nodes=(TaxonomyNode(tag="rrab", name="RR Lyrae ab"),))
    >>> (rrab,) = evaluate_sources(sample, tree).classes
    >>> rrab.recall.value, rrab.precision.value, rrab.auc.value
    (0.5, 1.0, 1.0)
    """
    config, context = config or SourceReportConfig(), context or SourceReportContext()
    order = [tag for tag in _down_the_tree(taxonomy) if tag in sample.tags]
    classes = tuple(
        _class_facts(sample, taxonomy, config, context, tag=tag, seed_offset=i)
        for i, tag in enumerate(order)
    )
    thresholds = {one.tag: one.threshold for one in classes}
    measured = [one for one in classes if one.f1.value is not None and one.n_negative]
    return SourceReport(
        skyvet_version=skyvet.__version__,
        title=config.title or f"Classes of sources{f' by {context.bundle}' * bool(context.bundle)}",
        bundle=context.bundle,
        taxonomy=taxonomy.name,
        protocol=context.protocol or _NO_PROTOCOL,
        confidence=config.confidence,
        min_vote=config.min_vote,
        n_resamples=n_resamples_of(len(sample), config),
        seed=config.seed,
        n_scored=sample.n_scored,
        n_labelled=len(sample),
        n_labels_without_score=sample.n_labels_without_score,
        n_without_score=int(np.isnan(sample.probabilities).all(axis=1).sum()),
        n_not_calibrated=context.n_not_calibrated,
        notes=context.notes,
        macro_f1=_mean([one.f1.value for one in measured]),
        macro_average_precision=_mean([one.average_precision.value for one in measured]),
        worst_ece=max(
            (one.ece.value for one in measured if one.ece.value is not None), default=None
        ),
        classes=classes,
        confusions=measure_confusions(
            sample, np.array([thresholds[tag] for tag in sample.tags]), level=config.confidence
        ),
        config=config.model_dump(mode="json"),
    )


def _down_the_tree(taxonomy: SourceTaxonomy) -> list[str]:
    """Return the classes depth first, in the order of the nodes."""
    found: list[str] = []

    def walk(tag: str) -> None:
        found.append(tag)
        for child in taxonomy.children(tag):
            walk(child)

    for root in taxonomy.roots:
        walk(root)
    return found


def _class_facts(
    sample: SourceSample,
    taxonomy: SourceTaxonomy,
    config: SourceReportConfig,
    context: SourceReportContext,
    *,
    tag: str,
    seed_offset: int,
) -> ClassFacts:
    node = taxonomy.node(tag)
    threshold, origin = _threshold(tag, config, context)
    scored_above = [above for above in taxonomy.ancestors(tag) if above in sample.tags]
    scored = sample.of_class(tag)
    importances = context.importances.get(tag, ())
    return ClassFacts(
        tag=tag,
        name=node.name,
        meaning=node.meaning,
        parent=scored_above[0] if scored_above else "",
        depth=len(scored_above),
        threshold_origin=origin,
        importances=tuple(importances[: config.n_importances]),
        importance_note=context.importance_note,
        examples=pick_source_examples(
            sample, tag, threshold=threshold, n_examples=config.n_examples
        ),
        **measure_class(scored, config, threshold=threshold, seed_offset=seed_offset),
    )


def _threshold(
    tag: str, config: SourceReportConfig, context: SourceReportContext
) -> tuple[float, str]:
    if config.threshold is not None:
        return config.threshold, "chosen for all classes"
    if tag in context.thresholds:
        return float(context.thresholds[tag]), "the classifier's own"
    return _HALF, "one half: the score table names none"


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None

"""Scores of sources to a report class by class, as `skyvet evaluate` does it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skyvet.cli.console import make_table, note, show_result
from skyvet.cli.progress import shown_progress
from skyvet.core.errors import InvalidInputError
from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.source_configs import SourceReportConfig

if TYPE_CHECKING:
    from skyvet.core.progress import Progress
    from skyvet.evaluation.source_facts import FeatureImportance, SourceReport
    from skyvet.evaluation.source_report import SourceReportContext
    from skyvet.evaluation.source_sample import SourceSample
    from skyvet.io.light_curve_lookup import LightCurveLookup
    from skyvet.models.source_bundle import SourceBundle
    from skyvet.records.feature_table import FeatureTable
    from skyvet.records.source_labels import SourceLabels
    from skyvet.records.source_scores import SourceScores
    from skyvet.records.source_taxonomy import SourceTaxonomy

__all__ = ["SourceJudgement", "first_of_each_source", "is_for_sources"]

_SHARED = ("title", "confidence", "n_resamples", "seed", "n_bins", "n_examples", "threshold")
_SCORES = "scores.parquet"
_N_FOR_IMPORTANCE = 600
_NAME_WIDTH = 24
_TRAINED_ON_THESE = (
    "The bundle was trained on these very sources: no figure here says how it does on new ones. "
    "Its card has figures on rows that no scoring member had seen."
)
_TRAINED_ON_OTHERS = (
    "The bundle was trained on another set of sources than those judged here. Whether single "
    "sources are in both is not known: where they are, the figures are too good."
)


def is_for_sources(scores: Path | None, bundle: str | None) -> bool:
    """Say whether a score table, or else a bundle, is one of sources."""
    from skyvet.io.source_score_tables import is_source_scores
    from skyvet.models.source_bundle import is_source_bundle

    if scores is not None:
        return is_source_scores(scores)
    return bundle is not None and is_source_bundle(Path(bundle))


def first_of_each_source(scores: SourceScores) -> SourceScores:
    """Return one row a source, and tell the person of rows that are left out."""
    from skyvet.records.source_scores import once_per_source

    once, n_repeated = once_per_source(scores)
    if n_repeated:
        note(
            f"note: {n_repeated} rows of the scores repeat a source; the first row of each counts "
            "(skyvet consolidate makes one row of several light curves)"
        )
    return once


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceJudgement:
    """What is judged, and by what.

    Parameters
    ----------
    scores : Path or None
        Score table; None scores `features` with `bundle`.
    labels : str
        Label file or label store.
    bundle : str or None
        Gives thresholds, the taxonomy and, with `features`, what the features are worth.
    taxonomy : str
        Name or file; empty = the bundle's, or the ontological one.
    features : Path or None
        Feature table.
    light_curves : Path or None
        For the examples.
    preset : str
        Names and units of these; empty = found out.
    min_vote : float
        A vote of at least this is a yes.
    out : Path
        Folder of the report.
    """

    scores: Path | None
    labels: str | None
    bundle: str | None
    taxonomy: str
    features: Path | None
    light_curves: Path | None
    preset: str
    min_vote: float
    out: Path

    def run(self, config: EvaluationConfig, *, as_json: bool) -> None:
        """Judge and write the pages.

        Raises
        ------
        InvalidInputError
            If labels or what is to be scored are missing, or do not fit.
        LabelError
            If no scored source has a label.
        """
        from skyvet.evaluation.source_pages import write_source_report
        from skyvet.evaluation.source_report import evaluate_sources

        bundle = self._bundle()
        taxonomy = self._taxonomy(bundle)
        own = _report_config(config, self.min_vote)
        fetch = self._light_curves()
        table = self._features(bundle)
        with shown_progress(quiet=as_json) as progress:
            scores = first_of_each_source(self._scores(bundle, table))
            sample = self._sample(scores, self._labels(taxonomy), taxonomy, table)
            context = self._context(bundle, scores, sample, table, progress=progress)
        report = evaluate_sources(sample, taxonomy, own, context=context)
        paths = write_source_report(report, self.out, fetch)
        _show(report, paths.html, paths.json, as_json=as_json)

    def _light_curves(self) -> LightCurveLookup | None:
        from skyvet.io.light_curve_lookup import LightCurveLookup
        from skyvet.io.light_curve_sources.configs import LightCurveInputConfig

        if self.light_curves is None:
            return None
        given = {"preset": self.preset} if self.preset else {}
        return LightCurveLookup(self.light_curves, LightCurveInputConfig.model_validate(given))

    def _bundle(self) -> SourceBundle | None:
        from skyvet.models.source_bundle import load_source_bundle

        return None if self.bundle is None else load_source_bundle(Path(self.bundle))

    def _taxonomy(self, bundle: SourceBundle | None) -> SourceTaxonomy:
        from skyvet.io.taxonomy_files import read_taxonomy

        if not self.taxonomy and bundle is not None:
            return bundle.taxonomy
        return read_taxonomy(self.taxonomy or "ontological")

    def _features(self, bundle: SourceBundle | None) -> FeatureTable | None:
        from skyvet.io.feature_tables import read_feature_table

        if self.features is None:
            return None
        if bundle is None:
            note("note: features say nothing here without --bundle; their periods are used")
        return read_feature_table(self.features)

    def _scores(self, bundle: SourceBundle | None, table: FeatureTable | None) -> SourceScores:
        from skyvet.inference.source_scores import score_feature_table
        from skyvet.io.source_score_tables import read_source_scores, write_source_scores

        if self.scores is not None:
            return read_source_scores(self.scores)
        if bundle is None or table is None:
            raise InvalidInputError(
                "nothing to judge: give --scores, or --bundle with a feature table as --data"
            )
        found = score_feature_table(table, bundle)
        self.out.mkdir(parents=True, exist_ok=True)
        write_source_scores(self.out / _SCORES, [found])
        return found

    def _labels(self, taxonomy: SourceTaxonomy) -> SourceLabels:
        from skyvet.io.label_sources import is_label_store
        from skyvet.io.source_label_files import read_source_labels
        from skyvet.io.stored_source_labels import read_stored_source_labels

        if self.labels is None:
            raise InvalidInputError("there are no labels: give a label file or store with --labels")
        if is_label_store(self.labels):
            return read_stored_source_labels(self.labels, taxonomy)
        file = read_source_labels(Path(self.labels), taxonomy)
        for remark in file.remarks():
            note(f"note: {remark}")
        return file.labels

    def _sample(
        self,
        scores: SourceScores,
        labels: SourceLabels,
        taxonomy: SourceTaxonomy,
        table: FeatureTable | None,
    ) -> SourceSample:
        from skyvet.evaluation.source_sample import join_source_labels, periods_of_sources

        return join_source_labels(
            scores.source_ids,
            scores.probabilities,
            labels,
            tags=scores.tags,
            taxonomy=taxonomy,
            period_d=periods_of_sources(scores, table),
            min_vote=self.min_vote,
        )

    def _context(
        self,
        bundle: SourceBundle | None,
        scores: SourceScores,
        sample: SourceSample,
        table: FeatureTable | None,
        *,
        progress: Progress,
    ) -> SourceReportContext:
        from skyvet.evaluation.source_report import SourceReportContext
        from skyvet.records.identifiers import hash_identifiers

        n_not_calibrated = int((~scores.is_calibrated).sum())
        if bundle is None:
            return SourceReportContext(bundle=scores.bundle, n_not_calibrated=n_not_calibrated)
        trained_on = bundle.info.data.source_ids_sha256
        is_seen = hash_identifiers(sample.source_ids.tolist()) == trained_on
        if is_seen:
            note(f"warning: {_TRAINED_ON_THESE}")
        importances, how = _importances(bundle, sample, table, progress=progress)
        return SourceReportContext(
            bundle=scores.bundle,
            protocol=_TRAINED_ON_THESE if is_seen else _TRAINED_ON_OTHERS,
            thresholds={one.tag: one.threshold for one in bundle.info.classes},
            importances=importances,
            importance_note=how,
            n_not_calibrated=n_not_calibrated,
            notes=(_TRAINED_ON_THESE,) if is_seen else (),
        )


def _report_config(config: EvaluationConfig, min_vote: float) -> SourceReportConfig:
    """Take over what both kinds of report know, where the person chose it."""
    chosen = {name: getattr(config, name) for name in _SHARED if name in config.model_fields_set}
    return SourceReportConfig(min_vote=min_vote, **chosen)


def _importances(
    bundle: SourceBundle,
    sample: SourceSample,
    table: FeatureTable | None,
    *,
    progress: Progress,
) -> tuple[dict[str, tuple[FeatureImportance, ...]], str]:
    """Shuffle the features of some labelled sources."""
    import numpy as np

    from skyvet.evaluation.source_importance import permutation_importances
    from skyvet.models.sources.predictor import SourcePredictor

    if table is None:
        return {}, ""
    row_of = {str(one): row for row, one in enumerate(table.source_ids.tolist())}
    pairs = [
        (i, row_of[str(one)])
        for i, one in enumerate(sample.source_ids.tolist())
        if str(one) in row_of
    ]
    if not pairs:
        return {}, "Not measured: the feature table holds none of the labelled sources."
    rng = np.random.default_rng(0)
    drawn = rng.permutation(len(pairs))[:_N_FOR_IMPORTANCE]
    in_sample, in_table = np.array(pairs)[drawn].T
    needed = tuple(name for name in bundle.info.names if name in table.names)
    predictor = SourcePredictor(bundle)
    places = [predictor.tags.index(tag) for tag in sample.tags if tag in predictor.tags]
    tags = tuple(predictor.tags[i] for i in places)
    found = permutation_importances(
        table.take(in_table).select(needed),
        sample.votes[in_sample][:, [sample.tags.index(tag) for tag in tags]],
        lambda shuffled: predictor.probabilities(shuffled)[:, places],
        tags=tags,
        rng=rng,
        progress=progress,
    )
    return found, (
        f"By how much the log loss of the class rises when a feature is shuffled among "
        f"{len(drawn)} labelled sources; of features that say the same, each may look unimportant."
    )


def _show(report: SourceReport, html: Path, facts: Path, *, as_json: bool) -> None:
    rows = [
        (
            _fitted("  " * one.depth + one.name),
            one.n_positive,
            _rounded(one.average_precision.value),
            _rounded(one.precision.value),
            _rounded(one.recall.value),
            _rounded(one.f1.value),
            _rounded(one.ece.value),
        )
        for one in report.classes
    ]
    columns = ["class", "n", "AP", "precision", "recall", "F1", "ECE"]
    document = {
        "report": str(html),
        "facts": str(facts),
        "n_labelled": report.n_labelled,
        "macro_f1": report.macro_f1,
        "macro_average_precision": report.macro_average_precision,
        "worst_ece": report.worst_ece,
    }
    table = make_table(report.title, columns, rows)
    show_result(document, table, f"Report: {html}", as_json=as_json)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _fitted(name: str) -> str:
    """Return a class's name so short that the table fits into 80 columns."""
    return name if len(name) <= _NAME_WIDTH else f"{name[: _NAME_WIDTH - 1]}…"

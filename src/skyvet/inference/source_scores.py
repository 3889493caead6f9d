"""Scores of feature tables with a bundle: NumPy and ONNX Runtime alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.errors import InvalidInputError
from skyvet.models.source_bundle import SourceBundle
from skyvet.models.sources.predictor import SourcePredictor
from skyvet.records.feature_table import FeatureTable
from skyvet.records.source_scores import SourceScores, VerdictRules, join_source_scores

__all__ = ["iter_source_scores", "score_feature_table"]

_ROWS_AT_ONCE = 20_000
_SURVEY = "survey"


def score_feature_table(
    table: FeatureTable,
    bundle: SourceBundle | SourcePredictor,
    *,
    survey: str = "",
    kept_columns: Sequence[str] | None = None,
    rows_at_once: int = _ROWS_AT_ONCE,
) -> SourceScores:
    """Return class probabilities and verdicts of sources.

    Parameters
    ----------
    table : FeatureTable
        Features; missing ones are NaN.
    bundle : SourceBundle or SourcePredictor
        A loaded bundle. Give the predictor where many tables are scored: it checks the bundle once.
    survey : str, default ""
        Survey of the sources; empty = the table's column ``survey``, where it has one.
    kept_columns : sequence of str, optional
        Columns of the table that are carried along; default all.
    rows_at_once : int, default 20000
        Bounds memory; scores do not depend on it.

    Returns
    -------
    SourceScores
        In the order of the table. A source without any feature is not calibrated and of no class.

    Raises
    ------
    InvalidInputError
        If the table lacks a feature of the bundle.
    BundleError
        If the bundle does not run.
    """
    if rows_at_once < 1:
        raise InvalidInputError(f"rows_at_once must be at least 1, got {rows_at_once}")
    predictor = SourcePredictor(bundle) if isinstance(bundle, SourceBundle) else bundle
    starts = range(0, max(len(table), 1), rows_at_once)
    parts = [
        _score_rows(
            table.take(np.arange(start, min(start + rows_at_once, len(table)))),
            predictor,
            survey=survey,
            kept_columns=kept_columns,
        )
        for start in starts
    ]
    return join_source_scores(parts)


def iter_source_scores(
    tables: Iterable[FeatureTable], bundle: SourceBundle, *, survey: str = ""
) -> Iterator[SourceScores]:
    """Yield the scores of one table after the other; see `score_feature_table`."""
    predictor = SourcePredictor(bundle)
    for table in tables:
        yield score_feature_table(table, predictor, survey=survey)


def _score_rows(
    table: FeatureTable,
    predictor: SourcePredictor,
    *,
    survey: str,
    kept_columns: Sequence[str] | None,
) -> SourceScores:
    probabilities = predictor.probabilities(table)
    n_missing, n_outside = predictor.strangeness(table)
    known = np.array(predictor.bundle.info.surveys, dtype=np.str_)
    has_features = n_missing < len(predictor.bundle.info.names)
    kept = list(table.columns) if kept_columns is None else list(kept_columns)
    thresholds = tuple(one.threshold for one in predictor.bundle.info.classes)
    return SourceScores(
        source_ids=table.source_ids,
        tags=predictor.tags,
        probabilities=probabilities,
        is_positive=predictor.verdicts(probabilities) & has_features[:, None],
        is_calibrated=np.isin(_surveys(table, survey), known) & has_features,
        n_missing=n_missing,
        n_outside=n_outside,
        bundle=predictor.bundle.label,
        columns={name: table.columns[name] for name in kept if name in table.columns},
        rules=VerdictRules(thresholds=thresholds, taxonomy=predictor.bundle.taxonomy),
    )


def _surveys(table: FeatureTable, survey: str) -> NDArray[Any]:
    if survey or _SURVEY not in table.columns:
        return np.full(len(table), survey)
    return np.asarray(table.columns[_SURVEY]).astype(np.str_)

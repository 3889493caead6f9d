"""Search for the settings of learners of sources that validate best."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress
from skyvet.preprocessing.sources import LabelledSources
from skyvet.scoring.curves import average_precision
from skyvet.training.search import SearchResult, search_settings
from skyvet.training.sources.configs import SourceTrainConfig
from skyvet.training.sources.learnable import sources_to_train
from skyvet.training.sources.train import score_held_out, source_folds
from skyvet.training.sources.tune_config import (
    SourceGoal,
    SourceTuneConfig,
    default_source_ranges,
)

__all__ = ["changed_from_default", "held_out_figure", "tune_sources"]

_EVEN = 0.5
_LARGEST_LOGIT = 36.0  # log_loss stops there, too
_SEARCHED = "learners."


def tune_sources(
    labelled: LabelledSources,
    config: SourceTuneConfig,
    *,
    storage: str | Path | None = None,
    progress: Progress | None = None,
) -> SearchResult[SourceTrainConfig]:
    """Search for the learners' settings that score held-out sources best.

    Each trial trains the members once a fold, on all other folds; a part of these stops the
    training. The folds are the same for all trials and keep groups whole. Rows that are kept for
    a final test must not be among `labelled`.

    Parameters
    ----------
    labelled : LabelledSources
        Rows with votes.
    config : SourceTuneConfig
        Ranges, goal, trials, folds, seed.
    storage : path, optional
        SQLite file of the trials; a search that was stopped goes on from there.
    progress : Progress, optional
        Told of each trial.

    Returns
    -------
    SearchResult

    Raises
    ------
    InvalidInputError
        If a range is of no learner's setting, no class can be trained or judged; or as
        `search_settings`.
    MissingDependencyError
        If Optuna, or what a learner needs, is not installed.
    """
    ranges = config.ranges or default_source_ranges(config.train)
    for name in ranges:
        if not name.startswith(_SEARCHED):
            raise InvalidInputError(
                f"{name!r} is no setting of a learner; search those, e.g. learners.0.max_depth: "
                "figures of trials with other rows, votes or classes cannot be compared"
            )
    chosen, _ = sources_to_train(labelled, config.train)
    folds = source_folds(chosen, n_folds=config.n_folds, seed=config.seed)

    def fold_value(train: SourceTrainConfig, i_fold: int) -> float:
        logits, held_out = score_held_out(chosen, train, is_held_out=folds == i_fold, i_fold=i_fold)
        return held_out_figure(logits, held_out, goal=config.goal)

    return search_settings(
        config.train,
        config.model_copy(update={"ranges": ranges}),
        fold_value,
        direction="minimize" if config.goal is SourceGoal.LOG_LOSS else "maximize",
        rows=_bytes_of(chosen),
        storage=storage,
        progress=progress,
    )


def held_out_figure(logits: FloatArray, held_out: LabelledSources, *, goal: SourceGoal) -> float:
    """Return the mean over classes of what a search looks for.

    Parameters
    ----------
    logits : ndarray, shape (n, n_classes)
        Of rows that the members have not seen.
    held_out : LabelledSources
        Their votes; NaN takes no part.
    goal : SourceGoal
        log_loss: mean negative log probability of the votes [nat], >= 0, soft votes and weights
        as they are. average_precision: area below purity over completeness, in [0, 1], a vote of
        one half or more being a yes.

    Returns
    -------
    float
        A class that no row can judge is passed over.

    Raises
    ------
    InvalidInputError
        If no class can be judged.

    Examples
    --------
    >>> from skyvet.records.feature_table import FeatureTable
    >>> from skyvet.records.source_taxonomy import SourceTaxonomy, TaxonomyNode
    >>> rows = LabelledSources(
    ...     table=FeatureTable(source_ids=np.arange(2), names=("a",), values=np.zeros((2, 1))),
    ...     taxonomy=SourceTaxonomy(name="t", nodes=(TaxonomyNode(tag="agn", name="AGN"),)),
    ...     tags=("agn",), votes=np.array([[1.0], [0.0]]), weights=np.ones((2, 1)),
    ...     groups=np.arange(2),
    ... )
    >>> round(held_out_figure(np.zeros((2, 1)), rows, goal=SourceGoal.LOG_LOSS), 3)
    0.693
    """
    figure = _log_loss if goal is SourceGoal.LOG_LOSS else _average_precision
    values = []
    for i_class in range(len(held_out.tags)):
        votes, weights = held_out.votes[:, i_class], held_out.weights[:, i_class]
        rows = np.flatnonzero(~np.isnan(votes) & (weights > 0))
        values.append(figure(logits[rows, i_class], votes[rows], weights[rows]))
    if np.isnan(values).all():
        raise InvalidInputError("no class has sources of both kinds in a fold; use fewer folds")
    return float(np.nanmean(values))


def changed_from_default(config: SourceTrainConfig) -> dict[str, Any]:
    """Return the settings that a file must name to give this config: learners in full.

    Parameters
    ----------
    config : SourceTrainConfig
        Any.

    Returns
    -------
    dict
        Top-level settings as JSON knows them.

    Examples
    --------
    >>> list(changed_from_default(SourceTrainConfig(min_positives=9)))
    ['learners', 'min_positives']
    """
    default, document = SourceTrainConfig(), config.model_dump(mode="json")
    return {
        name: value
        for name, value in document.items()
        if name == "learners" or getattr(config, name) != getattr(default, name)
    }


def _log_loss(logits: FloatArray, votes: FloatArray, weights: FloatArray) -> float:
    if not len(votes):
        return float("nan")
    inside = np.clip(logits, -_LARGEST_LOGIT, _LARGEST_LOGIT)
    return float(np.average(np.logaddexp(0.0, inside) - votes * inside, weights=weights))


def _average_precision(logits: FloatArray, votes: FloatArray, weights: FloatArray) -> float:
    is_of_class = votes >= _EVEN
    if is_of_class.all() or not is_of_class.any():
        return float("nan")
    return float(average_precision(logits, is_of_class.astype(np.int64), weights))


def _bytes_of(labelled: LabelledSources) -> Iterator[bytes]:
    """Give what makes rows, votes and features known."""
    yield repr((labelled.table.source_ids.tolist(), labelled.tags, labelled.table.names)).encode()
    for array in (labelled.table.values, labelled.votes, labelled.weights, labelled.groups):
        yield np.ascontiguousarray(array).tobytes()

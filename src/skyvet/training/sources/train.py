"""Train a calibrated classifier of sources, and cross-validate the whole procedure.

The members learn from all labelled sources. What turns their logits into answers (calibrators,
thresholds) is fitted on inner held-out logits: the same members, trained on all inner folds but
one, score that one. Part of each training set, never the fold that is scored, stops the training.
The figures of a bundle come from calibrators and thresholds fitted on the other folds. In a
cross-validation all of this happens inside the training part of each outer fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress, SilentProgress
from skyvet.models.sources.interface import SourceMember
from skyvet.models.sources.predictor import mean_class_logits
from skyvet.models.sources.tree_probabilities import called_classes
from skyvet.preprocessing.sources import LabelledSources
from skyvet.records.feature_table import FeatureTable
from skyvet.training.sources.calibrating import (
    CalibratedClasses,
    calibrate_classes,
    class_metrics,
    with_opposites,
)
from skyvet.training.sources.configs import NotInspected, SourceTrainConfig
from skyvet.training.sources.learnable import sources_to_train
from skyvet.training.sources.registry import fit_source_member
from skyvet.training.sources.unlabelled import resolve_not_inspected
from skyvet.training.splits import check_no_leakage, grouped_folds, grouped_split

__all__ = [
    "OutOfFoldSources",
    "TrainedSources",
    "cross_validate_sources",
    "score_held_out",
    "source_folds",
    "train_sources",
]

_EVEN = 0.5
_SEED_STRIDE = 1000

Metrics = dict[str, dict[str, float | int | str | None]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutOfFoldSources:
    """Scores of rows by classifiers, calibrators and thresholds that never saw them.

    Parameters
    ----------
    folds : ndarray, shape (n,), int64
        Fold in which each row was scored.
    tags : tuple of str
        Classes: learned ones, then opposites.
    probabilities : ndarray, shape (n, len(tags)), float64
        Calibrated; they respect the tree.
    is_called : ndarray, shape (n, len(tags)), bool
        Verdicts at the thresholds of the other folds.
    votes : ndarray, shape (n, len(tags)), float64
        What people said; NaN = not inspected.
    """

    folds: IntArray
    tags: tuple[str, ...]
    probabilities: FloatArray
    is_called: NDArray[np.bool_]
    votes: FloatArray

    def metrics(self) -> Metrics:
        """Return the figures of each class; see `class_metrics`."""
        return {
            tag: class_metrics(
                self.probabilities[:, i], self.votes[:, i], is_called=self.is_called[:, i]
            )
            for i, tag in enumerate(self.tags)
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedSources:
    """Members and all that was fitted on held-out logits.

    Parameters
    ----------
    members : tuple of SourceMember
        Trained on all labelled rows.
    weights : tuple of float
        Of the members in the mean of logits.
    labelled : LabelledSources
        Rows and learned classes, votes as given.
    calibrated : CalibratedClasses
        Fitted on the held-out logits.
    held_out_logits : ndarray, shape (n, n_learned), float64
        Of each labelled row, by members that had not seen it.
    held_out : OutOfFoldSources
        The same rows scored with calibrators and thresholds of the other folds.
    left_out : mapping of str to str
        Classes that were not trained, and why.
    """

    members: tuple[SourceMember, ...]
    weights: tuple[float, ...]
    labelled: LabelledSources
    calibrated: CalibratedClasses
    held_out_logits: FloatArray
    held_out: OutOfFoldSources
    left_out: dict[str, str] = field(default_factory=dict)

    def logits(self, table: FeatureTable) -> NDArray[np.float64]:
        """Return the logits before calibration, shape (n, n_learned)."""
        return mean_class_logits(self.members, self.weights, table, tags=self.labelled.tags)

    def probabilities(self, table: FeatureTable) -> NDArray[np.float64]:
        """Return calibrated probabilities, shape (n, len(calibrated.tags))."""
        return self.calibrated.probabilities(self.logits(table), self.labelled.taxonomy)


def train_sources(
    labelled: LabelledSources,
    config: SourceTrainConfig,
    *,
    start: Sequence[SourceMember] = (),
    progress: Progress | None = None,
) -> TrainedSources:
    """Train the members and calibrate each class.

    Parameters
    ----------
    labelled : LabelledSources
        Rows to learn from.
    config : SourceTrainConfig
        Learners and calibration.
    start : sequence of SourceMember, optional
        Members to go on from, one a learner (fine-tuning). If they were trained on some of these
        sources, the figures are too good.
    progress : Progress, optional
        Told of each fit.

    Returns
    -------
    TrainedSources

    Raises
    ------
    InvalidInputError
        If no class can be trained, a feature is not there, or there are too few sources.
    LeakageError
        If a group stands on both sides of a split.
    """
    chosen, left_out = sources_to_train(labelled, config)
    if start and len(start) != len(config.learners):
        raise InvalidInputError(
            f"there are {len(start)} members to start from and {len(config.learners)} learners; "
            "name as many"
        )
    trained = _train(chosen, config, start=start, progress=progress or SilentProgress())
    return replace(trained, left_out=left_out)


def cross_validate_sources(
    labelled: LabelledSources,
    config: SourceTrainConfig,
    *,
    n_folds: int = 5,
    seed: int = 42,
    progress: Progress | None = None,
) -> OutOfFoldSources:
    """Train, calibrate and choose thresholds on all folds but one, and score that one.

    Parameters
    ----------
    labelled : LabelledSources
        Rows; each gets an out-of-fold score.
    config : SourceTrainConfig
        The whole procedure.
    n_folds : int, default 5
        Outer folds; groups stay whole, classes are spread evenly.
    seed : int, default 42
        Of the outer folds.
    progress : Progress, optional
        Told of each fold and its fits.

    Returns
    -------
    OutOfFoldSources

    Raises
    ------
    InvalidInputError, LeakageError
        As `train_sources`.
    """
    progress = progress or SilentProgress()
    chosen, _ = sources_to_train(labelled, config)
    folds = source_folds(chosen, n_folds=n_folds, seed=seed)
    found: list[OutOfFoldSources] = []
    progress.start("Folds", n_folds)
    for i_fold in range(n_folds):
        tested, rows = np.flatnonzero(folds == i_fold), np.flatnonzero(folds != i_fold)
        check_no_leakage(chosen.groups[rows], chosen.groups[tested])
        own = config.model_copy(update={"seed": config.seed + i_fold})
        trained = _train(chosen.take(rows), own, start=(), progress=progress)
        part = chosen.take(tested)
        probabilities = trained.probabilities(part.table)
        found.append(_scored(part, probabilities, trained.calibrated, folds[tested]))
        progress.advance()
    progress.finish()
    return _joined(found, folds)


def source_folds(labelled: LabelledSources, *, n_folds: int, seed: int) -> IntArray:
    """Return the fold of each row, shape (n,), int64: groups whole, classes spread evenly."""
    return grouped_folds(labelled.groups, _has_class(labelled.votes), n_folds=n_folds, seed=seed)


def score_held_out(
    labelled: LabelledSources,
    config: SourceTrainConfig,
    *,
    is_held_out: NDArray[np.bool_],
    i_fold: int = 0,
    start: Sequence[SourceMember] = (),
) -> tuple[NDArray[np.float64], LabelledSources]:
    """Train the members on all rows but some, and score these.

    Parameters
    ----------
    labelled : LabelledSources
        Rows and classes to learn; see `sources_to_train`.
    config : SourceTrainConfig
        Learners and their seed.
    is_held_out : ndarray, shape (n,), bool
        Rows to score; they neither teach nor stop the training.
    i_fold : int, default 0
        Number of this fold; each has seeds of its own.
    start : sequence of SourceMember, optional
        Members to go on from.

    Returns
    -------
    logits : ndarray, shape (n_held_out, n_classes), float64
        Before calibration.
    held_out : LabelledSources
        These rows, with what `not_inspected` makes of missing votes.

    Raises
    ------
    LeakageError
        If a group stands on both sides.
    """
    tested, rows = np.flatnonzero(is_held_out), np.flatnonzero(~is_held_out)
    check_no_leakage(labelled.groups[rows], labelled.groups[tested])
    seed = config.seed + _SEED_STRIDE * (i_fold + 1)
    members, held_out = _fit(
        labelled.take(rows), labelled.take(tested), config, seed=seed, start=start
    )
    weights = (1.0,) * len(members)
    return mean_class_logits(members, weights, held_out.table, tags=labelled.tags), held_out


def _train(
    labelled: LabelledSources,
    config: SourceTrainConfig,
    *,
    start: Sequence[SourceMember],
    progress: Progress,
) -> TrainedSources:
    """Train on inner folds to calibrate, then on all rows."""
    folds = source_folds(labelled, n_folds=config.n_inner_folds, seed=config.seed)
    logits = np.empty(labelled.votes.shape)
    votes = np.empty(labelled.votes.shape)
    weights = (1.0,) * len(config.learners)
    progress.start("Fits", config.n_inner_folds + 1)
    for i_fold in range(config.n_inner_folds):
        tested = np.flatnonzero(folds == i_fold)
        logits[tested], held_out = score_held_out(
            labelled, config, is_held_out=folds == i_fold, i_fold=i_fold, start=start
        )
        votes[tested] = held_out.votes
        progress.advance()
    nothing = labelled.take(np.arange(0))
    members, _ = _fit(labelled, nothing, config, seed=config.seed, start=start)
    progress.advance()
    progress.finish()
    resolved = replace(labelled, votes=votes)
    return TrainedSources(
        members=members,
        weights=weights,
        labelled=labelled,
        calibrated=_calibrate(resolved, logits, config),
        held_out_logits=logits,
        held_out=_cross_fitted(labelled, resolved, logits, folds=folds, config=config),
    )


def _fit(
    train: LabelledSources,
    held_out: LabelledSources,
    config: SourceTrainConfig,
    *,
    seed: int,
    start: Sequence[SourceMember],
) -> tuple[tuple[SourceMember, ...], LabelledSources]:
    """Return members that learned from `train`, and what the rule makes of the other votes."""
    resolved, other = resolve_not_inspected(
        train,
        held_out,
        rule=config.not_inspected,
        fit=lambda rows, own: _fit_one(rows, config, seed=own),
        seed=seed,
    )
    members = tuple(
        _fit_one(resolved, config, seed=seed, i_learner=i, start=start[i] if start else None)
        for i in range(len(config.learners))
    )
    return members, other


def _fit_one(
    labelled: LabelledSources,
    config: SourceTrainConfig,
    *,
    seed: int,
    i_learner: int = 0,
    start: SourceMember | None = None,
) -> SourceMember:
    """Train one learner, with a part of the rows set aside to stop it."""
    split = grouped_split(
        labelled.groups,
        _has_class(labelled.votes),
        validation_fraction=config.validation_fraction,
        seed=seed,
    )
    check_no_leakage(labelled.groups[split.train], labelled.groups[split.validation])
    return fit_source_member(
        labelled.take(split.train),
        config.learners[i_learner],
        validation=labelled.take(split.validation),
        seed=seed,
        start=start,
    )


def _calibrate(
    labelled: LabelledSources, logits: FloatArray, config: SourceTrainConfig
) -> CalibratedClasses:
    return calibrate_classes(
        logits,
        labelled.votes,
        config,
        weights=labelled.weights,
        groups=labelled.groups,
        learned=labelled.tags,
        taxonomy=labelled.taxonomy,
        seed=config.seed,
    )


def _cross_fitted(
    labelled: LabelledSources,
    resolved: LabelledSources,
    logits: FloatArray,
    *,
    folds: IntArray,
    config: SourceTrainConfig,
) -> OutOfFoldSources:
    """Score each inner fold with calibrators and thresholds of the others."""
    found = []
    for i_fold in range(config.n_inner_folds):
        tested, rows = np.flatnonzero(folds == i_fold), np.flatnonzero(folds != i_fold)
        calibrated = _calibrate(resolved.take(rows), logits[rows], config)
        probabilities = calibrated.probabilities(logits[tested], labelled.taxonomy)
        part = labelled.take(tested)
        if config.not_inspected is NotInspected.NEGATIVE:
            part = resolved.take(tested)
        found.append(_scored(part, probabilities, calibrated, folds[tested]))
    return _joined(found, folds)


def _scored(
    labelled: LabelledSources,
    probabilities: FloatArray,
    calibrated: CalibratedClasses,
    folds: IntArray,
) -> OutOfFoldSources:
    thresholds = np.array([calibrated.threshold(i) for i in range(len(calibrated.tags))])
    votes, _ = with_opposites(
        labelled.votes, labelled.weights, tags=calibrated.tags, taxonomy=labelled.taxonomy
    )
    return OutOfFoldSources(
        folds=folds,
        tags=calibrated.tags,
        probabilities=probabilities,
        is_called=called_classes(
            probabilities, thresholds, tags=calibrated.tags, taxonomy=labelled.taxonomy
        ),
        votes=votes,
    )


def _joined(parts: Sequence[OutOfFoldSources], folds: IntArray) -> OutOfFoldSources:
    """Put the rows of all folds back into their order."""
    order = np.argsort(np.concatenate([np.flatnonzero(folds == i) for i in range(len(parts))]))

    def back(name: str) -> Any:  # noqa: ANN401 - any array
        return np.concatenate([getattr(part, name) for part in parts])[order]

    return OutOfFoldSources(
        folds=folds,
        tags=parts[0].tags,
        probabilities=back("probabilities"),
        is_called=back("is_called"),
        votes=back("votes"),
    )


def _has_class(votes: FloatArray) -> IntArray:
    return (np.nan_to_num(votes) >= _EVEN).astype(np.int64)

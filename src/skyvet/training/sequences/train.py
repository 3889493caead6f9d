"""Train a calibrated classifier of frame sequences, and cross-validate the whole procedure.

The members learn from all labelled objects. What turns their logits into answers (calibrator,
conformal classifier, threshold) is fitted on inner held-out logits: the same members, trained on
all inner folds but one, score that one. In a cross-validation all of this happens inside the
training part of each outer fold; the outer test fold chooses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import IntArray
from skyvet.core.progress import Progress, SilentProgress
from skyvet.models.sequences.interface import SequenceMember
from skyvet.models.sequences.predictor import mean_logits
from skyvet.preprocessing.sequences import LabelledSequences
from skyvet.records.sequences import EmbeddedSequences
from skyvet.training.calibrating import CalibrationFit, fit_calibration
from skyvet.training.sequences.classifiers import fit_classifier
from skyvet.training.sequences.configs import SequenceTrainConfig
from skyvet.training.sequences.folds import FoldConfig, FoldScheme, assign_folds, groups_of
from skyvet.training.splits import check_no_leakage

__all__ = [
    "OutOfFold",
    "TrainedSequences",
    "cross_validate_sequences",
    "train_sequences",
]

_SEED_STRIDE = 1000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedSequences:
    """Members and all that was fitted on held-out logits.

    Parameters
    ----------
    members : tuple of SequenceMember
        Trained on all labelled objects.
    weights : tuple of float
        Of the members in the mean of logits.
    held_out_logits : ndarray, shape (n,), float64
        Of each labelled object, by members that had not seen it.
    calibration : CalibrationFit
        Fitted on these.
    """

    members: tuple[SequenceMember, ...]
    weights: tuple[float, ...]
    held_out_logits: NDArray[np.float64]
    calibration: CalibrationFit

    def logits(self, sequences: EmbeddedSequences) -> NDArray[np.float64]:
        """Return the logit of REAL before calibration, shape (n_objects,)."""
        return mean_logits(self.members, self.weights, sequences)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutOfFold:
    """Scores of objects by classifiers that never saw them.

    Parameters
    ----------
    folds : ndarray, shape (n,), int64
        Outer fold in which each object was tested.
    groups : ndarray, shape (n,)
        What was kept whole (the object itself, its field, its readout channel).
    logits : ndarray, shape (n,), float64
        Before calibration.
    scores : ndarray, shape (n,), float64
        Calibrated probability of REAL; the calibrator is that of the outer training part.
    thresholds : ndarray, shape (n,), float64
        Threshold of the outer training part.
    subtype_names : tuple of str
        Kinds of artefacts.
    subtype_probabilities : ndarray, shape (n, n_subtypes), float64
        Of each kind; no column where no member knows any.
    """

    folds: IntArray
    groups: NDArray[np.generic]
    logits: NDArray[np.float64]
    scores: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    subtype_names: tuple[str, ...]
    subtype_probabilities: NDArray[np.float64]


def train_sequences(
    labelled: LabelledSequences,
    config: SequenceTrainConfig,
    *,
    scheme: FoldScheme = FoldScheme.STRATIFIED,
    progress: Progress | None = None,
) -> TrainedSequences:
    """Train the members and calibrate them.

    Parameters
    ----------
    labelled : LabelledSequences
        Objects to learn from.
    config : SequenceTrainConfig
        Members and calibration.
    scheme : FoldScheme, default STRATIFIED
        What the inner folds keep whole; with whole fields the calibration is one for new fields.
    progress : Progress, optional
        Told of each fit.

    Returns
    -------
    TrainedSequences

    Raises
    ------
    InvalidInputError
        If there are too few objects of a class.
    """
    progress = progress or SilentProgress()
    inner = FoldConfig(
        scheme=FoldScheme.STRATIFIED if scheme is FoldScheme.PUBLISHED else scheme,
        n_folds=config.n_inner_folds,
        seed=config.seed,
    )
    folds = assign_folds(labelled.sequences.object_ids, labelled.labels, inner)
    held_out = np.empty(len(labelled), dtype=np.float64)
    weights = (1.0,) * len(config.classifiers)
    progress.start("Fits", config.n_inner_folds + 1)
    for i_fold in range(config.n_inner_folds):
        tested = np.flatnonzero(folds == i_fold)
        train = labelled.take(np.flatnonzero(folds != i_fold))
        members = _fit_members(train, config, seed=config.seed + _SEED_STRIDE * (i_fold + 1))
        held_out[tested] = mean_logits(members, weights, labelled.sequences.take(tested))
        progress.advance()
    members = _fit_members(labelled, config, seed=config.seed)
    progress.advance()
    progress.finish()
    return TrainedSequences(
        members=members,
        weights=weights,
        held_out_logits=held_out,
        calibration=fit_calibration(
            held_out,
            labelled.labels,
            config,
            weights=labelled.weights,
            groups=groups_of(labelled.sequences.object_ids, inner.scheme),
            seed=config.seed,
        ),
    )


def _fit_members(
    labelled: LabelledSequences, config: SequenceTrainConfig, *, seed: int
) -> tuple[SequenceMember, ...]:
    return tuple(fit_classifier(labelled, own, seed=seed) for own in config.classifiers)


def cross_validate_sequences(
    labelled: LabelledSequences,
    config: SequenceTrainConfig,
    *,
    folds: FoldConfig,
    progress: Progress | None = None,
) -> OutOfFold:
    """Train, calibrate and choose the threshold on all folds but one, and score that one.

    Parameters
    ----------
    labelled : LabelledSequences
        Objects; each gets an out-of-fold score.
    config : SequenceTrainConfig
        The whole procedure.
    folds : FoldConfig
        Outer folds.
    progress : Progress, optional
        Told of each fold and its fits.

    Returns
    -------
    OutOfFold

    Raises
    ------
    LeakageError
        If a group stands on both sides of a split.
    InvalidInputError
        If there are too few objects or groups.
    """
    progress = progress or SilentProgress()
    ids = labelled.sequences.object_ids
    groups = groups_of(ids, folds.scheme)
    fold_of_row = assign_folds(ids, labelled.labels, folds)
    parts = []
    progress.start("Folds", folds.n_folds)
    for i_fold in range(folds.n_folds):
        tested = np.flatnonzero(fold_of_row == i_fold)
        rows = np.flatnonzero(fold_of_row != i_fold)
        check_no_leakage(groups[rows], groups[tested])
        trained = train_sequences(
            labelled.take(rows),
            config.model_copy(update={"seed": config.seed + i_fold}),
            scheme=folds.scheme,
            progress=progress,
        )
        parts.append(_score(trained, labelled.sequences.take(tested), tested))
        progress.advance()
    progress.finish()
    return _joined(parts, folds=fold_of_row, groups=groups)


class _Tested(NamedTuple):
    """Scores of one test fold."""

    rows: IntArray
    logits: NDArray[np.float64]
    scores: NDArray[np.float64]
    threshold: float
    subtype_names: tuple[str, ...]
    subtypes: NDArray[np.float64]


def _score(trained: TrainedSequences, sequences: EmbeddedSequences, rows: IntArray) -> _Tested:
    logits = trained.logits(sequences)
    knowing = [member for member in trained.members if member.subtype_names]
    return _Tested(
        rows=rows,
        logits=logits,
        scores=trained.calibration.calibrator.probability(logits),
        threshold=trained.calibration.operating_point.threshold,
        subtype_names=knowing[0].subtype_names if knowing else (),
        subtypes=(
            knowing[0].subtype_probabilities(sequences) if knowing else np.zeros((len(rows), 0))
        ),
    )


def _joined(parts: Sequence[_Tested], *, folds: IntArray, groups: NDArray[np.generic]) -> OutOfFold:
    names = tuple(dict.fromkeys(name for part in parts for name in part.subtype_names))
    logits, scores, thresholds = (np.empty(len(folds)) for _ in range(3))
    kinds = np.full((len(folds), len(names)), np.nan)
    for part in parts:
        logits[part.rows], scores[part.rows] = part.logits, part.scores
        thresholds[part.rows] = part.threshold
        for name, column in zip(part.subtype_names, part.subtypes.T, strict=True):
            kinds[part.rows, names.index(name)] = column
    return OutOfFold(
        folds=folds,
        groups=groups,
        logits=logits,
        scores=scores,
        thresholds=thresholds,
        subtype_names=names,
        subtype_probabilities=kinds,
    )

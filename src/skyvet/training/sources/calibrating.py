"""What is fitted on held-out logits of each class: calibrator, threshold, honest figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.models.sources.predictor import calibrated_probabilities
from skyvet.records.source_taxonomy import SourceTaxonomy
from skyvet.scoring.calibration import CalibrationMethod, fit_calibrator, select_calibrator
from skyvet.scoring.calibrators import Calibrator
from skyvet.scoring.curves import average_precision, roc_auc
from skyvet.scoring.metrics import brier_score, confusion_counts
from skyvet.scoring.reliability import expected_calibration_error
from skyvet.scoring.thresholds import (
    OperatingPoint,
    threshold_for_completeness,
    threshold_for_f1,
    threshold_for_purity,
)
from skyvet.training.sources.configs import SourceThresholdConfig, SourceTrainConfig

__all__ = [
    "CalibratedClasses",
    "calibrate_classes",
    "class_metrics",
    "class_threshold",
    "with_opposites",
]

_EVEN = 0.5
_N_FOLDS = 5
_MOST_OF_A_KIND = 10_000  # far more than the one to three numbers of a calibrator need


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CalibratedClasses:
    """Calibrators and thresholds of all classes.

    Parameters
    ----------
    tags : tuple of str
        Learned classes, then those that are the opposite of one.
    calibrators : tuple of Calibrator or None
        One a class; None = the opposite of another class.
    points : tuple of OperatingPoint or None
        Thresholds and what they gave on the rows they were chosen on; None where a class has no
        inspected row of one kind.
    """

    tags: tuple[str, ...]
    calibrators: tuple[Calibrator | None, ...]
    points: tuple[OperatingPoint | None, ...]

    def threshold(self, i_class: int) -> float:
        """Return the probability from which on a source is of a class; 0.5 where none was found."""
        point = self.points[i_class]
        return _EVEN if point is None else min(max(point.threshold, 0.0), 1.0)

    def probabilities(self, logits: FloatArray, taxonomy: SourceTaxonomy) -> NDArray[np.float64]:
        """Return calibrated probabilities that respect the tree, shape (n, len(tags))."""
        return calibrated_probabilities(logits, self.calibrators, tags=self.tags, taxonomy=taxonomy)


def calibrate_classes(
    logits: FloatArray,
    votes: FloatArray,
    config: SourceTrainConfig,
    *,
    weights: FloatArray,
    groups: NDArray[Any],
    learned: Sequence[str],
    taxonomy: SourceTaxonomy,
    seed: int,
) -> CalibratedClasses:
    """Fit one calibrator and one threshold a class on logits of rows the model had not seen.

    A vote between 0 and 1 counts as that much yes and the rest no.

    Parameters
    ----------
    logits, votes, weights : ndarray, shape (n, len(learned))
        Held-out logits; votes from 0 to 1, NaN = takes no part; weights of the votes.
    config : SourceTrainConfig
        Methods and target.
    groups : ndarray, shape (n,)
        Methods are compared on folds that keep these whole.
    learned : sequence of str
        Classes of the columns.
    taxonomy : SourceTaxonomy
        The tree, which all probabilities respect before thresholds are chosen.
    seed : int
        Of the folds.
    """
    calibrators: list[Calibrator | None] = [
        _class_calibrator(
            logits[:, i], votes[:, i], config, weights=weights[:, i], groups=groups, seed=seed + i
        )
        for i in range(len(learned))
    ]
    opposites = [
        node.tag for node in taxonomy.nodes if node.complement_of and node.complement_of in learned
    ]
    tags = (*learned, *opposites)
    calibrators += [None] * len(opposites)
    probability = calibrated_probabilities(logits, calibrators, tags=tags, taxonomy=taxonomy)
    all_votes, all_weights = with_opposites(votes, weights, tags=tags, taxonomy=taxonomy)
    points = tuple(
        class_threshold(
            probability[:, i], all_votes[:, i], all_weights[:, i], config=config.threshold
        )
        for i in range(len(tags))
    )
    return CalibratedClasses(tags=tags, calibrators=tuple(calibrators), points=points)


def with_opposites(
    votes: FloatArray, weights: FloatArray, *, tags: Sequence[str], taxonomy: SourceTaxonomy
) -> tuple[FloatArray, FloatArray]:
    """Append the votes on opposites to those on learned classes."""
    of = [tags.index(taxonomy.node(tag).complement_of) for tag in tags[votes.shape[1] :]]
    return (
        np.concatenate([votes, 1.0 - votes[:, of]], axis=1),
        np.concatenate([weights, weights[:, of]], axis=1),
    )


def class_threshold(
    probability: FloatArray,
    votes: FloatArray,
    weights: FloatArray,
    *,
    config: SourceThresholdConfig,
) -> OperatingPoint | None:
    """Return the threshold of one class; None where one kind of vote is missing."""
    rows, labels, weight = _doubled(votes, weights)
    scores = probability[rows]
    if len(set(labels[weight > 0].tolist())) < 2:
        return None
    if config.target == "f1":
        return threshold_for_f1(scores, labels, weights=weight)
    if config.target == "purity":
        return threshold_for_purity(scores, labels, purity=config.value, weights=weight)
    return threshold_for_completeness(scores, labels, completeness=config.value, weights=weight)


def class_metrics(
    probability: FloatArray, votes: FloatArray, *, is_called: NDArray[np.bool_]
) -> dict[str, float | int | str | None]:
    """Return figures of one class on rows that no scoring member or calibrator had seen.

    Parameters
    ----------
    probability : ndarray, shape (n,)
        Calibrated.
    votes : ndarray, shape (n,)
        Rows with a vote of one half or more are positive, others negative; NaN is left out.
    is_called : ndarray, shape (n,), bool
        Verdicts.

    Returns
    -------
    dict
        Counts; AUC, average precision, ECE, Brier score, purity, completeness and F1 of the
        verdicts; the last seven are None where one kind of row is missing.
    """
    rows = np.flatnonzero(~np.isnan(votes))
    scores, labels = probability[rows], (votes[rows] >= _EVEN).astype(np.int64)
    counts: dict[str, float | int | str | None] = {
        "n_positive": int(labels.sum()), "n_negative": int((1 - labels).sum())
    }  # fmt: skip
    names = ("auc", "average_precision", "ece", "brier", "purity", "completeness", "f1")
    if min(int(labels.sum()), int((1 - labels).sum())) == 0:
        return {**counts, **dict.fromkeys(names)}
    called = confusion_counts(is_called[rows].astype(float), labels, threshold=0.5)
    values = (
        roc_auc(scores, labels),
        average_precision(scores, labels),
        expected_calibration_error(scores, labels),
        brier_score(scores, labels),
        called.purity,
        called.completeness,
        called.f1,
    )
    return {
        **counts,
        **{n: float(v) if np.isfinite(v) else None for n, v in zip(names, values, strict=True)},
    }


def _class_calibrator(
    logits: FloatArray,
    votes: FloatArray,
    config: SourceTrainConfig,
    *,
    weights: FloatArray,
    groups: NDArray[Any],
    seed: int,
) -> Calibrator:
    """Return the calibrator of one class; the simplest where methods cannot be compared."""
    rng = np.random.default_rng(seed)
    rows, labels, weight = _thinned(*_doubled(votes, weights), rng=rng)
    try:
        return select_calibrator(
            logits[rows],
            labels,
            rng=rng,
            groups=groups[rows],
            methods=config.calibration,
            weights=weight,
            n_folds=_N_FOLDS,
        ).calibrator
    except InvalidInputError:  # too few sources of one kind to choose by
        if len(set(labels[weight > 0].tolist())) == 2:
            return fit_calibrator(CalibrationMethod.PLATT, logits[rows], labels, weights=weight)
        return fit_calibrator(CalibrationMethod.IDENTITY, [0.0, 0.0], [0, 1])


def _doubled(votes: FloatArray, weights: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Return row, label and weight: a vote between 0 and 1 becomes one yes and one no."""
    known = np.flatnonzero(~np.isnan(votes) & (weights > 0))
    yes, no = known[votes[known] > 0], known[votes[known] < 1]
    return (
        np.concatenate([yes, no]),
        np.concatenate([np.ones(len(yes), np.int64), np.zeros(len(no), np.int64)]),
        np.concatenate([weights[yes] * votes[yes], weights[no] * (1.0 - votes[no])]),
    )


def _thinned(
    rows: IntArray, labels: IntArray, weights: FloatArray, *, rng: np.random.Generator
) -> tuple[IntArray, IntArray, FloatArray]:
    """Draw some of each kind at random where they are very many, weighted up to all."""
    kept, weights = [], np.array(weights)
    for label in (0, 1):
        own = np.flatnonzero(labels == label)
        if len(own) > _MOST_OF_A_KIND:
            total = weights[own].sum()
            own = np.sort(rng.choice(own, _MOST_OF_A_KIND, replace=False))
            weights[own] *= total / weights[own].sum()
        kept.append(own)
    few = np.concatenate(kept)
    return rows[few], labels[few], weights[few]

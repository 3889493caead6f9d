"""Train an ensemble by grouped cross-validation and calibrate it on rows no member had seen.

Each member learns from all folds but one and scores that one. The held-out logits of all members
together fit calibrator, conformal classifier and threshold; the ensemble of all members is what is
saved. Nothing that is fitted here has seen its own training rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import Field
from torch import Tensor

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress, SilentProgress
from skyvet.models.ensemble import EnsembleOfLogits
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.scoring.calibration import CalibrationMethod, select_calibrator
from skyvet.scoring.calibrators import Calibrator
from skyvet.scoring.conformal import ConformalClassifier, fit_conformal
from skyvet.scoring.thresholds import OperatingPoint, threshold_for_purity
from skyvet.training.configs import TrainConfig
from skyvet.training.fit import FittedNetwork, fit_network
from skyvet.training.prediction import predict_logits
from skyvet.training.splits import grouped_folds

__all__ = ["EnsembleConfig", "TrainedEnsemble", "join_arrays", "train_ensemble"]


class EnsembleConfig(Config):
    """Training of all members, and what is fitted on their held-out logits."""

    member: TrainConfig = TrainConfig()
    n_members: int = Field(5, ge=2, le=50, description="folds; one network each")
    calibration: tuple[CalibrationMethod, ...] = Field(
        (CalibrationMethod.TEMPERATURE, CalibrationMethod.PLATT, CalibrationMethod.BETA),
        min_length=1,
        description="calibration methods to choose from, by cross-validated log loss",
    )
    target_purity: float = Field(
        0.95, gt=0, lt=1, description="purity that the threshold is chosen for"
    )
    target_prior: float = Field(
        0.1, gt=0, lt=1, description="fraction of REAL at which that purity is meant"
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedEnsemble:
    """Members and all that was fitted on their held-out logits.

    Parameters
    ----------
    members : tuple of FittedNetwork
        One a fold.
    folds : ndarray, shape (n,), int
        Fold of each labelled row: member ``i`` has not seen fold ``i``.
    held_out_logits : ndarray, shape (n,), float32
        Of each labelled row, by the member that had not seen it.
    calibrator : Calibrator
        Fitted on the held-out logits.
    calibration_method : CalibrationMethod
        Chosen among those of the config.
    calibration_prior : float
        Weighted fraction of REAL among the labelled rows.
    conformal : ConformalClassifier
        Fitted on the held-out probabilities.
    operating_point : OperatingPoint
        Threshold on the probability for the config's target.
    """

    members: tuple[FittedNetwork, ...]
    folds: IntArray
    held_out_logits: FloatArray
    calibrator: Calibrator
    calibration_method: CalibrationMethod
    calibration_prior: float
    conformal: ConformalClassifier
    operating_point: OperatingPoint

    def build(self) -> EnsembleOfLogits:
        """Return the ensemble as one network, in evaluation mode."""
        return EnsembleOfLogits([member.build() for member in self.members]).eval()


def join_arrays(first: TripletArrays, second: TripletArrays) -> TripletArrays:
    """Stack the rows of two sets.

    Raises
    ------
    InvalidInputError
        If stamps or metadata do not fit together.
    """
    if first.stamps.shape[1:] != second.stamps.shape[1:]:
        raise InvalidInputError(
            f"stamps of both sets must have one shape, got {first.stamps.shape[1:]} and "
            f"{second.stamps.shape[1:]}"
        )
    if first.metadata_names != second.metadata_names:
        raise InvalidInputError(
            f"both sets need the same metadata, got {first.metadata_names} and "
            f"{second.metadata_names}"
        )
    columns = {
        field.name: np.concatenate([getattr(first, field.name), getattr(second, field.name)])
        for field in dataclasses.fields(TripletArrays)
        if field.name != "metadata_names" and getattr(first, field.name) is not None
    }
    return TripletArrays(metadata_names=first.metadata_names, **columns)


def train_ensemble(
    labelled: TripletArrays,
    config: EnsembleConfig,
    *,
    weak: TripletArrays | None = None,
    initial_state: Mapping[str, Tensor] | None = None,
    progress: Progress | None = None,
) -> TrainedEnsemble:
    """Train the members and fit calibrator, conformal classifier and threshold.

    Parameters
    ----------
    labelled : TripletArrays
        Rows with trusted labels: they train, and they alone calibrate.
    config : EnsembleConfig
        Members and calibration.
    weak : TripletArrays, optional
        Further rows for training alone (weak labels, a teacher's targets, simulation); those of
        an object that a member holds out are left out for that member.
    initial_state : mapping of str to Tensor, optional
        Weights to start every member from.
    progress : Progress, optional
        Told of each member and its epochs.

    Returns
    -------
    TrainedEnsemble

    Raises
    ------
    InvalidInputError
        If there are fewer objects of a class than members, or weights do not fit.
    """
    progress = progress or SilentProgress()
    seed = config.member.seed
    folds = grouped_folds(labelled.object_ids, labelled.labels, n_folds=config.n_members, seed=seed)
    _check_folds(labelled, folds, config.n_members)
    logits = np.empty(len(labelled), dtype=np.float32)
    members = []
    progress.start("members", config.n_members)
    for i_member in range(config.n_members):
        held_out = labelled.take(np.flatnonzero(folds == i_member))
        train = labelled.take(np.flatnonzero(folds != i_member))
        if weak is not None:
            is_apart = ~np.isin(weak.object_ids, held_out.object_ids)
            train = join_arrays(train, weak.take(np.flatnonzero(is_apart)))
        member = fit_network(
            train,
            config.member.model_copy(update={"seed": seed + i_member}),
            initial_state=initial_state,
            progress=progress,
        )
        logits[folds == i_member] = predict_logits(
            member.build(), held_out.stamps, held_out.metadata
        )
        members.append(member)
        progress.advance()
    progress.finish()
    return _calibrate(labelled, config, tuple(members), folds, logits)


def _check_folds(labelled: TripletArrays, folds: IntArray, n_folds: int) -> None:
    for i_fold in range(n_folds):
        if len(np.unique(labelled.labels[folds == i_fold])) < 2:
            raise InvalidInputError(
                f"{n_folds} members need at least {n_folds} objects of either class, got "
                f"{np.unique(labelled.object_ids[labelled.labels == 1]).size} REAL and "
                f"{np.unique(labelled.object_ids[labelled.labels == 0]).size} BOGUS; "
                "label more, or choose fewer members (--n-members)"
            )


def _calibrate(
    labelled: TripletArrays,
    config: EnsembleConfig,
    members: tuple[FittedNetwork, ...],
    folds: IntArray,
    logits: FloatArray,
) -> TrainedEnsemble:
    """Fit what turns logits into answers, on held-out logits."""
    labels, weights = labelled.labels, labelled.weights
    choice = select_calibrator(
        logits,
        labels,
        rng=np.random.default_rng(config.member.seed),
        groups=labelled.object_ids,
        methods=config.calibration,
        weights=weights,
    )
    probability = choice.calibrator.probability(logits)
    return TrainedEnsemble(
        members=members,
        folds=folds,
        held_out_logits=logits,
        calibrator=choice.calibrator,
        calibration_method=choice.method,
        calibration_prior=float(np.average(labels, weights=weights)),
        conformal=fit_conformal(probability, labels),
        operating_point=threshold_for_purity(
            probability, labels, purity=config.target_purity, prior=config.target_prior
        ),
    )

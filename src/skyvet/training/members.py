"""Train an ensemble by grouped cross-validation and calibrate it on rows no member had seen.

Each member learns from all folds but one and scores that one. The held-out logits of all members
together fit calibrator, conformal classifier and threshold; the ensemble of all members is what is
saved. Nothing that is fitted here has seen its own training rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.progress import Progress
from skyvet.models.ensemble import EnsembleOfLogits
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.scoring.calibration import CalibrationMethod, select_calibrator
from skyvet.scoring.calibrators import Calibrator
from skyvet.scoring.conformal import ConformalClassifier, fit_conformal
from skyvet.scoring.thresholds import OperatingPoint, threshold_for_purity
from skyvet.training.configs import EnsembleConfig
from skyvet.training.cross_validation import (
    CrossValidation,
    CrossValidationConfig,
    cross_validate,
)
from skyvet.training.fit import FittedNetwork

__all__ = ["TrainedEnsemble", "train_ensemble"]


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
    with_dihedral_average : bool
        Whether each member is averaged over flips and rotations.
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
    with_dihedral_average: bool
    calibrator: Calibrator
    calibration_method: CalibrationMethod
    calibration_prior: float
    conformal: ConformalClassifier
    operating_point: OperatingPoint

    def build(self) -> EnsembleOfLogits:
        """Return the ensemble as one network, in evaluation mode."""
        return EnsembleOfLogits(
            [member.build() for member in self.members],
            with_dihedral_average=self.with_dihedral_average,
        ).eval()


def train_ensemble(
    labelled: TripletArrays,
    config: EnsembleConfig,
    *,
    weak: TripletArrays | None = None,
    initial_state: Mapping[str, Tensor] | None = None,
    checkpoint_dir: Path | None = None,
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
    checkpoint_dir : Path, optional
        Folder of checkpoints: a training that was stopped goes on from its last whole epoch and
        ends with the same result.
    progress : Progress, optional
        Told of each member and its epochs.

    Returns
    -------
    TrainedEnsemble

    Raises
    ------
    InvalidInputError
        If there are too few objects or one class is missing, or weights do not fit.
    """
    validated = cross_validate(
        labelled,
        config.member,
        folds=CrossValidationConfig(
            n_folds=config.n_members,
            with_dihedral_average=config.with_dihedral_average,
            seed=config.member.seed,
        ),
        helpers=weak,
        initial_states=() if initial_state is None else (initial_state,),
        checkpoint_dir=checkpoint_dir,
        progress=progress,
    )
    return _calibrate(labelled, config, validated)


def _calibrate(
    labelled: TripletArrays, config: EnsembleConfig, validated: CrossValidation
) -> TrainedEnsemble:
    """Fit what turns logits into answers, on held-out logits."""
    labels, weights, logits = labelled.labels, labelled.weights, validated.logits
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
        members=tuple(network for networks in validated.networks for network in networks),
        folds=validated.folds,
        held_out_logits=logits,
        with_dihedral_average=config.with_dihedral_average,
        calibrator=choice.calibrator,
        calibration_method=choice.method,
        calibration_prior=float(np.average(labels, weights=weights)),
        conformal=fit_conformal(probability, labels),
        operating_point=threshold_for_purity(
            probability, labels, purity=config.target_purity, prior=config.target_prior
        ),
    )

"""Train an ensemble by grouped cross-validation and calibrate it on rows no member had seen.

Each member learns from all folds but one and scores that one. The held-out logits of all members
together fit calibrator, conformal classifier and threshold; the ensemble of all members is what is
saved. Nothing that is fitted here has seen its own training rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.progress import Progress
from skyvet.models.ensemble import EnsembleOfLogits
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.training.calibrating import CalibrationFit, fit_calibration
from skyvet.training.configs import EnsembleConfig
from skyvet.training.cross_validation import CrossValidationConfig, cross_validate
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
    calibration : CalibrationFit
        Fitted on the held-out logits.
    """

    members: tuple[FittedNetwork, ...]
    folds: IntArray
    held_out_logits: FloatArray
    with_dihedral_average: bool
    calibration: CalibrationFit

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
    return TrainedEnsemble(
        members=tuple(network for networks in validated.networks for network in networks),
        folds=validated.folds,
        held_out_logits=validated.logits,
        with_dihedral_average=config.with_dihedral_average,
        calibration=fit_calibration(
            validated.logits,
            labelled.labels,
            config,
            weights=labelled.weights,
            groups=labelled.object_ids,
            seed=config.member.seed,
        ),
    )

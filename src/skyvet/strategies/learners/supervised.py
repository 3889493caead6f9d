"""The plain learner: networks trained on the bought labels alone, by grouped cross-fitting.

Each network learns from all folds but one and scores that one, so that every paid label both trains
and yields a held-out logit, and none is spent on validation alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress
from skyvet.preprocessing.batches import BatchConfig
from skyvet.preprocessing.pools import BoughtLabels, CandidatePool
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.strategies.learners.networks import NetworkClassifier
from skyvet.training.configs import TrainConfig
from skyvet.training.cross_validation import CrossValidationConfig, cross_validate
from skyvet.training.splits import objects_of_scarcer_class

__all__ = ["SupervisedLearner"]

_LEAST_OBJECTS = 2

FEW_LABEL_TRAINING = TrainConfig(
    n_epochs=30,
    patience=0,
    validation_fraction=0.0,
    batches=BatchConfig(size=32, min_epoch_rows=256),
)
"""All labels train, for a fixed number of epochs: few labels choose an epoch badly."""


class SupervisedLearner(Config):
    """Networks trained on the bought labels alone."""

    kind: Literal["supervised"] = "supervised"
    member: TrainConfig = Field(default=FEW_LABEL_TRAINING, description="training of each network")
    n_folds: int = Field(
        default=5, ge=2, description="parts of the labels, split by object; fewer where labels lack"
    )
    n_members: int = Field(default=1, ge=1, description="networks a fold, each with its own seed")
    with_dihedral_average: bool = Field(
        default=False,
        description="average each network over the 8 flips and rotations, at 8 times the cost",
    )

    def fit(
        self,
        pool: CandidatePool,
        bought: BoughtLabels,
        *,
        seed: int,
        work_dir: Path | None = None,
        progress: Progress | None = None,
    ) -> NetworkClassifier:
        """Learn from the bought labels; the rest of the pool is not looked at.

        Parameters
        ----------
        pool, bought, seed, work_dir, progress
            As `skyvet.strategies.learners.interface.FewLabelLearner.fit`.

        Returns
        -------
        NetworkClassifier
            All networks of all folds; every label has a held-out logit.

        Raises
        ------
        InvalidInputError
            If a class has labels of fewer than 2 objects.
        """
        labelled = pool.labelled(bought)
        validated = cross_validate(
            labelled,
            self.member.model_copy(update={"seed": seed}),
            folds=CrossValidationConfig(
                n_folds=self._n_folds_for(labelled),
                n_members=self.n_members,
                with_dihedral_average=self.with_dihedral_average,
                seed=seed,
            ),
            checkpoint_dir=work_dir,
            progress=progress,
        )
        return NetworkClassifier(
            networks=tuple(part.build() for fold in validated.networks for part in fold),
            network_config=self.member.network,
            held_out_logits=validated.logits,
            with_dihedral_average=self.with_dihedral_average,
        )

    def _n_folds_for(self, labelled: TripletArrays) -> int:
        """Return as many folds as leave both classes to train on in each."""
        n_least = objects_of_scarcer_class(labelled)
        if n_least < _LEAST_OBJECTS:
            n_real = int(labelled.labels.sum())
            raise InvalidInputError(
                f"learner {self.kind!r} needs REAL and BOGUS labels of at least {_LEAST_OBJECTS} "
                f"objects each, got {n_real} REAL and {len(labelled) - n_real} BOGUS labels, of "
                f"{n_least} objects in the scarcer class; label more candidates"
            )
        return min(self.n_folds, n_least)

"""Scores for every labelled row from networks that never saw its object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import Field
from torch import Tensor

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress, SilentProgress
from skyvet.models.ensemble import EnsembleOfLogits
from skyvet.preprocessing.triplets import TripletArrays, join_triplets
from skyvet.training.configs import TrainConfig
from skyvet.training.fit import FittedNetwork, fit_network
from skyvet.training.prediction import predict_logits
from skyvet.training.splits import check_no_leakage, grouped_folds, objects_of_scarcer_class

__all__ = ["CrossValidation", "CrossValidationConfig", "cross_validate", "fit_ensemble"]

_SEED_STRIDE = 1000
_LEAST_OBJECTS = 2


class CrossValidationConfig(Config):
    """Folds and ensembles."""

    n_folds: int = Field(default=5, ge=2, description="parts, split by object")
    n_members: int = Field(default=1, ge=1, description="networks a fold, with seeds of their own")
    with_dihedral_average: bool = Field(
        default=True, description="average each network over the 8 flips and rotations"
    )
    seed: int = Field(default=0, ge=0, description="of the folds")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CrossValidation:
    """Result of a cross-validation.

    Parameters
    ----------
    folds : ndarray, shape (n,), int64
        Fold that each row was tested in.
    logits : ndarray, shape (n,), float32
        Out-of-fold logit of REAL: mean over the networks of the row's fold.
    networks : tuple of tuple of FittedNetwork
        The networks of each fold.
    """

    folds: IntArray
    logits: FloatArray
    networks: tuple[tuple[FittedNetwork, ...], ...]


def fit_ensemble(
    arrays: TripletArrays,
    config: TrainConfig,
    *,
    n_members: int,
    initial_states: Sequence[Mapping[str, Tensor]] = (),
    checkpoint_dir: Path | None = None,
    progress: Progress | None = None,
) -> tuple[FittedNetwork, ...]:
    """Train several networks that differ in seed, and so in validation rows and start.

    Parameters
    ----------
    arrays : TripletArrays
        Rows to learn from and to choose the epoch by.
    config : TrainConfig
        The first member's seed; the others count on from there.
    n_members : int
        Number of networks, > 0.
    initial_states : sequence of mapping, optional
        Weights to start from; member i takes state i, and again from the first one.
    checkpoint_dir : Path, optional
        Each member keeps a checkpoint there and goes on from the one it finds.
    progress : Progress, optional
        Told of each network.

    Returns
    -------
    tuple of FittedNetwork
    """
    progress = progress or SilentProgress()
    progress.start("Networks", n_members)
    fitted = []
    for i_member in range(n_members):
        state = initial_states[i_member % len(initial_states)] if initial_states else None
        own_config = config.model_copy(update={"seed": config.seed + i_member})
        fitted.append(
            fit_network(
                arrays,
                own_config,
                initial_state=state,
                checkpoint_dir=checkpoint_dir and checkpoint_dir / f"member-{i_member}",
                resume=checkpoint_dir is not None,
                progress=progress,
            )
        )
        progress.advance()
    progress.finish()
    return tuple(fitted)


def cross_validate(
    arrays: TripletArrays,
    config: TrainConfig,
    *,
    folds: CrossValidationConfig,
    helpers: TripletArrays | None = None,
    initial_states: Sequence[Mapping[str, Tensor]] = (),
    checkpoint_dir: Path | None = None,
    progress: Progress | None = None,
) -> CrossValidation:
    """Train on all folds but one and score that one, for each fold.

    Early stopping looks at rows of the training folds only, so that the scores are those of new
    objects.

    Parameters
    ----------
    arrays : TripletArrays
        Labelled rows; each gets an out-of-fold logit.
    config : TrainConfig
        Settings of each training; seeds count on from its seed.
    folds : CrossValidationConfig
        Folds, members, averaging.
    helpers : TripletArrays, optional
        Rows that only help to train, e.g. with a teacher's probability as target. Those of an
        object in the fold that is tested are left out.
    initial_states : sequence of mapping, optional
        Weights to start from, trained on none of `arrays`.
    checkpoint_dir : Path, optional
        Folder of checkpoints: a run that was stopped goes on and ends with the same result.
    progress : Progress, optional
        Told of each fold.

    Returns
    -------
    CrossValidation

    Raises
    ------
    LeakageError
        If an object stands on both sides of a split.
    InvalidInputError
        If there are too few objects, or fewer than 2 of a class.
    """
    _check_classes(arrays)
    fold_of_row = grouped_folds(
        arrays.object_ids, arrays.labels, n_folds=folds.n_folds, seed=folds.seed
    )
    logits = np.empty(len(arrays), dtype=np.float32)
    networks = []
    progress = progress or SilentProgress()
    progress.start("Folds", folds.n_folds)
    for i_fold in range(folds.n_folds):
        tested = np.flatnonzero(fold_of_row == i_fold)
        train = _training_rows(arrays, np.flatnonzero(fold_of_row != i_fold), tested, helpers)
        seed = config.seed + _SEED_STRIDE * i_fold
        fitted = fit_ensemble(
            train,
            config.model_copy(update={"seed": seed}),
            n_members=folds.n_members,
            initial_states=initial_states,
            checkpoint_dir=checkpoint_dir and checkpoint_dir / f"fold-{i_fold}",
            progress=progress,
        )
        logits[tested] = _ensemble_logits(fitted, arrays.take(tested), folds)
        networks.append(fitted)
        progress.advance()
    progress.finish()
    return CrossValidation(folds=fold_of_row, logits=logits, networks=tuple(networks))


def _check_classes(arrays: TripletArrays) -> None:
    """Refuse labels of which some fold would leave one class alone."""
    if objects_of_scarcer_class(arrays) < _LEAST_OBJECTS:
        n_real = int(arrays.labels.sum())
        raise InvalidInputError(
            "cross-validation needs REAL and BOGUS labels of at least "
            f"{_LEAST_OBJECTS} objects each, got {n_real} REAL and {len(arrays) - n_real} BOGUS "
            "labels; label more candidates"
        )


def _training_rows(
    arrays: TripletArrays, rows: IntArray, tested: IntArray, helpers: TripletArrays | None
) -> TripletArrays:
    """Return the rows of the other folds and the helpers that are free of the tested objects."""
    train = arrays.take(rows)
    tested_objects = arrays.object_ids[tested]
    if helpers is not None:
        free = np.flatnonzero(~np.isin(helpers.object_ids, tested_objects))
        train = join_triplets(train, helpers.take(free))
    check_no_leakage(train.object_ids, tested_objects)
    return train


def _ensemble_logits(
    fitted: Sequence[FittedNetwork], rows: TripletArrays, folds: CrossValidationConfig
) -> FloatArray:
    """Return the mean logits of networks."""
    ensemble = EnsembleOfLogits(
        [network.build() for network in fitted],
        with_dihedral_average=folds.with_dihedral_average,
    )
    return predict_logits(ensemble, rows.stamps, rows.metadata)

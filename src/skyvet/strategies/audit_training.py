"""Held-out probabilities for an audit of labels: repeated cross-validation by object.

Later repeats distrust: a label that the repeats before it contradict confidently weighs less in
their training, so that wrong labels do not teach the networks that shall find them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from skyvet.core.progress import Progress
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.strategies.audit import confident_joint
from skyvet.strategies.audit_configs import AuditConfig
from skyvet.training.cross_validation import CrossValidationConfig, cross_validate

__all__ = ["held_out_probabilities"]

_SEED_STRIDE = 50_000


def held_out_probabilities(
    arrays: TripletArrays,
    config: AuditConfig,
    *,
    checkpoint_dir: Path | None = None,
    progress: Progress | None = None,
) -> NDArray[np.float64]:
    """Return the probability of REAL of each row from networks that never saw its object.

    Parameters
    ----------
    arrays : TripletArrays
        Labelled rows.
    config : AuditConfig
        Repeats, folds, network.
    checkpoint_dir : Path, optional
        Folder of checkpoints: a run that was stopped goes on.
    progress : Progress, optional
        Told of every fold.

    Returns
    -------
    ndarray, shape (n_repeats, n), float64

    Raises
    ------
    InvalidInputError
        If there are too few objects for the folds, or one class is missing.
    """
    found = np.empty((config.n_repeats, len(arrays)))
    for i_repeat in range(config.n_repeats):
        rows = arrays if i_repeat == 0 else _distrusting(arrays, found[:i_repeat], config)
        seed = config.member.seed + _SEED_STRIDE * i_repeat
        validated = cross_validate(
            rows,
            config.member.model_copy(update={"seed": seed}),
            folds=CrossValidationConfig(
                n_folds=config.n_folds,
                with_dihedral_average=config.with_dihedral_average,
                seed=seed,
            ),
            checkpoint_dir=checkpoint_dir and checkpoint_dir / f"repeat-{i_repeat}",
            progress=progress,
        )
        found[i_repeat] = expit(validated.logits.astype(np.float64))
    return found


def _distrusting(
    arrays: TripletArrays, probabilities: NDArray[np.float64], config: AuditConfig
) -> TripletArrays:
    """Return the rows with less weight on labels that the probabilities contradict."""
    joint = confident_joint(probabilities.mean(axis=0), arrays.labels)
    is_doubted = joint.suggested != arrays.labels
    weights = np.where(is_doubted, config.distrusted_weight * arrays.weights, arrays.weights)
    return replace(arrays, weights=weights.astype(np.float32))

"""Networks that each leave out a part of the labels: verdicts on labels that no judge has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.progress import Progress, SilentProgress
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.strategies.semi_supervised.configs import MixedTraining
from skyvet.strategies.semi_supervised.mixed_batches import UnlabelledRows
from skyvet.training.fit import FittedNetwork
from skyvet.training.prediction import predict_logits
from skyvet.training.splits import check_no_leakage, grouped_folds

__all__ = ["CrossFit", "cross_fit"]

_SEED_STRIDE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CrossFit:
    """Networks of all folds, and what they say of the labels that they left out.

    Parameters
    ----------
    folds : ndarray, shape (k,), int
        Fold of each label: network ``i`` has not seen fold ``i``.
    held_out_logits : ndarray, shape (k,), float32
        Of each label, by the network that had not seen its object.
    networks : tuple of FittedNetwork
        One a fold.
    """

    folds: IntArray
    held_out_logits: FloatArray
    networks: tuple[FittedNetwork, ...]

    def logits(self, stamps: FloatArray, metadata: FloatArray | None = None) -> FloatArray:
        """Return each network's logits for other rows, shape (n_folds, n)."""
        return np.stack(
            [predict_logits(fitted.build(), stamps, metadata) for fitted in self.networks]
        )


def cross_fit(
    labelled: TripletArrays,
    config: MixedTraining,
    *,
    n_folds: int,
    seed: int,
    unlabelled: Sequence[UnlabelledRows | None] = (None,),
    prior: float | None = None,
    initial_state: Mapping[str, Tensor] | None = None,
    work_dir: Path | None = None,
    progress: Progress | None = None,
) -> CrossFit:
    """Train one network for each fold of the labels, on all the others.

    Parameters
    ----------
    labelled : TripletArrays
        Bought labels; at least `n_folds` objects, both classes in every training part.
    config : MixedTraining
        Training of each network.
    n_folds : int
        At least 2.
    seed : int
        Of folds and networks.
    unlabelled : sequence of UnlabelledRows or None
        What each network sees beside its labels; the sequence is gone through again from the
        start where it is shorter than `n_folds`. Pseudo-labels for fold ``i`` must not come from
        networks that had seen it.
    prior : float, optional
        Expected fraction of REAL among the unlabelled rows.
    initial_state : mapping of str to Tensor, optional
        Weights to start from, made without these labels.
    work_dir : Path, optional
        Checkpoints are kept there.
    progress : Progress, optional
        Told of each fold.

    Raises
    ------
    InvalidInputError
        If there are too few objects, or a training part lacks a class.
    """
    from skyvet.strategies.semi_supervised.training import fit_mixed  # noqa: PLC0415 - loads lightning

    progress = progress or SilentProgress()
    folds = grouped_folds(labelled.object_ids, labelled.labels, n_folds=n_folds, seed=seed)
    logits = np.full(len(labelled), np.nan, dtype=np.float32)
    networks = []
    progress.start("Folds", n_folds)
    for i_fold in range(n_folds):
        seen, tested = np.flatnonzero(folds != i_fold), np.flatnonzero(folds == i_fold)
        check_no_leakage(labelled.object_ids[seen], labelled.object_ids[tested])
        fitted = fit_mixed(
            labelled.take(seen),
            config,
            seed=seed + _SEED_STRIDE * (i_fold + 1),
            unlabelled=unlabelled[i_fold % len(unlabelled)],
            prior=prior,
            initial_state=initial_state,
            checkpoint_dir=work_dir and work_dir / f"fold-{i_fold}",
            progress=progress,
        )
        rows = labelled.take(tested)
        logits[tested] = predict_logits(fitted.build(), rows.stamps, rows.metadata)
        networks.append(fitted)
        progress.advance()
    progress.finish()
    return CrossFit(folds=folds, held_out_logits=logits, networks=tuple(networks))

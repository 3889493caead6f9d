"""Few labels on real data: embedded frame sequences, and ZTF triplets after simulated pre-training.

The bogus triplets were labelled by an automated visual inspection (an image model), not by experts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.few_label_heads import adapt_head, principal_features
from benchmarks.recipe import PRE_TRAINING, STAMPS, simulated_night
from benchmarks.ztf_data import load_labelled
from skyvet.core.arrays import FloatArray, IntArray
from skyvet.io.sequence_sources import read_sequences
from skyvet.preprocessing.pools import CandidatePool
from skyvet.preprocessing.sequences import label_sequences
from skyvet.preprocessing.stamps import fit_stamps
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.scoring.curves import roc_auc
from skyvet.strategies.learners.networks import opinion_of_networks
from skyvet.training.configs import HardwareConfig
from skyvet.training.fit import fit_network
from skyvet.training.sequences.folds import FoldConfig, assign_folds
from skyvet.training.sequences.pooled import fit_pooled
from skyvet.training.sequences.pooled_config import PooledConfig
from skyvet.training.simulated import simulated_triplets
from skyvet.training.splits import check_no_leakage, grouped_folds

__all__ = [
    "EMBEDDING_BUDGETS",
    "MEASURED",
    "REAL_BUDGETS",
    "adapted_curve",
    "run_embedding_fold",
    "run_pre_trained",
]

EMBEDDING_BUDGETS = (50, 100, 200, 450, 900)
MEASURED = {
    "frames": {100: 0.8640, 200: 0.8923, 450: 0.8986, 900: 0.9092},
    "frames and light curve": {100: 0.9174, 200: 0.9352, 450: 0.9462, 900: 0.9563},
}
"""AUC measured before with randomised trees on pooled statistics and random queries."""

REAL_BUDGETS = (0, 15, 50, 100, 200)
_N_FOLDS = 5
_N_COMPONENTS = 32


def run_embedding_fold(
    data: str, i_fold: int, budgets: Sequence[int], *, seed: int = 42
) -> dict[str, dict[str, float]]:
    """Return the AUC on one test fold of the pooled classifier at each number of labels.

    Labels are drawn at random from the other folds; smaller sets are parts of larger ones.
    """
    labelled = label_sequences(read_sequences(Path(data)))[0]
    folds = assign_folds(labelled.sequences.object_ids, labelled.labels, FoldConfig(seed=seed))
    tested = labelled.take(np.flatnonzero(folds == i_fold))
    order = np.random.default_rng([seed, i_fold]).permutation(np.flatnonzero(folds != i_fold))
    config = PooledConfig(subtypes=())
    found: dict[str, dict[str, float]] = {}
    for name in MEASURED:
        with_curve = name != "frames"
        if with_curve and labelled.sequences.light_curve is None:
            continue
        rows = tested if with_curve else tested.without_light_curve()
        found[name] = {}
        for budget in budgets:
            train = labelled.take(np.sort(order[:budget]))
            train = train if with_curve else train.without_light_curve()
            member = fit_pooled(train, config, seed=seed + i_fold)
            found[name][str(budget)] = roc_auc(member.logits(rows.sequences), rows.labels)
    return found


def run_pre_trained(
    data: str, n_simulated: int, n_epochs: int, input_px: int, seed: int, *, cache: Path
) -> str:
    """Train one network on simulation alone; keep its logits and features of the real triplets.

    Returns
    -------
    str
        Path of the arrays.
    """
    torch.set_num_threads(1)
    simulated = simulated_triplets(simulated_night(n_simulated, seed=20 + seed), STAMPS)
    config = PRE_TRAINING.model_copy(
        update={
            "n_epochs": n_epochs,
            "seed": PRE_TRAINING.seed + seed,
            "hardware": HardwareConfig(accelerator="cpu", n_threads=1),
        }
    )
    network = fit_network(_central(simulated, input_px), config).build()
    real = _central(load_labelled(Path(data)).arrays(STAMPS), input_px)
    opinion = opinion_of_networks(
        [network],
        CandidatePool(
            stamps=real.stamps, candidate_ids=real.candidate_ids, object_ids=real.object_ids
        ),
        with_dihedral_average=True,
    )
    path = cache / f"pre-trained-{n_simulated}-{n_epochs}-{input_px}-{seed}.npz"
    np.savez(path, logits=opinion.logits, features=opinion.embeddings)
    return str(path)


def _central(arrays: TripletArrays, size_px: int) -> TripletArrays:
    """Return the central part of every stamp."""
    return TripletArrays(
        stamps=np.ascontiguousarray(fit_stamps(arrays.stamps, size_px)),
        labels=arrays.labels,
        candidate_ids=arrays.candidate_ids,
        object_ids=arrays.object_ids,
        weights=arrays.weights,
        targets=arrays.targets,
    )


def adapted_curve(data: Path, paths: list[str], *, n_repeats: int) -> dict[int, dict[str, Any]]:
    """Return AUC and class-balanced accuracy on held-out objects at each number of labels.

    Labels are bought from four fifths of the objects, half of them among those that the network
    calls REAL, and tested on the last fifth; the mean of the five is one figure a repeat.
    """
    real = load_labelled(data)
    parts = [np.load(path) for path in paths]
    logits = np.mean([part["logits"] for part in parts], axis=0, dtype=np.float64)
    features = principal_features(
        np.concatenate([part["features"] for part in parts], axis=1), _N_COMPONENTS
    )
    curve: dict[int, dict[str, Any]] = {}
    for budget in REAL_BUDGETS:
        found = [
            _held_out(
                logits, features, real.labels, groups=real.object_ids, budget=budget, seed=seed
            )
            for seed in range(n_repeats)
        ]
        auc, accuracy = np.array(found).T
        curve[budget] = {
            "auc": auc.mean(),
            "auc_std": auc.std(),
            "auc_worst": auc.min(),
            "accuracy": accuracy.mean(),
            "accuracy_std": accuracy.std(),
        }
    return curve


def _held_out(
    logits: FloatArray,
    features: FloatArray,
    labels: IntArray,
    *,
    groups: np.ndarray,
    budget: int,
    seed: int,
) -> tuple[float, float]:
    """Return AUC and class-balanced accuracy on held-out fifths, the mean of the five."""
    folds = grouped_folds(groups, labels, n_folds=_N_FOLDS, seed=seed)
    rng = np.random.default_rng([seed, budget])
    found = []
    for i_fold in range(_N_FOLDS):
        tested = np.flatnonzero(folds == i_fold)
        rest = np.flatnonzero(folds != i_fold)
        check_no_leakage(groups[rest], groups[tested])
        bought = rest[_from_both_sides(logits[rest], budget, rng)]
        head = adapt_head(logits[bought], features[bought], labels[bought], rng=rng)
        scores = head.logits(logits[tested], features[tested])
        found.append((roc_auc(scores, labels[tested]), _balanced_accuracy(scores, labels[tested])))
    auc, accuracy = np.mean(found, axis=0)
    return float(auc), float(accuracy)


def _from_both_sides(logits: FloatArray, n: int, rng: np.random.Generator) -> IntArray:
    """Draw n rows, half of them on each side of logit 0 as far as there are so many."""
    order = rng.permutation(len(logits))
    is_real = logits[order] > 0
    rank = np.where(is_real, np.cumsum(is_real), np.cumsum(~is_real))
    return order[np.argsort(rank, kind="stable")][:n]


def _balanced_accuracy(logits: FloatArray, labels: IntArray) -> float:
    """Return the accuracy expected on a draw with as many REAL as BOGUS."""
    right = (logits > 0) == (labels == 1)
    return float(np.mean([right[labels == value].mean() for value in (0, 1)]))

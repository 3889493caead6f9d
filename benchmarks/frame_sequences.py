"""Cross-validation of the classifiers of frame sequences on real embeddings with expert labels.

``python -m benchmarks.frame_sequences --data DIR`` reads ``embeddings.parquet`` and
``light_curve_features.parquet`` below DIR. Each classifier learns on four fifths of the objects and
is tested on the rest, five times; calibration and threshold come from inner folds of the training
part. Figures are the mean over the test folds with the standard deviation between them; models
are compared by a bootstrap of whole fields. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before anything loads OpenMP

import numpy as np

from benchmarks.frame_figures import (
    FoldFigures,
    fold_figures,
    paired_difference,
    show_figures,
    show_subtypes,
)
from benchmarks.frame_speed import pooled_frames_per_second, show_speed
from skyvet.io.sequence_sources import read_sequences
from skyvet.models.sequences.frame_inputs import FrameInputConfig
from skyvet.preprocessing.sequences import LabelledSequences, label_sequences
from skyvet.training.sequences.classifiers import fit_classifier
from skyvet.training.sequences.configs import SequenceClassifierConfig, SequenceTrainConfig
from skyvet.training.sequences.folds import FoldConfig, FoldScheme, assign_folds
from skyvet.training.sequences.network_configs import (
    AttentionMilConfig,
    BiGruConfig,
    GruConfig,
    GruTverskyConfig,
    LstmConfig,
    SetTransformerConfig,
)
from skyvet.training.sequences.train import (
    OutOfFold,
    cross_validate_sequences,
)

_Result = TypeVar("_Result")

_FUSED = "frames and light curve, stratified"
_BIGRU = "bi-GRU of the paper, masked"
_RUNS = {
    "frames, stratified": (False, FoldScheme.STRATIFIED),
    "frames, by field": (False, FoldScheme.BY_FIELD),
    _FUSED: (True, FoldScheme.STRATIFIED),
}
"""Runs of the default classifier: whether with light curves, and folds."""
_NETWORKS: dict[str, SequenceClassifierConfig] = {
    _BIGRU: BiGruConfig(),
    "bi-GRU, masked, latent means alone": BiGruConfig(inputs=FrameInputConfig()),
}
_OTHERS: dict[str, SequenceClassifierConfig] = {
    "GRU": GruConfig(),
    "GRU, Tversky": GruTverskyConfig(),
    "LSTM": LstmConfig(),
    "attention over frames": AttentionMilConfig(),
    "set transformer": SetTransformerConfig(),
}


def main() -> None:
    """Run the benchmark."""
    arguments = _arguments()
    started = time.monotonic()
    labelled = _labelled(arguments.data)
    n_frames = len(labelled.sequences.values)
    print(f"{len(labelled)} objects ({labelled.labels.sum()} real), {n_frames} frames", flush=True)
    speed = pooled_frames_per_second(labelled.sequences)
    has_light_curve = labelled.sequences.light_curve is not None
    runs = [name for name, (needs_one, _) in _RUNS.items() if has_light_curve or not needs_one]
    networks = {**_NETWORKS, **(_OTHERS if arguments.all else {})}
    with _workers() as pool:
        calibrated = {
            name: pool.submit(_default_model, arguments.data, name, arguments.seed) for name in runs
        }
        plain = {
            name: pool.submit(_network, arguments.data, config, arguments.seed)
            for name, config in networks.items()
        }
        found = {name: _announced(name, waiting) for name, waiting in calibrated.items()}
        logits = {name: _announced(name, waiting) for name, waiting in plain.items()}
    rows = {
        name: fold_figures(name, result.scores, labelled, result.folds)
        for name, result in found.items()
    }
    folds = assign_folds(
        labelled.sequences.object_ids, labelled.labels, FoldConfig(seed=arguments.seed)
    )
    rows |= {
        name: fold_figures(name, own, labelled, folds, is_logit=True)
        for name, own in logits.items()
    }
    show_figures(list(rows.values()))
    _compare(found, logits, labelled)
    show_subtypes(found["frames, stratified"], labelled)
    show_speed(labelled.sequences)
    print(json.dumps(_document(rows, speed, time.monotonic() - started)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the embeddings")
    parser.add_argument("--seed", type=int, default=42, help="of the outer folds")
    parser.add_argument(
        "--all", action="store_true", help="every published and set network, too (long)"
    )
    return parser.parse_args()


def _workers() -> ProcessPoolExecutor:
    """Return one process a core; each computes with one thread, so that none waits for another."""
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(os.cpu_count(), mp_context=context)


def _announced(name: str, waiting: Future[_Result]) -> _Result:
    """Wait for a result and say that it is there."""
    result = waiting.result()
    print(f"done: {name}", file=sys.stderr, flush=True)
    return result


def _labelled(data: Path) -> LabelledSequences:
    return label_sequences(read_sequences(data))[0]


def _default_model(data: Path, name: str, seed: int) -> OutOfFold:
    """Return out-of-fold scores of the default classifier."""
    with_light_curve, scheme = _RUNS[name]
    labelled = _labelled(data)
    return cross_validate_sequences(
        labelled if with_light_curve else labelled.without_light_curve(),
        SequenceTrainConfig(),
        folds=FoldConfig(scheme=scheme, seed=seed),
    )


def _network(data: Path, config: SequenceClassifierConfig, seed: int) -> np.ndarray:
    """Return out-of-fold logits of one network on frames, without calibration."""
    bare = _labelled(data).without_light_curve()
    folds = assign_folds(bare.sequences.object_ids, bare.labels, FoldConfig(seed=seed))
    logits = np.empty(len(bare))
    for i_fold in np.unique(folds):
        tested = np.flatnonzero(folds == i_fold)
        train = bare.take(np.flatnonzero(folds != i_fold))
        member = fit_classifier(train, config, seed=int(i_fold))
        logits[tested] = member.logits(bare.sequences.take(tested))
    return logits


def _compare(
    found: dict[str, OutOfFold], logits: dict[str, np.ndarray], labelled: LabelledSequences
) -> None:
    """Print paired differences of AUC between models on the same objects."""
    scores = {name: result.scores for name, result in found.items()} | logits
    base = "frames, stratified"
    print(f"\nDifference of pooled AUC from '{base}', 95 % interval by bootstrap of fields:")
    for name, own in scores.items():
        if name != base:
            print(f"  {name:36} {paired_difference(own, scores[base], labelled)}")


def _document(
    rows: dict[str, FoldFigures], frames_per_second: float, seconds: float
) -> dict[str, float | None]:
    """Return the figures that others compare; `ece` is the larger of the stratified runs."""

    def of(name: str, value: Callable[[FoldFigures], float]) -> float | None:
        return round(value(rows[name]), 4) if name in rows else None

    return {
        "frames_auc": of("frames, stratified", lambda f: f.auc),
        "frames_auc_by_field": of("frames, by field", lambda f: f.auc),
        "fused_auc": of(_FUSED, lambda f: f.auc),
        "frames_accuracy": of("frames, stratified", lambda f: f.accuracy),
        "fused_accuracy": of(_FUSED, lambda f: f.accuracy),
        "ece": round(
            max(rows[name].ece for name in ("frames, stratified", _FUSED) if name in rows), 4
        ),
        "bigru_auc": of(_BIGRU, lambda f: f.auc),
        "frames_per_second": round(frames_per_second),
        "seconds": round(seconds, 1),
    }


if __name__ == "__main__":
    main()

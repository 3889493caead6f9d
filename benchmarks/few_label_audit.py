"""How many planted wrong labels the audit finds among its first suggestions.

5 % of 2,000 labels are turned round at random; the audit's own recipe ranks all labels, and what
counts is the share of the planted ones among the first 150. The settings of the recipe were chosen
on simulated nights of other seeds than those of the benchmark. Faint sources and peaks of noise
look alike whatever is learnt: part of the planted errors cannot be told from the truth.

``python -m benchmarks.few_labels`` measures on its own pool, and
``python -m benchmarks.few_label_audit`` on nights that it simulates.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.few_label_contest import SIZES
from benchmarks.few_label_pool import open_pool
from skyvet.cli.progress import shown_progress
from skyvet.core.arrays import IntArray
from skyvet.core.progress import Progress
from skyvet.preprocessing.normalization import StampConfig
from skyvet.preprocessing.pools import BoughtLabels
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.scoring.curves import roc_auc
from skyvet.simulation.night import NightConfig
from skyvet.strategies.audit import rank_suspects
from skyvet.strategies.audit_configs import AuditConfig, AuditStampConfig
from skyvet.strategies.audit_training import held_out_probabilities
from skyvet.strategies.experts import plant_wrong_labels
from skyvet.training.configs import HardwareConfig
from skyvet.training.simulated import simulated_triplets

__all__ = ["N_LABELS", "N_SUGGESTED", "WRONG_RATE", "measure_audit", "run_audit_part"]

N_LABELS = 2000
WRONG_RATE = 0.05
N_SUGGESTED = 150
_REAL_SHARE = 13_000 / 43_000
_SEEDS = {"small": (0,), "full": (0, 1, 2)}


def measure_audit(
    arrays: TripletArrays,
    *,
    seed: int,
    config: AuditConfig | None = None,
    n_threads: int = 0,
    progress: Progress | None = None,
) -> dict[str, float | int]:
    """Plant wrong labels, audit them, count.

    Parameters
    ----------
    arrays : TripletArrays
        Rows with true labels; stamps of more than 31 px are cut to their middle. The benchmark
        uses 2,000.
    seed : int
        Of the planted errors and of the networks.
    config : AuditConfig, optional
        Recipe; the default one where not given.
    n_threads : int, default 0
        Processor threads; 0 = all.
    progress : Progress, optional
        Told of the folds.

    Returns
    -------
    dict
        n_labels, n_wrong, n_suggested; recall_at_150 (share of the wrong ones among the first
        150) and precision_at_150; recall_at_n_wrong; n_expected_wrong (the audit's own estimate);
        auc (held-out scores against the truth); seconds.
    """
    started = time.perf_counter()
    config = config or AuditConfig()
    planted = plant_wrong_labels(arrays.labels, WRONG_RATE, np.random.default_rng(seed))
    hardware = HardwareConfig(n_threads=n_threads)
    member = config.member.model_copy(update={"seed": seed, "hardware": hardware})
    repeats = held_out_probabilities(
        _with_labels(_cropped(arrays, config.stamps.size_px), planted.labels),
        config.model_copy(update={"member": member}),
        progress=progress,
    )
    suspects = rank_suspects(repeats, planted.labels, method=config.method)
    found = planted.is_wrong[suspects.i_row]
    n_wrong = int(planted.is_wrong.sum())
    return {
        "n_labels": len(arrays),
        "n_wrong": n_wrong,
        "n_suggested": N_SUGGESTED,
        "recall_at_150": float(found[:N_SUGGESTED].sum() / n_wrong),
        "precision_at_150": float(found[:N_SUGGESTED].mean()),
        "recall_at_n_wrong": float(found[:n_wrong].mean()),
        "n_expected_wrong": float(sum(suspects.n_expected_wrong)),
        "auc": roc_auc(repeats.mean(axis=0), arrays.labels),
        "seconds": time.perf_counter() - started,
    }


def run_audit_part(size: str, *, cache: Path) -> dict[str, Any]:
    """Measure the audit on rows of the benchmark's pool; one thread.

    Parameters
    ----------
    size : str
        "small" plants errors once, "full" three times.
    cache : Path
        Folder of the pool.

    Returns
    -------
    dict
        recall_at_150, mean over the seeds; and what `measure_audit` says of each seed.
    """
    pool = open_pool(SIZES[size].pool, cache)
    config = AuditConfig()
    seeds = {}
    for seed in _SEEDS[size]:
        rows = np.random.default_rng([seed, 41]).choice(len(pool), N_LABELS, replace=False)
        drawn = pool.take(np.sort(rows))
        known = BoughtLabels(i_row=np.arange(N_LABELS), labels=drawn.labels)
        stamps = StampConfig(with_mask_planes=config.stamps.with_mask_planes)
        arrays = drawn.prepared(stamps, config.stamps.size_px).labelled(known)
        seeds[str(seed)] = measure_audit(arrays, seed=seed, config=config, n_threads=1)
    recalls = [figures["recall_at_150"] for figures in seeds.values()]
    return {"recall_at_150": float(np.mean(recalls)), "seeds": seeds}


def _cropped(arrays: TripletArrays, size_px: int) -> TripletArrays:
    """Return the middle of the stamps; smaller ones stay as they are."""
    margin = max(arrays.stamp_px - size_px, 0) // 2
    middle = slice(margin, arrays.stamp_px - margin)
    return replace(arrays, stamps=np.ascontiguousarray(arrays.stamps[:, :, middle, middle]))


def _with_labels(arrays: TripletArrays, labels: IntArray) -> TripletArrays:
    return replace(arrays, labels=labels, targets=labels.astype(np.float32))


def main() -> None:
    """Simulate nights, measure, print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    results = []
    with shown_progress() as progress:
        for seed in options.seeds:
            night = NightConfig(n=N_LABELS, prior=_REAL_SHARE, seed=700_000 + seed)
            arrays = simulated_triplets(night, AuditStampConfig(), progress=progress)
            results.append(
                measure_audit(arrays, seed=seed, n_threads=options.threads, progress=progress)
            )
    recalls = [result["recall_at_150"] for result in results]
    print(json.dumps({"audit_recall_at_150": float(np.mean(recalls)), "seeds": results}))


if __name__ == "__main__":
    main()

"""Rankings that no label went into: ``python -m benchmarks.label_free --data DIR``.

Each network is trained by the default label-free start and judged on candidates that it never saw:

- simulated: 10,000 candidates of a simulated ZTF-like pool of 13,000 (seed 4242), judged by their
  truth on the other 3,000. The settings were chosen on a pool of another seed, by its truth.
- real: the ZTF packets of ``DIR/ztf_alerts`` but those of labelled objects, judged on the labelled
  triplets of ``DIR/ztf_triplets``, whose bogus ones an image model labelled.

Two trainings each (seeds 0 and 1), in one thread. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before anything loads OpenMP

import numpy as np
import torch

from benchmarks.few_label_pool import PoolConfig, SimulatedPool, open_pool
from benchmarks.few_label_tables import mean_and_std
from benchmarks.ztf_data import load_labelled, load_unlabelled
from skyvet.core.arrays import FloatArray, IntArray
from skyvet.models.compact_net import CompactConfig
from skyvet.preprocessing.normalization import prepare_stamps
from skyvet.preprocessing.pools import CandidatePool
from skyvet.preprocessing.stamps import fit_stamps, restore_stamps
from skyvet.scoring.curves import roc_auc
from skyvet.scoring.metrics import confusion_counts
from skyvet.strategies.pretraining.configs import LabelFreeStart
from skyvet.strategies.pretraining.label_free import fit_label_free
from skyvet.strategies.pretraining.label_free_positives import RawStamps
from skyvet.training.prediction import predict_logits

_POOL = PoolConfig(n_real=4000, n_bogus=9000, seed=4242)
_N_TESTED = 3000
_INPUT_PX = 31
_SEEDS = (0, 1)
_START = LabelFreeStart()
_NETWORK = CompactConfig()
_INJECTING = "Injecting sources"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What one training gave."""

    auc: float
    accuracy: float
    balanced_accuracy: float
    positives_against_pool_auc: float
    prior_estimate: float
    injections_per_second: float
    seconds: float


class _InjectionClock:
    """Progress that measures injections by the processor time that they took."""

    def __init__(self) -> None:
        self._started: float | None = None
        self._seconds = 0.0
        self._n_made = 0

    def start(self, description: str, total: int | None) -> None:  # noqa: ARG002
        self._started = time.process_time() if description == _INJECTING else None

    def advance(self, n_steps: int = 1) -> None:
        if self._started is not None:
            self._n_made += n_steps

    def finish(self) -> None:
        if self._started is not None:
            self._seconds += time.process_time() - self._started
            self._started = None

    @property
    def per_second(self) -> float:
        """Positives made in a second."""
        return self._n_made / self._seconds


def main() -> None:
    """Train, judge, print."""
    arguments = _arguments()
    torch.set_num_threads(1)
    print(f"{_NETWORK.model_dump(exclude={'metadata'})}, central {_INPUT_PX} x {_INPUT_PX} px.")
    print(f"prior {_START.prior}, {_START.positives.n_positives} positives, ", end="")
    print(f"{_START.steps.n_steps} steps of {_START.batch_size} + {_START.batch_size} rows.")
    arguments.cache.mkdir(parents=True, exist_ok=True)
    simulated = _simulated_runs(open_pool(_POOL, arguments.cache))
    real = _real_runs(arguments.data)
    document = {
        "simulated_auc": _mean(simulated, "auc"),
        "real_auc": _mean(real, "auc"),
        "positives_against_pool_auc": _mean(simulated, "positives_against_pool_auc"),
        "injections_per_second": _mean(simulated, "injections_per_second"),
    }
    print(json.dumps({name: round(value, 4) for name, value in document.items()}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the real data")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir()) / "skyvet-few-labels",
        help="folder of the simulated pool",
    )
    return parser.parse_args()


def _simulated_runs(simulated: SimulatedPool) -> list[_Run]:
    """Learn from most of the pool, judge on the rest."""
    order = np.random.default_rng(_POOL.seed).permutation(len(simulated))
    tested = simulated.take(order[:_N_TESTED])
    learnt = simulated.take(order[_N_TESTED:])

    def raw(rows: IntArray) -> FloatArray:
        return restore_stamps(learnt.take(rows).stamps)

    pool = learnt.prepared(_START.stamps, _INPUT_PX)
    stamps = tested.prepared(_START.stamps, _INPUT_PX).stamps
    runs = [_run(pool, raw, stamps=stamps, labels=tested.labels, seed=seed) for seed in _SEEDS]
    _show("Simulated pool", runs, n_learnt=len(pool), labels=tested.labels)
    return runs


def _real_runs(data: Path) -> list[_Run]:
    """Learn from packets without a label, judge on the labelled triplets."""
    tested = load_labelled(data)
    learnt = load_unlabelled(data, without=tested.object_ids)
    pool = CandidatePool(
        stamps=_prepared(learnt.pixels),
        candidate_ids=learnt.candidate_ids,
        object_ids=learnt.object_ids,
    )
    runs = [
        _run(
            pool,
            lambda rows: learnt.pixels[rows],
            stamps=_prepared(tested.pixels),
            labels=tested.labels,
            seed=seed,
        )
        for seed in _SEEDS
    ]
    _show("Real ZTF triplets", runs, n_learnt=len(pool), labels=tested.labels)
    return runs


def _prepared(pixels: FloatArray) -> FloatArray:
    """Return the central pixels, as the simulated pool prepares its own."""
    central = fit_stamps(prepare_stamps(pixels, _START.stamps), _INPUT_PX)
    return np.ascontiguousarray(central, dtype=np.float16)


def _run(
    pool: CandidatePool, raw: RawStamps, *, stamps: FloatArray, labels: IntArray, seed: int
) -> _Run:
    """Train once and judge the stamps."""
    clock = _InjectionClock()
    started = time.process_time()
    found = fit_label_free(pool, raw, _NETWORK, config=_START, seed=seed, progress=clock)
    seconds = time.process_time() - started
    logits = predict_logits(found.fitted.build(), stamps)
    counts = confusion_counts(logits, labels, threshold=0.0)
    return _Run(
        auc=roc_auc(logits, labels),
        accuracy=counts.accuracy,
        balanced_accuracy=(counts.completeness + 1 - counts.fpr) / 2,
        positives_against_pool_auc=found.held_out_auc,
        prior_estimate=found.prior_estimate,
        injections_per_second=clock.per_second,
        seconds=seconds,
    )


def _mean(runs: list[_Run], name: str) -> float:
    return mean_and_std([getattr(run, name) for run in runs])[0]


def _show(title: str, runs: list[_Run], *, n_learnt: int, labels: IntArray) -> None:
    """Print each figure: mean, spread between the seeds, and what each seed gave."""
    print(
        f"\n{title}: learnt from {n_learnt} without a label, judged on {len(labels)} "
        f"({labels.mean():.0%} REAL)"
    )
    for name in _Run.__dataclass_fields__:
        values = [getattr(run, name) for run in runs]
        mean, spread = mean_and_std(values)
        each = ", ".join(f"{value:.4g}" for value in values)
        print(f"  {name:27} {mean:8.4g} +- {spread:.2g}  ({each})", flush=True)


if __name__ == "__main__":
    main()

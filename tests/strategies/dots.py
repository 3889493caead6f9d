"""A pool of dots: REAL ones have a bright centre in the difference. Learnt in a second."""

from __future__ import annotations

import numpy as np

from skyvet.models.compact_net import CompactConfig
from skyvet.preprocessing.pools import BoughtLabels, CandidatePool
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.strategies.semi_supervised.configs import MixedTraining
from skyvet.strategies.semi_supervised.mixed_batches import MixedBatchConfig
from skyvet.training.configs import HardwareConfig, OptimiserConfig, Precision
from skyvet.training.steps import StepsConfig

SIZE_PX = 17


def few_steps(n_steps: int) -> StepsConfig:
    """Return quick training on one thread."""
    return StepsConfig(
        n_steps=n_steps,
        optimiser=OptimiserConfig(learning_rate=1e-2, ema_decay=0.8),
        hardware=HardwareConfig(accelerator="cpu", precision=Precision.FLOAT32, n_threads=1),
    )


TINY = MixedTraining(
    network=CompactConfig(widths=(4, 8), dropout=0.0),
    steps=few_steps(30),
    batches=MixedBatchConfig(n_labelled=8, unlabelled_ratio=2.0),
)


def dot_pool(n: int = 120, *, seed: int = 0) -> tuple[CandidatePool, np.ndarray]:
    """Return a pool and its truth, every third REAL; two candidates an object."""
    rng = np.random.default_rng(seed)
    truth = (np.arange(n) // 2 % 3 == 0).astype(np.int8)
    stamps = rng.normal(0.0, 1.0, (n, 3, SIZE_PX, SIZE_PX)).astype(np.float32)
    stamps[truth == 1, 2, 7:10, 7:10] += 4.0
    stamps.setflags(write=False)
    pool = CandidatePool(
        stamps=stamps,
        candidate_ids=np.arange(n),
        object_ids=np.array([f"object-{i // 2}" for i in range(n)]),
    )
    return pool, truth


def bought(truth: np.ndarray, n: int = 24) -> BoughtLabels:
    """Return the labels of the first rows."""
    rows = np.arange(n)
    return BoughtLabels(i_row=rows, labels=truth[rows])


def labelled_dots(n: int = 24, *, seed: int = 0) -> TripletArrays:
    """Return labelled rows."""
    pool, truth = dot_pool(seed=seed)
    return pool.labelled(bought(truth, n))

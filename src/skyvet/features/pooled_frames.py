"""A sequence of frames as one row of numbers, whatever its length."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.column_statistics import COLUMN_STATISTICS, column_statistics
from skyvet.features.frame_distances import (
    DISTANCE_STATISTICS,
    distance_statistics,
    frame_distances,
)
from skyvet.features.frame_mixture import log_shares
from skyvet.features.frame_neighbours import (
    NEIGHBOUR_STATISTICS,
    neighbour_distances,
    neighbour_statistics,
)
from skyvet.features.pooled_space import PooledSpace
from skyvet.features.segments import SEGMENT_STATISTICS, segment_statistics
from skyvet.records.sequences import EmbeddedSequences

__all__ = ["FEATURE_GROUPS", "pool_frames", "pooled_feature_groups", "pooled_feature_names"]

FEATURE_GROUPS = (
    "means", "spreads", "distances", "correlations", "segments", "residuals", "looks",
    "peaks", "neighbours",
)  # fmt: skip
"""Groups of features, in order: statistics of latent means; of log-variances; of the distance of
frames to their object's median; correlations of means; drift over the sequence; statistics of
log-variances beyond those expected of the means; shares of kinds of frames; the most that any frame
shows of each kind; how alone frames stand."""

_LARGEST = 1e4  # latent values beyond are no more telling; keeps every statistic finite
_N_PER_TASK = 64  # objects of a thread's task; results do not depend on it


def pooled_feature_names(space: PooledSpace) -> tuple[str, ...]:
    """Return the names of the columns of `pool_frames`."""
    return tuple(name for _, name in _groups_and_names(space))


def pooled_feature_groups(space: PooledSpace) -> tuple[str, ...]:
    """Return the group, of `FEATURE_GROUPS`, of each column of `pool_frames`."""
    return tuple(group for group, _ in _groups_and_names(space))


def _groups_and_names(space: PooledSpace) -> list[tuple[str, str]]:
    """Return group and name of each column."""
    active = space.frames.active.tolist()
    has_spread = space.spread is not None
    means, spreads = [f"z{i}" for i in active], [f"s{i}" for i in active if has_spread]
    left = [f"r{i}" for i in active if has_spread]
    columns = [*means, *spreads]
    return [
        *(("means", f"{name}_{c}") for name in COLUMN_STATISTICS for c in means),
        *(("spreads", f"{name}_{c}") for name in COLUMN_STATISTICS for c in spreads),
        *(("distances", f"distance_{name}") for name in DISTANCE_STATISTICS),
        *(("correlations", f"correlation_{a}_{b}") for a, b in combinations(means, 2)),
        *(("segments", f"{name}_{c}") for name in SEGMENT_STATISTICS for c in columns),
        *(("residuals", f"{name}_{c}") for name in COLUMN_STATISTICS for c in left),
        *(("looks", f"look_{i}") for i in range(space.looks.n_kinds)),
        *(("peaks", f"peak_{i}") for i in range(space.looks.n_kinds)),
        *(("neighbours", f"neighbour_{name}") for name in NEIGHBOUR_STATISTICS),
    ]


def pool_frames(
    sequences: EmbeddedSequences, space: PooledSpace, *, n_threads: int = 1
) -> FloatArray:
    """Describe each object by statistics over its frames.

    Parameters
    ----------
    sequences : EmbeddedSequences
        Any number of objects of any length.
    space : PooledSpace
        From `fit_pooled_space`.
    n_threads : int, default 1
        Threads that share the objects; the result does not depend on it.

    Returns
    -------
    ndarray, shape (n_objects, n_features), float32
        Columns `pooled_feature_names`, all finite. A row depends on its own object alone.
        Latent values beyond +-10,000 count as that.

    Raises
    ------
    InvalidInputError
        If the sequences lack columns that the space needs.
    """
    space.frames.check(sequences)
    features = np.empty((len(sequences), len(pooled_feature_names(space))), dtype=np.float32)

    def fill(start: int) -> None:
        for i in range(start, min(start + _N_PER_TASK, len(sequences))):
            columns = sequences.frames_of(i)[:, space.frames.columns].T
            features[i] = _pool_one(np.clip(columns, -_LARGEST, _LARGEST, order="C"), space)

    starts = range(0, len(sequences), _N_PER_TASK)
    if n_threads == 1 or len(starts) < 2:
        for start in starts:
            fill(start)
    else:
        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(fill, starts))
    return features


def _pool_one(columns: FloatArray, space: PooledSpace) -> FloatArray:
    """Return one object's row of features."""
    n_active = len(space.frames.active)
    means, spreads = columns[:n_active], columns[n_active:]
    own, looks = column_statistics(columns), space.looks.posterior(means)
    left = np.empty((0, 1), np.float32)
    if space.spread is not None:
        left = column_statistics(space.spread.residuals(means, spreads))
    return np.concatenate(
        [
            own[:, :n_active].ravel(),
            own[:, n_active:].ravel(),
            distance_statistics(frame_distances(means, space.frames)),
            _correlations(means)[np.triu_indices(n_active, 1)],
            segment_statistics(columns).ravel(),
            left.ravel(),
            log_shares(looks),
            looks.max(axis=1),
            neighbour_statistics(neighbour_distances(means, space.frames)),
        ]
    )


def _correlations(means: FloatArray) -> FloatArray:
    """Return the correlation matrix of the rows; 0 where one is constant."""
    centred = means - means.mean(axis=1, keepdims=True)
    covariance = centred @ centred.T / means.shape[1]
    std = np.sqrt(covariance.diagonal())
    unit = np.where(std > 1e-6, std, np.inf)
    return np.asarray(covariance / unit[:, None] / unit[None, :])

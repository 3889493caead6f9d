"""A sequence of frames as one row of numbers, whatever its length."""

from __future__ import annotations

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.column_statistics import COLUMN_STATISTICS, column_statistics
from skyvet.features.frame_distances import (
    DISTANCE_STATISTICS,
    distance_statistics,
    frame_distances,
)
from skyvet.features.frame_space import FrameSpace
from skyvet.records.sequences import EmbeddedSequences

__all__ = ["pool_frames", "pooled_feature_names"]


def pooled_feature_names(space: FrameSpace) -> tuple[str, ...]:
    """Return the names of the columns of `pool_frames`.

    Examples
    --------
    >>> space = FrameSpace(
    ...     n_latent=3, active=[0, 2], whitening=np.eye(2), has_log_variances=False
    ... )
    >>> pooled_feature_names(space)[:3], pooled_feature_names(space)[-1]
    (('mean_z0', 'mean_z2', 'std_z0'), 'correlation_z0_z2')
    """
    dimensions = [f"z{i}" for i in space.active.tolist()]
    spreads = [f"s{i}" for i in space.active.tolist()] if space.has_log_variances else []
    pairs = zip(*np.triu_indices(len(dimensions), 1), strict=True)
    return (
        *(f"{name}_{column}" for name in COLUMN_STATISTICS for column in (*dimensions, *spreads)),
        *(f"distance_{name}" for name in DISTANCE_STATISTICS),
        *(f"correlation_{dimensions[i]}_{dimensions[j]}" for i, j in pairs),
    )


def pool_frames(sequences: EmbeddedSequences, space: FrameSpace) -> FloatArray:
    """Describe each object by statistics over its frames.

    Parameters
    ----------
    sequences : EmbeddedSequences
        Any number of objects of any length.
    space : FrameSpace
        From `fit_frame_space`.

    Returns
    -------
    ndarray, shape (n_objects, n_features), float32
        Columns `pooled_feature_names`, all finite. A row depends on its own object alone.

    Raises
    ------
    InvalidInputError
        If the sequences lack columns that the space needs.
    """
    space.check(sequences)
    pairs = np.triu_indices(len(space.active), 1)
    features = np.empty((len(sequences), len(pooled_feature_names(space))), dtype=np.float32)
    for i in range(len(sequences)):
        columns = np.ascontiguousarray(sequences.frames_of(i)[:, space.columns].T)
        means = columns[: len(space.active)]
        features[i] = np.concatenate(
            [
                column_statistics(columns).ravel(),
                distance_statistics(frame_distances(means, space)),
                _correlations(means)[pairs],
            ]
        )
    return features


def _correlations(means: FloatArray) -> FloatArray:
    """Return the correlation matrix of the rows; 0 where one is constant."""
    centred = means - means.mean(axis=1, keepdims=True)
    covariance = centred @ centred.T / means.shape[1]
    std = np.sqrt(covariance.diagonal())
    unit = np.where(std > 1e-6, std, np.inf)
    return np.asarray(covariance / unit[:, None] / unit[None, :])

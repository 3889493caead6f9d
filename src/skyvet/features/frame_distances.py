"""How far each frame lies from its own object's usual look, and what those distances say."""

from __future__ import annotations

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.column_statistics import quantiles_of_sorted
from skyvet.features.frame_space import FrameSpace
from skyvet.features.products import narrow_product

__all__ = ["DISTANCE_STATISTICS", "distance_statistics", "frame_distances"]

_TOPS = (1, 2, 3, 5)
_QUANTILES = (0.75, 0.9, 0.95, 0.99)

DISTANCE_STATISTICS = (
    *(f"top_{k}" for k in _TOPS), "top_10_mean", "mean", "median",
    *(f"quantile_{q:g}" for q in _QUANTILES), "max_over_median", "fraction_above_3",
    "fraction_above_5", "n_above_8", "max_step", "position_of_max", "longest_run",
    "fraction_far",
)  # fmt: skip
"""Names of the entries of `distance_statistics`, in order."""

_TINY = 1e-6


def frame_distances(means: FloatArray, space: FrameSpace) -> FloatArray:
    """Return the Mahalanobis distance of each frame to the median of its own object.

    Parameters
    ----------
    means : ndarray, shape (k, n_frames), float32
        Active means of one object.
    space : FrameSpace
        Usual scatter of frames around their object.

    Returns
    -------
    ndarray, shape (n_frames,), float32
        In units of the usual scatter, >= 0.
    """
    deviation = means - np.median(means, axis=1, keepdims=True)
    whitened = narrow_product(space.whitening.astype(np.float32), deviation)
    return np.asarray(np.sqrt(np.einsum("ij,ij->j", whitened, whitened)))


def distance_statistics(distances: FloatArray) -> FloatArray:
    """Summarise the distances of one object's frames.

    Parameters
    ----------
    distances : ndarray, shape (n_frames,), float32
        From `frame_distances`, in time order, n_frames >= 1.

    Returns
    -------
    ndarray, shape (19,), float32
        Entries `DISTANCE_STATISTICS`, all finite: the k-th largest (the smallest where there are
        fewer frames), mean of the largest ten, mean, median, quantiles, largest / median, fraction
        above 3 and 5, number above 8, largest step between consecutive frames, relative position
        of the largest in [0, 1], longest run and fraction of frames above three medians.

    Examples
    --------
    >>> distance_statistics(np.array([1.0, 1.0, 9.0, 1.0], np.float32))[[0, 1, 17, 18]]
    array([9.  , 1.  , 1.  , 0.25], dtype=float32)
    """
    n_frames = len(distances)
    ordered = np.sort(distances)
    tops = [ordered[max(0, n_frames - k)] for k in _TOPS]
    median, *quantiles = quantiles_of_sorted(ordered[None], (0.5, *_QUANTILES))[0]
    is_far = distances > max(3.0 * median, _TINY)
    row = (
        *tops,
        ordered[-10:].mean(),
        ordered.mean(),
        median,
        *quantiles,
        ordered[-1] / max(median, _TINY),
        (distances > 3.0).mean(),
        (distances > 5.0).mean(),
        np.count_nonzero(distances > 8.0),
        np.abs(np.diff(distances)).max() if n_frames > 1 else 0.0,
        distances.argmax() / max(n_frames - 1, 1),
        _longest_run(is_far),
        is_far.mean(),
    )
    return np.asarray(row, dtype=np.float32)


def _longest_run(flags: FloatArray) -> int:
    """Return the length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0

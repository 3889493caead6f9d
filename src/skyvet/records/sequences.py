"""Embeddings of the frames of many objects, without padding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray, as_readonly
from skyvet.core.errors import InvalidInputError

__all__ = ["EmbeddedSequences"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmbeddedSequences:
    """Frames of many objects as rows of numbers, one object after the other.

    Parameters
    ----------
    values : ndarray, shape (n_frames, n_columns), float32
        Finite. The first `n_latent` columns are latent means; where there are twice as many, the
        rest are their log-variances.
    offsets : ndarray, shape (n_objects + 1,), int64
        Frames of object i are the rows ``offsets[i]`` to ``offsets[i + 1]``, in time order; each
        object has at least one.
    object_ids : ndarray, shape (n_objects,), int64 or str
        Identifiers in the survey's own type.
    mjd_tai : ndarray, shape (n_frames,), float64
        Mid-exposure times [d, TAI]; NaN = unknown.
    n_latent : int
        Latent dimensions.
    light_curve : ndarray, shape (n_objects, k), float32, optional
        Features of the objects' light curves; NaN = missing.
    light_curve_names : tuple of str
        Names of these k features.

    Raises
    ------
    InvalidInputError
        If shapes disagree, a value is not finite or an object has no frame.

    Examples
    --------
    >>> sequences = EmbeddedSequences(
    ...     values=np.zeros((5, 2)), offsets=np.array([0, 2, 5]), object_ids=np.array([7, 8]),
    ...     mjd_tai=np.full(5, np.nan), n_latent=2)
    >>> len(sequences), len(sequences.frames_of(1))
    (2, 3)
    """

    values: FloatArray
    offsets: IntArray
    object_ids: NDArray[Any]
    mjd_tai: FloatArray
    n_latent: int
    light_curve: FloatArray | None = None
    light_curve_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check shapes and make arrays read-only."""
        object.__setattr__(self, "values", as_readonly(self.values, np.float32))
        object.__setattr__(self, "offsets", as_readonly(self.offsets, np.int64))
        object.__setattr__(self, "mjd_tai", as_readonly(self.mjd_tai, np.float64))
        if self.light_curve is not None:
            object.__setattr__(self, "light_curve", as_readonly(self.light_curve, np.float32))
        self._check_values()
        self._check_objects()

    def _check_values(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] not in {self.n_latent, 2 * self.n_latent}:
            raise InvalidInputError(
                f"values need {self.n_latent} or {2 * self.n_latent} columns (means, then "
                f"log-variances), got shape {self.values.shape}"
            )
        if not np.isfinite(self.values).all():
            raise InvalidInputError("embeddings must be finite; leave out unusable frames first")
        if self.mjd_tai.shape != self.values.shape[:1]:
            raise InvalidInputError(
                f"mjd_tai needs one time a frame ({len(self.values)}), got {self.mjd_tai.shape}"
            )

    def _check_objects(self) -> None:
        offsets, n_objects = self.offsets, len(self.object_ids)
        if offsets.shape != (n_objects + 1,) or offsets[0] != 0 or offsets[-1] != len(self.values):
            raise InvalidInputError(
                f"offsets must go from 0 to {len(self.values)} in {n_objects} steps, got shape "
                f"{offsets.shape}"
            )
        if (np.diff(offsets) < 1).any():
            raise InvalidInputError("every object needs at least one frame; reject the others")
        expected = None if self.light_curve is None else (n_objects, len(self.light_curve_names))
        if self.light_curve is not None and self.light_curve.shape != expected:
            raise InvalidInputError(
                f"light_curve must have shape {expected}, got {self.light_curve.shape}"
            )

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.object_ids)

    @property
    def n_frames(self) -> IntArray:
        """Frames of each object, shape (n_objects,)."""
        return np.diff(self.offsets)

    @property
    def means(self) -> FloatArray:
        """Latent means, shape (n_frames, n_latent)."""
        return self.values[:, : self.n_latent]

    def frames_of(self, i_object: int) -> FloatArray:
        """Return one object's rows of `values`."""
        return self.values[self.offsets[i_object] : self.offsets[i_object + 1]]

    def times_of(self, i_object: int) -> FloatArray:
        """Return one object's entries of `mjd_tai`."""
        return self.mjd_tai[self.offsets[i_object] : self.offsets[i_object + 1]]

    def take(self, indices: IntArray) -> EmbeddedSequences:
        """Return some objects, in the order given; their frames are copied."""
        indices = np.asarray(indices, dtype=np.int64)
        counts = self.n_frames[indices]
        offsets = np.concatenate([[0], np.cumsum(counts)])
        shift = np.repeat(self.offsets[indices] - offsets[:-1], counts)
        rows = np.arange(offsets[-1]) + shift
        return replace(
            self,
            values=self.values[rows],
            offsets=offsets,
            object_ids=self.object_ids[indices],
            mjd_tai=self.mjd_tai[rows],
            light_curve=None if self.light_curve is None else self.light_curve[indices],
        )

    def without_light_curve(self) -> EmbeddedSequences:
        """Return the same frames without light-curve features."""
        return replace(self, light_curve=None, light_curve_names=())

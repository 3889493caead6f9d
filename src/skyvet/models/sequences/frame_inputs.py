"""What a network of frame sequences is fed: one row a frame, one row an object, all scaled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from skyvet.core.arrays import FloatArray, IntArray, as_readonly
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.features.frame_distances import frame_distances
from skyvet.features.frame_space import FrameSpace, fit_frame_space
from skyvet.records.sequences import EmbeddedSequences

__all__ = [
    "FrameInputConfig",
    "FrameInputStats",
    "FrameInputs",
    "ObjectInputs",
    "PreparedSequences",
    "fit_frame_inputs",
    "strided_views",
]

_SCATTER_OF_MAD = 1.4826  # standard deviation of a normal variable over its MAD
_LEAST_SCATTER = 1e-3
_LARGEST_ROBUST_Z = 30.0


class FrameInputConfig(Config):
    """Which columns a network sees, each scaled to mean 0 and scatter 1 over the training set."""

    means: bool = Field(default=True, description="active latent means")
    log_variances: bool = Field(
        default=False, description="their log-variances, where the encoder gave any"
    )
    robust_z: bool = Field(
        default=False,
        description="(mean - median of the object) / MAD of the object, signed logarithm",
    )
    deviations: bool = Field(default=False, description="mean - median of the object")
    steps: bool = Field(default=False, description="difference to the frame before; 0 at the first")
    distances: bool = Field(
        default=False, description="log(1 + Mahalanobis distance to the median of the object)"
    )
    context: bool = Field(
        default=False, description="one row an object: medians, log MADs, log number of frames"
    )
    min_information: float = Field(
        default=0.02, ge=0, description="latent dimensions with less information [nat] are left out"
    )
    largest: float = Field(
        default=10.0, gt=0, description="scaled values are clipped to this distance from 0"
    )

    @model_validator(mode="after")
    def _check_any(self) -> FrameInputConfig:
        chosen = (self.means, self.log_variances, self.robust_z, self.deviations, self.steps)
        if not any((*chosen, self.distances)):
            raise ValueError("choose at least one kind of column that a frame is described by")
        return self


class ObjectInputs(NamedTuple):
    """One object as a network takes it.

    Attributes
    ----------
    frames : ndarray, shape (n_frames, n_inputs), float32
    context : ndarray, shape (n_context,), float32
    """

    frames: FloatArray
    context: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameInputStats:
    """What `fit_frame_inputs` learnt from the training set, without labels.

    Parameters
    ----------
    space : FrameSpace
        Active latent dimensions and usual scatter of frames.
    frame_centre, frame_scale : ndarray, shape (n_inputs,), float32
        Mean and standard deviation of each column of frames.
    context_centre, context_scale : ndarray, shape (n_context,), float32
        The same for the rows of objects.
    """

    space: FrameSpace
    frame_centre: FloatArray
    frame_scale: FloatArray
    context_centre: FloatArray
    context_scale: FloatArray

    def __post_init__(self) -> None:
        """Make arrays read-only float32."""
        for name in ("frame_centre", "frame_scale", "context_centre", "context_scale"):
            object.__setattr__(self, name, as_readonly(getattr(self, name), np.float32))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the fitted arrays, for storage; `from_arrays` is the way back."""
        return {
            **self.space.arrays(),
            "inputs.frame_centre": np.asarray(self.frame_centre),
            "inputs.frame_scale": np.asarray(self.frame_scale),
            "inputs.context_centre": np.asarray(self.context_centre),
            "inputs.context_scale": np.asarray(self.context_scale),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> FrameInputStats:
        """Return the state that `arrays` described."""
        return cls(
            space=FrameSpace.from_arrays(arrays),
            frame_centre=arrays["inputs.frame_centre"],
            frame_scale=arrays["inputs.frame_scale"],
            context_centre=arrays["inputs.context_centre"],
            context_scale=arrays["inputs.context_scale"],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreparedSequences:
    """Inputs of many objects, one after the other, without padding.

    Parameters
    ----------
    frames : ndarray, shape (n_frames, n_inputs), float32
    offsets : ndarray, shape (n_objects + 1,), int64
        Frames of object i are the rows ``offsets[i]`` to ``offsets[i + 1]``.
    context : ndarray, shape (n_objects, n_context), float32
    """

    frames: FloatArray
    offsets: IntArray
    context: FloatArray

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.context)

    @property
    def n_frames(self) -> IntArray:
        """Frames of each object, shape (n_objects,)."""
        return np.diff(self.offsets)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameInputs:
    """Chosen columns and fitted scales: how training and scoring prepare an object alike.

    Parameters
    ----------
    config : FrameInputConfig
        What was chosen.
    stats : FrameInputStats
        What was fitted, by `fit_frame_inputs`.
    """

    config: FrameInputConfig
    stats: FrameInputStats

    @property
    def n_inputs(self) -> int:
        """Columns of a frame."""
        return len(self.stats.frame_centre)

    @property
    def n_context(self) -> int:
        """Columns of an object; may be 0."""
        return len(self.stats.context_centre)

    def of_object(self, frames: FloatArray) -> ObjectInputs:
        """Prepare the frames of one object.

        Parameters
        ----------
        frames : ndarray, shape (n_frames, n_columns), float32
            Its rows of `EmbeddedSequences.values`, n_frames >= 1.

        Returns
        -------
        ObjectInputs
            All finite, clipped to ``config.largest``.
        """
        stats, largest = self.stats, self.config.largest
        rows, context = _columns(frames, self.config, stats.space)
        return ObjectInputs(
            frames=_scaled(rows, stats.frame_centre, stats.frame_scale, largest),
            context=_scaled(context, stats.context_centre, stats.context_scale, largest),
        )

    def prepare(self, sequences: EmbeddedSequences) -> PreparedSequences:
        """Prepare many objects, e.g. for training.

        Raises
        ------
        InvalidInputError
            If the sequences lack the columns that the scales were fitted on.
        """
        self.stats.space.check(sequences)
        frames = np.empty((len(sequences.values), self.n_inputs), np.float32)
        context = np.empty((len(sequences), self.n_context), np.float32)
        for i in range(len(sequences)):
            rows = slice(sequences.offsets[i], sequences.offsets[i + 1])
            frames[rows], context[i] = self.of_object(sequences.frames_of(i))
        return PreparedSequences(frames=frames, offsets=sequences.offsets, context=context)


def fit_frame_inputs(sequences: EmbeddedSequences, config: FrameInputConfig) -> FrameInputs:
    """Find active dimensions and the scale of each column; labels are not used.

    Parameters
    ----------
    sequences : EmbeddedSequences
        The training set.
    config : FrameInputConfig
        Which columns.

    Returns
    -------
    FrameInputs

    Raises
    ------
    InvalidInputError
        If there is no object.

    Examples
    --------
    >>> frames = np.random.default_rng(1).normal(size=(6, 2)).astype(np.float32)
    >>> sequences = EmbeddedSequences(
    ...     values=frames, offsets=np.array([0, 2, 6]), object_ids=np.array([7, 8]),
    ...     mjd_tai=np.full(6, np.nan), n_latent=2)
    >>> fit_frame_inputs(sequences, FrameInputConfig(steps=True)).of_object(frames).frames.shape
    (6, 4)
    """
    if len(sequences) == 0:
        raise InvalidInputError("inputs are fitted on at least one object, got none")
    space = fit_frame_space(sequences, min_information=config.min_information)
    parts = [_columns(sequences.frames_of(i), config, space) for i in range(len(sequences))]
    frames = np.concatenate([rows for rows, _ in parts])
    context = np.stack([row for _, row in parts])
    return FrameInputs(
        config=config,
        stats=FrameInputStats(
            space=space,
            frame_centre=frames.mean(axis=0, dtype=np.float64),
            frame_scale=_scatter(frames),
            context_centre=context.mean(axis=0, dtype=np.float64),
            context_scale=_scatter(context),
        ),
    )


def strided_views(n_frames: int, *, max_frames: int | None, n_views: int) -> list[IntArray]:
    """Return evenly strided subsequences that together stand for a long sequence.

    Parameters
    ----------
    n_frames : int
        Frames of the object, >= 1.
    max_frames : int or None
        Longest subsequence; None = the whole sequence.
    n_views : int
        At most so many; they share no frame.

    Returns
    -------
    list of ndarray of int64
        Ascending indices; a sequence that is short enough is the only view.

    Examples
    --------
    >>> [view.tolist() for view in strided_views(7, max_frames=3, n_views=2)]
    [[0, 3, 6], [1, 4]]
    """
    stride = 1 if max_frames is None else -(-n_frames // max_frames)
    return [np.arange(start, n_frames, stride) for start in range(min(stride, n_views))]


def _columns(
    frames: FloatArray, config: FrameInputConfig, space: FrameSpace
) -> tuple[FloatArray, FloatArray]:
    """Return the chosen columns of one object's frames, and its row of context, not yet scaled."""
    means = frames[:, space.active]
    median = np.median(means, axis=0)
    deviation = means - median
    scatter = _SCATTER_OF_MAD * np.median(np.abs(deviation), axis=0) + _LEAST_SCATTER
    columns = []
    if config.means:
        columns.append(means)
    if config.log_variances and space.has_log_variances:
        columns.append(frames[:, space.active + space.n_latent])
    if config.robust_z:
        z = np.clip(deviation / scatter, -_LARGEST_ROBUST_Z, _LARGEST_ROBUST_Z)
        columns.append(np.sign(z) * np.log1p(np.abs(z)))
    if config.deviations:
        columns.append(deviation)
    if config.steps:
        columns.append(np.diff(means, axis=0, prepend=means[:1]))
    if config.distances:
        columns.append(np.log1p(frame_distances(means.T, space))[:, None])
    context = np.concatenate([median, np.log(scatter), [np.log(len(frames))]])
    return (
        np.concatenate(columns, axis=1, dtype=np.float32),
        context.astype(np.float32) if config.context else np.empty(0, np.float32),
    )


def _scatter(columns: FloatArray) -> FloatArray:
    """Return the standard deviation of each column; 1 where it is constant."""
    scatter = columns.std(axis=0, dtype=np.float64)
    return np.where(scatter > 1e-6, scatter, 1.0)


def _scaled(
    values: FloatArray, centre: FloatArray, scale: FloatArray, largest: float
) -> FloatArray:
    """Return values in units of their scatter, clipped."""
    return np.clip((values - centre) / scale, -largest, largest)

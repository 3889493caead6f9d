"""Batches of frame sequences: objects of about one length, other frames of them every epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.models.sequences.frame_inputs import FrameInputs, PreparedSequences
from skyvet.preprocessing.sequences import LabelledSequences
from skyvet.training.sequences.network_configs import SequenceBatchConfig

__all__ = ["SequenceBatch", "SequenceBatches", "SequenceRows", "pad_frames"]

_N_BATCHES_SORTED = 8  # sorted by length together: enough for little padding, few for mixed batches


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SequenceRows:
    """Some of many prepared objects, with what a network shall say of them.

    Parameters
    ----------
    prepared : PreparedSequences
        All n objects.
    labels, weights : ndarray, shape (n,)
        1 = REAL, 0 = BOGUS; weight >= 0.
    subtypes : ndarray, shape (n, n_subtypes)
        1 where an object shows that kind of artefact.
    object_ids : ndarray, shape (n,)
        Identifiers.
    chosen : ndarray of int
        Indices of the objects that belong to this part; frames are not copied for it.
    """

    prepared: PreparedSequences
    labels: IntArray
    weights: FloatArray
    subtypes: IntArray
    object_ids: NDArray[Any]
    chosen: IntArray

    @classmethod
    def of(
        cls, labelled: LabelledSequences, inputs: FrameInputs, subtypes: tuple[str, ...]
    ) -> SequenceRows:
        """Prepare all objects; `subtypes` are the tags to tell apart."""
        columns = [labelled.has_tag(tag) for tag in subtypes]
        return cls(
            prepared=inputs.prepare(labelled.sequences),
            labels=labelled.labels,
            weights=labelled.weights,
            subtypes=np.stack(columns, axis=1)
            if columns
            else np.zeros((len(labelled), 0), np.int8),
            object_ids=labelled.sequences.object_ids,
            chosen=np.arange(len(labelled)),
        )

    def choose(self, indices: IntArray) -> SequenceRows:
        """Return another part of the same objects."""
        return replace(self, chosen=indices)

    def __len__(self) -> int:
        """Return the number of objects chosen."""
        return len(self.chosen)


class SequenceBatch(NamedTuple):
    """Objects as a network takes them, and what it shall say of them.

    Attributes
    ----------
    frames : Tensor, shape (n, t, n_inputs), float32
        Padding (zeros) at the end.
    valid_mask : Tensor, shape (n, t), bool
        True = a frame, False = padding.
    context : Tensor, shape (n, n_context), float32
    targets, weights : Tensor, shape (n,), float32
        1 = REAL, 0 = BOGUS; weight >= 0.
    subtypes : Tensor, shape (n, n_subtypes), float32
        1 where an object shows that kind of artefact.
    """

    frames: Tensor
    valid_mask: Tensor
    context: Tensor
    targets: Tensor
    weights: Tensor
    subtypes: Tensor


def pad_frames(frames: FloatArray, rows_of_object: Sequence[IntArray]) -> tuple[Tensor, Tensor]:
    """Gather the frames of some objects into one padded tensor and its mask.

    Parameters
    ----------
    frames : ndarray, shape (n_frames, n_inputs), float32
        Frames of all objects.
    rows_of_object : sequence of ndarray of int
        Which rows each object shows; at least one each.

    Returns
    -------
    frames : Tensor, shape (n, t, n_inputs)
    valid_mask : Tensor, shape (n, t), bool

    Examples
    --------
    >>> frames, valid_mask = pad_frames(np.ones((3, 1), np.float32), [np.array([0]), np.arange(2)])
    >>> frames.shape, valid_mask.tolist()
    (torch.Size([2, 2, 1]), [[True, False], [True, True]])
    """
    lengths = np.array([len(rows) for rows in rows_of_object])
    valid_mask = np.arange(lengths.max()) < lengths[:, None]
    padded = np.zeros((*valid_mask.shape, frames.shape[1]), np.float32)
    padded[valid_mask] = frames[np.concatenate(rows_of_object)]
    return torch.from_numpy(padded), torch.from_numpy(valid_mask)


class SequenceBatches:
    """Batches of one epoch after another; iterate once an epoch.

    Parameters
    ----------
    rows : SequenceRows
        Objects to learn from.
    config : SequenceBatchConfig
        Size, and how many frames are drawn.
    seed : int
        With the epoch's number it fixes order and frames.
    rank, world_size : int
        This process and the number of processes; each gets its own equal share of every epoch.

    Raises
    ------
    InvalidInputError
        If there is no object.
    """

    def __init__(
        self,
        rows: SequenceRows,
        config: SequenceBatchConfig,
        *,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if len(rows) == 0:
            raise InvalidInputError("no objects to make batches of; check labels and split")
        self.rows = rows
        self.config = config
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return math.ceil(self._n_objects() / self.config.size)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[SequenceBatch]:
        """Yield the batches of the current epoch."""
        rng = np.random.default_rng([self.seed, self.epoch])
        order = np.resize(rng.permutation(self.rows.chosen), self._n_objects() * self.world_size)
        own = order[self.rank :: self.world_size]
        rng = np.random.default_rng([self.seed, self.epoch, self.rank])
        n_drawn = self._draw_lengths(own, rng)
        for part in _by_length(n_drawn, self.config.size, rng):
            yield self._gather(own[part], n_drawn[part], rng)

    def _n_objects(self) -> int:
        """Return the objects of this process in one epoch."""
        return math.ceil(len(self.rows) / self.world_size)

    def _draw_lengths(self, objects: IntArray, rng: np.random.Generator) -> IntArray:
        """Return how many frames each object shows."""
        n_frames = self.rows.prepared.n_frames[objects]
        share = rng.uniform(self.config.least_share, 1.0, len(objects))
        limit = self.config.max_frames or int(n_frames.max())
        lengths: IntArray = np.clip(np.rint(share * n_frames).astype(np.int64), 1, limit)
        return lengths

    def _gather(
        self, objects: IntArray, n_drawn: IntArray, rng: np.random.Generator
    ) -> SequenceBatch:
        """Draw frames, in time order, and pad them."""
        rows, prepared = self.rows, self.rows.prepared
        drawn = [
            start + np.sort(rng.permutation(n_frames)[:n])
            for start, n_frames, n in zip(
                prepared.offsets[objects], prepared.n_frames[objects], n_drawn, strict=True
            )
        ]
        frames, valid_mask = pad_frames(prepared.frames, drawn)
        return SequenceBatch(
            frames=frames,
            valid_mask=valid_mask,
            context=torch.from_numpy(prepared.context[objects]),
            targets=_float_tensor(rows.labels[objects]),
            weights=_float_tensor(rows.weights[objects]),
            subtypes=_float_tensor(rows.subtypes[objects]),
        )


def _float_tensor(values: FloatArray | IntArray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _by_length(lengths: IntArray, size: int, rng: np.random.Generator) -> list[IntArray]:
    """Cut an epoch into batches of similar lengths, and return them in random order."""
    n_window = size * _N_BATCHES_SORTED
    batches = []
    for window in np.split(np.arange(len(lengths)), range(n_window, len(lengths), n_window)):
        ordered = window[np.argsort(lengths[window], kind="stable")]
        batches += np.split(ordered, range(size, len(ordered), size))
    return [batches[i] for i in rng.permutation(len(batches))]

"""Batches of triplets as tensors: gathered whole, seeded, the same for any number of workers."""

from __future__ import annotations

import enum
import math
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.triplets import TripletArrays

__all__ = ["BatchConfig", "ClassBalance", "TripletBatch", "TripletBatches", "class_weights"]


class ClassBalance(enum.StrEnum):
    """How an unequal number of REAL and BOGUS is evened out."""

    NONE = "none"
    WEIGHTS = "weights"
    SAMPLER = "sampler"


class BatchConfig(Config):
    """How rows become batches."""

    size: int = Field(default=64, ge=1, description="rows a batch")
    balance: ClassBalance = Field(
        default=ClassBalance.WEIGHTS,
        description="even out classes: none, by weights in the loss, or by drawing both alike",
    )
    min_epoch_rows: int = Field(
        default=0,
        ge=0,
        description="an epoch passes over few rows several times, until it has so many",
    )
    n_workers: int = Field(
        default=0, ge=0, description="threads that gather batches ahead; 0 = none"
    )


class TripletBatch(NamedTuple):
    """Rows of `TripletArrays` as tensors.

    Attributes
    ----------
    stamps : Tensor, shape (n, n_planes, size, size), float32, channels last
    targets, labels, weights : Tensor, shape (n,), float32
    metadata : Tensor, shape (n, k), float32, or None
    teacher_logits : Tensor, shape (n,), float32, or None
        NaN = the teacher said nothing.
    """

    stamps: Tensor
    targets: Tensor
    labels: Tensor
    weights: Tensor
    metadata: Tensor | None
    teacher_logits: Tensor | None


def class_weights(labels: IntArray, weights: FloatArray) -> FloatArray:
    """Scale sample weights so that both classes weigh the same, keeping the total.

    Parameters
    ----------
    labels : ndarray, shape (n,)
        1 = REAL, 0 = BOGUS.
    weights : ndarray, shape (n,)
        Weights >= 0.

    Returns
    -------
    ndarray, shape (n,), float32
        Unchanged where only one class has weight.

    Examples
    --------
    >>> class_weights(np.array([1, 0, 0, 0]), np.ones(4)).round(3).tolist()
    [2.0, 0.667, 0.667, 0.667]
    """
    sums = np.bincount(labels, weights=weights, minlength=2)
    if (sums <= 0).any():
        return weights.astype(np.float32)
    factors = sums.sum() / (2 * sums)
    balanced: FloatArray = (weights * factors[labels]).astype(np.float32)
    return balanced


def _epoch_order(labels: IntArray, balance: ClassBalance, rng: np.random.Generator) -> IntArray:
    """Return row indices of one epoch: a permutation, or both classes drawn alike."""
    n_rows = len(labels)
    rows = [np.flatnonzero(labels == value) for value in (0, 1)]
    if balance is not ClassBalance.SAMPLER or min(map(len, rows)) == 0:
        return rng.permutation(n_rows)
    drawn = [_draw_evenly(part, (n_rows + i) // 2, rng) for i, part in enumerate(rows)]
    return rng.permutation(np.concatenate(drawn))


def _draw_evenly(rows: IntArray, n_draws: int, rng: np.random.Generator) -> IntArray:
    """Draw so that no row comes more than once oftener than another."""
    n_rounds = math.ceil(n_draws / len(rows))
    return np.concatenate([rng.permutation(rows) for _ in range(n_rounds)])[:n_draws]


class TripletBatches:
    """Batches of one epoch after another; iterate once an epoch.

    Parameters
    ----------
    arrays : TripletArrays
        Rows; stamps may be a memory map.
    config : BatchConfig
        Size, balance, workers.
    seed : int
        With the epoch's number it fixes the order.
    shuffle : bool, default True
        False gives all rows in order, unbalanced.
    rank, world_size : int
        This process and the number of processes; each gets its own equal share of every epoch.
    teacher_logits : ndarray, shape (n,), optional
        NaN = none for this row.

    Examples
    --------
    >>> arrays = TripletArrays(
    ...     stamps=np.zeros((5, 3, 8, 8), np.float16),
    ...     labels=np.array([0, 1, 0, 1, 1], np.int8),
    ...     candidate_ids=np.arange(5),
    ...     object_ids=np.arange(5),
    ...     weights=np.ones(5, np.float32),
    ...     targets=np.array([0, 1, 0, 1, 1], np.float32),
    ... )
    >>> [len(batch.stamps) for batch in TripletBatches(arrays, BatchConfig(size=2), seed=0)]
    [2, 2, 1]
    """

    def __init__(
        self,
        arrays: TripletArrays,
        config: BatchConfig,
        *,
        seed: int,
        shuffle: bool = True,
        rank: int = 0,
        world_size: int = 1,
        teacher_logits: FloatArray | None = None,
    ) -> None:
        if len(arrays) == 0:
            raise InvalidInputError("no rows to make batches of; check labels and split")
        self.arrays = arrays
        self.config = config
        self.seed = seed
        self.shuffle = shuffle
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self._teacher_logits = teacher_logits
        self._weights = arrays.weights
        if config.balance is ClassBalance.WEIGHTS:
            self._weights = class_weights(arrays.labels, arrays.weights)

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return math.ceil(self._n_rows() / self.config.size)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[TripletBatch]:
        """Yield the batches of the current epoch."""
        parts = np.array_split(
            self._order(), range(self.config.size, self._n_rows(), self.config.size)
        )
        if self.config.n_workers == 0:
            yield from map(self._gather, parts)
            return
        with ThreadPoolExecutor(self.config.n_workers) as pool:
            waiting: deque[Future[TripletBatch]] = deque()
            for part in parts:
                waiting.append(pool.submit(self._gather, part))
                if len(waiting) > 2 * self.config.n_workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _n_rows(self) -> int:
        """Return the rows of this process in one epoch."""
        n_rows = len(self.arrays)
        return math.ceil(n_rows * self._n_passes() / self.world_size) if self.shuffle else n_rows

    def _n_passes(self) -> int:
        """Return how often an epoch passes over the rows."""
        return max(1, math.ceil(self.config.min_epoch_rows / len(self.arrays)))

    def _order(self) -> IntArray:
        """Return this process's row indices in the current epoch."""
        if not self.shuffle:
            return np.arange(len(self.arrays))
        rng = np.random.default_rng([self.seed, self.epoch])
        labels, balance = self.arrays.labels, self.config.balance
        passes = [_epoch_order(labels, balance, rng) for _ in range(self._n_passes())]
        order = np.concatenate(passes)
        shared = np.resize(order, self._n_rows() * self.world_size)  # wraps round: equal shares
        return shared[self.rank :: self.world_size]

    def _gather(self, rows: IntArray) -> TripletBatch:
        """Read the rows of one batch."""
        arrays = self.arrays
        stamps = torch.from_numpy(np.ascontiguousarray(arrays.stamps[rows])).float()
        teacher = self._teacher_logits
        return TripletBatch(
            stamps=stamps.contiguous(memory_format=torch.channels_last),
            targets=_float_tensor(arrays.targets[rows]),
            labels=_float_tensor(arrays.labels[rows]),
            weights=_float_tensor(self._weights[rows]),
            metadata=None if arrays.metadata is None else _float_tensor(arrays.metadata[rows]),
            teacher_logits=None if teacher is None else _float_tensor(teacher[rows]),
        )


def _float_tensor(values: FloatArray | IntArray) -> Tensor:
    """Return a float32 tensor of its own memory."""
    return torch.from_numpy(values.astype(np.float32))

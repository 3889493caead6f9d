"""Sources as a network is fed them, batch by batch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skyvet.core.arrays import FloatArray, IntArray, check_same_length
from skyvet.core.errors import InvalidInputError

__all__ = ["SourceBatch", "SourceBatches", "SourceRows"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceRows:
    """Prepared sources with what is to be learnt of them.

    Parameters
    ----------
    features : ndarray, shape (n, n_columns), float32
        From `SourceInputs.features`.
    images : ndarray, shape (n, n_images, n_dm, n_dt), float32, or None
        From `SourceInputs.images`.
    votes, weights : ndarray, shape (n, n_classes)
        Votes in [0, 1], NaN = not inspected; weights >= 0.
    source_ids : ndarray, shape (n,)
        Identifiers.
    """

    features: FloatArray
    images: FloatArray | None
    votes: FloatArray
    weights: FloatArray
    source_ids: NDArray[Any]

    def __post_init__(self) -> None:
        """Check lengths."""
        check_same_length(
            features=self.features,
            votes=self.votes,
            weights=self.weights,
            source_ids=self.source_ids,
        )

    def __len__(self) -> int:
        """Return the number of sources."""
        return len(self.source_ids)

    def take(self, indices: IntArray) -> SourceRows:
        """Return some sources."""
        return SourceRows(
            features=self.features[indices],
            images=None if self.images is None else self.images[indices],
            votes=self.votes[indices],
            weights=self.weights[indices],
            source_ids=self.source_ids[indices],
        )

    def of_class(self, i_class: int) -> SourceRows:
        """Return the same sources with the votes of one class alone."""
        only = slice(i_class, i_class + 1)
        return replace(self, votes=self.votes[:, only], weights=self.weights[:, only])


class SourceBatch(NamedTuple):
    """Sources as a network takes them, and what it shall say of them.

    Attributes
    ----------
    features : Tensor, shape (n, n_columns), float32
    images : Tensor, shape (n, n_images, n_dm, n_dt), float32, or None
    votes, weights : Tensor, shape (n, n_classes), float32
        NaN = not inspected.
    """

    features: Tensor
    images: Tensor | None
    votes: Tensor
    weights: Tensor


class SourceBatches:
    """Batches of one epoch after another; iterate once an epoch.

    Parameters
    ----------
    rows : SourceRows
        Sources to learn from, at least one.
    size : int
        Sources a batch.
    seed : int
        With the epoch's number it fixes the order.
    rank, world_size : int
        This process and the number of processes; each gets its own equal share of every epoch.

    Raises
    ------
    InvalidInputError
        If there is no source.
    """

    def __init__(
        self, rows: SourceRows, *, size: int, seed: int, rank: int = 0, world_size: int = 1
    ) -> None:
        if len(rows) == 0:
            raise InvalidInputError("no sources to make batches of; check labels and split")
        self._rows = rows
        self._size = size
        self._seed = seed
        self._rank = rank
        self._world_size = world_size
        self._epoch = 0

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return math.ceil(self._n_sources() / self._size)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[SourceBatch]:
        """Yield the batches of the current epoch."""
        rng = np.random.default_rng([self._seed, self._epoch])
        order = np.resize(rng.permutation(len(self._rows)), self._n_sources() * self._world_size)
        own = order[self._rank :: self._world_size]
        for part in np.split(own, range(self._size, len(own), self._size)):
            yield self._gather(part)

    def _n_sources(self) -> int:
        """Return the sources of this process in one epoch."""
        return math.ceil(len(self._rows) / self._world_size)

    def _gather(self, part: IntArray) -> SourceBatch:
        rows = self._rows
        return SourceBatch(
            features=_tensor(rows.features[part]),
            images=None if rows.images is None else _tensor(rows.images[part]),
            votes=_tensor(rows.votes[part]),
            weights=_tensor(rows.weights[part]),
        )


def _tensor(values: FloatArray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))

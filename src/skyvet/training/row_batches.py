"""Batches of rows without labels, for a number of steps."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import InvalidInputError

__all__ = ["RowBatches", "drawn_rows", "stamps_tensor"]


def drawn_rows(n_rows: int, n_drawn: int, *, first: int, stream: tuple[int, ...]) -> IntArray:
    """Return a stretch of an endless row of permutations, so that all rows come alike often.

    Parameters
    ----------
    n_rows : int
        Rows to draw from, > 0.
    n_drawn : int
        Length of the stretch.
    first : int
        Where it begins.
    stream : tuple of int
        Seeds; the same stream gives the same permutations.

    Returns
    -------
    ndarray, shape (n_drawn,), int64

    Examples
    --------
    >>> parts = [drawn_rows(4, 2, first=first, stream=(1,)) for first in (0, 2)]
    >>> sorted(np.concatenate(parts).tolist())
    [0, 1, 2, 3]
    """
    passes = range(first // n_rows, math.ceil((first + n_drawn) / n_rows))
    drawn = [np.random.default_rng([*stream, i]).permutation(n_rows) for i in passes]
    start = first - passes.start * n_rows
    return np.concatenate([np.zeros(0, dtype=np.int64), *drawn])[start : start + n_drawn]


def stamps_tensor(stamps: FloatArray, rows: IntArray) -> Tensor:
    """Return rows of prepared stamps as a float32 tensor, channels last."""
    values = torch.from_numpy(np.ascontiguousarray(stamps[rows])).float()
    return values.contiguous(memory_format=torch.channels_last)


class RowBatches:
    """A fixed number of batches of stamps an epoch.

    Parameters
    ----------
    stamps : ndarray, shape (n, n_planes, size, size)
        Prepared stamps; may be a memory map.
    size : int
        Rows a batch.
    n_steps : int
        Batches an epoch.
    seed : int
        With the epoch's number it fixes the order.
    rank : int, default 0
        This process; each draws rows of its own.

    Examples
    --------
    >>> batches = RowBatches(np.zeros((5, 3, 8, 8), np.float16), size=4, n_steps=2, seed=0)
    >>> [len(batch) for batch in batches]
    [4, 4]
    """

    def __init__(
        self, stamps: FloatArray, *, size: int, n_steps: int, seed: int, rank: int = 0
    ) -> None:
        if len(stamps) == 0 or size < 1 or n_steps < 1:
            raise InvalidInputError(
                f"rows, size and n_steps must be > 0, got {len(stamps)}, {size} and {n_steps}"
            )
        self._stamps = stamps
        self._size = size
        self._n_steps = n_steps
        self._stream = (seed, rank)
        self._epoch = 0

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return self._n_steps

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[Tensor]:
        """Yield the batches of the current epoch."""
        n_drawn = self._size * self._n_steps
        first = self._epoch * n_drawn
        rows = drawn_rows(len(self._stamps), n_drawn, first=first, stream=self._stream)
        for part in rows.reshape(self._n_steps, self._size):
            yield stamps_tensor(self._stamps, np.sort(part))

"""Steps that see a few labelled rows and many unlabelled ones at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from skyvet.core.arrays import FloatArray, IntArray, check_same_length
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.batches import BatchConfig, ClassBalance, TripletBatch, TripletBatches
from skyvet.preprocessing.pools import CandidatePool
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.training.row_batches import drawn_rows, stamps_tensor

__all__ = [
    "MixedBatch",
    "MixedBatchConfig",
    "MixedBatches",
    "UnlabelledBatch",
    "UnlabelledRows",
]

_UNLABELLED_STREAM = 0x756E6C


class MixedBatchConfig(Config):
    """Rows of one step, and how the labelled ones are drawn."""

    n_labelled: int = Field(default=32, ge=2, description="labelled rows a step")
    unlabelled_ratio: float = Field(
        default=3.0, ge=0, description="unlabelled rows for each labelled row of a step; 0 = none"
    )
    balance: ClassBalance = Field(
        default=ClassBalance.NONE,
        description="even out the labelled classes: none, by weights, or by drawing both alike",
    )

    @property
    def n_unlabelled(self) -> int:
        """Unlabelled rows a step."""
        return round(self.n_labelled * self.unlabelled_ratio)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnlabelledRows:
    """Rows without a label, some with a pseudo-label.

    Parameters
    ----------
    pool : CandidatePool
        The rows.
    targets : ndarray, shape (n,), float32, optional
        Pseudo-label in [0, 1]; NaN = none. None has no pseudo-label at all.
    weights : ndarray, shape (n,), float32, optional
        Trust in each pseudo-label, >= 0; 1 by default.
    """

    pool: CandidatePool
    targets: FloatArray | None = None
    weights: FloatArray | None = None

    def __post_init__(self) -> None:
        """Check lengths."""
        given = {"targets": self.targets, "weights": self.weights}
        columns = {name: column for name, column in given.items() if column is not None}
        check_same_length(pool=self.pool.stamps, **columns)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.pool)


class UnlabelledBatch(NamedTuple):
    """Unlabelled rows as tensors.

    Attributes
    ----------
    stamps : Tensor, shape (n, n_planes, size, size), float32, channels last
    metadata : Tensor, shape (n, k), float32, or None
    targets : Tensor, shape (n,), float32
        Pseudo-label; NaN = none.
    weights : Tensor, shape (n,), float32
    """

    stamps: Tensor
    metadata: Tensor | None
    targets: Tensor
    weights: Tensor


class MixedBatch(NamedTuple):
    """What one step sees.

    Attributes
    ----------
    labelled : TripletBatch
    unlabelled : UnlabelledBatch or None
    """

    labelled: TripletBatch
    unlabelled: UnlabelledBatch | None


class MixedBatches:
    """A fixed number of steps an epoch, each with labelled and unlabelled rows.

    Both kinds come in permutations, so that no row is drawn more than once oftener than another.

    Parameters
    ----------
    labelled : TripletArrays
        At least one row.
    unlabelled : UnlabelledRows or None
        None, or no row, gives steps of labelled rows alone.
    config : MixedBatchConfig
        Rows a step.
    n_steps : int
        Steps an epoch.
    seed : int
        With the epoch's number it fixes the order.
    rank, world_size : int
        This process and their number; each draws rows of its own.

    Examples
    --------
    >>> from skyvet.preprocessing.pools import BoughtLabels
    >>> pool = CandidatePool(
    ...     stamps=np.zeros((9, 3, 8, 8), np.float16),
    ...     candidate_ids=np.arange(9),
    ...     object_ids=np.arange(9),
    ... )
    >>> bought = BoughtLabels(i_row=np.array([0, 1]), labels=np.array([0, 1], np.int8))
    >>> batches = MixedBatches(
    ...     pool.labelled(bought),
    ...     UnlabelledRows(pool=pool),
    ...     MixedBatchConfig(n_labelled=4, unlabelled_ratio=2.0),
    ...     n_steps=3,
    ...     seed=0,
    ... )
    >>> [(len(batch.labelled.stamps), len(batch.unlabelled.stamps)) for batch in batches]
    [(4, 8), (4, 8), (4, 8)]
    """

    def __init__(
        self,
        labelled: TripletArrays,
        unlabelled: UnlabelledRows | None,
        config: MixedBatchConfig,
        *,
        n_steps: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if n_steps < 1:
            raise InvalidInputError(f"n_steps must be > 0, got {n_steps}")
        has_unlabelled = unlabelled is not None and len(unlabelled) > 0 and config.n_unlabelled > 0
        self._unlabelled = unlabelled if has_unlabelled else None
        self._n_unlabelled = config.n_unlabelled
        self._n_steps = n_steps
        self._stream = (seed, rank, _UNLABELLED_STREAM)
        self._epoch = 0
        # A batch more than needed: the last one of an epoch may be short.
        n_rows = config.n_labelled * (n_steps + 1) * world_size
        self._labelled = TripletBatches(
            labelled,
            BatchConfig(size=config.n_labelled, balance=config.balance, min_epoch_rows=n_rows),
            seed=seed,
            rank=rank,
            world_size=world_size,
        )

    def __len__(self) -> int:
        """Return the number of steps of an epoch."""
        return self._n_steps

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass."""
        self._epoch = epoch
        self._labelled.set_epoch(epoch)

    def __iter__(self) -> Iterator[MixedBatch]:
        """Yield the steps of the current epoch."""
        parts = self._unlabelled_parts()
        for i_step, labelled in zip(range(self._n_steps), self._labelled, strict=False):
            unlabelled = None if parts is None else self._gather(parts[i_step])
            yield MixedBatch(labelled=labelled, unlabelled=unlabelled)

    def _unlabelled_parts(self) -> IntArray | None:
        """Return the unlabelled rows of each step: permutations that go on between epochs."""
        if self._unlabelled is None:
            return None
        n_drawn = self._n_steps * self._n_unlabelled
        first = self._epoch * n_drawn
        rows = drawn_rows(len(self._unlabelled), n_drawn, first=first, stream=self._stream)
        return rows.reshape(self._n_steps, self._n_unlabelled)

    def _gather(self, rows: IntArray) -> UnlabelledBatch:
        """Read the unlabelled rows of one step."""
        assert self._unlabelled is not None
        held, order = self._unlabelled, np.sort(rows)  # in order: kinder to a memory map
        metadata = held.pool.metadata
        return UnlabelledBatch(
            stamps=stamps_tensor(held.pool.stamps, order),
            metadata=None if metadata is None else torch.from_numpy(metadata[order]).float(),
            targets=_column(held.targets, order, missing=np.nan),
            weights=_column(held.weights, order, missing=1.0),
        )


def _column(values: FloatArray | None, rows: IntArray, *, missing: float) -> Tensor:
    """Return the rows of a column; where there is none, `missing` throughout."""
    if values is None:
        return torch.full((len(rows),), missing)
    return torch.from_numpy(values[rows].astype(np.float32))

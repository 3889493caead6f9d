"""Candidates without labels, as arrays: what few-label learning draws on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray, check_same_length
from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.triplets import TripletArrays

__all__ = ["BoughtLabels", "CandidatePool"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoughtLabels:
    """The labels that a pool has so far.

    Parameters
    ----------
    i_row : ndarray, shape (k,), intp
        Rows of the pool; each at most once.
    labels : ndarray, shape (k,), int8
        1 = REAL, 0 = BOGUS; UNKNOWN is left out.
    weights : ndarray, shape (k,), float32, optional
        Trust in each label, >= 0; all 1 by default.

    Raises
    ------
    InvalidInputError
        If lengths differ, a row is named twice, or a label is not 0 or 1.
    """

    i_row: IntArray
    labels: IntArray
    weights: FloatArray | None = None

    def __post_init__(self) -> None:
        """Check lengths, rows and labels."""
        check_same_length(i_row=self.i_row, labels=self.labels)
        if len(np.unique(self.i_row)) != len(self.i_row):
            raise InvalidInputError("i_row must name each row of the pool at most once")
        if not np.isin(self.labels, (0, 1)).all():
            raise InvalidInputError("labels must be 1 (REAL) or 0 (BOGUS); remove UNKNOWN first")
        if self.weights is not None:
            check_same_length(labels=self.labels, weights=self.weights)

    def __len__(self) -> int:
        """Return the number of labels."""
        return len(self.labels)

    @classmethod
    def none(cls) -> BoughtLabels:
        """Return the start: no label at all."""
        return cls(i_row=np.zeros(0, dtype=np.intp), labels=np.zeros(0, dtype=np.int8))

    def joined(self, other: BoughtLabels) -> BoughtLabels:
        """Return these labels and then the others.

        Examples
        --------
        >>> first = BoughtLabels(i_row=np.array([4]), labels=np.array([1]))
        >>> len(first.joined(BoughtLabels(i_row=np.array([2, 3]), labels=np.array([0, 0]))))
        3
        """
        return BoughtLabels(
            i_row=np.concatenate([self.i_row, other.i_row]).astype(np.intp),
            labels=np.concatenate([self.labels, other.labels]).astype(np.int8),
            weights=None
            if self.weights is None and other.weights is None
            else np.concatenate([self.row_weights(), other.row_weights()]),
        )

    def row_weights(self) -> FloatArray:
        """Return the weights, 1 where none were given."""
        return np.ones(len(self), dtype=np.float32) if self.weights is None else self.weights


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CandidatePool:
    """Model-ready stamps with identities and no labels.

    Parameters
    ----------
    stamps : ndarray, shape (n, n_planes, size, size), float16 or float32
        From `skyvet.preprocessing.normalization.prepare_stamps`; missing pixels are 0. May be a
        memory map.
    candidate_ids, object_ids : ndarray, shape (n,), int64 or str
        The survey's identifiers.
    metadata : ndarray, shape (n, k), float32, optional
        Scalar features; NaN = missing.
    metadata_names : tuple of str
        Their names, in column order.
    """

    stamps: FloatArray
    candidate_ids: NDArray[Any]
    object_ids: NDArray[Any]
    metadata: FloatArray | None = None
    metadata_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check lengths."""
        check_same_length(
            stamps=self.stamps, candidate_ids=self.candidate_ids, object_ids=self.object_ids
        )

    def __len__(self) -> int:
        """Return the number of candidates."""
        return len(self.stamps)

    @property
    def n_planes(self) -> int:
        """Number of input planes."""
        return int(self.stamps.shape[1])

    @property
    def stamp_px(self) -> int:
        """Side of the stamps [pixels]."""
        return int(self.stamps.shape[-1])

    def take(self, indices: IntArray) -> CandidatePool:
        """Return the given rows, in the given order."""
        return CandidatePool(
            stamps=self.stamps[indices],
            candidate_ids=self.candidate_ids[indices],
            object_ids=self.object_ids[indices],
            metadata=None if self.metadata is None else self.metadata[indices],
            metadata_names=self.metadata_names,
        )

    def labelled(self, bought: BoughtLabels) -> TripletArrays:
        """Return the rows that have a label, in the order of the labels.

        Raises
        ------
        InvalidInputError
            If a label belongs to no row, or a stamp of those rows is not finite.

        Examples
        --------
        >>> pool = CandidatePool(
        ...     stamps=np.zeros((3, 3, 9, 9), np.float32),
        ...     candidate_ids=np.arange(3),
        ...     object_ids=np.arange(3),
        ... )
        >>> rows = BoughtLabels(i_row=np.array([2, 0]), labels=np.array([1, 0]))
        >>> pool.labelled(rows).candidate_ids
        array([2, 0])
        """
        outside = bought.i_row[(bought.i_row < 0) | (bought.i_row >= len(self))]
        if len(outside):
            raise InvalidInputError(
                f"bought labels name row {outside[0]} in a pool of {len(self)} candidates; give "
                "the labels of this pool, by its rows from 0"
            )
        rows = self.take(bought.i_row)
        _check_finite(rows)
        return TripletArrays(
            stamps=rows.stamps,
            labels=bought.labels.astype(np.int8),
            candidate_ids=rows.candidate_ids,
            object_ids=rows.object_ids,
            weights=bought.row_weights(),
            targets=bought.labels.astype(np.float32),
            metadata=rows.metadata,
            metadata_names=rows.metadata_names,
        )


def _check_finite(rows: CandidatePool) -> None:
    is_bad = ~np.isfinite(rows.stamps).all(axis=(1, 2, 3))
    if is_bad.any():
        raise InvalidInputError(
            f"stamps must be finite, got NaN or inf in {int(is_bad.sum())} labelled rows, the "
            f"first is candidate {rows.candidate_ids[np.argmax(is_bad)]}; prepare them with "
            "prepare_stamps, which makes missing pixels 0"
        )

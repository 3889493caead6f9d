"""Labelled triplets as arrays: what training reads."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray, check_same_length
from skyvet.core.errors import InvalidInputError
from skyvet.records.cutouts import N_CUTOUT_KINDS

__all__ = ["TripletArrays", "join_triplets"]

_N_ROWS_LOOKED_AT = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TripletArrays:
    """Model-ready stamps with their labels and identities.

    Parameters
    ----------
    stamps : ndarray, shape (n, n_planes, size, size), float16 or float32
        From `skyvet.preprocessing.normalization.prepare_stamps`; missing pixels are 0.
    labels : ndarray, shape (n,), int8
        1 = REAL, 0 = BOGUS; UNKNOWN rows were removed.
    candidate_ids, object_ids : ndarray, shape (n,), int64 or str
        The survey's identifiers; splits are grouped by object.
    weights : ndarray, shape (n,), float32
        Weight of each row in the loss, >= 0.
    targets : ndarray, shape (n,), float32
        What the network is taught, in [0, 1]: the label, or a teacher's probability.
    metadata : ndarray, shape (n, k), float32, optional
        Scalar features; NaN = missing.
    metadata_names : tuple of str
        Their names, in column order.

    Raises
    ------
    InvalidInputError
        If lengths differ or a label is not 0 or 1.
    """

    stamps: FloatArray
    labels: IntArray
    candidate_ids: NDArray[Any]
    object_ids: NDArray[Any]
    weights: FloatArray
    targets: FloatArray
    metadata: FloatArray | None = None
    metadata_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check lengths and labels."""
        columns = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name != "metadata_names" and getattr(self, field.name) is not None
        }
        check_same_length(**columns)
        if not np.isin(self.labels, (0, 1)).all():
            raise InvalidInputError("labels must be 1 (REAL) or 0 (BOGUS); remove UNKNOWN first")

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.labels)

    @property
    def n_planes(self) -> int:
        """Number of input planes."""
        return int(self.stamps.shape[1])

    @property
    def stamp_px(self) -> int:
        """Side of the stamps [pixels]."""
        return int(self.stamps.shape[-1])

    @property
    def has_mask_planes(self) -> bool:
        """Whether planes 3 to 5 are masks: in the first rows they hold nothing but 0 and 1."""
        planes = self.stamps[:_N_ROWS_LOOKED_AT, N_CUTOUT_KINDS : 2 * N_CUTOUT_KINDS]
        return planes.size > 0 and bool(np.isin(planes, (0, 1)).all())

    def take(self, indices: IntArray) -> TripletArrays:
        """Return the given rows, in the given order."""
        return TripletArrays(
            stamps=self.stamps[indices],
            labels=self.labels[indices],
            candidate_ids=self.candidate_ids[indices],
            object_ids=self.object_ids[indices],
            weights=self.weights[indices],
            targets=self.targets[indices],
            metadata=None if self.metadata is None else self.metadata[indices],
            metadata_names=self.metadata_names,
        )


def join_triplets(first: TripletArrays, second: TripletArrays) -> TripletArrays:
    """Return the rows of both, the first ones first.

    Raises
    ------
    InvalidInputError
        If stamps or metadata differ in shape or names, or identifiers in type.
    """
    kinds = [
        (rows.stamps.shape[1:], rows.metadata_names, rows.object_ids.dtype.kind)
        for rows in (first, second)
    ]
    if kinds[0] != kinds[1]:
        raise InvalidInputError(
            "rows to be joined must share stamp shape, metadata names and type of identifier, "
            f"got {kinds[0]} and {kinds[1]}"
        )

    def joined(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(first, name), getattr(second, name)])

    return TripletArrays(
        stamps=joined("stamps"),
        labels=joined("labels"),
        candidate_ids=joined("candidate_ids"),
        object_ids=joined("object_ids"),
        weights=joined("weights"),
        targets=joined("targets"),
        metadata=None if first.metadata is None else joined("metadata"),
        metadata_names=first.metadata_names,
    )

"""Embedded frame sequences with labels, ready for training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray, IntArray, as_readonly
from skyvet.core.errors import InvalidInputError
from skyvet.io.embedding_store import SequenceTable
from skyvet.records.labels import LabelValue
from skyvet.records.sequences import EmbeddedSequences

__all__ = ["LabelCounts", "LabelledSequences", "label_sequences"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledSequences:
    """Objects that a person or catalogue called real or artefact.

    Parameters
    ----------
    sequences : EmbeddedSequences
        Their frames.
    labels : ndarray, shape (n,), int8
        1 = REAL, 0 = BOGUS (the light curve is spoilt by an artefact). UNKNOWN was left out.
    tags : tuple of tuple of str
        Kinds of artefacts or of objects, one tuple an object; may be empty.
    weights : ndarray, shape (n,), float32
        Sample weights >= 0.

    Raises
    ------
    InvalidInputError
        If lengths differ or a label is neither 0 nor 1.
    """

    sequences: EmbeddedSequences
    labels: IntArray
    tags: tuple[tuple[str, ...], ...]
    weights: FloatArray

    def __post_init__(self) -> None:
        """Check lengths and values and make arrays read-only."""
        object.__setattr__(self, "labels", as_readonly(self.labels, np.int8))
        object.__setattr__(self, "weights", as_readonly(self.weights, np.float32))
        lengths = {len(self.sequences), len(self.labels), len(self.tags), len(self.weights)}
        if len(lengths) > 1:
            raise InvalidInputError(f"sequences, labels, tags, weights differ in length: {lengths}")
        if not np.isin(self.labels, (0, 1)).all():
            raise InvalidInputError("labels must be 1 (REAL) or 0 (BOGUS); leave out UNKNOWN")

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.labels)

    def take(self, indices: IntArray) -> LabelledSequences:
        """Return some objects, in the order given."""
        return LabelledSequences(
            sequences=self.sequences.take(indices),
            labels=self.labels[indices],
            tags=tuple(self.tags[i] for i in indices),
            weights=self.weights[indices],
        )

    def has_tag(self, tag: str) -> IntArray:
        """Return 1 for the objects that carry a tag, 0 for the others; shape (n,), int8."""
        return np.array([tag in tags for tags in self.tags], dtype=np.int8)

    def without_light_curve(self) -> LabelledSequences:
        """Return the same objects without light-curve features."""
        return LabelledSequences(
            sequences=self.sequences.without_light_curve(),
            labels=self.labels,
            tags=self.tags,
            weights=self.weights,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCounts:
    """Where the objects of a table went.

    Parameters
    ----------
    n_real, n_bogus : int
        Objects that train.
    n_unknown : int
        Objects that a person called UNKNOWN.
    n_unlabelled : int
        Objects that nobody labelled.
    """

    n_real: int
    n_bogus: int
    n_unknown: int
    n_unlabelled: int


def label_sequences(
    table: SequenceTable, labels: Mapping[str, LabelValue] | None = None
) -> tuple[LabelledSequences, LabelCounts]:
    """Keep the objects that somebody called REAL or BOGUS.

    Parameters
    ----------
    table : SequenceTable
        Objects with the labels that came with them.
    labels : mapping of str to LabelValue, optional
        Labels by object identifier (as text) to use instead of those of the table.

    Returns
    -------
    labelled : LabelledSequences
        In the table's order, all weights 1.
    counts : LabelCounts
        Where all objects went.

    Raises
    ------
    InvalidInputError
        If no object has a label.
    """
    found = table.labels
    if labels is not None:
        found = tuple(labels.get(str(i)) for i in table.sequences.object_ids.tolist())
    counts = LabelCounts(
        n_real=found.count(LabelValue.REAL),
        n_bogus=found.count(LabelValue.BOGUS),
        n_unknown=found.count(LabelValue.UNKNOWN),
        n_unlabelled=found.count(None),
    )
    rows = np.flatnonzero([value in {LabelValue.REAL, LabelValue.BOGUS} for value in found])
    if len(rows) == 0:
        raise InvalidInputError(
            f"none of the {len(table)} objects is labelled real or bogus; give a label file whose "
            "candidate_id is the object's identifier"
        )
    labelled = LabelledSequences(
        sequences=table.sequences.take(rows),
        labels=np.array([found[row] is LabelValue.REAL for row in rows]),
        tags=tuple(table.tags[row] for row in rows),
        weights=np.ones(len(rows)),
    )
    return labelled, counts

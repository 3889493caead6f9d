"""Sources with features and votes side by side: what a classifier of sources learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray, as_readonly
from skyvet.core.errors import InvalidInputError, LabelError
from skyvet.records.feature_table import FeatureTable
from skyvet.records.source_labels import SourceLabels, imply_labels
from skyvet.records.source_taxonomy import SourceTaxonomy

__all__ = ["LabelledSources", "SourceMatch", "label_sources"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledSources:
    """Rows of features and their votes.

    Parameters
    ----------
    table : FeatureTable
        Features of n rows; a source may have several (one a band or field).
    taxonomy : SourceTaxonomy
        The tree that the classes belong to.
    tags : tuple of str
        Classes, those above before those below.
    votes : ndarray, shape (n, len(tags)), float64
        From 0 to 1; NaN = not inspected, or takes no part.
    weights : ndarray, shape (n, len(tags)), float64
        How much each vote counts.
    groups : ndarray, shape (n,)
        Rows of one group never stand on two sides of a split: the source, or its part of the sky.

    Raises
    ------
    InvalidInputError
        If shapes disagree.
    """

    table: FeatureTable
    taxonomy: SourceTaxonomy
    tags: tuple[str, ...]
    votes: FloatArray
    weights: FloatArray
    groups: NDArray[Any]

    def __post_init__(self) -> None:
        """Check shapes and make arrays read-only."""
        object.__setattr__(self, "votes", as_readonly(self.votes, np.float64))
        object.__setattr__(self, "weights", as_readonly(self.weights, np.float64))
        shape = (len(self.table), len(self.tags))
        if self.votes.shape != shape or self.weights.shape != shape:
            raise InvalidInputError(
                f"votes and weights must have shape {shape}, got {self.votes.shape} and "
                f"{self.weights.shape}"
            )
        if np.shape(self.groups) != (len(self.table),):
            raise InvalidInputError(f"groups must have one entry a row ({len(self.table)})")

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.table)

    def column(self, tag: str) -> int:
        """Return the place of a class."""
        return self.tags.index(tag)

    def take(self, indices: IntArray) -> LabelledSources:
        """Return some rows, in the order given."""
        return replace(
            self,
            table=self.table.take(indices),
            votes=self.votes[indices],
            weights=self.weights[indices],
            groups=self.groups[indices],
        )

    def select(self, tags: Sequence[str]) -> LabelledSources:
        """Return the rows with these classes only, those above before those below."""
        ordered = self.taxonomy.top_down(tags)
        places = [self.tags.index(tag) for tag in ordered]
        return replace(
            self, tags=ordered, votes=self.votes[:, places], weights=self.weights[:, places]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMatch:
    """How labels and features met.

    Parameters
    ----------
    n_rows : int
        Rows of features.
    n_labelled : int
        Rows that have a vote.
    n_unlabelled : int
        Rows without any; left out.
    n_absent : int
        Labelled sources that have no features; left out.
    """

    n_rows: int
    n_labelled: int
    n_unlabelled: int
    n_absent: int


def label_sources(
    table: FeatureTable,
    labels: SourceLabels,
    taxonomy: SourceTaxonomy,
    *,
    groups: NDArray[Any] | None = None,
    label_ids: NDArray[Any] | None = None,
) -> tuple[LabelledSources, SourceMatch]:
    """Lay votes on features by identifier, and complete them by the tree.

    Parameters
    ----------
    table : FeatureTable
        Features.
    labels : SourceLabels
        Votes on classes of the taxonomy; see `imply_labels`.
    taxonomy : SourceTaxonomy
        The tree.
    groups : ndarray, shape (n,), optional
        What may not be parted; the identifiers of the rows where not given.
    label_ids : ndarray, shape (n,), optional
        Identifier by which the labels know each row; that of the table where not given.

    Returns
    -------
    labelled : LabelledSources
        Rows with a vote, and one column for every class of the taxonomy.
    match : SourceMatch
        Counts.

    Raises
    ------
    LabelError
        If no label belongs to a row.

    Examples
    --------
    >>> from skyvet.records.source_taxonomy import TaxonomyNode
    >>> tree = SourceTaxonomy(name="t", nodes=(TaxonomyNode(tag="agn", name="AGN"),))
    >>> table = FeatureTable(source_ids=np.array([1, 2]), names=("a",), values=np.zeros((2, 1)))
    >>> labels = SourceLabels(source_ids=np.array([2, 5]), tags=("agn",), votes=np.ones((2, 1)))
    >>> labelled, match = label_sources(table, labels, tree)
    >>> labelled.table.source_ids.tolist(), match.n_unlabelled, match.n_absent
    ([2], 1, 1)
    """
    full = imply_labels(labels, taxonomy).select(taxonomy.top_down())
    has_vote = np.asarray(np.any(full.is_inspected, axis=1), dtype=np.bool_)
    row_of = full.of_sources(table.source_ids if label_ids is None else label_ids)
    rows = np.flatnonzero((row_of >= 0) & has_vote[row_of])
    if not len(rows):
        raise LabelError(
            f"none of {len(labels)} labelled sources is among the {len(table)} rows of features; "
            "check that both name their sources alike"
        )
    found = row_of[rows]
    assert full.weights is not None
    labelled = LabelledSources(
        table=table.take(rows),
        taxonomy=taxonomy,
        tags=full.tags,
        votes=full.votes[found],
        weights=full.weights[found],
        groups=(table.source_ids if groups is None else np.asarray(groups))[rows],
    )
    return labelled, SourceMatch(
        n_rows=len(table),
        n_labelled=len(rows),
        n_unlabelled=len(table) - len(rows),
        n_absent=int(has_vote.sum()) - len(np.unique(found)),
    )

"""Labels of sources: how sure people are of each class, and what that implies in the tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray, as_readonly
from skyvet.core.errors import InvalidInputError
from skyvet.records.source_taxonomy import SourceTaxonomy

__all__ = [
    "CLASS_SEPARATOR",
    "SourceLabels",
    "count_contradictions",
    "imply_labels",
    "labels_of_classes",
    "votes_of_tags",
]

CLASS_SEPARATOR = "+"
"""Between the classes of one source where they are written as one text: ``e+ew``."""

_EVEN = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceLabels:
    """Votes of sources on classes.

    Parameters
    ----------
    source_ids : ndarray, shape (n,), int64 or str
        Each once.
    tags : tuple of str
        Classes, each once.
    votes : ndarray, shape (n, len(tags)), float64
        From 0 (surely not) to 1 (surely): share of votes, or how sure a person is. NaN = not
        inspected.
    weights : ndarray, shape (n, len(tags)), float64, optional
        How much each vote counts, >= 0; 1 where not given.

    Raises
    ------
    InvalidInputError
        If shapes disagree, an identifier or tag stands twice, or a vote or weight is out of range.

    Examples
    --------
    >>> labels = SourceLabels(
    ...     source_ids=np.array([7, 8]), tags=("rrab",), votes=np.array([[0.75], [np.nan]]))
    >>> labels.is_inspected.tolist()
    [[True], [False]]
    """

    source_ids: NDArray[Any]
    tags: tuple[str, ...]
    votes: FloatArray
    weights: FloatArray | None = None

    def __post_init__(self) -> None:
        """Check shapes and ranges and make arrays read-only."""
        shape = (len(self.source_ids), len(self.tags))
        weights = np.ones(shape) if self.weights is None else self.weights
        object.__setattr__(self, "votes", as_readonly(self.votes, np.float64))
        object.__setattr__(self, "weights", as_readonly(weights, np.float64))
        for name in ("votes", "weights"):
            if getattr(self, name).shape != shape:
                raise InvalidInputError(
                    f"{name} must have shape {shape}, got {getattr(self, name).shape}"
                )
        if len(set(self.tags)) < len(self.tags):
            raise InvalidInputError("a class stands twice among the tags")
        if len(np.unique(self.source_ids)) < len(self.source_ids):
            raise InvalidInputError("a source stands twice among the labels; merge its votes first")
        inspected = self.votes[self.is_inspected]
        if len(inspected) and not (inspected.min() >= 0 and inspected.max() <= 1):
            raise InvalidInputError(
                f"votes must lie in [0, 1], got {inspected.min():g} to {inspected.max():g}"
            )
        used = self._weights[self.is_inspected]
        if not (np.isfinite(used).all() and (used >= 0).all()):
            raise InvalidInputError("weights must be finite and >= 0")

    def __len__(self) -> int:
        """Return the number of sources."""
        return len(self.source_ids)

    @property
    def is_inspected(self) -> NDArray[np.bool_]:
        """True where there is a vote, shape (n, len(tags))."""
        return ~np.isnan(self.votes)

    @property
    def _weights(self) -> FloatArray:
        assert self.weights is not None
        return self.weights

    def column(self, tag: str) -> FloatArray:
        """Return the votes on one class; NaN = not inspected.

        Raises
        ------
        InvalidInputError
            If there is no such class.
        """
        if tag not in self.tags:
            raise InvalidInputError(f"there are no votes on class '{tag}'")
        return self.votes[:, self.tags.index(tag)]

    def select(self, tags: Sequence[str]) -> SourceLabels:
        """Return the votes on these classes, in this order; others than known: not inspected."""
        votes, weights = np.full((len(self), len(tags)), np.nan), np.ones((len(self), len(tags)))
        for i_tag, tag in enumerate(tags):
            if tag in self.tags:
                votes[:, i_tag] = self.column(tag)
                weights[:, i_tag] = self._weights[:, self.tags.index(tag)]
        return replace(self, tags=tuple(tags), votes=votes, weights=weights)

    def take(self, indices: IntArray) -> SourceLabels:
        """Return some sources, in the order given; none twice."""
        indices = np.asarray(indices, dtype=np.int64)
        return replace(
            self,
            source_ids=self.source_ids[indices],
            votes=self.votes[indices],
            weights=self._weights[indices],
        )

    def without_zeros(self) -> SourceLabels:
        """Return the votes with those of 0 as not inspected: tables that fill gaps by 0."""
        return replace(self, votes=np.where(self.votes == 0, np.nan, self.votes))

    def of_sources(self, source_ids: NDArray[Any]) -> IntArray:
        """Return the row of each source, -1 where it has no label.

        Parameters
        ----------
        source_ids : ndarray, shape (n,)
            Any sources; where one side has numbers and the other text, texts are compared.

        Returns
        -------
        ndarray, shape (n,), int64
        """
        own, asked = self.source_ids, np.asarray(source_ids)
        if own.dtype.kind != asked.dtype.kind:
            own, asked = own.astype(np.str_), asked.astype(np.str_)
        row_of = {identifier: row for row, identifier in enumerate(own.tolist())}
        return np.array([row_of.get(one, -1) for one in asked.tolist()], dtype=np.int64)


def imply_labels(labels: SourceLabels, taxonomy: SourceTaxonomy) -> SourceLabels:
    """Complete votes by what the tree says.

    A source of a class is one of all classes above (their vote is at least that of the class, if
    that is above one half), and a source that is not of a class is of none below. Where votes
    contradict, the finer class wins: people know the kind when they name it. The opposite of a
    class has the opposite vote. What follows from nothing stays not inspected.

    Parameters
    ----------
    labels : SourceLabels
        Votes on classes of the taxonomy.
    taxonomy : SourceTaxonomy
        The tree.

    Returns
    -------
    SourceLabels
        One column for every class of the taxonomy, in its order. An implied vote has the weight of
        the vote that it follows from.

    Raises
    ------
    InvalidInputError
        If a class is not in the taxonomy.

    Examples
    --------
    >>> from skyvet.records.source_taxonomy import TaxonomyNode
    >>> tree = SourceTaxonomy(name="t", nodes=(
    ...     TaxonomyNode(tag="rrlyr", name="RR Lyrae"),
    ...     TaxonomyNode(tag="rrab", name="RR Lyrae ab", parent="rrlyr")))
    >>> votes = np.array([[np.nan, 1.0], [0.0, np.nan], [1.0, np.nan]])
    >>> labels = SourceLabels(source_ids=np.arange(3), tags=("rrlyr", "rrab"), votes=votes)
    >>> imply_labels(labels, tree).votes.tolist()
    [[1.0, 1.0], [0.0, 0.0], [1.0, nan]]
    """
    for tag in labels.tags:
        taxonomy.node(tag)
    full = labels.select(taxonomy.tags)
    place = {tag: i for i, tag in enumerate(full.tags)}
    votes, weights = np.array(full.votes), np.array(full._weights)
    order = taxonomy.top_down()
    _raise_parents(votes, weights, [(place[t], place.get(taxonomy.node(t).parent)) for t in order])
    for tag in order:
        node = taxonomy.node(tag)
        if node.complement_of:
            _oppose(votes, weights, place[tag], place[node.complement_of])
    _lower_children(votes, weights, [(place[t], place.get(taxonomy.node(t).parent)) for t in order])
    return replace(full, votes=votes, weights=weights)


def _raise_parents(
    votes: FloatArray, weights: FloatArray, pairs: Sequence[tuple[int, int | None]]
) -> None:
    """Lift each class to the largest positive vote below it, from the bottom up."""
    for child, parent in reversed(pairs):
        if parent is None:
            continue
        vote = votes[:, child]
        is_lifted = (vote > _EVEN) & ~(votes[:, parent] >= vote)
        votes[is_lifted, parent] = vote[is_lifted]
        weights[is_lifted, parent] = weights[is_lifted, child]


def _oppose(votes: FloatArray, weights: FloatArray, opposite: int, of: int) -> None:
    """Give a class and its opposite one vote; that of the class itself wins."""
    from_opposite = np.isnan(votes[:, of]) & ~np.isnan(votes[:, opposite])
    votes[from_opposite, of] = 1.0 - votes[from_opposite, opposite]
    weights[from_opposite, of] = weights[from_opposite, opposite]
    votes[:, opposite] = 1.0 - votes[:, of]
    weights[:, opposite] = weights[:, of]


def _lower_children(
    votes: FloatArray, weights: FloatArray, pairs: Sequence[tuple[int, int | None]]
) -> None:
    """Say no to what stands below a no, from the top down."""
    for child, parent in pairs:
        if parent is None:
            continue
        vote = votes[:, parent]
        is_lowered = (vote < _EVEN) & ~(votes[:, child] <= vote)
        votes[is_lowered, child] = vote[is_lowered]
        weights[is_lowered, child] = weights[is_lowered, parent]


def count_contradictions(labels: SourceLabels, taxonomy: SourceTaxonomy) -> int:
    """Return how many sources have a yes to a class and a no to one above it.

    Examples
    --------
    >>> from skyvet.records.source_taxonomy import TaxonomyNode
    >>> tree = SourceTaxonomy(name="t", nodes=(
    ...     TaxonomyNode(tag="rrlyr", name="RR Lyrae"),
    ...     TaxonomyNode(tag="rrab", name="RR Lyrae ab", parent="rrlyr")))
    >>> labels = SourceLabels(
    ...     source_ids=np.array([1]), tags=("rrlyr", "rrab"), votes=np.array([[0.0, 1.0]]))
    >>> count_contradictions(labels, tree)
    1
    """
    is_torn = np.zeros(len(labels), dtype=bool)
    for tag in labels.tags:
        for above in taxonomy.ancestors(tag):
            if above in labels.tags:
                is_torn |= (labels.column(tag) > _EVEN) & (labels.column(above) < _EVEN)
    return int(is_torn.sum())


def labels_of_classes(
    source_ids: NDArray[Any], classes: Sequence[str], taxonomy: SourceTaxonomy
) -> tuple[SourceLabels, dict[str, int]]:
    """Turn one class a source into votes: yes to it and those above, no to all others.

    What stands below the named class is not inspected: `RR Lyrae` says nothing of `RR Lyrae ab`.

    Parameters
    ----------
    source_ids : ndarray, shape (n,)
        Each once.
    classes : sequence of str
        Tag, name or known class of another list (`SourceTaxonomy.class_tags`) of each source;
        several with ``+`` between them.
    taxonomy : SourceTaxonomy
        The tree.

    Returns
    -------
    labels : SourceLabels
        Of the sources whose class is known, on all classes of the taxonomy.
    unknown : dict of str to int
        Classes that are not known, and how many sources have them.

    Examples
    --------
    >>> from skyvet.records.source_taxonomy import TaxonomyNode
    >>> tree = SourceTaxonomy(name="t", nodes=(
    ...     TaxonomyNode(tag="rrlyr", name="RR Lyrae"), TaxonomyNode(tag="agn", name="AGN"),
    ...     TaxonomyNode(tag="rrab", name="RR Lyrae ab", parent="rrlyr")))
    >>> labels, unknown = labels_of_classes(np.array([1, 2, 3]), ["rrlyr", "agn", "comet"], tree)
    >>> labels.votes.tolist(), unknown
    ([[1.0, 0.0, nan], [0.0, 1.0, 0.0]], {'comet': 1})
    """
    row_of_class: dict[str, FloatArray | None] = {}
    for name in dict.fromkeys(classes):
        tags = _tags_of(name, taxonomy)
        row_of_class[name] = None if tags is None else votes_of_tags(tags, taxonomy)
    known = np.array([row_of_class[name] is not None for name in classes], dtype=bool)
    unknown: dict[str, int] = {}
    for name in classes:
        if row_of_class[name] is None:
            unknown[name] = unknown.get(name, 0) + 1
    rows = [row for name in classes if (row := row_of_class[name]) is not None]
    votes = np.array(rows).reshape(len(rows), len(taxonomy.tags))
    source_ids = np.asarray(source_ids)
    return SourceLabels(source_ids=source_ids[known], tags=taxonomy.tags, votes=votes), unknown


def _tags_of(name: str, taxonomy: SourceTaxonomy) -> tuple[str, ...] | None:
    """Return the tags that a class means, or several together; None where one is not known."""
    found = taxonomy.tags_of_class(name)
    if found is not None or CLASS_SEPARATOR not in name:
        return found
    parts = [taxonomy.tags_of_class(part.strip()) for part in name.split(CLASS_SEPARATOR)]
    if any(part is None for part in parts):
        return None
    return tuple(tag for part in parts for tag in part or ())


def votes_of_tags(tags: Sequence[str], taxonomy: SourceTaxonomy) -> FloatArray:
    """Return what it says of every class of a tree that a source is of some.

    Parameters
    ----------
    tags : sequence of str
        Classes of the source; none = it is of no class.
    taxonomy : SourceTaxonomy
        The tree.

    Returns
    -------
    ndarray, shape (len(taxonomy.tags),)
        1 for these and those above; NaN (not said) below the finest of them; 0 for all others.

    Examples
    --------
    >>> from skyvet.records.source_taxonomy import TaxonomyNode
    >>> tree = SourceTaxonomy(name="t", nodes=(
    ...     TaxonomyNode(tag="rrlyr", name="RR Lyrae"), TaxonomyNode(tag="agn", name="AGN"),
    ...     TaxonomyNode(tag="rrab", name="RR Lyrae ab", parent="rrlyr")))
    >>> votes_of_tags(["rrlyr"], tree).tolist()
    [1.0, 0.0, nan]
    """
    yes = {above for tag in tags for above in (tag, *taxonomy.ancestors(tag))}
    open_tags = {below for tag in tags for below in taxonomy.descendants(tag)} - yes
    votes = [1.0 if tag in yes else np.nan if tag in open_tags else 0.0 for tag in taxonomy.tags]
    for i_tag, node in enumerate(taxonomy.nodes):
        if node.complement_of and not np.isnan(votes[taxonomy.tags.index(node.complement_of)]):
            votes[i_tag] = 1.0 - votes[taxonomy.tags.index(node.complement_of)]
    return np.array(votes)

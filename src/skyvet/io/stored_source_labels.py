"""Labels of sources from a label store: what people ticked in the class tree."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import LabelError
from skyvet.core.optional import require
from skyvet.records.label_events import LabelEvent
from skyvet.records.labels import LabelValue
from skyvet.records.source_labels import CLASS_SEPARATOR, SourceLabels, votes_of_tags
from skyvet.records.source_taxonomy import SourceTaxonomy

__all__ = ["read_stored_source_labels", "source_votes"]


def read_stored_source_labels(address: str, taxonomy: SourceTaxonomy) -> SourceLabels:
    """Read the standing labels of sources from a label store.

    Parameters
    ----------
    address : str
        Path of a SQLite store, ``sqlite:///path`` or ``postgresql://...``.
    taxonomy : SourceTaxonomy
        The tree that the labellers saw.

    Returns
    -------
    SourceLabels
        See `source_votes`.

    Raises
    ------
    LabelError
        If the store holds no label of a source.
    LabelStoreError
        If the store cannot be used.
    MissingDependencyError
        If the extra ``labels`` is not installed.
    """
    stores = require("skyvet.io.label_store.store", extra="labels")
    with stores.open_label_store(address, must_exist=True) as store:
        standing, label = store.current(), store.label
    if not standing:
        raise LabelError(f"label store {label} holds no label yet")
    return source_votes(standing, taxonomy)


def source_votes(standing: Iterable[LabelEvent], taxonomy: SourceTaxonomy) -> SourceLabels:
    """Turn what labellers hold of sources into votes on every class.

    A label REAL with tags is a yes to these and all above, as sure as the labeller was, and a no
    to the others but those below the finest tag; BOGUS is a no to all; UNKNOWN says nothing. The
    vote is the mean over labellers, its weight their number.

    Parameters
    ----------
    standing : iterable of LabelEvent
        One a labeller and source, such as ``LabelStore.current()``.
    taxonomy : SourceTaxonomy
        The tree.

    Returns
    -------
    SourceLabels
        On all classes of the taxonomy; a source of which nothing is known has no vote.

    Raises
    ------
    LabelError
        If a label names a class that the tree does not have.

    Examples
    --------
    >>> from skyvet.records.source_taxonomy import TaxonomyNode
    >>> tree = SourceTaxonomy(name="t", nodes=(
    ...     TaxonomyNode(tag="e", name="eclipsing"), TaxonomyNode(tag="agn", name="AGN")))
    >>> held = [
    ...     LabelEvent(survey="ztf", candidate_id=7, labeller=name, value=value, subclass=tags)
    ...     for name, value, tags in [
    ...         ("ada", LabelValue.REAL, "e"), ("bo", LabelValue.BOGUS, ""),
    ...     ]
    ... ]
    >>> labels = source_votes(held, tree)
    >>> labels.votes.tolist(), labels.weights.tolist()
    ([[0.5, 0.0]], [[2.0, 2.0]])
    """
    by_source: dict[int | str, list[FloatArray]] = {}
    for event in standing:
        by_source.setdefault(event.candidate_id, []).append(_votes_of(event, taxonomy))
    n_tags = len(taxonomy.tags)
    stacks = [np.array(votes).reshape(-1, n_tags) for votes in by_source.values()]
    n_votes = np.array([np.isfinite(stack).sum(axis=0) for stack in stacks]).reshape(-1, n_tags)
    sums = np.array([np.nansum(stack, axis=0) for stack in stacks]).reshape(-1, n_tags)
    votes = np.where(n_votes > 0, sums / np.maximum(n_votes, 1), np.nan)
    return SourceLabels(
        source_ids=np.asarray(list(by_source)),
        tags=taxonomy.tags,
        votes=votes,
        weights=n_votes.astype(np.float64),
    )


def _votes_of(event: LabelEvent, taxonomy: SourceTaxonomy) -> FloatArray:
    """Return one labeller's votes on all classes."""
    if event.value is LabelValue.UNKNOWN or event.value is None:
        return np.full(len(taxonomy.tags), np.nan)
    tags = [tag for tag in event.subclass.split(CLASS_SEPARATOR) if tag]
    unknown = [tag for tag in tags if tag not in taxonomy]
    if unknown:
        raise LabelError(
            f"source {event.candidate_id} is labelled {event.subclass!r}, but taxonomy "
            f"'{taxonomy.name}' has no class {unknown[0]!r}; choose the one it was labelled with"
        )
    if event.value is LabelValue.REAL and not tags:
        return np.full(len(taxonomy.tags), np.nan)
    votes = votes_of_tags(tags, taxonomy)
    trust = 1.0 if math.isnan(event.confidence) else event.confidence
    return np.where(votes > 0.5, np.maximum(votes * trust, 0.0), votes)

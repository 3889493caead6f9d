"""Scores of sources beside their labels, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, as_readonly
from skyvet.core.errors import InvalidInputError, LabelError
from skyvet.records.feature_table import FeatureTable
from skyvet.records.source_labels import SourceLabels, imply_labels
from skyvet.records.source_scores import SourceScores
from skyvet.records.source_taxonomy import SourceTaxonomy

__all__ = ["ScoredClass", "SourceSample", "join_source_labels", "periods_of_sources"]

_PERIOD = "period_d"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredClass:
    """The sources on which a class can be judged.

    Parameters
    ----------
    scores : ndarray, shape (n,), float64
        Probability of the class.
    labels : ndarray, shape (n,), int8
        1 = of the class, 0 = not.
    rows : ndarray, shape (n,), int64
        Where these stand in the sample.
    n_undecided, n_not_inspected : int
        Labelled sources that were left out, and why.
    """

    scores: FloatArray
    labels: NDArray[np.int8]
    rows: NDArray[np.int64]
    n_undecided: int
    n_not_inspected: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceSample:
    """Scored sources that have labels.

    Parameters
    ----------
    source_ids : ndarray, shape (n,)
        Identifiers.
    tags : tuple of str
        Classes that have scores.
    probabilities : ndarray, shape (n, len(tags)), float64
        In [0, 1]; NaN = no score.
    votes : ndarray, shape (n, len(tags)), float64
        In [0, 1]; NaN = not inspected.
    period_d : ndarray, shape (n,), float64
        Periods to fold with [d]; NaN = unknown.
    min_vote : float
        A vote of at least this is a yes, of at most one minus this a no.
    n_scored : int
        Sources of the score table.
    n_labels_without_score : int
        Labelled sources that were not scored.

    Raises
    ------
    InvalidInputError
        If shapes disagree or a probability is out of range.
    """

    source_ids: NDArray[Any]
    tags: tuple[str, ...]
    probabilities: FloatArray
    votes: FloatArray
    period_d: FloatArray
    min_vote: float
    n_scored: int
    n_labels_without_score: int

    def __post_init__(self) -> None:
        """Check shapes and ranges and make arrays read-only."""
        shape = (len(self.source_ids), len(self.tags))
        for name in ("probabilities", "votes", "period_d"):
            object.__setattr__(self, name, as_readonly(getattr(self, name), np.float64))
        if self.probabilities.shape != shape or self.votes.shape != shape:
            raise InvalidInputError(
                f"probabilities and votes must have shape {shape}, got "
                f"{self.probabilities.shape} and {self.votes.shape}"
            )
        known = self.probabilities[~np.isnan(self.probabilities)]
        if len(known) and not (known.min() >= 0 and known.max() <= 1):
            raise InvalidInputError(
                f"probabilities must lie in [0, 1], got {known.min():g} to {known.max():g}"
            )

    def __len__(self) -> int:
        """Return the number of sources."""
        return len(self.source_ids)

    @property
    def is_yes(self) -> NDArray[np.bool_]:
        """True where a source surely is of a class, shape (n, len(tags))."""
        return np.asarray(self.votes >= self.min_vote)

    @property
    def is_no(self) -> NDArray[np.bool_]:
        """True where a source surely is not of a class, shape (n, len(tags))."""
        return np.asarray(self.votes <= 1.0 - self.min_vote + 1e-9)

    def of_class(self, tag: str) -> ScoredClass:
        """Return the sources on which one class can be judged."""
        i_tag = self.tags.index(tag)
        is_yes, is_no = self.is_yes[:, i_tag], self.is_no[:, i_tag]
        has_score = ~np.isnan(self.probabilities[:, i_tag])
        rows = np.flatnonzero((is_yes | is_no) & has_score)
        is_inspected = ~np.isnan(self.votes[:, i_tag])
        return ScoredClass(
            scores=self.probabilities[rows, i_tag],
            labels=is_yes[rows].astype(np.int8),
            rows=rows,
            n_undecided=int((is_inspected & ~is_yes & ~is_no).sum()),
            n_not_inspected=int((~is_inspected).sum()),
        )


def join_source_labels(
    source_ids: NDArray[Any],
    probabilities: FloatArray,
    labels: SourceLabels,
    *,
    tags: tuple[str, ...],
    taxonomy: SourceTaxonomy,
    period_d: FloatArray | None = None,
    min_vote: float = 0.7,
) -> SourceSample:
    """Put labels beside scores, completed by what the tree implies.

    Parameters
    ----------
    source_ids : ndarray, shape (n,)
        Of the score table, each once.
    probabilities : ndarray, shape (n, len(tags))
        In [0, 1]; NaN = no score.
    labels : SourceLabels
        Votes on classes of the taxonomy.
    tags : tuple of str
        Classes of the columns; of the taxonomy.
    taxonomy : SourceTaxonomy
        The tree.
    period_d : ndarray, shape (n,), optional
        Periods [d].
    min_vote : float, default 0.7
        As for `SourceSample`.

    Returns
    -------
    SourceSample
        The sources that have both.

    Raises
    ------
    LabelError
        If no scored source has a label.
    InvalidInputError
        If a class is not in the taxonomy.

    Examples
    --------
    >>> from skyvet.records.source_taxonomy import TaxonomyNode
    >>> tree = SourceTaxonomy(name="t", nodes=(TaxonomyNode(tag="rrab", name="RR Lyrae ab"),))
    >>> labels = SourceLabels(
    ...     source_ids=np.array([8, 9]), tags=("rrab",), votes=np.array([[1.0], [0.0]]))
    >>> sample = join_source_labels(
    ...     np.array([7, 8]), np.array([[0.1], [0.9]]), labels, tags=("rrab",), taxonomy=tree)
    >>> sample.source_ids.tolist(), sample.n_scored, sample.n_labels_without_score
    ([8], 2, 1)
    """
    for tag in tags:
        taxonomy.node(tag)
    full = imply_labels(labels, taxonomy).select(tags)
    row_of_label = full.of_sources(source_ids)
    has_label = np.asarray(row_of_label >= 0)
    has_vote = np.asarray(full.is_inspected.any(axis=1))
    has_label[has_label] &= has_vote[row_of_label[has_label]]
    if not has_label.any():
        raise LabelError(
            f"none of the {len(source_ids)} scored sources has a label on a scored class; are the "
            "identifiers of the score table and of the labels of one kind?"
        )
    rows = row_of_label[has_label]
    periods = np.full(len(source_ids), np.nan) if period_d is None else period_d
    return SourceSample(
        source_ids=source_ids[has_label],
        tags=tags,
        probabilities=probabilities[has_label],
        votes=full.votes[rows],
        period_d=periods[has_label],
        min_vote=min_vote,
        n_scored=len(source_ids),
        n_labels_without_score=len(full) - len(rows),
    )


def periods_of_sources(scores: SourceScores, table: FeatureTable | None) -> FloatArray:
    """Return the period of each scored source [d]: carried with the scores, or a feature.

    Parameters
    ----------
    scores : SourceScores
        Its column ``period_d`` wins.
    table : FeatureTable or None
        Its feature ``period_d`` is taken otherwise.

    Returns
    -------
    ndarray, shape (n,), float64
        NaN where unknown.
    """
    if _PERIOD in scores.columns:
        return np.asarray(scores.columns[_PERIOD], dtype=np.float64)
    if table is None or _PERIOD not in table.names:
        return np.full(len(scores), np.nan)
    periods = table.column(_PERIOD).tolist()
    period_of = dict(zip(map(str, table.source_ids.tolist()), periods, strict=True))
    return np.array([period_of.get(str(one), np.nan) for one in scores.source_ids.tolist()])

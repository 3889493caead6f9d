"""What skyvet says of sources: one probability and one verdict a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray, as_readonly
from skyvet.core.errors import InvalidInputError
from skyvet.records.source_taxonomy import SourceTaxonomy

__all__ = ["SourceScores", "VerdictRules", "join_source_scores", "once_per_source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRules:
    """How verdicts on classes follow from their probabilities.

    Parameters
    ----------
    thresholds : tuple of float
        Of each scored class, in [0, 1].
    taxonomy : SourceTaxonomy
        The tree of the classes.
    """

    thresholds: tuple[float, ...]
    taxonomy: SourceTaxonomy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceScores:
    """Class probabilities of many sources.

    Parameters
    ----------
    source_ids : ndarray, shape (n,), int64 or str
        Identifiers in the survey's own type.
    tags : tuple of str
        Classes; they do not exclude each other.
    probabilities : ndarray, shape (n, len(tags)), float64
        Probability of being of each class, in [0, 1]; never larger than that of a class above.
    is_positive : ndarray, shape (n, len(tags)), bool
        Whether the probability reaches the class's threshold and so do those of all above.
    is_calibrated : ndarray, shape (n,), bool
        False where the bundle does not know the survey, or the source has no feature at all
        (`n_missing` is their number): no verdict should be acted on.
    n_missing : ndarray, shape (n,), int32
        Features of the classifier that the source lacks.
    n_outside : ndarray, shape (n,), int32
        Features that lie outside the range of the training sources.
    bundle : str
        Name, version and hash of the bundle.
    columns : mapping of str to ndarray, shape (n,)
        What else is known of each source (position, period).
    rules : VerdictRules, optional
        How verdicts follow from probabilities; None = not known.

    Raises
    ------
    InvalidInputError
        If shapes disagree or a probability lies outside [0, 1].
    """

    source_ids: NDArray[Any]
    tags: tuple[str, ...]
    probabilities: FloatArray
    is_positive: NDArray[np.bool_]
    is_calibrated: NDArray[np.bool_]
    n_missing: IntArray
    n_outside: IntArray
    bundle: str
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    rules: VerdictRules | None = None

    def __post_init__(self) -> None:
        """Check shapes and make arrays read-only."""
        n_sources = len(self.source_ids)
        for name, kind in (("probabilities", np.float64), ("is_positive", np.bool_)):
            object.__setattr__(self, name, as_readonly(getattr(self, name), kind))
            if getattr(self, name).shape != (n_sources, len(self.tags)):
                raise InvalidInputError(
                    f"{name} must have shape ({n_sources}, {len(self.tags)}), got "
                    f"{getattr(self, name).shape}"
                )
        for name in ("is_calibrated", "n_missing", "n_outside"):
            if np.shape(getattr(self, name)) != (n_sources,):
                raise InvalidInputError(f"{name} must have one entry a source ({n_sources})")
        if self.probabilities.size and not (
            self.probabilities.min() >= 0 and self.probabilities.max() <= 1
        ):
            raise InvalidInputError("probabilities must lie in [0, 1]")

    def __len__(self) -> int:
        """Return the number of sources."""
        return len(self.source_ids)

    def column(self, tag: str) -> FloatArray:
        """Return the probability of one class.

        Raises
        ------
        InvalidInputError
            If there is no such class.
        """
        if tag not in self.tags:
            raise InvalidInputError(f"there is no class '{tag}'; there are {', '.join(self.tags)}")
        return self.probabilities[:, self.tags.index(tag)]


def join_source_scores(parts: Sequence[SourceScores]) -> SourceScores:
    """Return the sources of several scorings with one bundle, one after the other.

    Raises
    ------
    InvalidInputError
        If there is none, or they differ in classes, bundle or columns.
    """
    if len({(part.tags, part.bundle, tuple(part.columns)) for part in parts}) != 1:
        raise InvalidInputError("scores to join need one bundle and the same classes and columns")
    arrays = ("source_ids", "probabilities", "is_positive", "is_calibrated", "n_missing")
    return SourceScores(
        **{name: np.concatenate([getattr(p, name) for p in parts]) for name in arrays},
        n_outside=np.concatenate([part.n_outside for part in parts]),
        tags=parts[0].tags,
        bundle=parts[0].bundle,
        rules=parts[0].rules,
        columns={
            name: np.concatenate([part.columns[name] for part in parts])
            for name in parts[0].columns
        },
    )


def once_per_source(scores: SourceScores) -> tuple[SourceScores, int]:
    """Return the first row of each source, in their order.

    Parameters
    ----------
    scores : SourceScores
        Sources may stand in several rows.

    Returns
    -------
    scores : SourceScores
        The same object where none does.
    n_repeated : int
        Rows that were left out.

    Examples
    --------
    >>> scores = SourceScores(
    ...     source_ids=np.array([7, 5, 7]), tags=("agn",),
    ...     probabilities=np.array([[0.9], [0.2], [0.4]]), is_positive=np.zeros((3, 1), bool),
    ...     is_calibrated=np.ones(3, bool), n_missing=np.zeros(3, np.int32),
    ...     n_outside=np.zeros(3, np.int32), bundle="b-1")
    >>> once, n_repeated = once_per_source(scores)
    >>> once.source_ids.tolist(), once.column("agn").tolist(), n_repeated
    ([7, 5], [0.9, 0.2], 1)
    """
    _, first = np.unique(scores.source_ids, return_index=True)
    n_repeated = len(scores) - len(first)
    if not n_repeated:
        return scores, 0
    rows = np.sort(first)
    names = ("source_ids", "probabilities", "is_positive", "is_calibrated", "n_missing")
    return replace(
        scores,
        **{name: getattr(scores, name)[rows] for name in names},
        n_outside=scores.n_outside[rows],
        columns={name: values[rows] for name, values in scores.columns.items()},
    ), n_repeated

"""One door for labels that commands use: a label file, or a label store of one or more labellers.

From a store, each candidate gets the label that most of its labellers hold. UNKNOWN is no vote
where others say REAL or BOGUS. Where as many say REAL as BOGUS, the candidate becomes UNKNOWN:
it is left out of losses and metrics, and counted.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from skyvet.core.errors import LabelError
from skyvet.core.optional import require
from skyvet.io.label_files import read_labels
from skyvet.io.tables import identifier_array
from skyvet.records.identifiers import Identifier
from skyvet.records.label_events import LabelEvent
from skyvet.records.labels import LabelValue

__all__ = ["is_label_store", "majority_labels", "read_label_source"]

_SQLITE_MAGIC = b"SQLite format 3\0"
_logger = logging.getLogger(__name__)


def is_label_store(source: str | Path) -> bool:
    """Say whether an address is that of a label store: a URL, or a SQLite file.

    Examples
    --------
    >>> is_label_store("postgresql://db.example.org/labels"), is_label_store("labels.csv")
    (True, False)
    """
    if "://" in str(source):
        return True
    try:
        with Path(source).open("rb") as handle:
            return handle.read(len(_SQLITE_MAGIC)) == _SQLITE_MAGIC
    except OSError:
        return False


def read_label_source(source: str | Path, *, survey: str | None = None) -> pa.Table:
    """Read labels from a label file or a label store.

    Parameters
    ----------
    source : str or Path
        A ``.csv`` or ``.parquet`` file, the path of a SQLite label store, ``sqlite:///path`` or
        ``postgresql://...``.
    survey : str, optional
        From a store, only labels of this survey; label files have none.

    Returns
    -------
    Table
        As `skyvet.io.label_files.read_labels` gives it; one row a candidate.

    Raises
    ------
    LabelError
        If a label file cannot be used, or a store holds no label, or the same identifier in two
        surveys.
    LabelStoreError
        If a store cannot be used.
    MissingDependencyError
        If the extra ``labels`` is not installed.
    """
    if not is_label_store(source):
        return read_labels(source)
    stores = require("skyvet.io.label_store.store", extra="labels")
    with stores.open_label_store(source, must_exist=True) as store:
        standing = [event for event in store.current() if survey in (None, event.survey)]
        label = store.label
    if not standing:
        of_survey = f" of survey {survey}" if survey else ""
        raise LabelError(f"label store {label} holds no label{of_survey} yet")
    return majority_labels(standing)


def majority_labels(standing: Iterable[LabelEvent]) -> pa.Table:
    """Return the label that most labellers hold of each candidate.

    Parameters
    ----------
    standing : iterable of LabelEvent
        One LABEL a labeller and candidate.

    Returns
    -------
    Table
        candidate_id, label, object_id, subclass, source (the labellers). A tie is ``unknown``; a
        subclass is given where all who hold the label and name one name the same.

    Raises
    ------
    LabelError
        If two surveys have a candidate of the same identifier.

    Examples
    --------
    >>> held = {"ada": LabelValue.REAL, "bo": LabelValue.REAL, "cy": LabelValue.BOGUS}
    >>> votes = [
    ...     LabelEvent(survey="ztf", candidate_id=7, labeller=name, value=value)
    ...     for name, value in held.items()
    ... ]
    >>> majority_labels(votes).select(["candidate_id", "label", "source"]).to_pylist()
    [{'candidate_id': 7, 'label': 'real', 'source': 'ada, bo, cy'}]
    """
    of_candidate: dict[str, list[LabelEvent]] = {}
    for event in standing:
        of_candidate.setdefault(str(event.candidate_id), []).append(event)
    _check_surveys(of_candidate)
    labels = [_majority(held) for held in of_candidate.values()]
    n_ties = labels.count(None)
    if n_ties:
        _logger.warning(
            "%d candidates count as unknown: as many labellers say real as say bogus", n_ties
        )
    values = [LabelValue.UNKNOWN if label is None else label for label in labels]
    groups = list(of_candidate.values())
    return pa.table(
        {
            "candidate_id": identifier_array([held[0].candidate_id for held in groups]),
            "label": pa.array([value.value for value in values], pa.string()),
            "object_id": identifier_array([_object_id(held) for held in groups]),
            "subclass": pa.array(
                [_subclass(held, value) for held, value in zip(groups, values, strict=True)],
                pa.string(),
            ),
            "source": pa.array(
                [", ".join(sorted(event.labeller for event in held)) for held in groups],
                pa.string(),
            ),
        }
    )


def _check_surveys(of_candidate: dict[str, list[LabelEvent]]) -> None:
    for text, held in of_candidate.items():
        surveys = sorted({event.survey for event in held})
        if len(surveys) > 1:
            raise LabelError(
                f"candidate {text} is in several surveys ({', '.join(surveys)}); export the labels "
                "of one with `skyvet labels export --survey`"
            )


def _majority(held: Sequence[LabelEvent]) -> LabelValue | None:
    """Return the label of most; None for a tie of REAL and BOGUS."""
    votes = Counter(event.value for event in held)
    n_real, n_bogus = votes[LabelValue.REAL], votes[LabelValue.BOGUS]
    if n_real == n_bogus:
        return None if n_real else LabelValue.UNKNOWN
    return LabelValue.REAL if n_real > n_bogus else LabelValue.BOGUS


def _object_id(held: Sequence[LabelEvent]) -> Identifier | None:
    return next((event.object_id for event in held if event.object_id is not None), None)


def _subclass(held: Sequence[LabelEvent], value: LabelValue) -> str | None:
    named = {event.subclass for event in held if event.value is value and event.subclass}
    return named.pop() if len(named) == 1 else None

"""Score tables joined with labels, turned into arrays that can be measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skyvet.core.arrays import BoolArray, FloatArray, IntArray
from skyvet.core.errors import InvalidInputError, LabelError
from skyvet.records.labels import LabelValue
from skyvet.records.scores import Verdict

__all__ = [
    "GUILTY_COLUMN",
    "LABEL_COLUMNS",
    "Sample",
    "TableCounts",
    "join_labels",
    "sample_of_table",
]

LABEL_COLUMNS = ("label", "label_subclass", "label_source")
"""Columns that `join_labels` adds to a score table; null where nobody labelled the candidate."""

GUILTY_COLUMN = "guilty_frames"
"""Column that `join_labels` adds where the labels have it: numbers of the frames of an object that
are known to hold an artefact, null where nobody knows."""

_UNMATCHED_KEY = b"skyvet.n_labels_without_score"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCounts:
    """Where every row of the joined table went; the parts add up to `n_scored`.

    Parameters
    ----------
    n_scored : int
        Rows of the score table.
    n_unlabelled : int
        Rows that nobody labelled.
    n_unknown : int
        Rows that a person labelled UNKNOWN; left out of every figure.
    n_without_score : int
        Labelled rows whose score is NaN or null; left out of every figure.
    n_real, n_bogus : int
        Rows that are measured.
    n_labels_without_score : int
        Labels whose candidate is not in the score table (beside the sum).
    """

    n_scored: int
    n_unlabelled: int
    n_unknown: int
    n_without_score: int
    n_real: int
    n_bogus: int
    n_labels_without_score: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """The labelled rows of a score table as arrays of one length n.

    Parameters
    ----------
    scores : ndarray, shape (n,), float64
        Probability of REAL, in [0, 1].
    labels : ndarray, shape (n,), int8
        1 = REAL, 0 = BOGUS.
    candidate_ids, object_ids : ndarray, shape (n,)
        The survey's identifiers in their own type; an object that is not given is its candidate.
    snr, magnitude, edge_distance_px, survey_score : ndarray, shape (n,), float64
        NaN where missing.
    flags : ndarray, shape (n,), int64
        Bits of `skyvet.records.flags.CandidateFlag`.
    band, survey, survey_score_version, label_source, label_subclass, verdict, bundle : ndarray
        Text, shape (n,); empty where missing.
    is_calibrated : ndarray, shape (n,), bool
        False where the bundle says that its probabilities do not hold.
    n_frames : ndarray, shape (n,), float64
        Frames of a sequence that were used; NaN for alerts.
    subtype : ndarray, shape (n,)
        Likeliest kind of artefact, as the classifier says; empty where missing.
    rows : ndarray, shape (n,), intp
        Row of the table that each came from.
    """

    scores: NDArray[np.float64]
    labels: NDArray[np.int8]
    candidate_ids: NDArray[Any]
    object_ids: NDArray[Any]
    snr: NDArray[np.float64]
    magnitude: NDArray[np.float64]
    edge_distance_px: NDArray[np.float64]
    survey_score: NDArray[np.float64]
    flags: IntArray
    band: NDArray[Any]
    survey: NDArray[Any]
    survey_score_version: NDArray[Any]
    label_source: NDArray[Any]
    label_subclass: NDArray[Any]
    verdict: NDArray[Any]
    bundle: NDArray[Any]
    is_calibrated: BoolArray
    n_frames: NDArray[np.float64]
    subtype: NDArray[Any]
    rows: NDArray[np.intp]

    def __len__(self) -> int:
        """Return the number of labelled candidates."""
        return len(self.scores)

    def take(self, rows: BoolArray | IntArray) -> Sample:
        """Return the rows that a mask or index array picks."""
        return Sample(**{name: getattr(self, name)[rows] for name in self.__slots__})

    @property
    def subject(self) -> Literal["candidate", "object"]:
        """What a row is: a candidate of an alert, or an object with a sequence of frames."""
        return "object" if np.isfinite(self.n_frames).any() else "candidate"

    @property
    def is_real(self) -> BoolArray:
        """True for REAL."""
        return np.asarray(self.labels == 1)


def join_labels(scores: pa.Table, labels: pa.Table) -> pa.Table:
    """Put labels beside the scores of the same candidates.

    Parameters
    ----------
    scores : pyarrow.Table
        A score table with ``candidate_id``; every row is kept, in its order.
    labels : pyarrow.Table
        ``candidate_id`` and ``label`` (real, bogus, unknown), optionally ``subclass`` and
        ``source``, as `skyvet.io.label_files.read_labels` gives, and ``guilty_frames`` (lists of
        frame numbers), as `skyvet.io.sequence_inputs.labels_of_sequences` gives.

    Returns
    -------
    pyarrow.Table
        The score table with `LABEL_COLUMNS`; null where a candidate has no label.

    Raises
    ------
    LabelError
        If identifiers have two types that cannot be compared, a candidate has two different
        labels, or no label fits any score.

    Examples
    --------
    >>> scores = pa.table({"candidate_id": [1, 2, 3], "score": [0.9, 0.2, 0.5]})
    >>> labels = pa.table({"candidate_id": [2, 1], "label": ["bogus", "real"]})
    >>> join_labels(scores, labels)["label"].to_pylist()
    ['real', 'bogus', None]
    """
    for name, table, wanted in (("score", scores, ()), ("label", labels, ("label",))):
        missing = [c for c in ("candidate_id", *wanted) if c not in table.column_names]
        if missing:
            raise LabelError(f"the {name} table needs the columns {missing} to be joined")
    ids = _ids_like(labels["candidate_id"], scores["candidate_id"].type)
    row_of_id = _first_rows(ids, labels["label"].to_pylist())
    rows = [row_of_id.get(i) for i in scores["candidate_id"].to_pylist()]
    used = {row for row in rows if row is not None}
    if not used:
        raise LabelError(
            f"none of the {len(ids)} labels fits one of the {len(rows)} scored candidates; "
            "check that both files speak of the same candidate_id"
        )
    joined = scores
    for name, source in zip(LABEL_COLUMNS, ("label", "subclass", "source"), strict=True):
        joined = _with_column(joined, name, _taken(labels, source, rows))
    if GUILTY_COLUMN in labels.column_names:
        own = labels[GUILTY_COLUMN].combine_chunks().take(pa.array(rows, pa.int64()))
        joined = _with_column(joined, GUILTY_COLUMN, own)
    metadata = {**(scores.schema.metadata or {})}
    metadata[_UNMATCHED_KEY] = str(len(row_of_id) - len(used)).encode()
    return joined.replace_schema_metadata(metadata)


def _ids_like(ids: pa.ChunkedArray, wanted: pa.DataType) -> list[Any]:
    try:
        return list(ids.cast(wanted).to_pylist())
    except pa.ArrowInvalid as error:
        raise LabelError(
            f"label identifiers ({ids.type}) do not fit the scores' identifiers ({wanted}): {error}"
        ) from error


def _first_rows(ids: list[Any], values: list[str | None]) -> dict[Any, int]:
    row_of_id: dict[Any, int] = {}
    for row, candidate_id in enumerate(ids):
        first = row_of_id.setdefault(candidate_id, row)
        if values[first] != values[row]:
            raise LabelError(
                f"candidate {candidate_id} is labelled {values[first]!r} and {values[row]!r}; "
                "settle contradictions before evaluating"
            )
    return row_of_id


def _taken(labels: pa.Table, column: str, rows: list[int | None]) -> pa.Array:
    if column not in labels.column_names:
        return pa.nulls(len(rows), pa.string())
    values = labels[column].cast(pa.string()).combine_chunks()
    return values.take(pa.array(rows, pa.int64()))


def _with_column(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    if name in table.column_names:
        table = table.drop_columns([name])
    return table.append_column(name, values)


def sample_of_table(table: pa.Table) -> tuple[Sample, TableCounts]:
    """Keep the labelled rows of a joined table and count all others.

    Parameters
    ----------
    table : pyarrow.Table
        A score table with the column ``label``. Every other column but ``candidate_id`` and
        ``score`` may be missing.

    Returns
    -------
    sample : Sample
        Rows labelled real or bogus that have a score.
    counts : TableCounts
        Where all rows went.

    Raises
    ------
    InvalidInputError
        If a needed column is missing, a label is none of real, bogus, unknown, or a score lies
        outside [0, 1].

    Examples
    --------
    >>> table = pa.table({"candidate_id": [1, 2, 3], "score": [0.9, 0.2, 0.5],
    ...                   "label": ["real", "unknown", None]})
    >>> sample, counts = sample_of_table(table)
    >>> len(sample), counts.n_unknown, counts.n_unlabelled
    (1, 1, 1)
    """
    _check_columns(table)
    labels = np.array([v or "" for v in table["label"].to_pylist()], dtype=np.str_)
    scores = _floats(table, "score")
    _check_values(labels, scores)
    is_known = np.isin(labels, [LabelValue.REAL.value, LabelValue.BOGUS.value])
    has_score = np.isfinite(scores)
    keep = is_known & has_score
    unmatched = (table.schema.metadata or {}).get(_UNMATCHED_KEY, b"0")
    counts = TableCounts(
        n_scored=table.num_rows,
        n_unlabelled=int((labels == "").sum()),
        n_unknown=int((labels == LabelValue.UNKNOWN.value).sum()),
        n_without_score=int((is_known & ~has_score).sum()),
        n_real=int((labels[keep] == LabelValue.REAL.value).sum()),
        n_bogus=int((labels[keep] == LabelValue.BOGUS.value).sum()),
        n_labels_without_score=int(unmatched),
    )
    return _sample(table, scores, labels).take(keep), counts


def _check_columns(table: pa.Table) -> None:
    missing = [c for c in ("candidate_id", "score", "label") if c not in table.column_names]
    if missing:
        raise InvalidInputError(
            f"an evaluation needs the columns {missing}; join scores with labels first"
        )


def _check_values(labels: NDArray[Any], scores: FloatArray) -> None:
    foreign = sorted(set(labels.tolist()) - {""} - {value.value for value in LabelValue})
    if foreign:
        raise InvalidInputError(f"labels must be real, bogus or unknown, got {foreign[:5]}")
    finite = scores[np.isfinite(scores)]
    if finite.size and (finite.min() < 0.0 or finite.max() > 1.0):
        raise InvalidInputError(
            f"scores must be in [0, 1], got {finite.min():g} to {finite.max():g}; "
            "apply a calibrator first"
        )


def _sample(table: pa.Table, scores: NDArray[np.float64], labels: NDArray[Any]) -> Sample:
    ids = _identifiers(table, "candidate_id")
    n_rows = table.num_rows
    has_objects = "object_id" in table.column_names and table["object_id"].null_count == 0
    verdict = _texts(table, "verdict")
    _check_verdicts(verdict)
    return Sample(
        scores=scores,
        labels=(labels == LabelValue.REAL.value).astype(np.int8),
        candidate_ids=ids,
        object_ids=_identifiers(table, "object_id") if has_objects else ids,
        snr=_floats(table, "snr"),
        magnitude=_floats(table, "magnitude"),
        edge_distance_px=_floats(table, "edge_distance_px"),
        survey_score=_floats(table, "survey_score"),
        flags=_filled(table, "flags", pa.int64(), 0),
        band=_texts(table, "band"),
        survey=_texts(table, "survey"),
        survey_score_version=_texts(table, "survey_score_version"),
        label_source=_texts(table, "label_source"),
        label_subclass=_texts(table, "label_subclass"),
        verdict=verdict,
        bundle=_texts(table, "bundle"),
        is_calibrated=(
            _filled(table, "is_calibrated", pa.bool_(), fill=True).astype(bool)
            if n_rows
            else np.zeros(0, dtype=bool)
        ),
        n_frames=_floats(table, "n_frames"),
        subtype=_texts(table, "subtype"),
        rows=np.arange(n_rows),
    )


def _check_verdicts(verdicts: NDArray[Any]) -> None:
    foreign = sorted(set(verdicts.tolist()) - {""} - {value.value for value in Verdict})
    if foreign:
        raise InvalidInputError(f"verdicts must be real, bogus or review, got {foreign[:5]}")


def _identifiers(table: pa.Table, name: str) -> NDArray[Any]:
    values = table[name].to_pylist()
    kind = object if any(isinstance(v, str) for v in values) else np.int64
    return np.array(values, dtype=kind)


def _filled(table: pa.Table, name: str, kind: pa.DataType, fill: object) -> NDArray[Any]:
    if name not in table.column_names:
        return np.full(table.num_rows, fill)
    column = pc.fill_null(table[name].cast(kind), fill)
    return np.asarray(column.to_numpy())


def _floats(table: pa.Table, name: str) -> NDArray[np.float64]:
    return _filled(table, name, pa.float64(), float("nan")).astype(np.float64)


def _texts(table: pa.Table, name: str) -> NDArray[Any]:
    return _filled(table, name, pa.string(), "").astype(object)

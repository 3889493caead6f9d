"""Label files (CSV, Parquet): read once, checked once, matched to candidates by identifier.

Columns, the first name found is taken; others are ignored:

================ ============================================ ==================================
column           names accepted                               values
================ ============================================ ==================================
``candidate_id`` candidate_id, candid, diaSourceId            whole numbers or text, never floats
``label``        label, is_real                               real, 1, true -> ``real``;
                                                              bogus, 0, false -> ``bogus``;
                                                              unknown -> ``unknown`` (any case)
``object_id``    object_id, objectId, diaObjectId; optional   as candidate_id; empty = none
``subclass``     subclass, vet_subclass; optional             text; empty = none
``source``       source, label_source; optional               text; empty = none
``weight``       weight; optional                             finite, >= 0
================ ============================================ ==================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from skyvet.core.errors import LabelError
from skyvet.io.label_cells import (
    RowFaults,
    parse_column,
    parse_identifiers,
    parse_label,
    parse_number,
    read_columns,
)
from skyvet.records.identifiers import Identifier
from skyvet.records.labels import LabelValue

__all__ = ["LABEL_COLUMNS", "MatchedLabels", "match_labels", "read_labels"]

LABEL_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "candidate_id": ("candidate_id", "candid", "diaSourceId"),
    "label": ("label", "is_real"),
    "object_id": ("object_id", "objectId", "diaObjectId"),
    "subclass": ("subclass", "vet_subclass"),
    "source": ("source", "label_source"),
    "weight": ("weight",),
}
"""Our name of each column and the names accepted in a file."""
_N_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MatchedLabels:
    """Labels laid on candidates; only REAL and BOGUS are left.

    Parameters
    ----------
    i_candidate : ndarray, shape (n,), intp
        Positions in the candidate list, rising.
    i_label : ndarray, shape (n,), intp
        Row of the label table behind each.
    labels : ndarray, shape (n,), int8
        1 = REAL, 0 = BOGUS.
    n_real, n_bogus : int
        Sum to n.
    n_unknown : int
        Candidates labelled UNKNOWN, left out.
    n_unlabelled : int
        Candidates without a label; n + n_unknown + n_unlabelled is the number of candidates.
    n_absent : int
        Labels whose candidate is not in the list.
    """

    i_candidate: NDArray[np.intp]
    i_label: NDArray[np.intp]
    labels: NDArray[np.int8]
    n_real: int
    n_bogus: int
    n_unknown: int
    n_unlabelled: int
    n_absent: int


def read_labels(path: str | Path) -> pa.Table:
    r"""Read a label file; see the module for its columns.

    Rows that repeat a candidate with the same label are merged into the first of them.

    Parameters
    ----------
    path : str or Path
        A ``.csv`` file with a header (UTF-8, comma), or ``.parquet``.

    Returns
    -------
    Table
        candidate_id (int64 where all are whole numbers, else text), label (real, bogus or
        unknown), and those of object_id, subclass, source and weight that the file has; null
        where empty. Order of the file.

    Raises
    ------
    LabelError
        If the file cannot be read, a needed column is missing, an identifier is a float or
        empty, a value is not a label, or one candidate carries two different labels or objects;
        wrong rows are all named in one error.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "labels.csv"
    >>> _ = path.write_text("candid,is_real\n1095578115815010002,1\n1095578115815010003,0\n")
    >>> read_labels(path).to_pylist()[1]
    {'candidate_id': 1095578115815010003, 'label': 'bogus'}
    """
    file = Path(path)
    raw = read_columns(file, LABEL_COLUMNS, needed=("candidate_id", "label"))
    faults = RowFaults(file)
    ids = parse_identifiers(raw["candidate_id"], faults, name="candidate", is_needed=True)
    labels = parse_column(raw["label"], parse_label, faults)
    columns: dict[str, pa.Array] = {"candidate_id": ids, "label": pa.array(labels, pa.string())}
    if "object_id" in raw:
        columns["object_id"] = parse_identifiers(
            raw["object_id"], faults, name="object", is_needed=False
        )
    for name in ("subclass", "source"):
        if name in raw:
            texts = [str(value or "").strip() or None for value in raw[name]]
            columns[name] = pa.array(texts, pa.string())
    if "weight" in raw:
        weight = partial(parse_number, name="weight", is_needed=True)
        columns["weight"] = pa.array(parse_column(raw["weight"], weight, faults), pa.float64())
    faults.raise_if_any()
    return _merge_repeats(pa.table(columns), file)


def match_labels(
    labels: pa.Table,
    candidate_ids: ArrayLike,
    *,
    absent: Literal["error", "count"] = "count",
    needs_both_classes: bool = True,
) -> MatchedLabels:
    """Lay labels on candidates by identifier.

    Parameters
    ----------
    labels : Table
        As `read_labels` gives it.
    candidate_ids : array_like, shape (n_candidates,), int or str
        Candidates at hand. A candidate that occurs twice gets its label twice. Where one side
        has numbers and the other text, they are compared as text.
    absent : {"count", "error"}, default "count"
        What to do with labels whose candidate is not at hand.
    needs_both_classes : bool, default True
        True refuses a match in which REAL or BOGUS is missing.

    Returns
    -------
    MatchedLabels

    Raises
    ------
    LabelError
        If nothing matches, a label is absent (where asked for), or a needed class is missing.

    Examples
    --------
    >>> table = pa.table({"candidate_id": [7, 8, 9], "label": ["real", "bogus", "unknown"]})
    >>> matched = match_labels(table, [9, 8, 7, 6])
    >>> matched.i_candidate, matched.labels, matched.n_unknown, matched.n_unlabelled
    (array([1, 2]), array([0, 1], dtype=int8), 1, 1)
    """
    at_hand, labelled = _comparable(candidate_ids, labels["candidate_id"])
    row_of = {identifier: i for i, identifier in enumerate(labelled)}
    rows = np.array([row_of.get(identifier, -1) for identifier in at_hand], dtype=np.intp)
    known = set(at_hand) if absent == "error" else set(labelled)
    missing = [identifier for identifier in labelled if identifier not in known]
    _check_absent(missing, rows, n_labels=len(labelled))
    n_absent = len(labelled) - len(np.unique(rows[rows >= 0]))
    values = np.array(labels["label"].to_pylist(), dtype=object)[rows]
    is_labelled = rows >= 0
    is_known = is_labelled & (values != LabelValue.UNKNOWN.value)
    is_real = (values == LabelValue.REAL.value)[is_known]
    n_real, n_bogus = int(is_real.sum()), int((~is_real).sum())
    if needs_both_classes and min(n_real, n_bogus) == 0:
        raise LabelError(
            f"labels must hold both classes, got {n_real} REAL and {n_bogus} BOGUS among the "
            f"{len(rows)} candidates at hand; add labels of the missing class"
        )
    return MatchedLabels(
        i_candidate=np.flatnonzero(is_known),
        i_label=rows[is_known],
        labels=is_real.astype(np.int8),
        n_real=n_real,
        n_bogus=n_bogus,
        n_unknown=int((is_labelled & ~is_known).sum()),
        n_unlabelled=int((~is_labelled).sum()),
        n_absent=n_absent,
    )


def _merge_repeats(table: pa.Table, path: Path) -> pa.Table:
    """Keep the first row of each candidate; refuse rows that contradict it."""
    first: dict[Identifier, int] = {}
    ids = table["candidate_id"].to_pylist()
    for name in ("label", "object_id"):
        if name in table.column_names:
            _check_agreement(ids, table[name].to_pylist(), name, path)
    for i, identifier in enumerate(ids):
        first.setdefault(identifier, i)
    return table if len(first) == len(ids) else table.take(pa.array(list(first.values())))


def _check_agreement(
    ids: Sequence[Identifier], values: Sequence[object], name: str, path: Path
) -> None:
    seen: dict[Identifier, object] = {}
    torn = {i for i, value in zip(ids, values, strict=True) if seen.setdefault(i, value) != value}
    if torn:
        raise LabelError(
            f"{path}: {len(torn)} candidates carry more than one {name}: {_show(torn)}; "
            "keep one row each"
        )


def _comparable(
    candidate_ids: ArrayLike, label_ids: pa.ChunkedArray
) -> tuple[list[Identifier], list[Identifier]]:
    at_hand: list[Identifier] = np.asarray(candidate_ids).tolist()
    labelled: list[Identifier] = label_ids.to_pylist()
    wrong = [value for value in at_hand if not isinstance(value, (int, str))]
    if wrong:
        raise LabelError(
            f"candidate_ids must be integers or text, got {type(wrong[0]).__name__} {wrong[0]!r}"
        )
    if any(isinstance(value, str) for value in [*at_hand, *labelled]):
        return [str(value) for value in at_hand], [str(value) for value in labelled]
    return at_hand, labelled


def _check_absent(missing: Sequence[Identifier], rows: NDArray[np.intp], *, n_labels: int) -> None:
    if not bool((rows >= 0).any()):
        raise LabelError(
            f"none of {n_labels} labels belongs to one of the {len(rows)} candidates at hand; "
            "check that both come from the same survey and night"
        )
    if missing:
        raise LabelError(
            f"{len(missing)} of {n_labels} labels belong to no candidate at hand: "
            f"{_show(missing)}; leave them out or ask for absent labels to be counted"
        )


def _show(identifiers: Sequence[Identifier] | set[Identifier]) -> str:
    shown = sorted(identifiers, key=str)[:_N_SHOWN]
    return ", ".join(map(str, shown)) + (", ..." if len(identifiers) > _N_SHOWN else "")

"""Label files of sources (CSV, Parquet) in three forms, told apart by their columns.

===== ==================================================== =====================================
form  columns                                              values
===== ==================================================== =====================================
wide  source, one a class (tag or name)                    vote 0 to 1; empty = not inspected
long  source, ``tag``, ``vote`` and, if any, ``weight``    one row a source and class, or a voter
plain source, ``class``                                    one class a source: no to all others
===== ==================================================== =====================================

The source's column is the first found of ``source_id``, ``object_id``, ``obj_id``, ``star_id``,
``ztf_id``, ``_id``, ``oid``, ``id``. Other columns are ignored. Several rows of a source are
several votes: they are averaged.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import LabelError
from skyvet.io.label_cells import (
    RowFaults,
    parse_column,
    parse_identifiers,
    parse_number,
    read_columns,
)
from skyvet.records.source_labels import SourceLabels, count_contradictions, labels_of_classes
from skyvet.records.source_taxonomy import SourceTaxonomy

__all__ = ["SourceLabelFile", "read_labelled_ids", "read_source_labels"]

_ID_NAMES = ("source_id", "object_id", "obj_id", "star_id", "ztf_id", "_id", "oid", "id", "ID")
_TAG_NAMES = ("tag", "class_tag")
_VOTE_NAMES = ("vote", "probability", "value")
_CLASS_NAMES = ("class", "class_name", "classification", "label")
_ID = "candidate_id"  # the name under which identifiers are checked for lost digits


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceLabelFile:
    """What a label file says, and what was left out of it.

    Parameters
    ----------
    labels : SourceLabels
        Votes as given, nothing implied.
    form : str
        ``wide``, ``long`` or ``plain``.
    n_rows : int
        Rows of the file.
    unknown_classes : mapping of str to int
        Classes that the taxonomy does not know, with their numbers of rows; left out.
    n_contradictions : int
        Sources with a yes to a class and a no to one above it; the finer class wins.
    """

    labels: SourceLabels
    form: str
    n_rows: int
    unknown_classes: Mapping[str, int]
    n_contradictions: int

    def remarks(self) -> tuple[str, ...]:
        """Return one sentence a kind of thing that a person should know; none if all is well."""
        found = []
        if self.unknown_classes:
            n_rows = sum(self.unknown_classes.values())
            shown = ", ".join(f"{name} ({n})" for name, n in [*self.unknown_classes.items()][:5])
            more = ", ..." if len(self.unknown_classes) > 5 else ""
            found.append(
                f"{n_rows} of {self.n_rows} rows name classes that the taxonomy does not have and "
                f"are left out: {shown}{more}; class_tags of a taxonomy file of your own say which "
                "of its classes such names mean"
            )
        if self.n_contradictions:
            found.append(
                f"{self.n_contradictions} sources have a yes to a class and a no to one above it; "
                "the finer class is believed"
            )
        return tuple(found)


def read_source_labels(path: Path, taxonomy: SourceTaxonomy) -> SourceLabelFile:
    r"""Read a label file; see the module for its forms.

    Parameters
    ----------
    path : Path
        A ``.csv`` file with a header (UTF-8, comma), or ``.parquet``.
    taxonomy : SourceTaxonomy
        Which columns or values are classes.

    Raises
    ------
    LabelError
        If the file cannot be read, has none of the forms, an identifier is a float, a vote lies
        outside [0, 1], or no row names a class of the taxonomy.

    Examples
    --------
    >>> import tempfile
    >>> from skyvet.records.source_taxonomy import TaxonomyNode
    >>> tree = SourceTaxonomy(name="t", nodes=(TaxonomyNode(tag="agn", name="AGN"),))
    >>> path = Path(tempfile.mkdtemp()) / "labels.csv"
    >>> _ = path.write_text("source_id,AGN\n7,0.75\n8,\n")
    >>> read_source_labels(path, tree).labels.votes.tolist()
    [[0.75], [nan]]
    """
    header = _header(path)
    tag, vote = _first(header, _TAG_NAMES), _first(header, _VOTE_NAMES)
    class_name = _first(header, _CLASS_NAMES)
    if tag and vote:
        found = _read_long(path, taxonomy, tag=tag, vote=vote)
    elif class_name and not _is_wide(header, taxonomy, class_name):
        found = _read_plain(path, taxonomy, class_name=class_name)
    else:
        found = _read_wide(path, taxonomy, header=header)
    if not len(found.labels) or not found.labels.is_inspected.any():
        raise LabelError(
            f"{path} holds no vote on a class of taxonomy '{taxonomy.name}' "
            f"({', '.join(taxonomy.tags[:8])}, ...); is it the right taxonomy?"
        )
    return found


def read_labelled_ids(path: Path) -> list[int | str]:
    """Return the sources that stand in a label file, whatever it says of them.

    Parameters
    ----------
    path : Path
        As for `read_source_labels`.

    Raises
    ------
    LabelError
        If the file cannot be read or has no column of identifiers.
    """
    _header(path)
    raw = read_columns(path, {_ID: _ID_NAMES}, needed=(_ID,))
    faults = RowFaults(path)
    ids = parse_identifiers(raw[_ID], faults, name="source", is_needed=True)
    faults.raise_if_any()
    return [*dict.fromkeys(ids.to_pylist())]


def _header(path: Path) -> list[str]:
    try:
        if path.suffix.lower() == ".parquet":
            return list(pq.read_schema(path).names)
        with path.open(encoding="utf-8-sig", newline="") as handle:
            return next(csv.reader(handle), [])
    except FileNotFoundError as error:
        raise LabelError(f"label file {path} does not exist") from error
    except (OSError, UnicodeDecodeError, pa.ArrowException, csv.Error) as error:
        raise LabelError(f"label file {path} cannot be read: {error}") from error


def _first(header: Sequence[str], names: Sequence[str]) -> str:
    return next((name for name in names if name in header), "")


def _is_wide(header: Sequence[str], taxonomy: SourceTaxonomy, class_name: str) -> bool:
    """Say whether the column that could hold classes is itself one of them."""
    return taxonomy.find_tag(class_name) is not None and len(header) > 1


def _read_wide(path: Path, taxonomy: SourceTaxonomy, *, header: Sequence[str]) -> SourceLabelFile:
    columns = {tag: c for c in header if (tag := taxonomy.find_tag(c)) and c not in _ID_NAMES}
    if not columns:
        raise LabelError(
            f"{path} has no column of votes: neither {', '.join(_TAG_NAMES)} and "
            f"{', '.join(_VOTE_NAMES)}, nor {', '.join(_CLASS_NAMES)}, nor a class of taxonomy "
            f"'{taxonomy.name}'; got {', '.join(header[:12])}"
        )
    raw = read_columns(
        path, {_ID: _ID_NAMES, **{tag: (c,) for tag, c in columns.items()}}, needed=(_ID,)
    )
    faults = RowFaults(path)
    ids = parse_identifiers(raw[_ID], faults, name="source", is_needed=True)
    votes = [_votes(raw[tag], faults, name=f"vote of {columns[tag]}") for tag in columns]
    faults.raise_if_any()
    table = np.stack(votes, axis=1)
    labels = _merged(ids, tuple(columns), table, np.where(np.isnan(table), 0.0, 1.0))
    return _file(labels, taxonomy, form="wide", n_rows=len(ids))


def _read_long(path: Path, taxonomy: SourceTaxonomy, *, tag: str, vote: str) -> SourceLabelFile:
    names = {_ID: _ID_NAMES, "tag": (tag,), "vote": (vote,), "weight": ("weight",)}
    raw = read_columns(path, names, needed=(_ID, "tag", "vote"))
    faults = RowFaults(path)
    ids = parse_identifiers(raw[_ID], faults, name="source", is_needed=True)
    votes = _votes(raw["vote"], faults, name="vote")
    weights = np.ones(len(votes))
    if "weight" in raw:
        cells = parse_column(
            raw["weight"], lambda cell: parse_number(cell, name="weight", is_needed=True), faults
        )
        weights = np.array([0.0 if cell is None else cell for cell in cells])
    faults.raise_if_any()
    given = [str(name) for name in raw["tag"]]
    found = {name: taxonomy.find_tag(name) for name in dict.fromkeys(given)}
    tags = tuple(dict.fromkeys(t for t in found.values() if t is not None))
    place = {name: tags.index(t) if t is not None else -1 for name, t in found.items()}
    column = np.array([place[name] for name in given], dtype=np.int64)
    is_known = np.flatnonzero(column >= 0)
    table = np.full((len(is_known), len(tags)), np.nan)
    weight = np.zeros_like(table)
    table[np.arange(len(is_known)), column[is_known]] = votes[is_known]
    weight[np.arange(len(is_known)), column[is_known]] = weights[is_known]
    weight[np.isnan(table)] = 0.0
    labels = _merged(ids.take(pa.array(is_known)), tags, table, weight)
    unknown = Counter(name for name in given if found[name] is None)
    return _file(labels, taxonomy, form="long", n_rows=len(given), unknown=unknown)


def _read_plain(path: Path, taxonomy: SourceTaxonomy, *, class_name: str) -> SourceLabelFile:
    raw = read_columns(path, {_ID: _ID_NAMES, "class": (class_name,)}, needed=(_ID, "class"))
    faults = RowFaults(path)
    ids = parse_identifiers(raw[_ID], faults, name="source", is_needed=True)
    faults.raise_if_any()
    classes = ["" if cell is None else str(cell).strip() for cell in raw["class"]]
    keep = np.array([bool(name) for name in classes], dtype=bool)
    named = [name for name in classes if name]
    rows = np.arange(len(named))
    by_row, unknown = labels_of_classes(rows, named, taxonomy)
    kept_ids = ids.filter(pa.array(keep)).take(pa.array(by_row.source_ids))
    weights = np.where(by_row.is_inspected, 1.0, 0.0)
    labels = _merged(kept_ids, taxonomy.tags, np.asarray(by_row.votes), weights)
    return _file(labels, taxonomy, form="plain", n_rows=len(classes), unknown=unknown)


def _votes(cells: Sequence[Any], faults: RowFaults, *, name: str) -> FloatArray:
    """Return votes; NaN for empty cells."""
    try:
        votes = np.array([np.nan if c is None or c == "" else c for c in cells], dtype=np.float64)
        if not ((votes < 0) | (votes > 1)).any():
            return votes
    except (TypeError, ValueError):
        pass
    parsed = parse_column(
        [None if cell != cell else cell for cell in cells],  # noqa: PLR0124 - a NaN of Parquet
        lambda cell: parse_number(cell, name=name, high=1.0),
        faults,
    )
    return np.array([np.nan if vote is None else vote for vote in parsed], dtype=np.float64)


def _merged(
    ids: pa.Array, tags: tuple[str, ...], votes: FloatArray, weights: FloatArray
) -> SourceLabels:
    """Average the votes of each source; its weight is the mean of those that voted."""
    given = np.asarray(ids.to_pylist())
    sources, first, row = np.unique(given, return_index=True, return_inverse=True)
    sums, weight, n_votes = (np.zeros((len(sources), len(tags))) for _ in range(3))
    np.add.at(sums, row, weights * np.nan_to_num(votes))
    np.add.at(weight, row, weights)
    np.add.at(n_votes, row, weights > 0)
    order: NDArray[np.intp] = np.argsort(first)
    mean = np.full(sums.shape, np.nan)
    np.divide(sums, weight, out=mean, where=weight > 0)
    return SourceLabels(
        source_ids=sources[order],
        tags=tags,
        votes=np.clip(mean, 0.0, 1.0)[order],
        weights=(weight / np.maximum(n_votes, 1.0))[order],
    )


def _file(
    labels: SourceLabels,
    taxonomy: SourceTaxonomy,
    *,
    form: str,
    n_rows: int,
    unknown: Mapping[str, int] | None = None,
) -> SourceLabelFile:
    return SourceLabelFile(
        labels=labels,
        form=form,
        n_rows=n_rows,
        unknown_classes=dict(unknown or {}),
        n_contradictions=count_contradictions(labels, taxonomy),
    )

"""Score tables of sources: Parquet, one row a source, two columns a class.

Columns: ``source_id``; ``p_<tag>`` (float32), the probability of each class; ``is_<tag>``, whether
it reaches the class's threshold (null where the bundle does not know the survey);
``is_calibrated``; ``n_missing`` and ``n_outside``, features that the source lacks or has outside
the training's range; and what was carried along. The metadata name the bundle, its classes,
and, where known, their thresholds and taxonomy.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.core.files import atomic_path
from skyvet.io.feature_tables import column_values, identifier_values, plain_array
from skyvet.io.tables import identifier_array
from skyvet.io.taxonomy_files import taxonomy_document, taxonomy_from_document
from skyvet.records.source_scores import SourceScores, VerdictRules

__all__ = [
    "is_source_scores",
    "read_source_scores",
    "score_heading",
    "source_scores_from_arrow",
    "source_scores_to_arrow",
    "write_source_scores",
]

_KEY = b"skyvet.source_scores"
_OWN = ("source_id", "is_calibrated", "n_missing", "n_outside")


def source_scores_to_arrow(scores: SourceScores) -> pa.Table:
    """Return scores as Arrow columns with the metadata of the file form.

    Raises
    ------
    InvalidInputError
        If a column that is carried along has the name of a score.

    Examples
    --------
    >>> scores = SourceScores(
    ...     source_ids=np.array([7]), tags=("agn",), probabilities=np.array([[0.9]]),
    ...     is_positive=np.array([[True]]), is_calibrated=np.array([False]),
    ...     n_missing=np.zeros(1, np.int32), n_outside=np.zeros(1, np.int32), bundle="b-1")
    >>> row = source_scores_to_arrow(scores).to_pylist()[0]
    >>> row["is_agn"], row["is_calibrated"]
    (None, False)
    """
    is_open = ~np.asarray(scores.is_calibrated)
    columns: dict[str, pa.Array] = {"source_id": identifier_array(scores.source_ids.tolist())}
    for i_class, tag in enumerate(scores.tags):
        columns[f"p_{tag}"] = pa.array(scores.probabilities[:, i_class].astype(np.float32))
    for i_class, tag in enumerate(scores.tags):
        columns[f"is_{tag}"] = pa.array(scores.is_positive[:, i_class], mask=is_open)
    columns["is_calibrated"] = pa.array(scores.is_calibrated)
    for name in ("n_missing", "n_outside"):
        columns[name] = pa.array(getattr(scores, name), pa.int32())
    for name, values in scores.columns.items():
        if name in columns:
            raise InvalidInputError(f"a column called {name} cannot be carried along; rename it")
        columns[name] = plain_array(np.asarray(values))
    document = {
        "bundle": scores.bundle,
        "tags": scores.tags,
        "columns": list(scores.columns),
        "rules": _rules_document(scores.rules),
    }
    return pa.table(columns).replace_schema_metadata({_KEY: json.dumps(document).encode()})


def _rules_document(rules: VerdictRules | None) -> dict[str, Any] | None:
    if rules is None:
        return None
    document = taxonomy_document(rules.taxonomy)
    return {"thresholds": rules.thresholds, "taxonomy": document}


def score_heading(table: pa.Table) -> tuple[tuple[str, ...], VerdictRules | None] | None:
    """Return the classes of a score table and how their verdicts are made.

    Parameters
    ----------
    table : Table
        Any.

    Returns
    -------
    tags : tuple of str
        Classes.
    rules : VerdictRules or None
        None where the table does not say them.

    None altogether where it is no score table of sources.

    Raises
    ------
    InvalidInputError
        If what it says of its classes cannot be used.

    Examples
    --------
    >>> score_heading(pa.table({"source_id": [1]})) is None
    True
    """
    try:
        document = json.loads((table.schema.metadata or {}).get(_KEY, b"{}"))
        tags, said = tuple(document.get("tags", ())), document.get("rules")
        if said is None:
            return (tags, None) if tags else None
        thresholds = tuple(float(value) for value in said["thresholds"])
        taxonomy = taxonomy_from_document(said["taxonomy"])
        if len(thresholds) != len(tags) or not set(tags) <= set(taxonomy.tags):
            raise InvalidInputError("its classes, thresholds and taxonomy do not fit")
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"the metadata of the score table are damaged: {error}; score again"
        ) from error
    return tags, VerdictRules(thresholds=thresholds, taxonomy=taxonomy)


def source_scores_from_arrow(table: pa.Table) -> SourceScores:
    """Return the scores of an Arrow table that `source_scores_to_arrow` made.

    Raises
    ------
    InvalidInputError
        If it is none.
    """
    document = json.loads((table.schema.metadata or {}).get(_KEY, b"{}"))
    if not {"bundle", "tags", "columns"} <= set(document):
        raise InvalidInputError("this is no table of source scores: its metadata do not say so")
    tags = tuple(document["tags"])
    needed = [*_OWN, *(f"{head}_{tag}" for head in ("p", "is") for tag in tags)]
    missing = [name for name in needed if name not in table.column_names]
    if missing:
        raise InvalidInputError(f"the table of source scores lacks {', '.join(missing[:3])}")
    n_rows, heading = table.num_rows, score_heading(table)
    is_positive = np.zeros((n_rows, len(tags)), dtype=np.bool_)
    probabilities = np.empty((n_rows, len(tags)))
    for i_class, tag in enumerate(tags):
        probabilities[:, i_class] = table[f"p_{tag}"].to_numpy()
        is_positive[:, i_class] = table[f"is_{tag}"].fill_null(fill_value=False).to_numpy()
    return SourceScores(
        source_ids=identifier_values(table["source_id"]),
        tags=tags,
        probabilities=probabilities,
        is_positive=is_positive,
        is_calibrated=table["is_calibrated"].to_numpy(),
        n_missing=table["n_missing"].to_numpy(),
        n_outside=table["n_outside"].to_numpy(),
        bundle=str(document["bundle"]),
        rules=None if heading is None else heading[1],
        columns={
            name: column_values(table[name])
            for name in document["columns"]
            if name in table.column_names
        },
    )


def write_source_scores(path: Path, parts: Iterable[SourceScores]) -> int:
    """Write scores part by part; the file is whole or absent.

    Parameters
    ----------
    path : Path
        Parquet file; an old one is replaced only on success.
    parts : iterable of SourceScores
        Of one bundle, with the same columns; at least one, which may be empty.

    Returns
    -------
    int
        Number of sources.

    Raises
    ------
    DatasetError
        If the file cannot be written or the parts differ.
    """
    n_rows, writer = 0, None
    with atomic_path(path) as draft:
        try:
            for part in parts:
                arrow = source_scores_to_arrow(part)
                if writer is None:
                    writer = pq.ParquetWriter(draft, arrow.schema, compression="zstd")
                writer.write_table(arrow.cast(writer.schema))
                n_rows += arrow.num_rows
        except (ValueError, pa.ArrowException) as error:
            raise DatasetError(f"scores for {path} differ in their columns: {error}") from error
        finally:
            if writer is not None:
                writer.close()
        if writer is None:
            raise DatasetError(f"there are no scores to write to {path}")
    return n_rows


def read_source_scores(path: Path) -> SourceScores:
    """Read a score table of sources.

    Raises
    ------
    DatasetError
        If it is no Parquet file.
    InvalidInputError
        If it is no table of source scores.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path} is no table of source scores: {error}") from error
    return source_scores_from_arrow(table)


def is_source_scores(path: Path) -> bool:
    """Say whether a file is a score table of sources; only its heading is read.

    Examples
    --------
    >>> is_source_scores(Path("no-such-file"))
    False
    """
    try:
        metadata = pq.read_schema(path).metadata
    except (OSError, pa.ArrowException):
        return False
    return _KEY in (metadata or {})

"""Embedded sequences from wherever they lie: a store of ours, or the columns of RB_ZTF.

The published form is a folder with ``embeddings.parquet`` (``oid``, ``label`` with 1 = artefact,
``tags``, ``n_frames``, ``embedding``: one flat list an object, row-major in time order) and, where
there are any, ``light_curve_features.parquet`` (``oid`` and one column a feature). Times are not
among the columns. The label is turned round at this door: 1 = REAL everywhere else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.io.embedding_store import KIND as STORE_KIND
from skyvet.io.embedding_store import EmbeddingStore, SequenceTable
from skyvet.io.parts import manifest_kind
from skyvet.records.labels import LabelValue
from skyvet.records.sequences import EmbeddedSequences

__all__ = [
    "PUBLISHED_ENCODER",
    "find_published_embeddings",
    "read_light_curve_features",
    "read_sequences",
]

PUBLISHED_ENCODER = "rb-ztf"
"""Label of the published variational auto-encoder, whose weights are not at hand."""

EMBEDDINGS_FILE = "embeddings.parquet"
FEATURES_FILE = "light_curve_features.parquet"
_SUBFOLDER = "ztf_frame_embeddings"
_NEEDED = ("oid", "n_frames", "embedding")
_NOT_FEATURES = ("oid", "label")


def find_published_embeddings(path: Path) -> Path | None:
    """Return the folder that holds ``embeddings.parquet``: `path`, or its well-known subfolder."""
    for folder in (path, path / _SUBFOLDER):
        if (folder / EMBEDDINGS_FILE).is_file():
            return folder
    return None


def read_sequences(path: Path) -> SequenceTable:
    """Read embedded sequences.

    Parameters
    ----------
    path : Path
        A store of embeddings, a folder with ``embeddings.parquet`` (see the module), or a folder
        that has such a folder ``ztf_frame_embeddings`` in it.

    Returns
    -------
    SequenceTable
        Identifiers are int64 for the published columns, text for a store.

    Raises
    ------
    InvalidInputError
        If there is nothing of the kind, or columns are missing or damaged.
    DatasetError
        If a store is damaged or empty.
    """
    if manifest_kind(path) == STORE_KIND:
        return EmbeddingStore(path).read()
    folder = find_published_embeddings(path)
    if folder is None:
        raise InvalidInputError(
            f"{path} holds no embedded sequences: neither a store (skyvet embed) nor a folder with "
            f"{EMBEDDINGS_FILE}"
        )
    table = _read_table(folder / EMBEDDINGS_FILE, needed=_NEEDED)
    return _published(table, folder / EMBEDDINGS_FILE, folder / FEATURES_FILE)


def read_light_curve_features(path: Path) -> tuple[IntArray, FloatArray, tuple[str, ...]]:
    """Read features of light curves.

    Parameters
    ----------
    path : Path
        Parquet file with ``oid`` and one numeric column a feature; ``label`` is passed over.

    Returns
    -------
    oids : ndarray, shape (n,), int64
    features : ndarray, shape (n, k), float32
        NaN = missing.
    names : tuple of str

    Raises
    ------
    InvalidInputError
        If the file cannot be read, an oid stands twice or a column is no number.
    """
    table = _read_table(path, needed=("oid",))
    names = tuple(name for name in table.column_names if name not in _NOT_FEATURES)
    oids = _oids(table, path)
    if len(np.unique(oids)) < len(oids):
        raise InvalidInputError(f"an oid stands more than once in {path}")
    try:
        columns = [table[name].cast(pa.float64()).to_numpy() for name in names]
    except pa.ArrowException as error:
        raise InvalidInputError(f"the features in {path} must be numbers: {error}") from error
    features = np.column_stack(columns) if columns else np.zeros((len(oids), 0))
    finite = np.where(np.abs(features) < np.finfo(np.float32).max, features, np.nan)
    return oids, finite.astype(np.float32), names


def _published(table: pa.Table, path: Path, features_path: Path) -> SequenceTable:
    oids = _oids(table, path)
    n_frames = _frame_counts(table, path)
    lengths, flat = _embeddings(table, path)
    n_columns = _n_columns(lengths, n_frames, path)
    values = flat.reshape(-1, n_columns)
    if len(np.unique(oids)) < len(oids):
        raise InvalidInputError(f"an oid stands more than once in {path}")
    light_curve, names = _features_of(oids, features_path)
    n_objects = table.num_rows
    return SequenceTable(
        sequences=EmbeddedSequences(
            values=values,
            offsets=np.concatenate([[0], np.cumsum(n_frames)]),
            object_ids=oids,
            mjd_tai=np.full(len(values), np.nan),
            n_latent=n_columns // 2,
            light_curve=light_curve,
            light_curve_names=names,
        ),
        labels=_labels(table, path),
        tags=_tags(table, path),
        surveys=("ztf",) * n_objects,
        bands=("r",) * n_objects,
        n_unusable_frames=np.zeros(n_objects, dtype=np.int64),
        i_frame=np.concatenate([np.arange(n) for n in n_frames]),
        encoder=PUBLISHED_ENCODER,
    )


def _oids(table: pa.Table, path: Path) -> IntArray:
    column = table["oid"]
    if not pa.types.is_integer(column.type) or column.null_count:
        raise InvalidInputError(f"oid in {path} must be a whole number in every row")
    try:
        return np.asarray(column.cast(pa.int64()).to_numpy())
    except pa.ArrowInvalid as error:
        raise InvalidInputError(f"an oid in {path} is no int64: {error}") from error


def _frame_counts(table: pa.Table, path: Path) -> IntArray:
    column = table["n_frames"]
    if not pa.types.is_integer(column.type) or column.null_count:
        raise InvalidInputError(
            f"n_frames in {path} must be a whole number in every row, it is {column.type} with "
            f"{column.null_count} nulls"
        )
    counts = column.to_numpy()
    if len(counts) == 0 or counts.min() < 1 or counts.max() > np.iinfo(np.int32).max:
        raise InvalidInputError(f"{path} must have objects, each with at least one frame")
    return np.asarray(counts, dtype=np.int64)


def _embeddings(table: pa.Table, path: Path) -> tuple[IntArray, FloatArray]:
    """Return the number of values of each object, and all values in one row."""
    column, is_list = table["embedding"], _is_list(table["embedding"].type)
    if not is_list or not _is_number(column.type.value_type) or column.null_count:
        raise InvalidInputError(
            f"embedding in {path} must be a list of numbers in every row, it is {column.type} "
            f"with {column.null_count} nulls"
        )
    lengths = pc.list_value_length(column).to_numpy().astype(np.int64)
    with np.errstate(over="ignore"):
        flat = pc.list_flatten(column).to_numpy().astype(np.float32)
    if not np.isfinite(flat).all():
        raise InvalidInputError(f"embedding in {path} has values that are no finite float32")
    return lengths, flat


def _is_list(kind: pa.DataType) -> bool:
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(bool(test(kind)) for test in tests)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _n_columns(lengths: IntArray, n_frames: IntArray, path: Path) -> int:
    """Columns of a frame, the same for all objects."""
    n_columns = int(lengths[0]) // int(n_frames[0])
    if n_columns < 2 or n_columns % 2 or (lengths != n_columns * n_frames).any():
        raise InvalidInputError(
            f"every embedding in {path} must hold n_frames times the same even number of values "
            "(means, then log-variances)"
        )
    return n_columns


def _features_of(oids: IntArray, path: Path) -> tuple[FloatArray | None, tuple[str, ...]]:
    """Light-curve features in the order of the objects; NaN for those without."""
    if not path.is_file():
        return None, ()
    known, features, names = read_light_curve_features(path)
    if len(known) == 0:
        return np.full((len(oids), len(names)), np.nan, dtype=np.float32), names
    row_of = {oid: row for row, oid in enumerate(known.tolist())}
    rows = np.array([row_of.get(oid, -1) for oid in oids.tolist()])
    return np.where((rows >= 0)[:, None], features[rows], np.nan).astype(np.float32), names


def _labels(table: pa.Table, path: Path) -> tuple[LabelValue | None, ...]:
    if "label" not in table.column_names:
        return (None,) * int(table.num_rows)
    meaning: dict[int | None, LabelValue | None] = {
        None: None,
        0: LabelValue.REAL,
        1: LabelValue.BOGUS,
    }
    values: list[Any] = table["label"].to_pylist()
    foreign = [
        v for v in values if not (v is None or isinstance(v, int | float)) or v not in meaning
    ]
    if foreign:
        raise InvalidInputError(f"label in {path} must be 1 (artefact) or 0, got {foreign[0]!r}")
    return tuple(meaning[value] for value in values)


def _tags(table: pa.Table, path: Path) -> tuple[tuple[str, ...], ...]:
    if "tags" not in table.column_names:
        return ((),) * int(table.num_rows)
    kind = table["tags"].type
    if not (pa.types.is_null(kind) or (_is_list(kind) and _is_text(kind.value_type))):
        raise InvalidInputError(f"tags in {path} must be lists of text, they are {kind}")
    listed: list[list[str | None] | None] = table["tags"].to_pylist()
    return tuple(tuple(tag for tag in tags or () if tag is not None) for tags in listed)


def _is_text(kind: pa.DataType) -> bool:
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_null)
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return any(bool(test(kind)) for test in tests)


def _read_table(path: Path, *, needed: tuple[str, ...]) -> pa.Table:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InvalidInputError(f"{path} cannot be read: {error}") from error
    if len(set(table.column_names)) < len(table.column_names):
        raise InvalidInputError(f"a column stands more than once in {path}")
    missing = [name for name in needed if name not in table.column_names]
    if missing:
        raise InvalidInputError(f"{path} has no column {', '.join(missing)}")
    return table

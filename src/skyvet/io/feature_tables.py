"""Tables of features: Parquet, one row a source.

Columns: ``source_id``; one float64 column a feature, null where missing; one fixed-size list of
float32 an image (dm-dt); and whatever else is known of a source (position, field). The file's
metadata say which columns are features, how large images are and with which settings they were
computed. A file of another origin has no such metadata: name its features then.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from skyvet.core.configs import changed_settings
from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.core.files import atomic_path
from skyvet.io.tables import identifier_array
from skyvet.records.feature_table import FeatureTable

__all__ = [
    "JOINED_FEATURES",
    "FeatureLayout",
    "column_values",
    "feature_files",
    "feature_table_to_arrow",
    "identifier_values",
    "iter_feature_tables",
    "join_feature_tables",
    "plain_array",
    "read_feature_group",
    "read_feature_layout",
    "read_feature_table",
    "write_feature_table",
]

JOINED_FEATURES = "features.parquet"
"""Name of the table of all partitions in a folder of features."""

_KEY = b"skyvet.features"
_BANDS = "bands"
_READING = "light_curves"
_ID = "source_id"
_ID_NAMES = (_ID, "object_id", "obj_id", "star_id", "ztf_id", "_id", "oid", "id", "ID")
_ROWS_PER_GROUP = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureLayout:
    """Which columns of a file are what.

    Parameters
    ----------
    id_column : str
        Column of the identifiers.
    names : tuple of str
        Features.
    dmdt_names : tuple of str
        Images.
    dmdt_shape : tuple of int
        Rows (magnitude) and columns (time) of an image.
    columns : tuple of str
        All other columns that are carried along.
    n_rows : int
        Sources in the file.
    settings : mapping
        How the features were computed; empty = not recorded. See `FeatureTable`.
    """

    id_column: str
    names: tuple[str, ...]
    dmdt_names: tuple[str, ...]
    dmdt_shape: tuple[int, int]
    columns: tuple[str, ...]
    n_rows: int
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def feature_table_to_arrow(table: FeatureTable) -> pa.Table:
    """Return a feature table as Arrow columns with the metadata of the file form.

    Raises
    ------
    InvalidInputError
        If two columns would have one name.
    """
    columns: dict[str, pa.Array] = {_ID: identifier_array(table.source_ids.tolist())}
    named = [_ID, *table.names, *table.dmdt_names, *table.columns]
    if len(set(named)) < len(named):
        twice = sorted({name for name in named if named.count(name) > 1})
        raise InvalidInputError(f"two columns would be called {', '.join(twice)}; rename one")
    for i_column, name in enumerate(table.names):
        columns[name] = pa.array(table.values[:, i_column], from_pandas=True)
    shape = (0, 0)
    if table.dmdt is not None:
        shape = table.dmdt.shape[2:]
        for i_image, name in enumerate(table.dmdt_names):
            flat = pa.array(np.ascontiguousarray(table.dmdt[:, i_image]).ravel())
            columns[name] = pa.FixedSizeListArray.from_arrays(flat, shape[0] * shape[1])
    for name, values in table.columns.items():
        columns[name] = plain_array(np.asarray(values))
    document = {
        "names": table.names,
        "dmdt_names": table.dmdt_names,
        "dmdt_shape": shape,
        "settings": table.settings,
    }
    return pa.table(columns).replace_schema_metadata({_KEY: json.dumps(document).encode()})


def write_feature_table(path: Path, tables: FeatureTable | Iterable[FeatureTable]) -> int:
    """Write one table, or several of the same columns one after the other; whole or absent.

    Parameters
    ----------
    path : Path
        Parquet file; an old one is replaced only on success.
    tables : FeatureTable or iterable of FeatureTable
        Taken one by one; at least one, which may be empty.

    Returns
    -------
    int
        Number of sources.

    Raises
    ------
    DatasetError
        If the file cannot be written, or the tables differ in their columns.
    """
    given = iter((tables,) if isinstance(tables, FeatureTable) else tables)
    first = next(given, None)
    if first is None:
        raise DatasetError(f"there is no feature table to write to {path}")
    arrow = feature_table_to_arrow(first)
    n_rows = 0
    with (
        atomic_path(path) as draft,
        pq.ParquetWriter(draft, arrow.schema, compression="zstd") as writer,
    ):
        while True:
            try:
                writer.write_table(arrow, row_group_size=_ROWS_PER_GROUP)
            except (ValueError, pa.ArrowInvalid) as error:
                raise DatasetError(f"feature tables for {path} differ: {error}") from error
            n_rows += int(arrow.num_rows)
            following = next(given, None)
            if following is None:
                break
            arrow = _cast(feature_table_to_arrow(following), arrow.schema, path)
    return n_rows


def feature_files(path: Path) -> tuple[Path, ...]:
    """Return the Parquet files that a path means: itself, or those in the folder, by name.

    A folder that `skyvet features` made is its joined table.

    Raises
    ------
    DatasetError
        If there is none.
    """
    joined = path / JOINED_FEATURES
    if joined.is_file():
        return (joined,)
    found = tuple(sorted(path.rglob("*.parquet"))) if path.is_dir() else (path,)
    found = tuple(file for file in found if not file.name.startswith((".", "_")))
    if not found or not found[0].is_file():
        raise DatasetError(f"there is no feature table at {path}; make one with: skyvet features")
    return found


def read_feature_layout(
    path: Path, *, names: Sequence[str] | None = None, id_column: str = ""
) -> FeatureLayout:
    """Return which columns of a file are what, without reading them.

    Parameters
    ----------
    path : Path
        Parquet file.
    names : sequence of str, optional
        Columns to take for features; default those that the file's metadata name.
    id_column : str, default ""
        Column of the identifiers; empty = the first known name, or the index of a data frame.

    Raises
    ------
    DatasetError
        If it is no Parquet file.
    InvalidInputError
        If its features or identifiers are not known, or a named column is not there.
    """
    try:
        with pq.ParquetFile(path) as file:
            schema, n_rows = file.schema_arrow, file.metadata.num_rows
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path} is no feature table: {error}") from error
    document = json.loads((schema.metadata or {}).get(_KEY, b"{}"))
    features = tuple(document.get("names", ())) if names is None else tuple(names)
    if not features and not document:
        raise InvalidInputError(f"{path} does not say which of its columns are features; name them")
    id_column = id_column or next((name for name in _ID_NAMES if name in schema.names), "")
    images = tuple(document.get("dmdt_names", ()))
    missing = [n for n in (id_column, *features, *images) if n not in schema.names]
    if missing:
        shown = ", ".join(missing[:5]) if id_column else f"an identifier ({', '.join(_ID_NAMES)})"
        raise InvalidInputError(f"{path} has no column {shown}")
    taken = {id_column, *document.get("names", ()), *features, *images}
    return FeatureLayout(
        id_column=id_column,
        names=features,
        dmdt_names=images,
        dmdt_shape=tuple(document.get("dmdt_shape", (0, 0))),
        columns=tuple(name for name in schema.names if name not in taken),
        n_rows=n_rows,
        settings=document.get("settings", {}),
    )


def iter_feature_tables(
    path: Path,
    *,
    names: Sequence[str] | None = None,
    id_column: str = "",
    n_rows: int = _ROWS_PER_GROUP,
) -> Iterator[FeatureTable]:
    """Yield the sources of a file or folder in pieces of bounded size.

    Parameters
    ----------
    path : Path
        Parquet file, or folder of them.
    names, id_column
        As for `read_feature_layout`.
    n_rows : int, default 20000
        Most sources of a piece.

    Yields
    ------
    FeatureTable

    Raises
    ------
    DatasetError, InvalidInputError
        As `read_feature_layout`.
    """
    for part in feature_files(path):
        layout = read_feature_layout(part, names=names, id_column=id_column)
        with pq.ParquetFile(part) as file:
            for batch in file.iter_batches(batch_size=n_rows):
                yield _from_arrow(pa.Table.from_batches([batch]), layout, part)


def read_feature_group(
    path: Path, i_group: int, *, names: Sequence[str] | None = None, id_column: str = ""
) -> FeatureTable:
    """Read one row group of a file, so that many processes can share it.

    Parameters
    ----------
    path : Path
        Parquet file.
    i_group : int
        Number of the row group.
    names, id_column
        As for `read_feature_layout`.

    Raises
    ------
    DatasetError, InvalidInputError
        As `read_feature_layout`; also if the row group cannot be read.
    """
    layout = read_feature_layout(path, names=names, id_column=id_column)
    try:
        with pq.ParquetFile(path) as file:
            table = file.read_row_group(i_group)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"row group {i_group} of {path} is damaged: {error}") from error
    return _from_arrow(table, layout, path)


def read_feature_table(
    path: Path, *, names: Sequence[str] | None = None, id_column: str = ""
) -> FeatureTable:
    """Read a whole file or folder; parameters and errors as for `iter_feature_tables`.

    Examples
    --------
    >>> import tempfile
    >>> table = FeatureTable(
    ...     source_ids=np.array([7, 8]), names=("iqr_g",), values=np.array([[0.1], [np.nan]]))
    >>> path = Path(tempfile.mkdtemp()) / "features.parquet"
    >>> _ = write_feature_table(path, table)
    >>> read_feature_table(path).values.tolist()
    [[0.1], [nan]]
    """
    pieces = list(iter_feature_tables(path, names=names, id_column=id_column))
    if not pieces:  # files without any row group
        part = feature_files(path)[0]
        layout = read_feature_layout(part, names=names, id_column=id_column)
        return _from_arrow(pq.read_table(part), layout, part)
    return join_feature_tables(pieces)


def join_feature_tables(tables: Sequence[FeatureTable]) -> FeatureTable:
    """Return the sources of several tables, one after the other.

    Parameters
    ----------
    tables : sequence of FeatureTable
        At least one. Features that one lacks are missing there; other columns are kept where all
        have them, and settings where all record them (bands that differ, and ways of reading light
        curves that do, are left open).

    Raises
    ------
    InvalidInputError
        If there is none, or images differ, or they were computed with different settings.
    """
    if not tables:
        raise InvalidInputError("there is no feature table to join")
    names = tuple(dict.fromkeys(name for table in tables for name in table.names))
    if len({(t.dmdt_names, None if t.dmdt is None else t.dmdt.shape[2:]) for t in tables}) > 1:
        raise InvalidInputError("the feature tables differ in their images")
    shared = [name for name in tables[0].columns if all(name in t.columns for t in tables)]
    images = [table.dmdt for table in tables if table.dmdt is not None]
    return FeatureTable(
        source_ids=np.concatenate([table.source_ids for table in tables]),
        names=names,
        values=np.concatenate([table.select(names).values for table in tables]),
        dmdt=np.concatenate(images) if images else None,
        dmdt_names=tables[0].dmdt_names,
        columns={
            name: np.concatenate([table.columns[name] for table in tables]) for name in shared
        },
        settings=_shared_settings(tables),
    )


def _shared_settings(tables: Sequence[FeatureTable]) -> Mapping[str, Mapping[str, Any]]:
    """Return the settings of all tables; empty where one does not record them."""
    first = tables[0].settings
    if not all(table.settings for table in tables):
        return {}
    for table in tables[1:]:
        if changed := changed_settings(first, table.settings, may_change=(_BANDS, _READING)):
            raise InvalidInputError(
                f"the feature tables were computed with different settings ({changed}); compute "
                "them alike"
            )
    if all(table.settings == first for table in tables):
        return first
    return {
        group: {
            name: value
            if name != _BANDS or all(t.settings[group][name] == value for t in tables)
            else []
            for name, value in settings.items()
        }
        for group, settings in first.items()
        if group != _READING or all(t.settings.get(_READING) == settings for t in tables)
    }


def _from_arrow(table: pa.Table, layout: FeatureLayout, path: Path) -> FeatureTable:
    ids = table[layout.id_column]
    if pa.types.is_floating(ids.type) or ids.null_count:
        raise InvalidInputError(
            f"column {layout.id_column} of {path} must hold whole numbers or text and no gaps; "
            "64-bit identifiers lose digits as floats"
        )
    values = np.empty((table.num_rows, len(layout.names)))
    for i_column, name in enumerate(layout.names):
        values[:, i_column] = _numbers(table[name], name, path)
    images = None
    if layout.dmdt_names:
        images = np.empty((table.num_rows, len(layout.dmdt_names), *layout.dmdt_shape), np.float32)
        for i_image, name in enumerate(layout.dmdt_names):
            flat = table[name].combine_chunks().flatten().to_numpy(zero_copy_only=False)
            images[:, i_image] = flat.reshape(-1, *layout.dmdt_shape)
    return FeatureTable(
        source_ids=identifier_values(ids),
        names=layout.names,
        values=values,
        dmdt=images,
        dmdt_names=layout.dmdt_names,
        columns={name: column_values(table[name]) for name in layout.columns},
        settings=layout.settings,
    )


def _numbers(column: pa.ChunkedArray, name: str, path: Path) -> NDArray[np.float64]:
    try:
        return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except (pa.ArrowException, ValueError) as error:
        raise InvalidInputError(f"column {name} of {path} holds no numbers: {error}") from error


def identifier_values(column: pa.ChunkedArray) -> NDArray[Any]:
    """Return a column of identifiers as whole numbers or text.

    Examples
    --------
    >>> identifier_values(pa.chunked_array([["a", "b"]])).tolist()
    ['a', 'b']
    """
    found = np.asarray(column.to_numpy())
    return found.astype(np.str_) if found.dtype == object else found


def column_values(column: pa.ChunkedArray) -> NDArray[Any]:
    """Return any column as an array; text as text, empty where missing."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return np.array([value or "" for value in column.to_pylist()], dtype=np.str_)
    return np.asarray(column.to_numpy())


def plain_array(values: NDArray[Any]) -> pa.Array:
    """Return an array of any type as an Arrow column; rows of several become lists."""
    if values.dtype.kind == "U":
        return pa.array(values.tolist(), pa.string())
    return pa.array(values.tolist() if values.ndim > 1 else values)


def _cast(table: pa.Table, schema: pa.Schema, path: Path) -> pa.Table:
    try:
        return table.cast(schema)
    except (ValueError, pa.ArrowException) as error:
        raise DatasetError(f"feature tables for {path} differ in their columns: {error}") from error

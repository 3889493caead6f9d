"""ZTF light curves from files at hand: bulk Parquet of a data release, or a HATS catalogue.

Two shapes are read: one row an object with its epochs in lists (as IRSA and HATS publish them,
also inside a column such as ``lightcurve``), or one row an epoch. Column names, in any case:
``objectid`` (or oid, object_id), ``hmjd`` (or ``mjd``, then the start of the exposure), ``mag``,
``magerr``, and where there ``catflags``, ``filterid`` (or filtercode), ``objra``, ``objdec`` (or
ra, dec).
"""

from __future__ import annotations

import logging
import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.io.light_curve_tables import LightCurveRow
from skyvet.io.ztf_light_curves import ZtfEpochs, ztf_light_curve

__all__ = ["read_bulk_light_curves"]

_LOG = logging.getLogger(__name__)
_NAMES = {
    "oid": ("objectid", "oid", "object_id"),
    "hmjd": ("hmjd",),
    "mjd": ("mjd",),
    "mag": ("mag",),
    "magerr": ("magerr",),
    "catflags": ("catflags",),
    "band": ("filterid", "filtercode", "fid"),
    "ra": ("objra", "ra"),
    "dec": ("objdec", "dec"),
}
_EPOCH_NAMES = ("hmjd", "mjd", "mag", "magerr", "catflags")
_BATCH_ROWS = 4096
_QUADRANT_FILE = re.compile(r"ztf_0*(\d+)_z([gri])_c(\d\d)_q(\d)_")


def read_bulk_light_curves(
    path: Path, oids: Collection[int], *, bad_catflags: int = 32_768
) -> Iterator[LightCurveRow]:
    """Yield the light curves of objects from a file or all Parquet files of a folder.

    Files named as IRSA names them (``ztf_000250_zg_c01_q1_dr5.parquet``) are opened only where
    the identifiers say that an object may be in them.

    Parameters
    ----------
    path : Path
        Parquet file, or folder, such as a HATS catalogue.
    oids : collection of int
        Objects wanted.
    bad_catflags : int, default 32768
        See `skyvet.io.ztf_light_curves.ztf_light_curve`.

    Yields
    ------
    LightCurveRow
        In the order of the files; an object that is in none is not yielded, one that is in
        several is yielded from the first.

    Raises
    ------
    InvalidInputError
        If the path does not exist, holds no Parquet file, or a file lacks a column.
    DatasetError
        If a file is damaged.
    """
    files = _files(path)
    missing = set(oids)
    for file in files:
        if not missing:
            return
        if not _may_hold(file, missing):
            continue
        for row in _rows_of_file(file, missing, bad_catflags):
            missing.discard(int(row.object_id))
            yield row


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    names = [file for file in path.rglob("*.parquet") if file.is_file()]
    # Summaries of a catalogue, and margin or index tables, are not rows of objects.
    files = sorted(file for file in names if not file.name.startswith(("_", ".")))
    if not files:
        raise InvalidInputError(f"{path} is no Parquet file and no folder with one")
    return files


def _may_hold(file: Path, oids: Collection[int]) -> bool:
    named = _QUADRANT_FILE.match(file.name)
    if named is None:
        return True
    field, band, ccd, quadrant = named.groups()
    prefix = f"{int(field)}{'gri'.index(band) + 1}{ccd}{quadrant}"
    return any(str(oid)[:-8] == prefix for oid in oids)


def _rows_of_file(file: Path, oids: set[int], bad_catflags: int) -> Iterator[LightCurveRow]:
    wanted = pa.array(sorted(oids), pa.int64())
    long_rows: dict[int, list[dict[str, Any]]] = defaultdict(list)
    try:
        with pq.ParquetFile(file) as source:
            columns = _columns(file, source.schema_arrow)
            for batch in source.iter_batches(_BATCH_ROWS, columns=_roots(columns)):
                table = _renamed(batch, columns)
                table = table.filter(pc.is_in(table["oid"], value_set=wanted))
                for row in _as_rows(table):
                    if isinstance(row["mag"], np.ndarray):
                        yield ztf_light_curve(_epochs(row), bad_catflags=bad_catflags)
                    else:
                        long_rows[row["oid"]].append(row)
    except (OSError, pa.ArrowInvalid) as error:
        raise DatasetError(f"{file} cannot be read: {error}") from error
    for rows in long_rows.values():
        joined = {**rows[0], **{k: np.array([row[k] for row in rows]) for k in _EPOCH_NAMES
                                if k in rows[0]}}  # fmt: skip
        yield ztf_light_curve(_epochs(joined), bad_catflags=bad_catflags)


def _columns(file: Path, schema: pa.Schema) -> dict[str, str]:
    """Return where each thing stands: ``hmjd`` or ``lightcurve.hmjd``."""
    places = {field.name.lower(): field.name for field in schema}
    for field in schema:
        if pa.types.is_struct(field.type):
            inner = [field.type.field(i).name for i in range(field.type.num_fields)]
            places = {name.lower(): f"{field.name}.{name}" for name in inner} | places
    found = {
        ours: next(places[name] for name in theirs if name in places)
        for ours, theirs in _NAMES.items()
        if any(name in places for name in theirs)
    }
    lacking = [name for name in ("oid", "mag", "magerr") if name not in found]
    if "hmjd" not in found and "mjd" not in found:
        lacking.append("hmjd")
    if lacking:
        raise InvalidInputError(
            f"{file} lacks {', '.join(lacking)}; its columns are {', '.join(schema.names[:12])}"
        )
    _warn_of_coarse_times(file, schema, found)
    return found


def _warn_of_coarse_times(file: Path, schema: pa.Schema, columns: Mapping[str, str]) -> None:
    name = columns.get("hmjd", columns.get("mjd", ""))
    if "." in name:
        return
    kind = schema.field(name).type
    kind = kind.value_type if pa.types.is_list(kind) or pa.types.is_large_list(kind) else kind
    if kind == pa.float32():
        _LOG.warning("%s has its times in float32, steps of 6 minutes: too coarse for frames", file)


def _roots(columns: Mapping[str, str]) -> list[str]:
    return list(dict.fromkeys(place.split(".")[0] for place in columns.values()))


def _renamed(batch: pa.RecordBatch, columns: Mapping[str, str]) -> pa.Table:
    table = pa.Table.from_batches([batch])
    arrays = {}
    for ours, place in columns.items():
        root, _, inner = place.partition(".")
        array = table[root].combine_chunks()
        arrays[ours] = pc.struct_field(array, inner) if inner else array
    arrays["oid"] = arrays["oid"].cast(pa.int64())
    return pa.table(arrays)


def _as_rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for i_row in range(table.num_rows):
        yield {name: _plain(table[name][i_row]) for name in table.column_names}


def _plain(value: pa.Scalar) -> Any:  # noqa: ANN401 - scalar or list of the row
    if not hasattr(value, "values"):
        return value.as_py()
    return np.array([]) if value.values is None else value.values.to_numpy(zero_copy_only=False)


def _epochs(row: Mapping[str, Any]) -> ZtfEpochs:
    def numbers(name: str) -> NDArray[np.float64] | None:
        return None if name not in row else np.asarray(row[name], dtype=np.float64)

    flags = numbers("catflags")
    empty = np.array([])
    return ZtfEpochs(
        oid=row["oid"],
        ra_deg=_number(row.get("ra")),
        dec_deg=_number(row.get("dec")),
        band=str(row.get("band", "")),
        mjd_utc_start=numbers("mjd"),
        hmjd_utc=numbers("hmjd"),
        magnitude=_or_empty(numbers("mag"), empty),
        magnitude_err=_or_empty(numbers("magerr"), empty),
        catflags=None if flags is None else np.nan_to_num(flags).astype(np.int64),
    )


def _or_empty(values: NDArray[np.float64] | None, empty: NDArray[Any]) -> NDArray[Any]:
    return empty if values is None else values


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)

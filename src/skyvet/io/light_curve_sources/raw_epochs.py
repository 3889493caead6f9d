"""Rows of a table as flat arrays of epochs, before any unit is converted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.io.light_curve_sources.column_plan import ColumnPlan

__all__ = ["RawEpochs", "raw_epochs_of"]

_MICROSECONDS_PER_DAY = 86_400e6
_MJD_OF_1970 = 40_587.0
_NUMBERS = ("time", "brightness", "error", "exposure")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawEpochs:
    """Epochs as the table has them, in rows of one source each.

    Parameters
    ----------
    source_ids : ndarray, shape (n_rows,)
        int64 or text; a source may have several rows.
    counts : ndarray, shape (n_rows,), int64
        Epochs of each row.
    time, brightness, error : ndarray, shape (n_epochs,), float64
        NaN = missing.
    band : ndarray, shape (n_epochs,), int32
        Place in `band_names`; -1 = missing.
    band_names : tuple of str
        The table's own names.
    is_flagged, is_upper_limit : ndarray, shape (n_epochs,), bool
        Quality.
    ra_deg, dec_deg : ndarray, shape (n_rows,), float64
        NaN = unknown.
    is_difference : ndarray, shape (n_rows,), bool
        Kind of flux.
    columns : mapping of str to ndarray, shape (n_rows,)
        What is carried along.
    exposure_s : ndarray, shape (n_epochs,), float64
        NaN = unknown.
    n_ragged : int
        Rows left out because their lists differ in length.
    n_anonymous : int
        Rows left out because they have no identifier.
    """

    source_ids: NDArray[Any]
    counts: IntArray
    time: FloatArray
    brightness: FloatArray
    error: FloatArray
    band: NDArray[np.int32]
    band_names: tuple[str, ...]
    is_flagged: NDArray[np.bool_]
    is_upper_limit: NDArray[np.bool_]
    ra_deg: FloatArray
    dec_deg: FloatArray
    is_difference: NDArray[np.bool_]
    columns: Mapping[str, NDArray[Any]]
    exposure_s: FloatArray
    n_ragged: int = 0
    n_anonymous: int = 0


def raw_epochs_of(table: pa.Table, plan: ColumnPlan) -> RawEpochs:
    """Return a table's rows as flat arrays.

    Parameters
    ----------
    table : Table
        With at least ``plan.roots``; nested (one row a source) or long (one row an epoch).
    plan : ColumnPlan
        Where things stand.

    Examples
    --------
    >>> from skyvet.io.light_curve_sources.column_plan import plan_columns
    >>> from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
    >>> table = pa.table({"id": [7, 7, 8], "time": [1.0, 2.0, 1.0], "mag": [18.0, 18.1, 17.0],
    ...                   "magerr": [0.1, 0.1, 0.1], "band": ["g", "r", "g"]})
    >>> plan = plan_columns(table.schema, LightCurveInputConfig(), where="a table")
    >>> raw = raw_epochs_of(table, plan)
    >>> raw.source_ids.tolist(), raw.counts.tolist()
    ([7, 8], [2, 1])
    """
    table = table.combine_chunks()
    has_id = pc.is_valid(_column(table, plan.places["source_id"]))
    n_anonymous = table.num_rows - int(pc.sum(has_id).as_py() or 0)
    if n_anonymous:
        table = table.filter(has_id)
    if not plan.is_nested:
        return _of_long(table, plan, n_anonymous)
    is_even = _has_even_lists(table, plan)
    n_ragged = int((~is_even).sum())
    if n_ragged:
        table = table.filter(pa.array(is_even))
    counts = _lengths(_column(table, plan.places["time"]))
    epochs = {thing: _flat(_column(table, place)) for thing, place in plan.places.items()
              if _is_list_type(_column(table, place).type)}  # fmt: skip
    rows = np.arange(table.num_rows)
    return _assemble(table, plan, epochs, rows=rows, counts=counts,
                     n_ragged=n_ragged, n_anonymous=n_anonymous)  # fmt: skip


def _of_long(table: pa.Table, plan: ColumnPlan, n_anonymous: int) -> RawEpochs:
    """Return runs of rows with one identifier as rows of one source."""
    per_epoch = ("time", "brightness", "error", "band", "flags", "upper_limit", "exposure")
    epochs = {thing: _column(table, plan.places[thing]) for thing in per_epoch
              if thing in plan.places}  # fmt: skip
    keys = _identifiers(_column(table, plan.places["source_id"]), plan)
    is_start = np.ones(len(keys), dtype=bool)
    is_start[1:] = keys[1:] != keys[:-1]
    starts = np.flatnonzero(is_start)
    counts = np.diff(np.append(starts, len(keys)))
    return _assemble(
        table, plan, epochs, rows=starts, counts=counts, n_ragged=0, n_anonymous=n_anonymous
    )


def _assemble(
    table: pa.Table,
    plan: ColumnPlan,
    epochs: Mapping[str, pa.Array],
    *,
    rows: IntArray,
    counts: IntArray,
    n_ragged: int,
    n_anonymous: int,
) -> RawEpochs:
    n_epochs = int(counts.sum())
    numbers = {
        thing: _numbers(epochs[thing]) if thing in epochs else np.full(n_epochs, np.nan)
        for thing in _NUMBERS
    }
    codes, names = _bands(table, plan, epochs, rows=rows, counts=counts)
    places = {
        thing: _numbers(_column(table, plan.places[thing]))[rows]
        if thing in plan.places
        else np.full(len(rows), np.nan)
        for thing in ("ra", "dec")
    }
    kind = plan.places.get("is_difference")
    return RawEpochs(
        source_ids=_identifiers(_column(table, plan.places["source_id"]), plan)[rows],
        counts=counts,
        time=numbers["time"],
        brightness=numbers["brightness"],
        error=numbers["error"],
        exposure_s=numbers["exposure"],
        band=codes,
        band_names=names,
        is_flagged=_flagged(epochs.get("flags"), plan.bad_flags, n_epochs),
        is_upper_limit=_truths(epochs.get("upper_limit"), n_epochs),
        ra_deg=places["ra"],
        dec_deg=places["dec"],
        is_difference=_truths(None if kind is None else _column(table, kind), table.num_rows)[rows],
        columns={name: _carried(_column(table, name))[rows] for name in plan.carried},
        n_ragged=n_ragged,
        n_anonymous=n_anonymous,
    )


def _column(table: pa.Table, place: str) -> pa.Array:
    """Return one place as one array; inside a list of structs, as a list."""
    root, _, inner = place.partition(".")
    array = table[root].combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if not inner:
        return array
    if not _is_list_type(array.type):
        return pc.struct_field(array, inner)
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int64())
    return pa.LargeListArray.from_arrays(offsets, pc.struct_field(pc.list_flatten(array), inner))


def _is_list_type(kind: pa.DataType) -> bool:
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(bool(test(kind)) for test in tests)


def _lengths(lists: pa.Array) -> IntArray:
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    return np.asarray(lengths, dtype=np.int64)


def _flat(lists: pa.Array) -> pa.Array:
    return pc.list_flatten(lists)


def _has_even_lists(table: pa.Table, plan: ColumnPlan) -> NDArray[np.bool_]:
    """Return which rows have lists of one length; a missing list counts as an empty one."""
    expected = _lengths(_column(table, plan.places["time"]))
    is_even = np.ones(table.num_rows, dtype=bool)
    for place in plan.places.values():
        lists = _column(table, place)
        if _is_list_type(lists.type):
            is_even &= _lengths(lists) == expected
    return is_even


def _numbers(array: pa.Array) -> FloatArray:
    """Return float64 with NaN for missing; text that is no number is missing, too."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return np.array([_number_of(text) for text in array.to_pylist()], dtype=np.float64)
    if pa.types.is_timestamp(array.type):
        micro = array.cast(pa.timestamp("us")).cast(pa.int64()).cast(pa.float64(), safe=False)
        return _numbers(micro) / _MICROSECONDS_PER_DAY + _MJD_OF_1970
    if pa.types.is_decimal(array.type) or pa.types.is_null(array.type):
        array = array.cast(pa.float64())
    if pa.types.is_integer(array.type) and array.null_count:
        array = array.cast(pa.float64(), safe=False)
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.float64)


def _number_of(text: str | None) -> float:
    try:
        return float("nan") if text is None else float(text)
    except ValueError:
        return float("nan")


def _identifiers(array: pa.Array, plan: ColumnPlan) -> NDArray[Any]:
    """Return int64 where all of the input are whole numbers, else text; never floats."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if plan.has_integer_ids:
        return np.asarray(array.cast(pa.int64()).to_numpy(zero_copy_only=False), dtype=np.int64)
    return np.asarray(array.cast(pa.string()).to_pylist(), dtype=np.str_)


def _bands(
    table: pa.Table,
    plan: ColumnPlan,
    epochs: Mapping[str, pa.Array],
    *,
    rows: IntArray,
    counts: IntArray,
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Return the filter of each epoch as a place in names."""
    if "band" not in plan.places:
        return np.zeros(int(counts.sum()), dtype=np.int32), (plan.band,)
    is_per_epoch = "band" in epochs
    array = epochs["band"] if is_per_epoch else _column(table, plan.places["band"])
    if pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type):
        array = array.cast(pa.string())
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    codes = pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32)
    names = tuple("" if name is None else str(name) for name in array.dictionary.to_pylist())
    return (codes if is_per_epoch else np.repeat(codes[rows], counts)), names


def _flagged(array: pa.Array | None, bad_flags: int, n_epochs: int) -> NDArray[np.bool_]:
    if array is None or not bad_flags:
        return np.zeros(n_epochs, dtype=bool)
    flags = np.nan_to_num(_numbers(_as_numbers(array))).astype(np.int64)
    return np.asarray((flags & bad_flags) != 0)


def _as_numbers(array: pa.Array) -> pa.Array:
    return array.cast(pa.int8()) if pa.types.is_boolean(array.type) else array


def _truths(array: pa.Array | None, n: int) -> NDArray[np.bool_]:
    if array is None:
        return np.zeros(n, dtype=bool)
    return np.asarray(np.nan_to_num(_numbers(_as_numbers(array))) != 0)


def _carried(array: pa.Array) -> NDArray[Any]:
    """Return a column of one value a source: whole numbers and text as they are, else floats."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return np.asarray(["" if v is None else v for v in array.to_pylist()], dtype=np.str_)
    if pa.types.is_integer(array.type) and not array.null_count:
        return np.asarray(array.to_numpy(zero_copy_only=False))
    if pa.types.is_boolean(array.type) and not array.null_count:
        return np.asarray(array.to_numpy(zero_copy_only=False))
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
        return _numbers(array)
    return np.asarray(["" if v is None else str(v) for v in array.to_pylist()], dtype=np.str_)

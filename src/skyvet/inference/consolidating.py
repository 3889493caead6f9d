"""Light curves to sources: tables of scores or features, and light curves themselves.

A survey has a light curve a band, a field or a detector; a star has one class. Rows of one source
become one row (see `skyvet.inference.column_rules` for how); its light curves are listed in
``light_curve_ids`` and counted in ``n_light_curves``. No row is lost: one without counterpart and
without neighbour is a source of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.inference.column_rules import combined, lead_rows, mean_positions, rule_for
from skyvet.inference.consolidated_scores import consistent_scores
from skyvet.inference.consolidation_config import ConsolidationConfig
from skyvet.inference.source_groups import (
    SourceGroups,
    groups_by_ids,
    groups_by_position,
    join_lone_by_position,
)
from skyvet.records.light_curve_batch import LightCurveBatch

__all__ = [
    "ConsolidationCounts",
    "consolidate_batch",
    "consolidate_table",
    "counts_of",
    "group_sources",
]

_ID_NAMES = ("source_id", "object_id", "obj_id", "star_id", "_id", "oid", "candidate_id", "id")
_RA_NAMES = ("ra_deg", "ra")
_DEC_NAMES = ("dec_deg", "dec")
_EPOCH_NAMES = ("n_epochs", "n_epochs_kept", "n_epochs_read", "n", "nepochs")
_SURENESS = {
    "period_log10_fap": -1.0, "false_alarm_probability": -1.0, "significance": 1.0,
}  # fmt: skip
_MEMBERS = "light_curve_ids"
_N_MEMBERS = "n_light_curves"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsolidationCounts:
    """What became of light curves.

    Parameters
    ----------
    n_light_curves, n_sources : int
        Rows given and made.
    n_with_id : int
        Light curves with an identifier of a catalogue.
    n_without_id : int
        Light curves without one.
    n_alone : int
        Sources of one light curve.
    largest : int
        Most light curves of one source.
    """

    n_light_curves: int
    n_sources: int
    n_with_id: int
    n_without_id: int
    n_alone: int
    largest: int


def group_sources(
    columns: Mapping[str, NDArray[Any]],
    ra_deg: FloatArray,
    dec_deg: FloatArray,
    *,
    config: ConsolidationConfig,
) -> SourceGroups:
    """Return the source of each light curve.

    Parameters
    ----------
    columns : mapping of str to ndarray, shape (n,)
        With the identifiers of catalogues, as far as they are there.
    ra_deg, dec_deg : ndarray, shape (n,)
        Positions [deg]; NaN = unknown.
    config : ConsolidationConfig
        What makes light curves one source.

    Raises
    ------
    InvalidInputError
        If none of the columns is there, or no position is, where it is asked for.
    """
    ids = [_texts(columns[name]) for name in config.id_columns if name in columns]
    has_places = bool(np.isfinite(ra_deg + dec_deg).any())
    if config.by == "ids" and not ids:
        raise InvalidInputError(
            f"there is no column {', '.join(config.id_columns)}; cross-match first, name others "
            "with id_columns, or set by=position"
        )
    if not has_places and len(ra_deg) and (config.by == "position" or not ids):
        raise InvalidInputError(
            "there are neither identifiers of catalogues nor positions (ra_deg, dec_deg); "
            "without them light curves cannot be told to be of one source"
        )
    if config.by == "position":
        return groups_by_position(ra_deg, dec_deg, radius_arcsec=config.radius_arcsec)
    groups = groups_by_ids(ids, n_rows=len(ra_deg))
    if config.by == "ids":
        return groups
    return join_lone_by_position(groups, ra_deg, dec_deg, radius_arcsec=config.radius_arcsec)


def consolidate_table(
    table: pa.Table, config: ConsolidationConfig
) -> tuple[pa.Table, ConsolidationCounts]:
    """Return one row a source of a table of scores or features.

    Parameters
    ----------
    table : Table
        One row a light curve, with an identifier (``source_id`` or another usual name).
    config : ConsolidationConfig
        What makes them one source, and how values become one.

    Returns
    -------
    table : Table
        The same columns and metadata, in the order of first rows, and ``n_light_curves`` and
        ``light_curve_ids``. The identifier is that of the leading light curve: the one with the
        surest period where there is a period, else with the most epochs. Classes of score tables
        agree again (`skyvet.inference.consolidated_scores`).
    counts : ConsolidationCounts
        How many became how many.

    Raises
    ------
    InvalidInputError
        If there is no identifier, nothing to group by, a position that is no number, or a rule
        for a column that is not there.

    Examples
    --------
    >>> table = pa.table({"source_id": [1, 2, 3], "ra_deg": [359.9999, 0.0001, 40.0],
    ...                   "dec_deg": [0.0, 0.0, 0.0], "rrab": [0.2, 0.6, 0.9]})
    >>> sources, counts = consolidate_table(table, ConsolidationConfig())
    >>> sources["rrab"].to_pylist(), sources["light_curve_ids"].to_pylist()
    ([0.4, 0.9], [[1, 2], [3]])
    """
    names = table.column_names
    id_name = _first_of(_ID_NAMES, names)
    if id_name is None:
        raise InvalidInputError(
            f"the table has no identifier ({', '.join(_ID_NAMES)}); its columns are "
            f"{', '.join(names[:20])}"
        )
    foreign = [text for text in config.rules if text.rpartition("=")[0] not in names]
    if foreign:
        raise InvalidInputError(
            f"rules are for columns of the table, got {', '.join(foreign)}; its columns are "
            f"{', '.join(names[:20])}"
        )
    members = _members_before(table, id_name)
    table = table.drop_columns([name for name in (_MEMBERS, _N_MEMBERS) if name in names])
    plain = _plain_columns(table, kept_exact={id_name, *config.id_columns})
    ra_name, dec_name = _first_of(_RA_NAMES, names), _first_of(_DEC_NAMES, names)
    ra, dec = _places(plain, ra_name, dec_name, table.num_rows)
    groups = group_sources(plain, ra, dec, config=config)
    lead = lead_rows(
        groups.group,
        groups.n_groups,
        merit=_merits(plain, table.num_rows),
        n_epochs=_epochs(plain, table.num_rows),
    )
    columns = {
        name: _column(name, table, plain, groups, lead=lead, config=config)
        for name in table.column_names
        if name != id_name
    }
    columns = {id_name: table[id_name].take(pa.array(lead)).combine_chunks(), **columns}
    if ra_name and dec_name:
        means = mean_positions(ra, dec, groups.group, n_groups=groups.n_groups)
        columns[ra_name], columns[dec_name] = (pa.array(mean) for mean in means)
    columns |= _members(members, groups)
    made = pa.table(columns).replace_schema_metadata(table.schema.metadata)
    return consistent_scores(table, made, groups, config=config), counts_of(groups)


def consolidate_batch(
    batch: LightCurveBatch, groups: SourceGroups, *, config: ConsolidationConfig
) -> LightCurveBatch:
    """Return light curves of sources: the bands of one source in one light curve.

    Parameters
    ----------
    batch : LightCurveBatch
        Light curves of one band or several.
    groups : SourceGroups
        Their sources, from `group_sources`.
    config : ConsolidationConfig
        How other columns become one.

    Returns
    -------
    LightCurveBatch
        Epochs of a source sorted by time; columns include ``n_light_curves`` and
        ``light_curve_ids`` (text, separated by blanks).

    Examples
    --------
    >>> batch = LightCurveBatch(
    ...     source_ids=np.array([1, 2]), offsets=np.array([0, 1, 3]),
    ...     mjd_tai=np.array([5.0, 4.0, 6.0]), flux_njy=np.ones(3), flux_err_njy=np.ones(3),
    ...     band=np.array([0, 1, 1]), bands=("g", "r"), ra_deg=np.zeros(2), dec_deg=np.zeros(2))
    >>> config = ConsolidationConfig()
    >>> groups = group_sources(batch.columns, batch.ra_deg, batch.dec_deg, config=config)
    >>> consolidate_batch(batch, groups, config=config).mjd_tai.tolist()
    [4.0, 5.0, 6.0]
    """
    group, n_groups = groups.group, groups.n_groups
    lead = lead_rows(
        group, n_groups, merit=np.zeros(len(batch)), n_epochs=batch.n_epochs.astype(np.float64)
    )
    of_epoch = np.repeat(group, batch.n_epochs)
    order = np.lexsort((batch.mjd_tai, of_epoch))
    assert batch.ra_deg is not None
    assert batch.dec_deg is not None
    assert batch.is_upper_limit is not None
    ra, dec = mean_positions(batch.ra_deg, batch.dec_deg, group, n_groups=n_groups)
    columns: dict[str, NDArray[Any]] = {}
    for name, values in batch.columns.items():
        if name in config.id_columns:
            columns[name] = _first_present(_texts(values), groups)
        else:
            rule = rule_for(name, values.dtype.kind, config)
            columns[name] = combined(values, group, lead=lead, rule=rule)
    by_group = np.argsort(group, kind="stable")
    members = np.split(
        batch.source_ids.astype(np.str_)[by_group], np.cumsum(np.bincount(group))[:-1]
    )
    columns[_N_MEMBERS] = np.bincount(group, minlength=n_groups)
    columns[_MEMBERS] = np.array([" ".join(ids) for ids in members], dtype=np.str_)
    counts = np.bincount(of_epoch, minlength=n_groups)
    return replace(
        batch,
        source_ids=batch.source_ids[lead],
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        mjd_tai=batch.mjd_tai[order],
        flux_njy=batch.flux_njy[order],
        flux_err_njy=batch.flux_err_njy[order],
        band=batch.band[order],
        is_upper_limit=batch.is_upper_limit[order],
        ra_deg=ra,
        dec_deg=dec,
        columns=columns,
    )


def _first_of(wanted: tuple[str, ...], names: list[str]) -> str | None:
    return next((name for name in wanted if name in names), None)


def _column(
    name: str,
    table: pa.Table,
    plain: Mapping[str, NDArray[Any]],
    groups: SourceGroups,
    *,
    lead: IntArray,
    config: ConsolidationConfig,
) -> pa.Array:
    """Return one column of the sources."""
    values = plain.get(name)
    if values is None:
        return _combined_lists(table[name], groups, lead)
    if name in config.id_columns:
        return pa.array(_first_present(_texts(values), groups).tolist())
    rule = rule_for(name, values.dtype.kind, config)
    found = combined(values, groups.group, lead=lead, rule=rule)
    return _as_arrow(found, table.schema.field(name).type)


def _plain_columns(table: pa.Table, *, kept_exact: set[str]) -> dict[str, NDArray[Any]]:
    """Return all columns but lists; identifiers never pass through floats."""
    plain = {}
    for name in table.column_names:
        if name in kept_exact and not pa.types.is_floating(table.schema.field(name).type):
            plain[name] = np.array(table[name].to_pylist(), dtype=object)
        elif (values := _array(table[name])) is not None:
            plain[name] = values
    return plain


def _array(column: pa.ChunkedArray) -> NDArray[Any] | None:
    """Return a plain column; None for lists."""
    kind = column.type
    if pa.types.is_nested(kind):
        return None
    if pa.types.is_floating(kind) or (pa.types.is_integer(kind) and column.null_count):
        return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    if pa.types.is_integer(kind) or (pa.types.is_boolean(kind) and not column.null_count):
        return np.asarray(column.to_numpy())
    return np.array(column.to_pylist(), dtype=object)


def _texts(values: NDArray[Any]) -> NDArray[Any]:
    """Return identifiers as text; empty = none (null, blank, -1, 0, NaN)."""
    if values.dtype.kind == "U":
        return values
    if values.dtype.kind == "f":
        raise InvalidInputError(
            "identifiers of catalogues are floating-point numbers, which lose digits; write them "
            "as whole numbers or text (0 or empty = no counterpart)"
        )
    texts = ["" if v is None or v in {-1, 0, ""} else str(v) for v in values.tolist()]
    return np.array(texts, dtype=np.str_)


def _places(
    plain: Mapping[str, NDArray[Any]], ra_name: str | None, dec_name: str | None, n_rows: int
) -> tuple[FloatArray, FloatArray]:
    if ra_name is None or dec_name is None:
        return np.full(n_rows, np.nan), np.full(n_rows, np.nan)
    try:
        return plain[ra_name].astype(np.float64), plain[dec_name].astype(np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"positions ({ra_name}, {dec_name}) must be numbers [deg], got {error}; write degrees"
        ) from error


def _merits(plain: Mapping[str, NDArray[Any]], n_rows: int) -> FloatArray:
    """Return how sure each light curve's period is; all equal where nothing says it."""
    for name, sign in _SURENESS.items():
        if name in plain and plain[name].dtype.kind in "fiu":
            return sign * plain[name].astype(np.float64)
    return np.zeros(n_rows)


def _epochs(plain: Mapping[str, NDArray[Any]], n_rows: int) -> FloatArray:
    for name in _EPOCH_NAMES:
        if name in plain and plain[name].dtype.kind in "fiu":
            return plain[name].astype(np.float64)
    per_band = [values.astype(np.float64) for name, values in plain.items() if name.startswith("n_")
                and len(name) == 3 and values.dtype.kind in "fiu"]  # fmt: skip
    return np.asarray(np.nansum([*per_band, np.zeros(n_rows)], axis=0), dtype=np.float64)


def _first_present(texts: NDArray[np.str_], groups: SourceGroups) -> NDArray[np.str_]:
    """Return each source's first identifier that is not empty."""
    found = np.full(groups.n_groups, "", dtype=texts.dtype)
    rows = np.flatnonzero(texts != "")[::-1]
    found[groups.group[rows]] = texts[rows]
    return found


def _combined_lists(column: pa.ChunkedArray, groups: SourceGroups, lead: IntArray) -> pa.Array:
    """Return images (lists of one size) as their mean of length 1; other lists as the lead's."""
    kind = column.type
    if not pa.types.is_fixed_size_list(kind) or column.null_count:
        return column.take(pa.array(lead)).combine_chunks()
    array = column.combine_chunks()
    images = array.flatten().to_numpy(zero_copy_only=False).reshape(len(array), kind.list_size)
    sums = np.zeros((groups.n_groups, kind.list_size))
    np.add.at(sums, groups.group, np.nan_to_num(images.astype(np.float64)))
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    means = sums / np.where(length > 0, length, 1.0)
    flat = pa.array(means.ravel().astype(np.float32)).cast(kind.value_type)
    return pa.FixedSizeListArray.from_arrays(flat, kind.list_size)


def _as_arrow(values: NDArray[Any], kind: pa.DataType) -> pa.Array:
    """Return values in the column's own type where they fit it."""
    array = pa.array(values.tolist() if values.dtype == object else values, from_pandas=True)
    try:
        return array.cast(kind)
    except pa.ArrowInvalid:
        return array


def _members_before(table: pa.Table, id_name: str) -> pa.Array:
    """Return the light curves of each row as lists: itself, or those it was made of."""
    if _MEMBERS in table.column_names and pa.types.is_list(table.schema.field(_MEMBERS).type):
        return table[_MEMBERS].combine_chunks()
    offsets = pa.array(np.arange(table.num_rows + 1), pa.int32())
    return pa.ListArray.from_arrays(offsets, table[id_name].combine_chunks())


def _members(before: pa.Array, groups: SourceGroups) -> dict[str, pa.Array]:
    """Return the light curves of each source and their number."""
    order = np.argsort(groups.group, kind="stable")
    lengths = pc.list_value_length(before).to_numpy(zero_copy_only=False)
    sizes = np.bincount(groups.group, weights=lengths, minlength=groups.n_groups).astype(np.int64)
    offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())
    values = pc.list_flatten(before.take(pa.array(order)))
    return {
        _N_MEMBERS: pa.array(sizes, pa.int32()),
        _MEMBERS: pa.ListArray.from_arrays(offsets, values),
    }


def counts_of(groups: SourceGroups) -> ConsolidationCounts:
    """Return how many light curves became how many sources."""
    sizes = np.bincount(groups.group, minlength=groups.n_groups)
    n_with_id = int(groups.has_id.sum())
    return ConsolidationCounts(
        n_light_curves=len(groups.group),
        n_sources=groups.n_groups,
        n_with_id=n_with_id,
        n_without_id=len(groups.group) - n_with_id,
        n_alone=int((sizes == 1).sum()),
        largest=int(sizes.max(initial=0)),
    )

"""Which column of a table holds what, and what its numbers mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from skyvet.core.errors import InvalidInputError
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig, TimeScale
from skyvet.io.light_curve_sources.presets import (
    COLUMN_NAMES,
    FLUX_NAMES,
    PRESETS,
    TIME_SCALE_OF_NAME,
    preset_for,
)

__all__ = ["UNKNOWN_BAND", "ColumnPlan", "plan_columns", "preset_of", "type_at"]

UNKNOWN_BAND = "unknown"
"""Name of the filter of all epochs where neither a column nor the user says it."""

_N_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPlan:
    """Where things stand in a table and what they mean.

    Parameters
    ----------
    places : mapping of str to str
        Thing (field of `LightCurveColumns`, and ``exposure``, ``is_difference``, ``survey``) to
        the column's place, with a dot for one inside another.
    is_nested : bool
        True for one row a source with lists, False for one row an epoch.
    is_magnitude : bool
        True for magnitudes, False for fluxes.
    zero_point_mag : float
        AB magnitude of flux 1.
    time_scale : str or None
        What the times are; None = to be told from their size.
    exposure_s : float
        Whose half is added to the times [s].
    band : str
        Filter of all epochs, where no column says it.
    band_names : mapping of str to str
        Their names of filters to ours.
    bands : tuple of str
        Filters that are taken; empty = all.
    bad_flags : int
        Bits that make an epoch unusable.
    survey : str
        Name of the survey.
    carried : tuple of str
        Columns carried along.
    has_integer_ids : bool, default False
        True where identifiers become int64, False where they stay what they are or become text.
    """

    places: Mapping[str, str]
    is_nested: bool
    is_magnitude: bool
    zero_point_mag: float
    time_scale: TimeScale | None
    exposure_s: float
    band: str
    band_names: Mapping[str, str]
    bands: tuple[str, ...]
    bad_flags: int
    survey: str
    carried: tuple[str, ...]
    has_integer_ids: bool = False

    @property
    def roots(self) -> list[str]:
        """Columns that must be read."""
        places = [*self.places.values(), *self.carried]
        return list(dict.fromkeys(place.split(".")[0] for place in places))


def plan_columns(schema: pa.Schema, config: LightCurveInputConfig, *, where: str) -> ColumnPlan:
    """Find out which column holds what.

    Parameters
    ----------
    schema : Schema
        Of the table.
    config : LightCurveInputConfig
        What is told beforehand.
    where : str
        Name of the table, for messages.

    Raises
    ------
    InvalidInputError
        If something needed is not there, or identifiers are floats; lists what the table has and
        which options to set.

    Examples
    --------
    >>> schema = pa.schema([("star", pa.int64()), ("time", pa.float64()), ("mag", pa.float64()),
    ...                     ("magerr", pa.float64()), ("band", pa.string())])
    >>> plan_columns(schema, LightCurveInputConfig(), where="a.parquet").places["source_id"]
    'star'
    """
    known = _places(schema)
    by_name = {place.lower().rpartition(".")[2]: place for place in reversed(known)}
    chosen = config.preset if config.preset != "auto" else preset_of(schema)
    preset = PRESETS[chosen]
    places = _found(known, by_name, config, where=where)
    _check_identifier_type(schema, places["source_id"], where=where)
    time_name = places["time"].lower().rpartition(".")[2]
    value_name = places["brightness"].lower().rpartition(".")[2]
    scale = None if config.time_scale == "auto" else config.time_scale
    if pa.types.is_timestamp(type_at(schema, places["time"])):
        scale = "mjd_utc"
    kind = config.brightness if config.brightness != "auto" else preset.brightness
    is_nested = _is_list(schema, places["time"])
    _check_form(config, is_nested=is_nested, where=where)
    exposure_s = preset.exposures_s.get(time_name, 0.0)
    if "exposure" in places and not exposure_s:
        del places["exposure"]
    given = dict(name.split("=", 1) for name in config.band_names)
    return ColumnPlan(
        places=places,
        is_nested=is_nested,
        is_magnitude=value_name not in FLUX_NAMES if kind == "auto" else kind == "magnitude",
        zero_point_mag=config.zero_point_mag,
        time_scale=scale or preset.time_scales.get(time_name) or TIME_SCALE_OF_NAME.get(time_name),
        exposure_s=exposure_s if config.exposure_s is None else config.exposure_s,
        band=config.band or UNKNOWN_BAND,
        band_names={**preset.band_names, **given},
        bands=config.bands,
        bad_flags=preset.bad_flags if config.bad_flags is None else config.bad_flags,
        survey=config.survey or preset.survey,
        carried=_carried(schema, places, config, is_nested=is_nested, where=where),
        has_integer_ids=_are_int64(type_at(schema, places["source_id"])),
    )


def preset_of(schema: pa.Schema) -> str:
    """Return the preset that a table's columns, and those inside them, speak for.

    Examples
    --------
    >>> epochs = pa.struct([("hmjd", pa.list_(pa.float64())), ("catflags", pa.list_(pa.int64()))])
    >>> preset_of(pa.schema([("objectid", pa.int64()), ("lightcurve", epochs)]))
    'ztf'
    """
    return preset_for(frozenset(place.lower().rpartition(".")[2] for place in _places(schema)))


def type_at(schema: pa.Schema, place: str) -> pa.DataType:
    """Return the type of a place; of one inside a list of structs, that of its lists."""
    root, _, inner = place.partition(".")
    kind = schema.field(root).type
    if not inner:
        return kind
    if _is_any_list(kind):
        return pa.list_(kind.value_type.field(inner).type)
    return kind.field(inner).type


def _are_int64(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind)) and kind != pa.uint64()


def _check_form(config: LightCurveInputConfig, *, is_nested: bool, where: str) -> None:
    asked = {"skyvet": True, "nested": True, "hats": None, "long": False, "csv": False}
    if asked.get(config.form) not in {None, is_nested}:
        found = "one row a source, with lists" if is_nested else "one row an epoch"
        raise InvalidInputError(
            f"{where} has {found}, which is not the form {config.form!r}; leave form=auto"
        )


def _is_any_list(kind: pa.DataType) -> bool:
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(bool(test(kind)) for test in tests)


def _is_list(schema: pa.Schema, place: str) -> bool:
    return _is_any_list(type_at(schema, place))


def _places(schema: pa.Schema) -> list[str]:
    """Return all columns, then those inside others; of several such, forced photometry first."""
    outer = [field.name for field in schema]
    inner = []
    for field in schema:
        kind = field.type.value_type if _is_any_list(field.type) else field.type
        if pa.types.is_struct(kind):
            names = [f"{field.name}.{kind.field(i).name}" for i in range(kind.num_fields)]
            inner.append((_rank(field.name), names))
    inner.sort(key=lambda pair: pair[0])
    return [*outer, *(place for _, names in inner for place in names)]


def _rank(name: str) -> int:
    """Return how late a nested column comes: forced total photometry before what was detected."""
    lowered = name.lower()
    return 2 * ("forced" not in lowered) + ("dia" in lowered)


def _found(
    known: list[str], by_name: Mapping[str, str], config: LightCurveInputConfig, *, where: str
) -> dict[str, str]:
    """Return the place of each thing; what is named by the user must be there."""
    places = {}
    nested = _nested_root(known, config)
    for thing, names in COLUMN_NAMES.items():
        told = getattr(config.columns, thing)
        if told:
            if told not in known:
                raise _missing(f"columns.{thing} names {told!r}", known, where=where)
            places[thing] = told
            continue
        inside = {} if nested is None else {
            place.lower().rpartition(".")[2]: place
            for place in known if place.startswith(f"{nested}.")
        }  # fmt: skip
        for name in names:
            if thing in _PER_EPOCH and name in inside:
                places[thing] = inside[name]
                break
            if name in by_name and "." not in by_name[name]:
                places[thing] = by_name[name]
                break
    lacking = [thing for thing in ("source_id", "time", "brightness", "error") if
               thing not in places]  # fmt: skip
    if lacking:
        raise _missing(f"no column is known as {', '.join(lacking)}", known, where=where)
    for thing, name in (("exposure", "exptime"), ("is_difference", "is_difference")):
        if name in by_name:
            places[thing] = by_name[name]
    return places


_PER_EPOCH = ("time", "brightness", "error", "band", "flags", "upper_limit")


def _nested_root(known: list[str], config: LightCurveInputConfig) -> str | None:
    """Return the column with the epochs inside, if there is one."""
    told = config.columns.time
    if told:
        return told.rpartition(".")[0] or None
    if any(place.lower() in COLUMN_NAMES["time"] for place in known if "." not in place):
        return None
    roots = dict.fromkeys(place.rpartition(".")[0] for place in known if "." in place)
    for root in roots:
        names = {place.lower().rpartition(".")[2] for place in known if place.startswith(root)}
        if all(names & set(COLUMN_NAMES[thing]) for thing in ("time", "brightness", "error")):
            return root
    return None


def _missing(what: str, known: list[str], *, where: str) -> InvalidInputError:
    shown = ", ".join(known[:_N_SHOWN]) + (", ..." if len(known) > _N_SHOWN else "")
    return InvalidInputError(
        f"{where}: {what}; its columns are {shown}; say which is which with the settings "
        "columns.source_id, columns.time, columns.brightness, columns.error and columns.band"
    )


def _check_identifier_type(schema: pa.Schema, place: str, *, where: str) -> None:
    kind = type_at(schema, place)
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    tests = (pa.types.is_integer, pa.types.is_string, pa.types.is_large_string)
    if not any(bool(test(kind)) for test in tests):
        raise InvalidInputError(
            f"{where}: identifiers in {place!r} are {kind}; they must be whole numbers or text "
            "(a float loses digits of 64-bit identifiers); name another with columns.source_id"
        )


def _carried(
    schema: pa.Schema,
    places: Mapping[str, str],
    config: LightCurveInputConfig,
    *,
    is_nested: bool,
    where: str,
) -> tuple[str, ...]:
    if config.carry_columns:
        absent = [name for name in config.carry_columns if name not in schema.names]
        if absent:
            raise _missing(f"carry_columns names {', '.join(absent)}", schema.names, where=where)
        return config.carry_columns
    if not is_nested:
        return ()
    used = {place.split(".")[0] for place in places.values()}
    return tuple(
        field.name
        for field in schema
        if field.name not in used
        and not field.name.startswith(("__", "_healpix"))
        and not pa.types.is_nested(field.type)
    )

"""Light curves from tables: Parquet and CSV, nested and long, and HATS catalogues."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.io.light_curve_sources.batches import batch_of, is_difference_of
from skyvet.io.light_curve_sources.blocks import (
    BLOCK_ERRORS,
    Block,
    blocks_of,
    iter_block,
    n_wrong_lines,
    schema_of,
)
from skyvet.io.light_curve_sources.column_plan import (
    UNKNOWN_BAND,
    ColumnPlan,
    plan_columns,
    type_at,
)
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig, TimeScale
from skyvet.io.light_curve_sources.grouping import Grouping, bucket_of, divide
from skyvet.io.light_curve_sources.partitions import LightCurvePartition, Span
from skyvet.io.light_curve_sources.raw_epochs import RawEpochs, raw_epochs_of
from skyvet.records.light_curve_batch import SIMULATED_SUFFIX, LightCurveBatch
from skyvet.records.rejections import Rejection, RejectionReason

__all__ = ["TableSource", "open_tables"]

_LOG = logging.getLogger(__name__)
_FIRST_JD = 2_000_000.0
_FIRST_MJD = 30_000.0  # 1941: before it, a number of days is no MJD of a light curve
_STEPS_PER_PERIOD = 10
_MAGNITUDES = (5.0, 35.0)
_LARGE_MAGNITUDE_ERR = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TableSource:
    """Light curves in tables; see `skyvet.io.light_curve_sources.partitions.LightCurveSource`.

    Parameters
    ----------
    partitions : tuple of LightCurvePartition
        Pieces of work.
    blocks : tuple of Block
        All of them, for partitions that are groups of sources.
    plans : mapping of str to ColumnPlan
        Path to where things stand in it.
    n_buckets : int
        Groups of sources; 0 = partitions are stretches of rows.
    is_difference : bool
        Kind of flux.
    time_step_d : float
        Spacing of times that came as float32 [d]; 0 = fine.
    notes : tuple of str
        What a person should know.
    """

    partitions: tuple[LightCurvePartition, ...]
    blocks: tuple[Block, ...]
    plans: Mapping[str, ColumnPlan]
    n_buckets: int = 0
    is_difference: bool = False
    time_step_d: float = 0.0
    notes: tuple[str, ...] = ()

    def read(self, partition: LightCurvePartition) -> tuple[LightCurveBatch, tuple[Rejection, ...]]:
        """Return the sources of a partition, and what of it could not be read."""
        plan = next(iter(self.plans.values()))
        spans = partition.spans
        if partition.bucket >= 0:
            spans = tuple(Span(block=block, start=0, stop=1 << 62) for block in self.blocks)
        pieces, rejections = [], []
        if partition.fault:
            rejections.append(_unreadable(partition.name, partition.fault))
        for span in spans:
            try:
                piece, n_wrong = self._piece(span, partition.bucket)
                pieces.append(piece)
                if n_wrong and span.start == 0 and partition.bucket <= 0:
                    rejections.append(_of_wrong_lines(span.block, n_wrong))
            except BLOCK_ERRORS as error:
                where = f"{span.block.path}:{span.block.place}"
                rejections.append(_unreadable(where, f"{type(error).__name__}: {error}"))
        if not pieces:
            pieces = [raw_epochs_of(_empty(self.blocks[0], plan), plan)]
        batch, faults = batch_of(
            pieces, plan, where=partition.name, is_difference=self.is_difference
        )
        return batch, (*rejections, *faults)

    def _piece(self, span: Span, bucket: int) -> tuple[RawEpochs, int]:
        """Return epochs of some rows, and the number of lines that were wrong in their block."""
        plan = self.plans[span.block.path]
        place = plan.places["source_id"]
        tables = []
        n_wrong = 0
        for table in iter_block(span.block, plan.roots, rows=(span.start, span.stop)):
            n_wrong = n_wrong_lines(table)
            if bucket < 0:
                tables.append(table)
                continue
            is_ours = bucket_of(table[place].combine_chunks(), self.n_buckets) == bucket
            tables.append(table.filter(pa.array(is_ours)))
        if not tables:
            tables = [_empty(span.block, plan)]
        return raw_epochs_of(pa.concat_tables(tables), plan), n_wrong


def open_tables(
    paths: Sequence[str], config: LightCurveInputConfig, *, is_whole: bool = False
) -> TableSource:
    """Open files of one form.

    Parameters
    ----------
    paths : sequence of str
        Parquet or CSV files.
    config : LightCurveInputConfig
        What they hold.
    is_whole : bool, default False
        True where each source is known to be one row of one file: identifiers are not gone
        through then.

    Raises
    ------
    InvalidInputError
        If the first readable file lacks something needed.
    DatasetError
        If none can be read.
    """
    blocks: list[Block] = []
    plans: dict[str, ColumnPlan] = {}
    faulty: list[LightCurvePartition] = []
    first_error: InvalidInputError | None = None
    for path in paths:
        try:
            found = blocks_of(path)
            if found:
                plan = plan_columns(_told_schema(found[0], config, path), config, where=path)
                plans[path] = _fitting(plan, plans, where=path)
        except BLOCK_ERRORS as error:
            faulty.append(_fault(path, f"{type(error).__name__}: {error}"))
            continue
        except InvalidInputError as error:
            first_error = first_error or error
            faulty.append(_fault(path, str(error)))
            continue
        place = plans[path].places["source_id"] if found else ""
        blocks.extend(replace(block, text=place) if block.names else block for block in found)
    if not blocks:
        raise first_error or DatasetError(
            f"no light curves can be read: {faulty[0].name}: {faulty[0].fault}"
            if faulty
            else f"{paths[0]} holds no rows"
        )
    return _source(blocks, plans, faulty, config, is_whole=is_whole)


def _told_schema(block: Block, config: LightCurveInputConfig, path: str) -> pa.Schema:
    """Return the types of columns; identifiers of a CSV are text, however they look."""
    schema = schema_of(block)
    if block.kind == "parquet":
        return schema
    text = {name: pa.string() for name in schema.names}
    names = pa.schema([(name, text[name]) for name in schema.names])
    place = plan_columns(names, config, where=path).places["source_id"]
    first = next(iter_block(replace(block, text=place), [place]), None)
    if first is not None and _look_like_floats(first[place]):
        return schema  # refused by the plan, which names the column
    return schema.set(schema.names.index(place), pa.field(place, pa.string()))


def _look_like_floats(texts: pa.ChunkedArray) -> bool:
    """Return whether identifiers are numbers with a point or an exponent."""
    is_float = pc.match_substring_regex(
        texts, r"^[+-]?[0-9]+(\.[0-9]*([eE][+-]?[0-9]+)?|[eE]\+[0-9]+)$"
    )
    return bool(pc.any(is_float).as_py())


def _source(
    blocks: list[Block],
    plans: Mapping[str, ColumnPlan],
    faulty: list[LightCurvePartition],
    config: LightCurveInputConfig,
    *,
    is_whole: bool,
) -> TableSource:
    first, notes, time_step_d = _look(blocks, plans)
    _check_unit(first, next(iter(plans.values())), config, where=blocks[0].path)
    scale = next(iter(plans.values())).time_scale or _scale_of(first.time)
    own = _survey_of(first)
    plans = {
        path: replace(
            plan,
            time_scale=plan.time_scale or scale,
            survey=own if _is_simulated(own, config) else plan.survey or own,
        )
        for path, plan in plans.items()
    }
    grouping = divide(
        blocks,
        plans,
        sources_per_partition=config.sources_per_partition,
        epochs_per_partition=config.epochs_per_partition,
        is_whole=is_whole,
    )
    plans = {
        path: replace(plan, has_integer_ids=grouping.are_integers) for path, plan in plans.items()
    }
    if any("band" not in p.places and p.band == UNKNOWN_BAND for p in plans.values()):
        notes += (
            f"no column says the filter: all epochs are taken as of one, {UNKNOWN_BAND!r}; name "
            "it with the setting band, or the column with columns.band",
        )
    notes += _notes_of_grouping(grouping)
    for note in notes:
        _LOG.info(note)
    return TableSource(
        partitions=(*grouping.partitions, *faulty),
        blocks=tuple(blocks),
        plans=plans,
        n_buckets=grouping.n_buckets,
        is_difference=is_difference_of(first),
        time_step_d=time_step_d,
        notes=notes,
    )


def _look(
    blocks: Sequence[Block], plans: Mapping[str, ColumnPlan]
) -> tuple[RawEpochs, tuple[str, ...], float]:
    """Return the first rows that can be read, and what is to be said of their times."""
    for block in blocks:
        plan = plans[block.path]
        try:
            schema = schema_of(block)
            table = next(iter_block(block, plan.roots, rows=(0, 1000)), None)
            raw = raw_epochs_of(_empty(block, plan) if table is None else table, plan)
        except BLOCK_ERRORS:
            continue
        step = _time_step(schema, plan, raw)
        if not step:
            return raw, (), 0.0
        note = (
            f"the times in {Path(block.path).name} are float32: they stand in steps of "
            f"{step:.2g} d, so periods below about {_STEPS_PER_PERIOD * step:.2g} d mean nothing"
        )
        return raw, (note,), step
    raise DatasetError(f"no part of {blocks[0].path} can be read; fetch it again")


def _time_step(schema: pa.Schema, plan: ColumnPlan, raw: RawEpochs) -> float:
    kind = type_at(schema, plan.places["time"])
    kind = kind.value_type if plan.is_nested else kind
    if kind != pa.float32() or not np.isfinite(raw.time).any():
        return 0.0
    return float(np.spacing(np.float32(np.nanmax(np.abs(raw.time)))))


def _check_unit(
    raw: RawEpochs, plan: ColumnPlan, config: LightCurveInputConfig, *, where: str
) -> None:
    """Refuse fluxes that look like magnitudes, where only a column's name says what they are."""
    place = plan.places["brightness"]
    if config.brightness != "auto" or plan.is_magnitude:
        return
    if place.lower().rpartition(".")[2] == "flux_njy":
        return
    values = raw.brightness[np.isfinite(raw.brightness)]
    errors = raw.error[np.isfinite(raw.error)]
    if not len(values) or not len(errors) or np.median(errors) >= _LARGE_MAGNITUDE_ERR:
        return
    low, high = _MAGNITUDES
    if np.all((values >= low) & (values <= high)):
        raise InvalidInputError(
            f"{where}: the column {place!r} is named like a flux, but its values "
            f"({values.min():.2f} to {values.max():.2f}, typical error {np.median(errors):.2g}) "
            "look like magnitudes; say which they are: brightness=magnitude or brightness=flux "
            "(--light-curves.brightness), or a preset that says it (eros)"
        )


def _scale_of(times: Any) -> TimeScale:  # noqa: ANN401 - array
    """Tell the scale of times from their size."""
    finite = times[np.isfinite(times)]
    middle = float(np.median(finite)) if len(finite) else 0.0
    if middle > _FIRST_JD:
        return "jd_utc"
    return "mjd_utc" if middle > _FIRST_MJD else "days"


def _survey_of(raw: RawEpochs) -> str:
    """Return what a table's own column says of its survey; empty where it says nothing."""
    names = {str(name) for name in raw.columns.get("survey", ())}
    return names.pop() if len(names) == 1 else ""


def _is_simulated(survey: str, config: LightCurveInputConfig) -> bool:
    """Say whether a table is of simulated light curves; a preset makes them no real ones."""
    return not config.survey and survey.endswith(SIMULATED_SUFFIX)


def _notes_of_grouping(grouping: Grouping) -> tuple[str, ...]:
    if grouping.n_buckets < 2:  # one pass is what a sorted table takes, too
        return ()
    return (
        f"the rows of a source do not stand together: its {grouping.n_sources} sources are read "
        f"in {grouping.n_buckets} passes over the input; a table sorted by source is read in one",
    )


def _fitting(plan: ColumnPlan, plans: Mapping[str, ColumnPlan], *, where: str) -> ColumnPlan:
    """Return the plan of a further file; it must carry what the first one does."""
    for first in plans.values():
        absent = [name for name in first.carried if name not in plan.carried]
        if absent:
            raise InvalidInputError(f"{where} lacks the columns {', '.join(absent)}")
        return replace(plan, carried=first.carried)
    return plan


def _empty(block: Block, plan: ColumnPlan) -> pa.Table:
    schema = schema_of(block)
    return pa.schema([schema.field(name) for name in plan.roots]).empty_table()


def _fault(path: str, fault: str) -> LightCurvePartition:
    return LightCurvePartition(name=f"{Path(path).name}:unreadable", fault=fault)


def _of_wrong_lines(block: Block, n_wrong: int) -> Rejection:
    return Rejection(
        source=f"{block.path}:{block.place}",
        reason=RejectionReason.BAD_VALUE,
        detail=f"{n_wrong} lines have another number of cells than the heading",
    )


def _unreadable(where: str, detail: str) -> Rejection:
    return Rejection(source=where, reason=RejectionReason.UNREADABLE_FILE, detail=detail)

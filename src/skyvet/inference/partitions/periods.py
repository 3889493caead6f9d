"""Periods of light curves, partition by partition, and the table of them all."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skyvet.core.progress import Progress, SilentProgress
from skyvet.features.band_series import band_series_of
from skyvet.features.periods.configs import PeriodSearchConfig
from skyvet.features.periods.found import AliasMember, FoundPeriods, PeriodPeaks
from skyvet.inference.partitions.light_curve_input import LightCurveInput
from skyvet.inference.partitions.task import Partition, PartitionCounts
from skyvet.io.parts import REJECTIONS, join_parts, metadata_of_parts
from skyvet.io.tables import identifier_array
from skyvet.records.light_curve_batch import LightCurveBatch

__all__ = ["PeriodTask", "join_periods", "periods_table"]

_TABLE = "periods"
_METADATA = b"skyvet.periods"
_SIGNIFICANT = 0.01
_CONSENSUS = tuple(
    field.name
    for field in dataclasses.fields(FoundPeriods)
    if isinstance(field.default, int | float) and field.name != "flags"
)
_PEAKS = tuple(field.name for field in dataclasses.fields(PeriodPeaks) if field.name != "kind")
_FAMILY = tuple(field.name for field in dataclasses.fields(AliasMember) if field.name != "name")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeriodTask:
    """Searches for periods; see `skyvet.inference.partitions.task.PartitionTask`.

    Parameters
    ----------
    reading : LightCurveInput
        What is read, and how.
    config : PeriodSearchConfig
        How periods are searched and judged.
    """

    reading: LightCurveInput
    config: PeriodSearchConfig

    @property
    def kind(self) -> str:
        """What the folder of parts holds."""
        return "skyvet-periods"

    @property
    def table(self) -> str:
        """Name of the table that makes up the result."""
        return _TABLE

    @property
    def unit(self) -> str:
        """What an input is called."""
        return "sources"

    def settings(self) -> dict[str, Any]:
        """Return what shapes the content."""
        return {**self.reading.document, "periods": self.config.model_dump(mode="json")}

    def run(
        self,
        partition: Partition,
        folder: Path,
        *,
        limit: int | None = None,
        progress: Progress | None = None,
    ) -> PartitionCounts:
        """Search the sources of one partition; see `PartitionTask.run`."""
        read = self.reading.read(partition, limit=limit)
        table = periods_table(read.batch, self.config, progress=progress)
        pq.write_table(table, folder / f"{_TABLE}.parquet", compression="zstd")
        return PartitionCounts(
            n_results=table.num_rows,
            rejections=read.rejections,
            counts={**read.counts, **_counts(table)},
            n_bytes=read.n_bytes + table.nbytes,
            reading_seconds=read.seconds,
            worked_share=read.kept_share,
        )


def periods_table(
    batch: LightCurveBatch, config: PeriodSearchConfig, *, progress: Progress | None = None
) -> pa.Table:
    """Search the sources of a batch for periods and return one row each.

    Parameters
    ----------
    batch : LightCurveBatch
        Total flux.
    config : PeriodSearchConfig
        How periods are searched and judged.
    progress : Progress, optional
        Advances by one a source.

    Returns
    -------
    Table
        ``source_id``, ``survey``, position; the numbers of `FoundPeriods` under its names
        (``period_d`` [d], NaN where none was sought, ...) and ``period_flags``; for each algorithm
        those of `PeriodPeaks`, lists of its peaks, best first (``ls_period_d``, ...);
        ``candidates_d`` and ``candidate_log_odds``; those of `AliasMember` as lists
        (``alias_period_d``, ...) in the order of the names in the metadata; and how far algorithms
        agree. No columns for no source.

    Raises
    ------
    InvalidInputError
        If the batch holds difference flux.
    """
    from skyvet.features.periods.search import find_periods  # noqa: PLC0415 - an extra

    if not len(batch):
        return pa.table({})
    progress = progress or SilentProgress()
    progress.start("periods", len(batch))
    found = []
    for i_source in range(len(batch)):
        found.append(find_periods(band_series_of(batch, i_source), config))
        progress.advance()
    progress.finish()
    columns: dict[str, Any] = {
        "source_id": identifier_array(batch.source_ids.tolist()),
        "survey": [batch.survey] * len(batch),
        "ra_deg": batch.ra_deg,
        "dec_deg": batch.dec_deg,
        **{name: [getattr(one, name) for one in found] for name in _CONSENSUS},
        "period_flags": pa.array([int(one.flags) for one in found], pa.int32()),
        **_peak_columns(found),
        "candidates_d": [one.candidates_d for one in found],
        "candidate_log_odds": [one.candidate_log_odds for one in found],
        **_family_columns(found),
        **{name: [one.agreement[name] for one in found] for name in found[0].agreement},
    }
    family = [member.name for member in found[0].family]
    document = json.dumps({"alias_names": family}).encode()
    return pa.table(columns).replace_schema_metadata({_METADATA: document})


def _counts(table: pa.Table) -> dict[str, int]:
    """Count the sources with a period, and those whose period chance seldom gives."""
    if not table.num_rows:
        return {"n_with_period": 0, "n_significant": 0}
    has_period = np.isfinite(table["period_d"].to_numpy())
    is_significant = table["false_alarm_probability"].to_numpy() <= _SIGNIFICANT
    return {
        "n_with_period": int(has_period.sum()),
        "n_significant": int((has_period & is_significant).sum()),
    }


def _peak_columns(found: Sequence[FoundPeriods]) -> dict[str, Any]:
    """Return the peaks of each algorithm as lists."""
    columns = {}
    for i_kind, peaks in enumerate(found[0].peaks):
        for name in _PEAKS:
            columns[f"{peaks.kind}_{name}"] = [getattr(one.peaks[i_kind], name) for one in found]
    return columns


def _family_columns(found: Sequence[FoundPeriods]) -> dict[str, Any]:
    return {
        f"alias_{name}": pa.array(
            [[getattr(member, name) for member in one.family] for one in found],
            pa.list_(pa.float64()),
        )
        for name in _FAMILY
    }


def join_periods(folder: Path) -> Path:
    """Join the periods of all parts to ``periods.parquet`` in the same folder.

    Raises
    ------
    DatasetError
        If a part is damaged, or the disk is full.
    """
    out = folder / f"{_TABLE}.parquet"
    for name in (_TABLE, REJECTIONS):
        metadata = metadata_of_parts(folder, name)
        target = folder / f"{name}.parquet"
        for _ in join_parts(folder, name, target, metadata=metadata, may_lack_parts=True):
            pass
    return out

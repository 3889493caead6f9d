"""Features of light curves, partition by partition, and the table of them all."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skyvet.core.progress import Progress
from skyvet.features.light_curves.configs import FeatureConfig
from skyvet.inference.feature_settings import feature_settings
from skyvet.inference.partitions.light_curve_input import LightCurveInput
from skyvet.inference.partitions.task import Partition, PartitionCounts
from skyvet.io.feature_tables import feature_table_to_arrow
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.part_files import finished_parts
from skyvet.io.parts import REJECTIONS, join_parts
from skyvet.preprocessing.light_curve_cuts import CutConfig
from skyvet.records.feature_table import FeatureTable
from skyvet.records.light_curve_batch import LightCurveBatch

__all__ = ["FeatureTask", "feature_table_of", "features_of", "join_features"]

_TABLE = "features"
_BANDS = b"skyvet.bands"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureTask:
    """Computes features; see `skyvet.inference.partitions.task.PartitionTask`.

    Parameters
    ----------
    reading : LightCurveInput
        What is read, and how.
    config : FeatureConfig
        What is computed.
    """

    reading: LightCurveInput
    config: FeatureConfig

    @property
    def kind(self) -> str:
        """What the folder of parts holds."""
        return "skyvet-features"

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
        return {**self.reading.document, "features": self.config.model_dump(mode="json")}

    def run(
        self,
        partition: Partition,
        folder: Path,
        *,
        limit: int | None = None,
        progress: Progress | None = None,
    ) -> PartitionCounts:
        """Compute the features of one partition; see `PartitionTask.run`."""
        read = self.reading.read(partition, limit=limit)
        table = features_of(
            read.batch,
            self.config,
            cuts=self.reading.cuts,
            light_curves=self.reading.light_curves,
            progress=progress,
        )
        pq.write_table(table, folder / f"{_TABLE}.parquet", compression="zstd")
        return PartitionCounts(
            n_results=table.num_rows,
            rejections=read.rejections,
            counts=read.counts,
            n_bytes=read.n_bytes + table.nbytes,
            reading_seconds=read.seconds,
            worked_share=read.kept_share,
        )


def features_of(
    batch: LightCurveBatch,
    config: FeatureConfig,
    *,
    cuts: CutConfig | None = None,
    light_curves: LightCurveInputConfig | None = None,
    progress: Progress | None = None,
) -> pa.Table:
    """Return the features of a batch as a table that knows its bands; no columns for no source."""
    if not len(batch):
        return pa.table({})
    table = feature_table_of(batch, config, cuts=cuts, light_curves=light_curves, progress=progress)
    found = feature_table_to_arrow(table)
    bands = json.dumps(config.bands or batch.bands).encode()
    return found.replace_schema_metadata({**found.schema.metadata, _BANDS: bands})


def feature_table_of(
    batch: LightCurveBatch,
    config: FeatureConfig,
    *,
    cuts: CutConfig | None = None,
    light_curves: LightCurveInputConfig | None = None,
    progress: Progress | None = None,
) -> FeatureTable:
    """Return the features of a batch, with position, survey and the input's columns beside them.

    An input column of the name of a feature (a catalogue's ``period_d``) becomes ``input_<name>``.

    Parameters
    ----------
    batch : LightCurveBatch
        Sources.
    config : FeatureConfig
        What is computed.
    cuts : CutConfig, optional
        Cuts that the batch has passed, to be recorded with the table.
    light_curves : LightCurveInputConfig, optional
        How the batch was read, to be recorded with the table.
    progress : Progress, optional
        Advances by one a source.
    """
    from skyvet.features.light_curves.compute import compute_features  # noqa: PLC0415 - an extra

    table = compute_features(batch, config, progress=progress)
    known = {
        "survey": np.full(len(batch), batch.survey),
        "ra_deg": batch.ra_deg,
        "dec_deg": batch.dec_deg,
    }
    columns = {**{k: v for k, v in known.items() if v is not None}, **table.columns}
    taken = {*table.names, *table.dmdt_names, "source_id"}
    renamed = {f"input_{k}" if k in taken else k: values for k, values in columns.items()}
    settings = feature_settings(config, cuts, light_curves=light_curves)
    return dataclasses.replace(table, columns=renamed, settings=settings)


def join_features(
    folder: Path,
    config: FeatureConfig,
    *,
    cuts: CutConfig | None = None,
    light_curves: LightCurveInputConfig | None = None,
) -> Path:
    """Join the features of all parts to one table in the same folder, and the rejections.

    Partitions may hold different bands. The columns of a band that a partition lacks get what a
    source has there that was never measured in it: missing values, 0 points, empty images.

    Parameters
    ----------
    folder : Path
        Parts of a `FeatureTask`.
    config : FeatureConfig
        Of that task.
    cuts, light_curves : CutConfig, LightCurveInputConfig, optional
        Of that task, to be recorded with the table.

    Returns
    -------
    Path
        ``features.parquet``; ``rejections.parquet`` lies beside it.

    Raises
    ------
    DatasetError
        If a part is damaged, or the disk is full.
    """
    out = folder / f"{_TABLE}.parquet"
    schemas = {
        part: schema
        for part in finished_parts(folder).values()
        if (schema := pq.read_schema(part / f"{_TABLE}.parquet")).names
    }
    nobody = _blank(list(schemas.values()))
    blank = None
    if nobody is not None:
        widest = config.model_copy(update={"bands": nobody.bands})
        blank = features_of(nobody, widest, cuts=cuts, light_curves=light_curves)
    metadata = blank.schema.metadata if blank is not None else None

    def completed(part: Path, table: pa.Table) -> pa.Table:
        if part not in schemas or blank is None:
            return table
        for name in set(blank.column_names) & (set(table.column_names) - set(schemas[part].names)):
            i_column = table.column_names.index(name)
            value = blank[name].combine_chunks().take(pa.array([0] * table.num_rows))
            table = table.set_column(i_column, table.schema.field(i_column), value)
        return table

    for _ in join_parts(
        folder, _TABLE, out, metadata=metadata, may_lack_parts=True, edit=completed
    ):
        pass
    for _ in join_parts(folder, REJECTIONS, folder / f"{REJECTIONS}.parquet", may_lack_parts=True):
        pass
    return out


def _blank(schemas: list[pa.Schema]) -> LightCurveBatch | None:
    """Return one source without epochs in any band of any part; None where no part has a row."""
    if not schemas:
        return None
    bands = tuple(
        dict.fromkeys(band for schema in schemas for band in json.loads(schema.metadata[_BANDS]))
    )
    nothing = np.empty(0)
    return LightCurveBatch(
        source_ids=np.array([0]),
        offsets=np.array([0, 0]),
        mjd_tai=nothing,
        flux_njy=nothing,
        flux_err_njy=nothing,
        band=nothing.astype(np.int8),
        bands=bands,
    )

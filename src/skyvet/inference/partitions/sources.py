"""Class probabilities of sources, partition by partition: from light curves or from features."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from skyvet.core.errors import DatasetError, InvalidInputError, PacketError
from skyvet.core.files import fingerprint_files
from skyvet.core.progress import Progress
from skyvet.features.light_curves.configs import FeatureConfig
from skyvet.inference.partitions.features import feature_table_of
from skyvet.inference.partitions.light_curve_input import LightCurveInput
from skyvet.inference.partitions.task import Partition, PartitionCounts
from skyvet.inference.source_scores import score_feature_table
from skyvet.io.feature_tables import feature_files, read_feature_group, read_feature_layout
from skyvet.io.parts import REJECTIONS, join_parts, metadata_of_parts
from skyvet.io.source_score_tables import source_scores_to_arrow
from skyvet.models.source_bundle import SourceBundle, SourceBundleInfo, load_source_bundle
from skyvet.models.sources.predictor import SourcePredictor
from skyvet.records.feature_table import FeatureTable
from skyvet.records.rejections import RejectionReason

__all__ = [
    "FeatureScoreTask",
    "LightCurveScoreTask",
    "bands_of_bundle",
    "feature_partitions",
    "is_feature_table",
    "join_source_score_parts",
]

_TABLE = "scores"
_PERIOD = "period_d"


@dataclass(frozen=True, slots=True, kw_only=True)
class _RowGroup:
    path: str
    i_group: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureScoreTask:
    """Scores feature tables, a row group at a time; see `PartitionTask`.

    Parameters
    ----------
    bundle : str
        Folder of the bundle.
    survey : str
        Survey of the sources; empty = the table's column.
    document : dict
        Input and settings, as JSON.
    """

    bundle: str
    survey: str
    document: dict[str, Any]

    @property
    def kind(self) -> str:
        """What the folder of parts holds."""
        return "skyvet-source-scores"

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
        return self.document

    def run(
        self,
        partition: Partition,
        folder: Path,
        *,
        limit: int | None = None,
        progress: Progress | None = None,
    ) -> PartitionCounts:
        """Score one row group; see `PartitionTask.run`."""
        group: _RowGroup = partition.content
        try:
            table = read_feature_group(Path(group.path), group.i_group)
        except DatasetError as error:
            raise PacketError(RejectionReason.UNREADABLE_FILE, str(error)) from error
        if limit is not None:
            table = table.take(range(min(limit, len(table))))  # type: ignore[arg-type]
        n_bytes = _write_scores(table, self.bundle, self.survey, folder)
        if progress is not None:
            progress.advance(len(table))
        return PartitionCounts(n_results=len(table), n_bytes=n_bytes + table.values.nbytes)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LightCurveScoreTask:
    """Computes features of light curves and scores them; see `PartitionTask`.

    Parameters
    ----------
    reading : LightCurveInput
        What is read, and how.
    config : FeatureConfig
        What is computed; its bands must be those of the bundle.
    bundle : str
        Folder of the bundle.
    bundle_sha256 : str
        Its hash.
    survey : str
        Survey of the sources; empty = that of the light curves.
    """

    reading: LightCurveInput
    config: FeatureConfig
    bundle: str
    bundle_sha256: str
    survey: str

    @property
    def kind(self) -> str:
        """What the folder of parts holds."""
        return "skyvet-source-scores"

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
        return {
            **self.reading.document,
            "features": self.config.model_dump(mode="json"),
            "bundle": self.bundle_sha256,
            "survey": self.survey,
        }

    def run(
        self,
        partition: Partition,
        folder: Path,
        *,
        limit: int | None = None,
        progress: Progress | None = None,
    ) -> PartitionCounts:
        """Score the light curves of one partition; see `PartitionTask.run`."""
        read = self.reading.read(partition, limit=limit)
        n_bytes = read.n_bytes
        if len(read.batch):
            table = feature_table_of(
                read.batch, self.config, cuts=self.reading.cuts, progress=progress
            )
            n_bytes += table.values.nbytes
            n_bytes += _write_scores(table, self.bundle, self.survey, folder)
        else:
            pq.write_table(pa.table({}), folder / f"{_TABLE}.parquet")
        return PartitionCounts(
            n_results=len(read.batch),
            rejections=read.rejections,
            counts=read.counts,
            n_bytes=n_bytes,
            reading_seconds=read.seconds,
            worked_share=read.kept_share,
        )


def _write_scores(table: FeatureTable, bundle: str, survey: str, folder: Path) -> int:
    """Score a table, write the scores, and return their size in memory."""
    scores = score_feature_table(table, _predictor(bundle), survey=survey)
    if _PERIOD in table.names and _PERIOD not in scores.columns:
        columns = {**scores.columns, _PERIOD: table.column(_PERIOD)}
        scores = dataclasses.replace(scores, columns=columns)
    arrow = source_scores_to_arrow(scores)
    pq.write_table(arrow, folder / f"{_TABLE}.parquet", compression="zstd")
    return int(arrow.nbytes)


@lru_cache(maxsize=1)
def _predictor(bundle: str) -> SourcePredictor:
    return SourcePredictor(load_source_bundle(Path(bundle)))


def bands_of_bundle(info: SourceBundleInfo) -> tuple[str, ...]:
    """Return the bands whose features a bundle was trained on, in their order there."""
    prefixes = ("n_points_", "dmdt_")
    names = [*info.names, *info.dmdt_names]
    found = [n.removeprefix(p) for p in prefixes for n in names if n.startswith(p)]
    return tuple(dict.fromkeys(found))


def is_feature_table(path: Path) -> bool:
    """Say whether a path holds computed features: a file that knows them, or their folder."""
    try:
        files = feature_files(path)
        return bool(read_feature_layout(files[0]).names)
    except (DatasetError, InvalidInputError):
        return False


def feature_partitions(
    inputs: Sequence[Path], *, bundle: SourceBundle, survey: str
) -> tuple[FeatureScoreTask, tuple[Partition, ...]]:
    """Cut feature tables into row groups and return the task that scores them.

    Parameters
    ----------
    inputs : sequence of Path
        Files of `skyvet.io.feature_tables`, or folders of them.
    bundle : SourceBundle
        To score with.
    survey : str
        Survey of the sources; empty = the table's column.

    Raises
    ------
    DatasetError
        If one is no Parquet file.
    """
    files = [file.absolute() for path in inputs for file in feature_files(path)]
    partitions = [part for file in files for part in _row_groups(file)]
    document = {
        "inputs": [str(file) for file in files],
        "inputs_sha256": fingerprint_files(files),
        "bundle": bundle.sha256,
        "survey": survey,
    }
    task = FeatureScoreTask(bundle=str(bundle.path.absolute()), survey=survey, document=document)
    return task, tuple(partitions)


def _row_groups(file: Path) -> list[Partition]:
    try:
        metadata = pq.read_metadata(file)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{file} is no feature table: {error}") from error
    return [
        Partition(
            name=f"{file}:{i_group}",
            content=_RowGroup(path=str(file), i_group=i_group),
            n_items=metadata.row_group(i_group).num_rows,
        )
        for i_group in range(metadata.num_row_groups)
    ]


def join_source_score_parts(parts: Path, out: Path) -> pa.Table:
    """Join the scores of all parts to one file, and the rejections beside it.

    Parameters
    ----------
    parts : Path
        Parts of a task of this module.
    out : Path
        Score table; rejections go to ``<stem>.rejections.parquet``.

    Returns
    -------
    Table
        How often each class was called, columns ``tag`` and ``n``.

    Raises
    ------
    DatasetError
        If a part is damaged, or the disk is full.
    """
    called: dict[str, int] = {}
    metadata = metadata_of_parts(parts, _TABLE)
    for table in join_parts(parts, _TABLE, out, metadata=metadata, may_lack_parts=True):
        for name in table.column_names:
            if name.startswith("is_") and f"p_{name[3:]}" in table.column_names:
                n_called = table[name].to_pylist().count(True)
                called[name[3:]] = called.get(name[3:], 0) + n_called
    beside = out.with_name(f"{out.stem}.rejections.parquet")
    for _ in join_parts(parts, REJECTIONS, beside, may_lack_parts=True):
        pass
    return pa.table({"tag": list(called), "n": list(called.values())})

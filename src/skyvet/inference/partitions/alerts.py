"""Scoring of alerts by partitions: files of a night, or rows of a dataset."""

from __future__ import annotations

import os
import shutil
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from skyvet.core.arrays import IntArray
from skyvet.core.errors import DatasetError, InvalidInputError, PacketError
from skyvet.core.files import atomic_path
from skyvet.core.progress import Progress
from skyvet.inference.alert_blocks import (
    AlertBlock,
    ScoreCounts,
    ScoreSummary,
    alert_block,
    block_geometry,
    dataset_blocks,
    is_dataset,
    rejected_beside,
    score_block,
    score_facts,
    score_settings,
)
from skyvet.inference.configs import ScoreConfig
from skyvet.inference.partitions.configs import ClusterConfig
from skyvet.inference.partitions.engine import run_partitions
from skyvet.inference.partitions.task import Partition, PartitionCounts
from skyvet.io.alerts import AlertReading, read_alerts
from skyvet.io.dataset import Dataset
from skyvet.io.inputs import check_output_apart, list_files
from skyvet.io.part_files import finished_parts
from skyvet.io.parts import REJECTIONS, join_parts
from skyvet.io.schemas import SchemaSource, schema_source
from skyvet.io.score_tables import score_metadata
from skyvet.io.surveys.mapping_config import SurveyMapping
from skyvet.io.tables import concat_tables, rejections_table
from skyvet.models.bundle import Bundle, load_bundle
from skyvet.models.predictor import Predictor
from skyvet.preprocessing.blocks import SeenIdentifiers, read_blocks
from skyvet.records.rejections import Rejection, RejectionReason

__all__ = ["AlertJob", "AlertTask", "open_alert_job", "score_alert_partitions"]

_KIND = "skyvet-score-partitions"
_TABLE = "scores"
_ARCHIVES = (".tar", ".tar.gz", ".tgz")
_BYTES_PER_ALERT = 60_000
"""About what a packet with three cutouts takes."""
_ORDER = "order.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    dataset: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTask:
    """Scores the alerts of a partition; see `skyvet.inference.partitions.task.PartitionTask`.

    Parameters
    ----------
    bundle : str
        Folder of the bundle.
    config : ScoreConfig
        Prior, threshold and error level.
    document : dict
        What shapes the content, as JSON.
    folder : str
        Relative names in partitions start here.
    schemas : str, optional
        Where schemas of the wire format come from.
    mappings : tuple of SurveyMapping
        Further surveys.
    """

    bundle: str
    config: ScoreConfig
    document: dict[str, Any]
    folder: str
    schemas: str | None = None
    mappings: tuple[SurveyMapping, ...] = ()

    @property
    def kind(self) -> str:
        """What the folder of parts holds."""
        return _KIND

    @property
    def table(self) -> str:
        """Name of the table that makes up the result."""
        return _TABLE

    @property
    def unit(self) -> str:
        """What an input is called."""
        return "alerts"

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
        """Score one partition; see `PartitionTask.run`."""
        predictor = _predictor(self.bundle, self.config.n_threads or 1)
        order = _Order()
        tables: list[pa.Table] = []
        rejections: list[Rejection] = []
        n_bytes = 0
        for block in self._blocks(partition.content, predictor.bundle, order, limit):
            tables.append(score_block(block, predictor, self.config))
            order.take(block)
            rejections.extend(block.rejections)
            if progress is not None:
                progress.advance(tables[-1].num_rows + len(block.rejections))
            n_bytes = max(n_bytes, block.pixels.nbytes)
        scores = concat_tables(tables)
        pq.write_table(scores, folder / f"{_TABLE}.parquet", compression="zstd")
        order.save(folder / _ORDER)
        return PartitionCounts(
            n_results=scores.num_rows,
            rejections=tuple(rejections),
            n_bytes=n_bytes + scores.nbytes,
        )

    def _blocks(
        self, content: _Files | _Rows, bundle: Bundle, order: _Order, limit: int | None
    ) -> Iterator[AlertBlock]:
        n_per_block = self.config.n_per_part
        if isinstance(content, _Rows):
            stop = content.stop if limit is None else min(content.stop, content.start + limit)
            dataset = _dataset(str(Path(self.folder) / content.dataset))
            yield from dataset_blocks(dataset, rows=(content.start, stop), n_per_block=n_per_block)
            return
        geometry = block_geometry(bundle, n_per_block=n_per_block)
        readings = order.noted(self._readings(content, limit))
        for block in read_blocks(readings, geometry, seen=SeenIdentifiers()):
            yield alert_block(block)

    def _readings(self, content: _Files, limit: int | None) -> Iterator[AlertReading]:
        here = os.getcwd() == self.folder  # noqa: PTH109 - compared as text
        paths = [path if here else str(Path(self.folder) / path) for path in content.paths]
        try:
            readings = read_alerts(
                paths,
                survey=self.config.survey,
                schemas=None if self.schemas is None else schema_source(self.schemas),
                mappings=self.mappings,
                with_history=False,
            )
        except InvalidInputError as error:
            raise PacketError(RejectionReason.UNREADABLE_FILE, str(error)) from error
        for i_reading, reading in enumerate(readings):
            if i_reading == limit:
                return
            yield reading


class _Order:
    """Remembers in which order alerts came, as blocks part candidates from rejections."""

    def __init__(self) -> None:
        self._n_read = 0
        self._places: defaultdict[str, deque[int]] = defaultdict(deque)
        self._candidates: list[int] = []
        self._rejections: list[int] = []

    def noted(self, readings: Iterable[AlertReading]) -> Iterator[AlertReading]:
        """Pass readings on and note the place of each."""
        for reading in readings:
            self._places[reading.source].append(self._n_read)
            self._n_read += 1
            yield reading

    def take(self, block: AlertBlock) -> None:
        """Find the places of a block's candidates and rejections."""
        if not self._places:
            return
        self._candidates += [self._place(name) for name in block.table["source"].to_pylist()]
        self._rejections += [self._place(rejection.source) for rejection in block.rejections]

    def _place(self, source: str) -> int:
        places = self._places[source]
        place = places.popleft()
        if not places:
            del self._places[source]
        return place

    def save(self, path: Path) -> None:
        """Write both orders."""
        np.savez(
            path,
            candidates=np.array(self._candidates, dtype=np.int64),
            rejections=np.array(self._rejections, dtype=np.int64),
        )


@lru_cache(maxsize=1)
def _predictor(bundle: str, n_threads: int) -> Predictor:
    return Predictor(load_bundle(bundle), n_threads=n_threads)


@lru_cache(maxsize=1)
def _dataset(path: str) -> Dataset:
    return Dataset.open(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertJob:
    """A task and its partitions, ready to run or to be estimated.

    Parameters
    ----------
    task : AlertTask
        What is done.
    partitions : tuple of Partition
        In input order.
    out : Path
        Score table.
    parts : Path
        Folder of parts, removed when the table is whole.
    """

    task: AlertTask
    partitions: tuple[Partition, ...]
    out: Path
    parts: Path


def open_alert_job(
    inputs: Sequence[str | Path],
    out: Path,
    *,
    bundle: Bundle,
    config: ScoreConfig,
    schemas: SchemaSource | None = None,
    mappings: Sequence[SurveyMapping] = (),
) -> AlertJob:
    """Cut alerts into partitions: a tar archive each, packet files in groups, rows of a dataset.

    Parameters
    ----------
    inputs, out, bundle, config, schemas, mappings
        As for `skyvet.inference.batch.score_alerts`; standard input cannot be cut.

    Returns
    -------
    AlertJob

    Raises
    ------
    InvalidInputError
        If there is no input, it is standard input, or `out` lies inside it or the bundle.
    DatasetError
        If `out` is a folder.
    """
    if out.is_dir():
        raise DatasetError(f"{out} is a folder; give a file, such as {out / 'scores.parquet'}")
    if "-" in map(str, inputs):
        raise InvalidInputError(
            "standard input cannot be cut into partitions; score it with --cluster none"
        )
    check_output_apart(inputs, out, models=[bundle.path])
    document = score_settings(
        inputs, bundle=bundle, config=config, schemas=schemas, mappings=mappings
    )
    task = AlertTask(
        bundle=str(bundle.path.absolute()),
        config=config,
        document=document,
        folder=str(Path.cwd()),
        schemas=None if schemas is None else schemas.location,
        mappings=tuple(mappings),
    )
    n_per_part = config.n_per_part
    partitions = (
        _row_partitions(Path(inputs[0]), n_per_part)
        if is_dataset(inputs)
        else _file_partitions(list_files(inputs), n_per_part)
    )
    parts = out.with_name(out.name + ".parts")
    return AlertJob(task=task, partitions=tuple(partitions), out=out, parts=parts)


def _row_partitions(path: Path, n_per_part: int) -> Iterator[Partition]:
    n_rows = len(Dataset.open(path))
    for start in range(0, max(n_rows, 1), n_per_part):
        stop = min(start + n_per_part, n_rows)
        content = _Rows(dataset=str(path), start=start, stop=stop)
        yield Partition(name=f"rows {start}-{stop}", content=content, n_items=stop - start)


def _file_partitions(files: Sequence[str], n_per_part: int) -> Iterator[Partition]:
    """Cut a list of files where a group is large enough; each archive stands alone."""
    group: list[str] = []
    n_bytes = 0
    for i_file, file in enumerate(files):
        size = Path(file).stat().st_size
        is_archive = file.endswith(_ARCHIVES)
        is_full = len(group) >= n_per_part or n_bytes + size > 4 * n_per_part * _BYTES_PER_ALERT
        if group and (is_full or is_archive):
            yield _group(group, i_file, n_bytes)
            group, n_bytes = [], 0
        group.append(file)
        n_bytes += size
        if is_archive:
            yield _group(group, i_file + 1, n_bytes)
            group, n_bytes = [], 0
    if group:
        yield _group(group, len(files), n_bytes)


def _group(files: list[str], i_stop: int, n_bytes: int) -> Partition:
    i_start = i_stop - len(files)
    return Partition(
        name=f"files {i_start}-{i_stop}",
        content=_Files(paths=tuple(files)),
        n_items=max(len(files), n_bytes // _BYTES_PER_ALERT),
    )


def score_alert_partitions(
    job: AlertJob, *, cluster: ClusterConfig, progress: Progress | None = None
) -> ScoreSummary:
    """Score alerts partition by partition and join them to one table.

    The table, its order and the rejections are those of `skyvet.inference.batch.score_alerts`: of
    a candidate that several partitions hold, the first in input order counts.

    Parameters
    ----------
    job : AlertJob
        From `open_alert_job`.
    cluster : ClusterConfig
        Where partitions are worked on.
    progress : Progress, optional
        Told about every partition.

    Returns
    -------
    ScoreSummary
        Where partitions failed, the table holds the others, and the parts are kept so that the
        same run tries again.

    Raises
    ------
    DatasetError
        If the output cannot be written.
    BundleError
        If the bundle does not run.
    """
    predictor = _predictor(job.task.bundle, job.task.config.n_threads or 1)
    run = run_partitions(job.task, job.partitions, job.parts, config=cluster, progress=progress)
    kept, rejections = _first_of_each(list(finished_parts(job.parts).values()))
    counts = ScoreCounts()
    n_scored = 0
    metadata = score_metadata(score_facts(predictor, job.task.config))

    def first_only(part: Path, table: pa.Table) -> pa.Table:
        return table.filter(pa.array(kept[part])) if part in kept else table

    for table in join_parts(
        job.parts, _TABLE, job.out, metadata=metadata, may_lack_parts=True, edit=first_only
    ):
        n_scored += table.num_rows
        counts.update(table)
    with atomic_path(rejected_beside(job.out)) as draft:
        pq.write_table(rejections, draft, compression="zstd")
    if run.is_complete:
        shutil.rmtree(job.parts, ignore_errors=True)
    return counts.compute(
        job.out,
        n_scored=n_scored,
        rejections=dict(Counter(rejections["reason"].to_pylist())),
        failed_partitions=tuple(failed.name for failed in run.failed),
    )


def _first_of_each(parts: Sequence[Path]) -> tuple[dict[Path, NDArray[np.bool_]], pa.Table]:
    """Return which rows of each part stay, and all rejections with what goes."""
    seen = SeenIdentifiers()
    kept: dict[Path, NDArray[np.bool_]] = {}
    rejections = [rejections_table([])]
    for part in parts:
        columns = ["survey", "candidate_id", "source"]
        scores = pq.read_table(part / f"{_TABLE}.parquet")
        refused = pq.read_table(part / f"{REJECTIONS}.parquet")
        if not scores.num_rows:
            rejections.append(refused)
            continue
        rows = scores.select(columns).to_pylist()
        is_new = np.array([seen.add(row["survey"], row["candidate_id"]) for row in rows], bool)
        again = [_duplicate(row) for row, new in zip(rows, is_new, strict=True) if not new]
        if again:
            kept[part] = is_new
            places = _places(part, is_new)
            joined = concat_tables([refused, rejections_table(again)])
            refused = joined.take(pa.array(np.argsort(places, kind="stable")))
        rejections.append(refused)
    return kept, concat_tables(rejections)


def _places(part: Path, is_new: NDArray[np.bool_]) -> IntArray:
    """Return where rejections and second deliveries of a part stood in the input."""
    with np.load(part / _ORDER) as order:
        places = np.concatenate([order["rejections"], order["candidates"][~is_new]])
    return np.asarray(places, dtype=np.int64)


def _duplicate(row: dict[str, Any]) -> Rejection:
    return Rejection(
        source=row["source"],
        reason=RejectionReason.DUPLICATE_CANDIDATE,
        detail=f"candidate {row['candidate_id']} came before; the first one counts",
        survey=row["survey"],
        candidate_id=row["candidate_id"],
    )

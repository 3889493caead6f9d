"""A task over all partitions of an input, restartable, on one machine or many."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skyvet.core.errors import InvalidInputError
from skyvet.core.files import held_alone
from skyvet.core.progress import Progress, SilentProgress
from skyvet.inference.partitions.cluster import open_cluster, work_on_cluster
from skyvet.inference.partitions.configs import ClusterConfig
from skyvet.inference.partitions.jobs import FailedPartition, Job, Outcome
from skyvet.inference.partitions.run_progress import RunProgress
from skyvet.inference.partitions.task import Partition, PartitionTask, work_on_partition
from skyvet.io.part_files import (
    PartManifest,
    finished_parts,
    read_part_manifest,
    remove_drafts,
)
from skyvet.io.parts import begin_folder, finish_folder

__all__ = ["PartitionRun", "partitions_to_do", "run_partitions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionRun:
    """Counts of a run; results and rejections add up to the inputs of finished partitions.

    Parameters
    ----------
    folder : Path
        The parts.
    n_partitions, n_before : int
        Partitions of the input, and those that an earlier run had finished.
    n_results, n_rejected : int
        Inputs of all finished partitions.
    rejections, counts : dict of str to int
        Rejections by reason; the task's further counts.
    failed : tuple of FailedPartition
        Those whose worker died again and again; a continued run tries them again.
    worker_seconds : float
        Time that all partitions took, added up [s].
    peak_memory_mb : float
        Largest memory of a process [MB].
    workers : tuple of str
        Processes that did the work.
    """

    folder: Path
    n_partitions: int
    n_before: int
    n_results: int
    n_rejected: int
    rejections: dict[str, int]
    counts: dict[str, int]
    failed: tuple[FailedPartition, ...]
    worker_seconds: float
    peak_memory_mb: float
    workers: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """True where every partition is finished."""
        return not self.failed


def run_partitions(
    task: PartitionTask,
    partitions: Sequence[Partition],
    folder: Path,
    *,
    config: ClusterConfig,
    progress: Progress | None = None,
) -> PartitionRun:
    """Do a task for every partition and leave one part each in a folder.

    Run again after an interruption, it does what is missing. The result does not depend on where
    and in which order partitions are worked on: part i is made of partition i.

    Parameters
    ----------
    task : PartitionTask
        What is done.
    partitions : sequence of Partition
        In the order of the result; names must differ.
    folder : Path
        Folder of parts (see `skyvet.io.parts`); absent, empty, or begun by the same run.
    config : ClusterConfig
        This process, local processes or a Dask cluster.
    progress : Progress, optional
        Told about every input, or about every partition where inputs cannot be counted before
        they are read; workers tell of all inputs of a partition when it ends.

    Returns
    -------
    PartitionRun
        Partitions whose worker died again and again are named in it and have no part.

    Raises
    ------
    InvalidInputError
        If there is no partition, two have one name, or the cluster cannot be reached.
    DatasetError
        If the folder was made with other settings or input, is in use, or cannot be written.
    IncompleteRunError
        If the cluster is lost.
    """
    names = [partition.name for partition in partitions]
    if not names or len(set(names)) < len(names):
        raise InvalidInputError(
            "the input has no partition" if not names else "two partitions have one name"
        )
    folder = folder.absolute()
    with held_alone(folder):
        manifest = begin_folder(folder, kind=task.kind, settings=_settings(task, names))
        remove_drafts(folder)
        jobs = _jobs(partitions, folder)
        n_before = len(partitions) - len(jobs)
        told = RunProgress(progress or SilentProgress(), partitions, unit=task.unit)
        for name in set(names) - {job.partition.name for job in jobs}:
            told.end(name)
        failed = _work(task, jobs, folder, config, told)
        parts = [read_part_manifest(part) for part in finished_parts(folder).values()]
        if not failed and (jobs or not manifest.is_complete):
            finish_folder(folder, manifest, parts)
    return _summary(folder, parts, failed, n_partitions=len(partitions), n_before=n_before)


def partitions_to_do(partitions: Sequence[Partition], folder: Path) -> list[Partition]:
    """Return the partitions that have no part in a folder yet."""
    return [job.partition for job in _jobs(partitions, folder)]


def _jobs(partitions: Sequence[Partition], folder: Path) -> list[Job]:
    done = finished_parts(folder)
    return [
        Job(i_part=i_part, partition=partition)
        for i_part, partition in enumerate(partitions)
        if i_part not in done
    ]


def _settings(task: PartitionTask, names: Sequence[str]) -> dict[str, Any]:
    digest = hashlib.sha256("\0".join(names).encode("utf-8", "surrogateescape")).hexdigest()
    return {**task.settings(), "n_partitions": len(names), "partitions_sha256": digest}


def _work(
    task: PartitionTask,
    jobs: Sequence[Job],
    folder: Path,
    config: ClusterConfig,
    progress: RunProgress,
) -> tuple[FailedPartition, ...]:
    """Work on what is missing; return the partitions that failed."""
    failed = []
    for outcome in _outcomes(task, jobs, folder, config, progress):
        if isinstance(outcome, FailedPartition):
            failed.append(outcome)
        progress.end(outcome.name if isinstance(outcome, FailedPartition) else outcome.partition)
    progress.finish()
    return tuple(sorted(failed, key=lambda found: found.name))


def _outcomes(
    task: PartitionTask,
    jobs: Sequence[Job],
    folder: Path,
    config: ClusterConfig,
    progress: RunProgress,
) -> Iterator[Outcome]:
    if not config.is_distributed or not jobs:
        for job in jobs:
            told = progress.of(job.partition.name)
            yield work_on_partition(task, job.partition, folder, i_part=job.i_part, progress=told)
        return
    with open_cluster(config) as client:
        yield from work_on_cluster(client, task, jobs, folder=folder, config=config)


def _summary(
    folder: Path,
    parts: Sequence[PartManifest],
    failed: tuple[FailedPartition, ...],
    *,
    n_partitions: int,
    n_before: int,
) -> PartitionRun:
    rejections: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for part in parts:
        rejections.update(part.rejections)
        counts.update(part.counts)
    return PartitionRun(
        folder=folder,
        n_partitions=n_partitions,
        n_before=n_before,
        n_results=sum(part.n_candidates for part in parts),
        n_rejected=sum(part.n_rejected for part in parts),
        rejections=dict(sorted(rejections.items())),
        counts=dict(sorted(counts.items())),
        failed=failed,
        worker_seconds=sum(part.seconds for part in parts),
        peak_memory_mb=max((part.peak_memory_mb for part in parts), default=0.0),
        workers=tuple(sorted({part.worker for part in parts})),
    )

"""What a run will cost, from a small sample of it."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skyvet.core.errors import PacketError
from skyvet.core.memory import peak_memory_mb
from skyvet.inference.partitions.cluster import n_threads_of, open_cluster
from skyvet.inference.partitions.configs import ClusterConfig
from skyvet.inference.partitions.first_turn import seconds_of_first_turn
from skyvet.inference.partitions.task import Partition, PartitionTask

__all__ = ["CostEstimate", "estimate_cost", "n_workers_of"]

_N_WARM, _N_SAMPLE = 4, 48
_N_TRIED = 3
_CLUSTER_S = 1.5
"""What a local cluster takes for its scheduler, and to end: 1.3 to 1.6 s for 1 or 2 workers."""
_COPIES = 3
"""What a partition takes beside its input and output: intermediate arrays, and allocator slack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostEstimate:
    """What is still to do and what it will take.

    Parameters
    ----------
    n_partitions : int
        Partitions to do.
    n_items : int or None
        Inputs in them, about; None where that is not known before they are read. Those that the
        sample's partition leaves out by cuts count for the time of reading alone.
    n_workers : int
        Partitions worked on at once.
    n_sampled : int
        Inputs that were tried.
    seconds_per_item : float
        Time of one input on one worker, start of libraries apart [s].
    start_seconds : float
        Time until the workers have begun [s]; 0 where none are started.
    seconds : float
        Duration of the run, start of workers included [s].
    memory_mb : float
        Largest memory of one worker [MB].
    output_mb : float
        Size of the result on disk [MB].
    """

    n_partitions: int
    n_items: int | None
    n_workers: int
    n_sampled: int
    seconds_per_item: float
    start_seconds: float
    seconds: float
    memory_mb: float
    output_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    n_items: int
    seconds: float
    reading_seconds: float
    worked_share: float
    partition: Partition
    n_bytes_memory: int
    n_bytes_disk: int


def n_workers_of(config: ClusterConfig) -> int:
    """Return how many partitions are worked on at once.

    Raises
    ------
    InvalidInputError
        If a cluster does not answer.
    """
    if not config.is_distributed:
        return 1
    if config.is_local:
        return config.workers or os.cpu_count() or 1
    with open_cluster(config) as client:
        return n_threads_of(client)


def estimate_cost(
    task: PartitionTask,
    partitions: Sequence[Partition],
    *,
    n_workers: int,
    starts_workers: bool = False,
) -> CostEstimate | None:
    """Work on a few inputs, throw the result away, and scale up what it took.

    The sample is taken from the first partitions that can be read; a first handful, which loads
    libraries and compiles, is not counted. Memory is what this process has taken, and a few times
    the input and output of the largest partition.

    Parameters
    ----------
    task : PartitionTask
        What will be done.
    partitions : sequence of Partition
        Those to do.
    n_workers : int
        Partitions worked on at once.
    starts_workers : bool, default False
        The run starts its workers on this machine: their start counts, which is measured with one
        process, and those beyond the cores of this machine make nothing faster.

    Returns
    -------
    CostEstimate or None
        None where there is nothing to do or no partition that was tried could be read.
    """
    sample = _sample(task, partitions)
    if sample is None:
        return None
    n_each = [partition.n_items for partition in partitions]
    n_items = None if None in n_each else sum(n or 0 for n in n_each)
    n_worked = sample.n_items * len(partitions)
    if n_items is not None:
        n_worked = round(n_items * sample.worked_share)
    largest = max((n or 0 for n in n_each), default=0) or sample.n_items
    per_item = (sample.seconds - sample.reading_seconds) / sample.n_items
    reading = sample.reading_seconds * len(partitions)
    n_cores = os.cpu_count() or 1
    n_at_once = min(n_workers, len(partitions), n_cores if starts_workers else n_workers)
    n_rounds = math.ceil(len(partitions) / n_at_once)
    start = 0.0
    if starts_workers:
        start, in_worker = _seconds_of_worker(task, sample, n_workers / n_cores)
        per_item = max(per_item, in_worker / sample.n_items)
    held_mb = _COPIES * sample.n_bytes_memory * largest / sample.n_items / 1e6
    return CostEstimate(
        n_partitions=len(partitions),
        n_items=n_items,
        n_workers=n_workers,
        n_sampled=sample.n_items,
        seconds_per_item=per_item,
        start_seconds=start,
        seconds=start + (per_item * n_worked + reading) * n_rounds / len(partitions),
        memory_mb=peak_memory_mb() + held_mb,
        output_mb=sample.n_bytes_disk * n_worked / sample.n_items / 1e6,
    )


def _seconds_of_worker(
    task: PartitionTask, sample: _Sample, workers_per_core: float
) -> tuple[float, float]:
    """Measure start and sample of one worker, of one thread; those on one core take turns."""
    n_sample = _N_SAMPLE if sample.partition.n_items is not None else None
    first, second = seconds_of_first_turn(task, sample.partition, limit=_N_WARM, sample=n_sample)
    alone = max(first - sample.reading_seconds, 0.0)
    start = _CLUSTER_S + alone * max(workers_per_core, 1.0)
    return start, second - sample.reading_seconds


def _sample(task: PartitionTask, partitions: Sequence[Partition]) -> _Sample | None:
    for partition in partitions[:_N_TRIED]:
        limit = _N_SAMPLE if partition.n_items is not None else None
        try:
            _timed(task, partition, _N_WARM)
            sample = _timed(task, partition, limit)
        except PacketError:
            continue
        if sample.n_items:
            return sample
    return None


def _timed(task: PartitionTask, partition: Partition, limit: int | None) -> _Sample:
    with tempfile.TemporaryDirectory(prefix="skyvet-") as name:
        folder = Path(name)
        started = time.perf_counter()
        found = task.run(partition, folder, limit=limit)
        seconds = time.perf_counter() - started
        n_bytes = sum(file.stat().st_size for file in folder.iterdir())
    return _Sample(
        n_items=found.n_results + len(found.rejections),
        seconds=seconds,
        reading_seconds=found.reading_seconds,
        worked_share=found.worked_share,
        partition=partition,
        n_bytes_memory=found.n_bytes,
        n_bytes_disk=n_bytes,
    )

"""Work that can be cut into partitions, and one partition's turn."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from skyvet.core.errors import DatasetError, PacketError
from skyvet.core.memory import peak_memory_mb
from skyvet.core.progress import Progress
from skyvet.io.part_files import (
    PartManifest,
    drafted_part,
    part_name,
    read_part_manifest,
    seal_part,
)
from skyvet.io.parts import REJECTIONS
from skyvet.io.tables import rejections_table
from skyvet.records.rejections import Rejection, RejectionReason

__all__ = ["Partition", "PartitionCounts", "PartitionTask", "work_on_partition", "worker_name"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """One piece of the input; pickles.

    Parameters
    ----------
    name : str
        Tells it from all others and stays the same from run to run.
    content : object
        What the task needs to read it.
    n_items : int, optional
        Inputs in it (light curves, alerts), about: estimates and progress go by it. None where
        that cannot be told before it is read.
    """

    name: str
    content: Any = None
    n_items: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionCounts:
    """What became of one partition.

    Parameters
    ----------
    n_results : int
        Inputs that became a row of the result.
    rejections : tuple of Rejection
        Those that did not, with the reason.
    counts : mapping of str to int
        Further counts, which are added up over partitions.
    n_bytes : int
        Memory that input and output held [bytes].
    reading_seconds : float
        Time that the whole partition takes to be read, however few of its inputs are worked on.
    worked_share : float
        Share of the partition's inputs that are worked on; the others are cut, which is cheap.
    """

    n_results: int
    rejections: tuple[Rejection, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    n_bytes: int = 0
    reading_seconds: float = 0.0
    worked_share: float = 1.0


class PartitionTask(Protocol):
    """What is done to each partition; frozen, pickles, and gives the same for the same input."""

    @property
    def kind(self) -> str:
        """What the folder holds, such as ``skyvet-features``."""

    @property
    def table(self) -> str:
        """Name of the table in every part that makes up the result."""

    @property
    def unit(self) -> str:
        """What an input is called, in the plural."""

    def settings(self) -> dict[str, Any]:
        """Return everything that shapes the content, as JSON; partitions apart."""

    def run(
        self,
        partition: Partition,
        folder: Path,
        *,
        limit: int | None = None,
        progress: Progress | None = None,
    ) -> PartitionCounts:
        """Work on one partition and write its files into a folder.

        Parameters
        ----------
        partition : Partition
            What to read.
        folder : Path
            An empty folder; gets ``<table>.parquet`` and whatever else belongs to the part.
        limit : int, optional
            Only so many of its inputs, for an estimate of the cost.
        progress : Progress, optional
            Told about every input; it may begin no stage that outlives the call.

        Returns
        -------
        PartitionCounts

        Raises
        ------
        PacketError
            If the partition cannot be read; it becomes a counted rejection.
        """


def worker_name() -> str:
    """Return the name of this process among all machines."""
    return f"{socket.gethostname()}:{os.getpid()}"


def work_on_partition(
    task: PartitionTask,
    partition: Partition,
    folder: Path,
    *,
    i_part: int,
    progress: Progress | None = None,
) -> PartManifest:
    """Work on one partition and leave its part in the folder, whole or not at all.

    A part that stands there already is that of an earlier try whose worker died before it could
    say so; it is not done again.

    Parameters
    ----------
    task : PartitionTask
        What is done.
    partition : Partition
        What it is done to.
    folder : Path
        Folder of parts, which all processes must see.
    i_part : int
        Number of the part.
    progress : Progress, optional
        Told about every input.

    Returns
    -------
    PartManifest
        With counts, hashes, seconds, and the process that did the work.

    Raises
    ------
    DatasetError
        If the part cannot be written: a full disk, no permission.
    """
    done = folder / part_name(i_part)
    if done.exists():
        return read_part_manifest(done)
    started = time.monotonic()
    try:
        with drafted_part(folder, i_part, owner=f".{uuid.uuid4().hex[:12]}") as draft:
            found = _run_or_reject(task, partition, draft, progress=progress)
            rejections = draft / f"{REJECTIONS}.parquet"
            if not rejections.exists():
                pq.write_table(rejections_table(found.rejections), rejections)
            facts = {
                "partition": partition.name,
                "counts": dict(found.counts),
                "seconds": time.monotonic() - started,
                "peak_memory_mb": peak_memory_mb(),
                "worker": worker_name(),
            }
            seal_part(draft, n_candidates=found.n_results, rejections=found.rejections, facts=facts)
    except OSError as error:
        raise DatasetError(
            f"cannot write {folder / part_name(i_part)}: {error.strerror or error}; finished parts "
            "are kept, run the same command to continue"
        ) from error
    return read_part_manifest(folder / part_name(i_part))


def _run_or_reject(
    task: PartitionTask, partition: Partition, draft: Path, *, progress: Progress | None
) -> PartitionCounts:
    """Run the task; a partition that cannot be read is one rejection."""
    try:
        return task.run(partition, draft, progress=progress)
    except PacketError as error:
        for file in draft.iterdir():
            file.unlink()
        pq.write_table(pa.table({}), draft / f"{task.table}.parquet")
        rejection = Rejection(
            source=partition.name, reason=RejectionReason(error.reason), detail=error.detail
        )
        return PartitionCounts(n_results=0, rejections=(rejection,))

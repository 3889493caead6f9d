"""A task whose partitions can be counted, slowed down, damaged, or deadly."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from skyvet.core.errors import PacketError
from skyvet.core.progress import Progress
from skyvet.inference.partitions.task import Partition, PartitionCounts

KIND = "toy-squares"


@dataclass(frozen=True, slots=True, kw_only=True)
class SquareTask:
    """Squares the numbers of each partition and notes every start in a log folder."""

    log: Path
    factor: int = 1
    seconds: float = 0.0

    kind = KIND
    table = "squares"
    unit = "numbers"

    def settings(self) -> dict[str, Any]:
        return {"factor": self.factor}

    def run(
        self,
        partition: Partition,
        folder: Path,
        *,
        limit: int | None = None,
        progress: Progress | None = None,
    ) -> PartitionCounts:
        mark = self.log / f"{partition.name}.{os.getpid()}.{time.monotonic_ns()}"
        mark.touch()
        start, stop, fate = partition.content
        if fate == "damaged":
            raise PacketError("unreadable_file", "not a Parquet file")
        if fate == "full":
            raise OSError(28, os.strerror(28))
        if fate == "bug":
            raise KeyError(partition.name)
        is_first = sum(1 for _ in self.log.glob(f"{partition.name}.*")) == 1
        if fate == "deadly" or (fate == "deadly once" and is_first):
            (folder / "half.parquet").write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.seconds)
        numbers = range(start, stop)[:limit]
        for _ in numbers if progress is not None else ():
            progress.advance()
        rows = {"number": numbers, "square": [self.factor * n * n for n in numbers]}
        pq.write_table(pa.table(rows), folder / "squares.parquet")
        return PartitionCounts(
            n_results=len(numbers),
            counts={"n_even": sum(n % 2 == 0 for n in numbers)},
            n_bytes=16 * len(numbers),
        )


def partitions(n: int, *, size: int = 10, fates: dict[int, str] | None = None) -> list[Partition]:
    """Return n partitions of numbers; some with a fate."""
    fates = fates or {}
    return [
        Partition(name=f"p{i}", content=(i * size, (i + 1) * size, fates.get(i, "")), n_items=size)
        for i in range(n)
    ]


def n_starts(log: Path, name: str) -> int:
    """Return how often a partition was begun."""
    return len(list(log.glob(f"{name}.*")))


class CountedSteps:
    """Progress that keeps what it is told."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None]] = []
        self.steps: list[int] = []

    def start(self, description: str, total: int | None) -> None:
        self.stages.append((description, total))

    def advance(self, n_steps: int = 1) -> None:
        self.steps.append(n_steps)

    def finish(self) -> None:
        pass

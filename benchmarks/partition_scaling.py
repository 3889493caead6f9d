"""How much faster two worker processes are than one.

``python -m benchmarks.partition_scaling`` works on the same partitions (pure arithmetic) with one
and with two processes of a local cluster, by turns, and prints the best times and their ratio. The
same arithmetic in one and two bare processes says what the machine can give at that moment. The
last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from skyvet.core.progress import Progress
from skyvet.inference.partitions.cluster import open_cluster, work_on_cluster
from skyvet.inference.partitions.configs import ClusterConfig
from skyvet.inference.partitions.jobs import Job
from skyvet.inference.partitions.task import Partition, PartitionCounts


def burn(n_steps: int) -> int:
    """Keep one core busy."""
    value = 1
    for i in range(n_steps):
        value = (value * 1_103_515_245 + i) % 2_147_483_647
    return value


@dataclass(frozen=True, kw_only=True)
class BurnTask:
    """Arithmetic, and one row a partition."""

    n_steps: int
    kind = "burn"
    table = "burnt"
    unit = "numbers"

    def settings(self) -> dict[str, Any]:
        """Return what shapes the content."""
        return {"n_steps": self.n_steps}

    def run(
        self,
        partition: Partition,
        folder: Path,
        *,
        limit: int | None = None,
        progress: Progress | None = None,
    ) -> PartitionCounts:
        """Work on one partition."""
        del partition, limit, progress
        pq.write_table(pa.table({"value": [burn(self.n_steps)]}), folder / "burnt.parquet")
        return PartitionCounts(n_results=1)


def seconds_on_cluster(n_workers: int, *, n_partitions: int, n_steps: int) -> float:
    """Return the time of all partitions; start and end of the processes are not counted."""
    config = ClusterConfig(cluster="local", workers=n_workers)
    jobs = [Job(i_part=i, partition=Partition(name=f"p{i}")) for i in range(n_partitions)]
    with tempfile.TemporaryDirectory() as name, open_cluster(config) as client:
        client.wait_for_workers(n_workers)
        for folder, some in ((Path(name) / "warm", jobs[: 2 * n_workers]), (Path(name), jobs)):
            folder.mkdir(exist_ok=True)
            started = time.perf_counter()
            task = BurnTask(n_steps=n_steps)
            for _ in work_on_cluster(client, task, some, folder=folder, config=config):
                pass
            seconds = time.perf_counter() - started
    return seconds


def seconds_bare(n_workers: int, *, n_partitions: int, n_steps: int) -> float:
    """Return the time of the same arithmetic in bare processes."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n_workers, mp_context=context) as pool:
        list(pool.map(burn, [n_steps // 10] * 2 * n_workers))
        started = time.perf_counter()
        list(pool.map(burn, [n_steps] * n_partitions))
        return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Two worker processes against one.")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--partitions", type=int, default=24)
    parser.add_argument("--steps", type=int, default=3_000_000)
    given = parser.parse_args()
    size = {"n_partitions": given.partitions, "n_steps": given.steps}
    best: dict[tuple[str, int], float] = {}
    for _ in range(given.repeats):
        for name, measure in (("engine", seconds_on_cluster), ("bare", seconds_bare)):
            for n_workers in (1, 2):
                seconds = measure(n_workers, **size)
                best[name, n_workers] = min(seconds, best.get((name, n_workers), seconds))
    ratios = {name: best[name, 1] / best[name, 2] for name in ("engine", "bare")}
    for name, ratio in ratios.items():
        print(
            f"{name:>7}: one process {best[name, 1]:.2f} s, two {best[name, 2]:.2f} s, "
            f"{ratio:.2f} times as fast"
        )
    result = {"two_workers_against_one": ratios["engine"], "bare_processes": ratios["bare"]}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()

"""How long a new process takes until it has done its first few inputs."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from skyvet.core.optional import require
from skyvet.inference.partitions.cluster import ONE_THREAD
from skyvet.inference.partitions.task import Partition, PartitionTask

__all__ = ["seconds_of_first_turn", "take_first_turn"]

_PROGRAM = "from skyvet.inference.partitions.first_turn import take_first_turn; take_first_turn()"


def seconds_of_first_turn(
    task: PartitionTask, partition: Partition, *, limit: int, sample: int | None
) -> tuple[float, float]:
    """Measure a process from its start to the end of its first turn, and a second turn.

    It does what a worker of a local cluster does: start Python, load Dask and the libraries of the
    task, load compiled code from the disk, and work on a few inputs, whose result is thrown away.

    Parameters
    ----------
    task : PartitionTask
        What is done; pickles.
    partition : Partition
        One that can be read.
    limit, sample : int, int or None
        So many of its inputs in the first and in the second turn; None = all.

    Returns
    -------
    tuple of float
        Seconds of the start with the first turn, and of the second turn, which a worker takes with
        one thread; the latter is 0 where it could not be measured.

    Raises
    ------
    MissingDependencyError
        If Dask is not installed.
    """
    require("distributed", extra="cluster")
    work = pickle.dumps((task, partition, limit, sample))
    started = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - this Python, this package
        [sys.executable, "-c", _PROGRAM],
        input=work,
        capture_output=True,
        check=False,  # what fails there fails in the run itself, which says why
        env={**os.environ, **ONE_THREAD},
    )
    seconds = time.perf_counter() - started
    second = float(done.stdout) if done.returncode == 0 else 0.0
    return seconds - second, second


def take_first_turn() -> None:
    """Work on what stands on standard input; for `seconds_of_first_turn`."""
    require("distributed", extra="cluster")
    task, partition, limit, sample = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the parent process
    with tempfile.TemporaryDirectory(prefix="skyvet-") as folder:
        task.run(partition, Path(folder), limit=limit)
    with tempfile.TemporaryDirectory(prefix="skyvet-") as folder:
        started = time.perf_counter()
        task.run(partition, Path(folder), limit=sample)
        sys.stdout.write(str(time.perf_counter() - started))

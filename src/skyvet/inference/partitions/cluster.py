"""Partitions on a Dask cluster: processes of this machine, or one that runs already."""

from __future__ import annotations

import logging
import queue
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skyvet import __version__
from skyvet.core.errors import IncompleteRunError, InvalidInputError
from skyvet.core.optional import require
from skyvet.inference.partitions.configs import ClusterConfig
from skyvet.inference.partitions.interrupts import interrupts_deferred
from skyvet.inference.partitions.jobs import FailedPartition, Job, Outcome
from skyvet.inference.partitions.task import PartitionTask, work_on_partition

__all__ = ["ONE_THREAD", "n_threads_of", "open_cluster", "work_on_cluster"]

_LOG = logging.getLogger(__name__)

# One death of a worker is enough to hand its partition back: the run decides what comes next.
# Pausing and spilling are for data that Dask holds; partitions hold none between their turns.
_LOCAL_SETTINGS = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.worker-ttl": None,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
}
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS", "NUMBA")}
"""Environment of a worker: partitions are worked on side by side, each in one thread."""


@contextmanager
def open_cluster(config: ClusterConfig) -> Iterator[Any]:
    """Give a client of a Dask cluster; one of local processes ends with the block.

    Parameters
    ----------
    config : ClusterConfig
        Where, and how many processes.

    Yields
    ------
    distributed.Client

    Raises
    ------
    MissingDependencyError
        If Dask is not installed.
    InvalidInputError
        If no scheduler answers at the address.
    IncompleteRunError
        If the cluster has no worker for ``worker_timeout_s``.
    """
    distributed = require("distributed", extra="cluster")
    with ExitStack() as stack:
        address = config.cluster
        if config.is_local:
            address = stack.enter_context(_local_processes(config))
        try:
            client = stack.enter_context(distributed.Client(address, set_as_default=False))
        except (OSError, ValueError) as error:
            raise InvalidInputError(
                f"no Dask scheduler answers at {config.cluster}: {error}; start one with: "
                "dask scheduler"
            ) from error
        _wait_for_workers(client, config)
        yield client


@contextmanager
def _local_processes(config: ClusterConfig) -> Iterator[Any]:
    dask = require("dask", extra="cluster")
    distributed = require("distributed", extra="cluster")
    settings = {
        **_LOCAL_SETTINGS,
        "distributed.nanny.pre-spawn-environ": {
            **dask.config.get("distributed.nanny.pre-spawn-environ"),
            **ONE_THREAD,
        },
    }
    with dask.config.set(settings), ExitStack() as stack:
        with interrupts_deferred():
            cluster = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=config.workers or None,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address="127.0.0.1:0",  # None stands for 8787, which may be taken
                    scheduler_kwargs={"dashboard": False},
                    silence_logs=logging.CRITICAL,
                )
            )
        yield cluster


def _wait_for_workers(client: Any, config: ClusterConfig) -> None:  # noqa: ANN401 - optional type
    try:
        client.wait_for_workers(1, timeout=config.worker_timeout_s)
    except TimeoutError as error:
        raise IncompleteRunError(_no_worker(config)) from error


def _no_worker(config: ClusterConfig) -> str:
    return (
        f"the cluster at {config.cluster} had no worker for {config.worker_timeout_s:g} s; start "
        "workers (dask worker ADDRESS --nthreads 1) and run the same command to continue"
    )


def n_threads_of(client: Any) -> int:  # noqa: ANN401 - the type of an optional package
    """Return how many partitions a cluster works on at once; at least 1."""
    n_threads: dict[str, int] = client.nthreads()
    return max(1, sum(n_threads.values()))


@dataclass(slots=True)
class _Attempts:
    """How often the worker of each partition died, and which partitions are to run alone."""

    deaths: dict[int, int] = field(default_factory=dict)
    alone: deque[Job] = field(default_factory=deque)

    def blame(self, job: Job, *, max_attempts: int) -> FailedPartition | None:
        """Count a death; return the failure once it is one too many."""
        n_deaths = self.deaths.get(job.i_part, 0) + 1
        self.deaths[job.i_part] = n_deaths
        if n_deaths < max_attempts:
            self.alone.append(job)
            return None
        detail = f"its worker died {n_deaths} times (out of memory?)"
        return FailedPartition(name=job.partition.name, detail=detail)


def work_on_cluster(
    client: Any,  # noqa: ANN401 - the type of an optional package
    task: PartitionTask,
    jobs: Sequence[Job],
    *,
    folder: Path,
    config: ClusterConfig,
) -> Iterator[Outcome]:
    """Work on partitions on a cluster and yield what became of each, in order of completion.

    As many are handed out as the cluster has threads. When a worker dies, all that it held comes
    back, and each of these partitions is tried again alone, at the end: so it is known which of
    them kills its worker.

    Parameters
    ----------
    client : distributed.Client
        From `open_cluster`.
    task : PartitionTask
        What is done.
    jobs : sequence of Job
        Partitions that are still to do.
    folder : Path
        Folder of parts, which all workers must see.
    config : ClusterConfig
        How often a worker may die.

    Yields
    ------
    PartManifest or FailedPartition

    Raises
    ------
    IncompleteRunError
        If the scheduler or all workers are lost.
    """
    client.run(_check_worker, str(folder), __version__)
    waiting, attempts = deque(jobs), _Attempts()
    finished: queue.Queue[Any] = queue.Queue()
    in_flight: dict[str, tuple[Job, Any]] = {}
    try:
        while waiting or attempts.alone or in_flight:
            for job in _next_jobs(waiting, attempts, len(in_flight), client):
                future = client.submit(
                    work_on_partition,
                    task,
                    job.partition,
                    folder,
                    i_part=job.i_part,
                    pure=False,
                )
                in_flight[future.key] = (job, future)
                future.add_done_callback(finished.put)
            future = _next_finished(finished, client, config)
            job, _ = in_flight.pop(future.key)
            outcome = _outcome(future, job, attempts, config)
            if outcome is not None:
                yield outcome
    finally:
        client.cancel([future for _, future in in_flight.values()])


def _next_jobs(
    waiting: deque[Job],
    attempts: _Attempts,
    n_in_flight: int,
    client: Any,  # noqa: ANN401 - the type of an optional package
) -> list[Job]:
    """Take as many jobs as there are idle threads; a suspected one only while nothing else runs."""
    if waiting:
        n_free = max(0, n_threads_of(client) - n_in_flight)
        return [waiting.popleft() for _ in range(min(n_free, len(waiting)))]
    if attempts.alone and not n_in_flight:
        return [attempts.alone.popleft()]
    return []


def _next_finished(
    finished: queue.Queue[Any],
    client: Any,  # noqa: ANN401 - the type of an optional package
    config: ClusterConfig,
) -> Any:  # noqa: ANN401 - the type of an optional package
    while True:
        try:
            return finished.get(timeout=config.worker_timeout_s)
        except queue.Empty as error:
            if not client.nthreads():
                raise IncompleteRunError(_no_worker(config)) from error


def _outcome(
    future: Any,  # noqa: ANN401 - the type of an optional package
    job: Job,
    attempts: _Attempts,
    config: ClusterConfig,
) -> Outcome | None:
    """Return what became of a partition; None where it is to be tried again."""
    distributed = require("distributed", extra="cluster")
    if future.status == "finished":
        return future.result()  # type: ignore[no-any-return]
    if future.status != "error":
        raise IncompleteRunError(
            f"the scheduler at {config.cluster} was lost; finished parts are kept, run the same "
            "command to continue"
        )
    error = future.exception()
    if not isinstance(error, distributed.KilledWorker):
        raise error
    _LOG.info("the worker of partition %s died", job.partition.name)
    return attempts.blame(job, max_attempts=config.max_attempts)


def _check_worker(folder: str, version: str) -> None:
    """Raise on a worker that cannot do the work."""
    if not Path(folder).is_dir():
        raise InvalidInputError(
            f"a worker does not see {folder}; give an output on a file system that all share"
        )
    if version != __version__:
        raise InvalidInputError(
            f"a worker has skyvet {__version__}, this process {version}; install one version"
        )

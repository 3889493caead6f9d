"""From a list of ZTF objects to a table of light curves, over interruptions.

Answers of the service are kept in ``<table>.parts/`` until all are there, then joined; a run that
was killed goes on. A table that exists is extended by the objects that it lacks.
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from skyvet.core.configs import Config
from skyvet.core.errors import ArchiveError, ArchiveOutageError, DatasetError
from skyvet.core.progress import Progress, SilentProgress
from skyvet.io.archives.download_folder import FailureCount, FailureLog, FetchFailure
from skyvet.io.archives.http_client import ArchiveClient, HttpConfig
from skyvet.io.archives.irsa_light_curves import LIGHT_CURVE_URL, IrsaLightCurves
from skyvet.io.archives.worker_threads import WorkerThreads
from skyvet.io.light_curve_tables import LightCurveRow, read_light_curves, write_light_curves
from skyvet.io.ztf_bulk_light_curves import read_bulk_light_curves
from skyvet.records.rejections import RejectionReason

__all__ = [
    "LightCurveFetchSummary",
    "ZtfLightCurvesConfig",
    "collect_local_light_curves",
    "fetch_ztf_light_curves",
]

_MAX_PER_REQUEST = 300
_STATUSES_OF_BAD_REQUESTS = frozenset({400, 413, 414, 422})


class ZtfLightCurvesConfig(Config):
    """What light curves to fetch and how; options of the command line are made from it."""

    release: str = Field(default="latest", pattern=r"^(latest|dr\d+)$", description="Data release.")
    bad_catflags: int = Field(
        default=32_768, ge=0, lt=1 << 31,
        description="Leave out epochs with one of these quality bits; 0 keeps all.",
    )  # fmt: skip
    per_request: int = Field(
        default=50, ge=1, le=_MAX_PER_REQUEST, description="Objects asked for at a time."
    )
    rate: float = Field(default=2.0, gt=0, le=1000, description="Most requests a second.")
    workers: int = Field(default=2, ge=1, le=64, description="Requests under way at a time.")
    url: str = Field(default=LIGHT_CURVE_URL, description="Address of IRSA's service.")
    retry_failed: bool = Field(
        default=False, description="Ask again for objects that earlier runs did not find."
    )
    http: HttpConfig = HttpConfig(timeout_s=120.0, total_timeout_s=600.0)


@dataclass(slots=True, kw_only=True)
class LightCurveFetchSummary:
    """Counts of one run.

    Parameters
    ----------
    n_objects : int
        Objects asked for.
    n_there_before, n_new : int
        Objects that the table had, and that this run added.
    n_unknown : int
        Objects that the archive does not have, in this run or an earlier one.
    n_unfinished : int
        Objects that the next run goes on with.
    n_epochs : int
        Epochs of the new objects.
    n_requests : int
        Requests sent.
    failures : tuple of FailureCount
        What could not be had, in this run or for good.
    """

    n_objects: int
    n_there_before: int = 0
    n_new: int = 0
    n_unknown: int = 0
    n_unfinished: int = 0
    n_epochs: int = 0
    n_requests: int = 0
    failures: tuple[FailureCount, ...] = ()

    @property
    def is_complete(self) -> bool:
        """True where another run would have nothing to do."""
        return self.n_unfinished == 0


def fetch_ztf_light_curves(
    oids: Sequence[int],
    out: Path,
    *,
    config: ZtfLightCurvesConfig | None = None,
    progress: Progress | None = None,
) -> LightCurveFetchSummary:
    """Fetch the light curves of objects from IRSA into a table of light curves.

    Parameters
    ----------
    oids : sequence of int
        ZTF data-release identifiers, each once.
    out : Path
        Parquet file; beside it ``<name>.failures.jsonl`` and ``<name>.failures.parquet``.
    config : ZtfLightCurvesConfig, optional
        What to fetch and how.
    progress : Progress, optional
        Told of finished objects.

    Returns
    -------
    LightCurveFetchSummary
        Where objects are unfinished, the table is as it was: their answers wait for the next run.

    Raises
    ------
    ArchiveError
        If the archive cannot be reached at all.
    ArchiveOutageError
        If the archive fails over and over, or refuses everything; what was fetched is kept.
    DatasetError
        If `out` is something else or cannot be written.
    MissingDependencyError
        If httpx (extra ``fetch``) is not installed.
    """
    config = config or ZtfLightCurvesConfig()
    progress = progress or SilentProgress()
    log = FailureLog(_beside(out, ".failures.jsonl"), forget_permanent=config.retry_failed)
    parts = _Parts(out, log)
    summary = LightCurveFetchSummary(n_objects=len(oids))
    todo = parts.to_do(oids, summary)
    progress.start("objects", total=len(oids))
    progress.advance(len(oids) - len(todo))
    with ArchiveClient(rate=config.rate, config=config.http) as client:
        archive = IrsaLightCurves(
            client, url=config.url, release=config.release, bad_catflags=config.bad_catflags
        )
        try:
            _ask(archive, todo, parts, config=config, progress=progress)
            client.check_reached()
        except ArchiveOutageError as error:
            if error.status:
                log.doubt_this_run()
            raise
        finally:
            client.stop()
            summary.n_requests = client.n_requests
            log.write_table(_beside(out, ".failures.parquet"))
    parts.finish(oids, summary)
    progress.finish()
    return summary


def collect_local_light_curves(
    path: Path, oids: Sequence[int], out: Path, *, bad_catflags: int = 32_768
) -> LightCurveFetchSummary:
    """Write the light curves of objects that are in files at hand into a table of light curves.

    Parameters
    ----------
    path : Path
        Parquet file or folder; see `skyvet.io.ztf_bulk_light_curves`.
    oids : sequence of int
        Objects wanted, each once.
    out : Path
        Parquet file; an older one is replaced.
    bad_catflags : int, default 32768
        Epochs with one of these bits are left out; 0 keeps all.

    Returns
    -------
    LightCurveFetchSummary

    Raises
    ------
    InvalidInputError
        If there is no such file, or it lacks a column.
    DatasetError
        If a file is damaged or `out` cannot be written.
    """
    summary = LightCurveFetchSummary(n_objects=len(oids))

    def counted() -> Iterator[LightCurveRow]:
        for row in read_bulk_light_curves(path, oids, bad_catflags=bad_catflags):
            summary.n_new += 1
            summary.n_epochs += len(row.light_curve)
            yield row

    write_light_curves(out, counted())
    summary.n_unknown = len(oids) - summary.n_new
    return summary


def _beside(out: Path, ending: str) -> Path:
    return out.with_name(out.name.removesuffix(".parquet") + ending)


class _Parts:
    """Answers that wait to be joined into the table."""

    def __init__(self, out: Path, log: FailureLog) -> None:
        self._out = out
        self._log = log
        self._folder = _beside(out, ".parts")
        for draft in self._folder.glob(".*.part"):
            draft.unlink(missing_ok=True)
        self._files = sorted(self._folder.glob("part-*.parquet"))
        self._n_next = int(self._files[-1].stem.partition("-")[2]) + 1 if self._files else 0

    def to_do(self, oids: Sequence[int], summary: LightCurveFetchSummary) -> list[int]:
        """Return the objects that are neither in the table, nor waiting, nor unknown."""
        there = set(_object_ids(self._out)) if self._out.exists() else set()
        waiting = {name for file in self._files for name in _object_ids(file)}
        summary.n_there_before = sum(str(oid) in there for oid in oids)
        known = there | waiting
        return [o for o in oids if str(o) not in known and (str(o), "") not in self._log]

    def add(self, rows: Sequence[LightCurveRow], failures: Sequence[FetchFailure]) -> None:
        """Keep what one request gave."""
        if rows:
            file = self._folder / f"part-{self._n_next:06d}.parquet"
            write_light_curves(file, rows)
            self._files.append(file)
            self._n_next += 1
        self._log.add(failures)

    def finish(self, oids: Sequence[int], summary: LightCurveFetchSummary) -> None:
        """Count, and join the table where nothing is missing any more."""
        there = set(_object_ids(self._out)) if self._out.exists() else set()
        n_epochs: dict[str, int] = {}
        for file in self._files:
            table = pq.read_table(file, columns=["object_id", "n_epochs"])
            pairs = zip(table[0].to_pylist(), table[1].to_pylist(), strict=True)
            n_epochs |= {name: n for name, n in pairs if name not in there}
        summary.n_new = len(n_epochs)
        summary.n_epochs = sum(n_epochs.values())
        summary.failures = tuple(self._log.counts())
        left = [oid for oid in oids if str(oid) not in there and str(oid) not in n_epochs]
        summary.n_unknown = sum((str(oid), "") in self._log for oid in left)
        summary.n_unfinished = len(left) - summary.n_unknown
        if summary.is_complete:
            if n_epochs or not self._out.exists():
                write_light_curves(self._out, self._all_rows())
            shutil.rmtree(self._folder, ignore_errors=True)

    def _all_rows(self) -> Iterator[LightCurveRow]:
        """Yield the rows of the old table and of the answers, each object once."""
        seen: set[str] = set()
        for file in [*([self._out] if self._out.exists() else []), *self._files]:
            for row in read_light_curves(file):
                if row.object_id not in seen:
                    seen.add(row.object_id)
                    yield row


def _object_ids(path: Path) -> list[str]:
    try:
        names: list[str] = pq.read_table(path, columns=["object_id"])["object_id"].to_pylist()
    except (OSError, pa.ArrowInvalid) as error:
        raise DatasetError(
            f"{path} is no light-curve table: {error}; choose another file, or remove it"
        ) from error
    return names


def _ask(
    archive: IrsaLightCurves,
    todo: Sequence[int],
    parts: _Parts,
    *,
    config: ZtfLightCurvesConfig,
    progress: Progress,
) -> None:
    """Ask for all objects in groups, a few requests under way at a time."""
    n = config.per_request
    groups = deque(tuple(todo[i : i + n]) for i in range(0, len(todo), n))
    under_way: deque[tuple[tuple[int, ...], Future[list[LightCurveRow]]]] = deque()
    doubts = _Doubts()
    with WorkerThreads(config.workers) as workers:
        while groups or under_way:
            while groups and len(under_way) <= config.workers:
                group = groups.popleft()
                under_way.append((group, workers.submit(partial(archive.light_curves, group))))
            group, future = under_way.popleft()
            try:
                rows = future.result()
            except ArchiveOutageError:
                raise
            except ArchiveError as error:
                if _is_refused(error) and len(group) > 1:
                    middle = len(group) // 2
                    groups.extendleft((group[middle:], group[:middle]))
                    continue
                parts.add([], [_failure(oid, error) for oid in group])
            else:
                found, unknown, again = doubts.settle(_wanted(rows, group), group)
                if again:
                    groups.appendleft(again)
                parts.add(found, [_unknown(archive, oid) for oid in unknown])
                group = (*(int(row.object_id) for row in found), *unknown)
            progress.advance(len(group))


def _wanted(rows: Sequence[LightCurveRow], group: Sequence[int]) -> list[LightCurveRow]:
    names = {str(oid) for oid in group}
    return [row for row in rows if row.object_id in names]


class _Doubts:
    """Objects of answers that may have been cut between two lines.

    Such an answer lacks its last objects, and epochs of the last one that it has. Where objects
    are lacking, they and that last one are asked for again, until two answers agree.
    """

    def __init__(self) -> None:
        self._heard: dict[int, LightCurveRow | None] = {}

    def settle(
        self, rows: Sequence[LightCurveRow], group: Sequence[int]
    ) -> tuple[list[LightCurveRow], list[int], tuple[int, ...]]:
        """Return light curves to keep, objects that are unknown, and those to ask for again."""
        by_oid = {int(row.object_id): row for row in rows}
        lacking = [oid for oid in group if oid not in by_oid]
        unsure = {*lacking, *list(by_oid)[-1:]} if lacking else set()
        settled: dict[int, LightCurveRow | None] = {}
        again = []
        for oid in group:
            row = by_oid.get(oid)
            is_known = oid in self._heard
            earlier = self._heard.pop(oid, None)
            longer = max(row, earlier, key=_n_epochs)
            if oid in unsure and (not is_known or _n_epochs(row) > _n_epochs(earlier)):
                self._heard[oid] = longer
                again.append(oid)
            else:
                settled[oid] = longer
        found = [row for row in settled.values() if row is not None]
        return found, [oid for oid, row in settled.items() if row is None], tuple(again)


def _n_epochs(row: LightCurveRow | None) -> int:
    return -1 if row is None else len(row.light_curve)


def _is_refused(error: ArchiveError) -> bool:
    """Say whether the service cannot make sense of the request; all else may pass.

    It answers objects that it does not know with a table without them: "not found" and "not
    allowed" say something of the service, and nothing of the objects.
    """
    return error.is_permanent and error.status in _STATUSES_OF_BAD_REQUESTS


def _failure(oid: int, error: ArchiveError) -> FetchFailure:
    return FetchFailure(
        object_id=str(oid),
        reason=RejectionReason.UNAVAILABLE,
        detail=error.detail,
        is_permanent=_is_refused(error),
        url=error.url,
    )


def _unknown(archive: IrsaLightCurves, oid: int) -> FetchFailure:
    return FetchFailure(
        object_id=str(oid),
        reason=RejectionReason.UNKNOWN_OBJECT,
        detail="the archive has no light curve of it in this release",
        is_permanent=True,
        url=archive.address([oid]),
    )

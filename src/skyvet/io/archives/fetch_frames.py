"""From a list of ZTF objects to a frame store, over days and interruptions.

Every frame is saved by itself the moment it is here. When all frames of an object are there, or
have failed for good, the object goes into the store, and its files go when the store's part is on
disk. So a run killed at any point loses nothing, and asks for nothing twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field

from skyvet.core.configs import Config
from skyvet.core.errors import ArchiveError, ArchiveOutageError, PacketError
from skyvet.core.files import held_alone
from skyvet.core.progress import Progress, SilentProgress
from skyvet.io.archives.download_folder import (
    DownloadFolder,
    FailureCount,
    FailureLog,
    FetchFailure,
)
from skyvet.io.archives.http_client import ArchiveClient, HttpConfig
from skyvet.io.archives.irsa_cutouts import IrsaCutouts, cutout_url
from skyvet.io.archives.worker_threads import WorkerThreads
from skyvet.io.archives.ztf_finder import (
    FINDER_URL,
    Exposure,
    ExposureList,
    ZtfFinder,
    band_of_oid,
)
from skyvet.io.frame_files import FrameFile, SequenceFaults, join_frames, read_frame_file
from skyvet.io.frame_mapping import frame_mapping
from skyvet.io.frame_store import FrameStoreWriter, StoredSequence
from skyvet.io.parts import read_part_tables
from skyvet.records.rejections import RejectionReason

__all__ = ["FrameFetchSummary", "ZtfFramesConfig", "fetch_ztf_frames"]

_DOWNLOADS = "downloads"
_LOG = "failures.jsonl"
_TABLE = "failures.parquet"
_PIXELS_PER_PART = 16_384 * 28 * 28
_FEW_FRAMES = 3
_STATUSES_OF_OBJECTS = frozenset({400, 404, 410, 422})


class ZtfFramesConfig(Config):
    """What to fetch and how; options of the command line are made from it."""

    size_px: int = Field(default=28, ge=8, le=512, description="Side of the frames [pixels].")
    band: Literal["any", "g", "r", "i"] = Field(
        default="any", description="Fetch only objects of this band; the identifier tells it."
    )
    release: str = Field(
        default="dr8", pattern=r"^(latest|dr\d+)$",
        description="Data release whose light curves say which exposures belong to an object.",
    )  # fmt: skip
    dtype: Literal["float16", "float32"] = Field(
        default="float16", description="Type of the pixels on disk."
    )
    rate: float = Field(
        default=8.0, gt=0, le=1000, description="Most requests a second to one archive."
    )
    workers: int = Field(default=4, ge=1, le=64, description="Requests under way at a time.")
    finder_url: str = Field(default=FINDER_URL, description="Address of SNAD's finder.")
    base_url: str = Field(
        default="IPAC", description="Where the images are: IPAC, SNAD or a mirror's address."
    )
    accept_missing: bool = Field(
        default=False,
        description="Store objects although frames that may yet come are missing.",
    )
    retry_failed: bool = Field(
        default=False, description="Try again what failed for good in earlier runs."
    )
    http: HttpConfig = HttpConfig()


@dataclass(slots=True, kw_only=True)
class FrameFetchSummary:
    """Counts of one run; stored, rejected, unfinished and skipped objects are all objects.

    Parameters
    ----------
    n_objects : int
        Objects asked for.
    n_stored_before, n_stored : int
        Objects that the store had, and that this run added.
    n_other_band : int
        Objects of another band, skipped.
    n_rejected : int
        Objects that gave no frame for good, in this run or an earlier one.
    n_unfinished : int
        Objects that the next run goes on with.
    n_unusable_exposures : int
        Items of the finder's lists that name no image or no time, or the time of another.
    n_few_frames : int
        Stored objects of one or two frames, too few to score.
    n_frames : int
        Frames that this run put into the store.
    n_requests : int
        Requests sent.
    failures : tuple of FailureCount
        What could not be had, in this run or for good.
    faults : SequenceFaults
        What was put right in the stored objects.
    """

    n_objects: int
    n_stored_before: int = 0
    n_stored: int = 0
    n_other_band: int = 0
    n_rejected: int = 0
    n_unfinished: int = 0
    n_unusable_exposures: int = 0
    n_few_frames: int = 0
    n_frames: int = 0
    n_requests: int = 0
    failures: tuple[FailureCount, ...] = ()
    faults: SequenceFaults = field(default_factory=SequenceFaults)

    @property
    def is_complete(self) -> bool:
        """True where another run would have nothing to do."""
        return self.n_unfinished == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """An object whose exposures are known and whose missing frames are under way."""

    found: ExposureList
    under_way: tuple[tuple[Exposure, Future[None]], ...]


def fetch_ztf_frames(
    oids: Sequence[int],
    out: Path,
    *,
    config: ZtfFramesConfig | None = None,
    progress: Progress | None = None,
) -> FrameFetchSummary:
    """Fetch the cutouts of objects into a frame store; a second call continues the first.

    Parameters
    ----------
    oids : sequence of int
        ZTF data-release identifiers, each once.
    out : Path
        Folder of the frame store; also gets ``failures.parquet`` and, while objects are
        unfinished, ``downloads/``.
    config : ZtfFramesConfig, optional
        What to fetch and how.
    progress : Progress, optional
        Told of each finished object.

    Returns
    -------
    FrameFetchSummary

    Raises
    ------
    ArchiveError
        If no archive can be reached at all.
    ArchiveOutageError
        If an archive fails over and over, or refuses everything; what was fetched is kept.
    DatasetError
        If the folder holds something else or cannot be written.
    MissingDependencyError
        If httpx (extra ``fetch``) is not installed.
    """
    config = config or ZtfFramesConfig()
    writer = _open_store(out, config)
    with (
        held_alone(out / _DOWNLOADS),
        ArchiveClient(rate=config.rate, config=config.http) as client,
    ):
        run = _Run(out, writer, config, client)
        return run.fetch(oids, progress or SilentProgress())


def _open_store(out: Path, config: ZtfFramesConfig) -> FrameStoreWriter:
    return FrameStoreWriter(
        out,
        settings={"source": "ztf-frames", "release": config.release, "product": "sciimg"},
        size_px=config.size_px,
        dtype=config.dtype,
        frames_per_part=max(256, _PIXELS_PER_PART // config.size_px**2),
    )


class _Run:
    """State of one call of `fetch_ztf_frames`."""

    def __init__(
        self, out: Path, writer: FrameStoreWriter, config: ZtfFramesConfig, client: ArchiveClient
    ) -> None:
        self._out = out
        self._config = config
        self._client = client
        self._writer = writer
        self._downloads = DownloadFolder(out / _DOWNLOADS)
        self._log = FailureLog(out / _DOWNLOADS / _LOG, forget_permanent=config.retry_failed)
        self._finder = ZtfFinder(
            client, url=config.finder_url, release=config.release, base_url=config.base_url
        )
        self._cutouts = IrsaCutouts(client)
        self._mapping = frame_mapping("ztf")
        self._waiting: list[str] = []

    def fetch(self, oids: Sequence[int], progress: Progress) -> FrameFetchSummary:
        summary = FrameFetchSummary(n_objects=len(oids))
        todo = self._to_do(oids, summary)
        progress.start("objects", total=len(oids))
        progress.advance(len(oids) - len(todo))
        try:
            with WorkerThreads(self._config.workers) as workers:
                try:
                    for oid, opened in self._opened(todo, workers):
                        self._finish_object(oid, opened, summary)
                        progress.advance()
                finally:
                    self._client.stop()
            if not summary.n_stored:
                self._client.check_reached()
        except ArchiveOutageError as error:
            if error.status:
                self._log.doubt_this_run()
            raise
        finally:
            summary.n_unfinished = (
                len(oids) - summary.n_stored_before - summary.n_stored
                - summary.n_other_band - summary.n_rejected
            )  # fmt: skip
            self._close(summary)
        progress.finish()
        return summary

    def _to_do(self, oids: Sequence[int], summary: FrameFetchSummary) -> list[int]:
        """Return the objects that need work, and clean up after those that do not."""
        stored = set(read_part_tables(self._out, "objects", ["object_id"])["object_id"].to_pylist()
                     if self._writer.n_objects else ())  # fmt: skip
        for object_id in stored & set(self._downloads.object_ids()):
            self._downloads.remove(object_id)
        todo = []
        for oid in oids:
            if str(oid) in stored:
                summary.n_stored_before += 1
            elif self._config.band not in ("any", band_of_oid(oid)):
                summary.n_other_band += 1
            elif (str(oid), "") in self._log:
                summary.n_rejected += 1
            else:
                todo.append(oid)
        return todo

    def _opened(
        self, oids: Sequence[int], workers: WorkerThreads
    ) -> Iterator[tuple[int, Future[_Opened]]]:
        """Yield objects in order, each with the work on some objects after it begun."""
        ahead: deque[tuple[int, Future[_Opened]]] = deque()
        for oid in oids:
            ahead.append((oid, workers.submit(partial(self._open, oid, workers))))
            if len(ahead) > self._config.workers:
                yield ahead.popleft()
        yield from ahead

    def _open(self, oid: int, workers: WorkerThreads) -> _Opened:
        """Find an object's exposures and send for the frames that are missing (in a worker)."""
        found = self._downloads.exposure_list(oid)
        if found is None:
            found = self._finder.exposures(oid)
            self._downloads.save_exposure_list(oid, found)
        missing = [
            exposure
            for exposure in found.exposures
            if (str(oid), exposure.key) not in self._log
            and not self._downloads.frame_path(oid, exposure).exists()
        ]
        target = (found.ra_deg, found.dec_deg)
        return _Opened(
            found=found,
            under_way=tuple(
                (exposure, workers.submit(partial(self._fetch_frame, oid, exposure, target)))
                for exposure in missing
            ),
        )

    def _fetch_frame(self, oid: int, exposure: Exposure, target: tuple[float, float]) -> None:
        data = self._cutouts.cutout(exposure.url, target, self._config.size_px)
        self._downloads.save_frame(oid, exposure, data)

    def _finish_object(self, oid: int, opened: Future[_Opened], summary: FrameFetchSummary) -> None:
        """Wait for all of an object and store it, reject it or leave it for the next run."""
        try:
            found, failures = self._wait_for(oid, opened.result())
        except ArchiveOutageError:
            raise
        except ArchiveError as error:
            failure = _object_failure(oid, error)
            self._log.add([failure])
            summary.n_rejected += failure.is_permanent
            return
        self._log.add(failures)
        summary.n_unusable_exposures += found.n_unusable
        may_come = [failure for failure in failures if not failure.is_permanent]
        if may_come and not self._config.accept_missing:
            return
        stored = self._join(oid, found, summary)
        if stored is None:
            self._log.add([_no_frames(oid, found)])
            summary.n_rejected += 1
            return
        self._store(stored, summary)

    def _wait_for(self, oid: int, opened: _Opened) -> tuple[ExposureList, list[FetchFailure]]:
        failures = []
        target = (opened.found.ra_deg, opened.found.dec_deg)
        for exposure, future in opened.under_way:
            try:
                future.result()
            except ArchiveOutageError:
                raise
            except ArchiveError as error:
                url = cutout_url(exposure.url, target, self._config.size_px)
                failures.append(_frame_failure(oid, exposure, error, url))
        return opened.found, failures

    def _join(
        self, oid: int, found: ExposureList, summary: FrameFetchSummary
    ) -> StoredSequence | None:
        """Read an object's frames from disk and join them."""
        frames: list[FrameFile] = []
        for exposure in found.exposures:
            path = self._downloads.frame_path(oid, exposure)
            if not path.exists():
                continue
            try:
                frame = read_frame_file(
                    path.read_bytes(),
                    self._mapping,
                    file_time=exposure.key,
                    target=(found.ra_deg, found.dec_deg),
                )
            except PacketError as error:
                self._log.add([_spoilt_frame(oid, exposure, error)])
                continue
            frames.append(frame)
        return join_frames(
            frames,
            str(oid),
            size_px=self._config.size_px,
            survey="ztf",
            faults=summary.faults,
        )

    def _store(self, stored: StoredSequence, summary: FrameFetchSummary) -> None:
        n_on_disk = self._writer.n_objects
        self._writer.append(stored)
        self._waiting.append(str(stored.sequence.object_id))
        summary.n_stored += 1
        summary.n_frames += len(stored.sequence)
        summary.n_few_frames += len(stored.sequence) < _FEW_FRAMES
        if self._writer.n_objects > n_on_disk:
            self._remove_stored()

    def _remove_stored(self) -> None:
        for object_id in self._waiting:
            self._downloads.remove(object_id)
        self._waiting = []

    def _close(self, summary: FrameFetchSummary) -> None:
        """Put on disk what is finished and say what is not; leave untouched what is as it was."""
        if not summary.is_complete:
            self._writer.flush()
        elif not self._writer.is_complete:
            self._writer.finish()
        self._remove_stored()
        summary.failures = tuple(self._log.counts())
        summary.n_requests = self._client.n_requests
        if summary.n_requests or summary.n_stored or not (self._out / _TABLE).exists():
            self._log.write_table(self._out / _TABLE)


def _object_failure(oid: int, error: ArchiveError) -> FetchFailure:
    """Return why an object has no list; only "not found" and "bad request" are about the object."""
    is_unknown = error.status in (404, 410)
    return FetchFailure(
        object_id=str(oid),
        reason=RejectionReason.UNKNOWN_OBJECT if is_unknown else RejectionReason.UNAVAILABLE,
        detail=error.detail,
        is_permanent=error.is_permanent and error.status in _STATUSES_OF_OBJECTS,
        url=error.url,
    )


def _frame_failure(oid: int, exposure: Exposure, error: ArchiveError, url: str) -> FetchFailure:
    is_content = error.status == 200
    return FetchFailure(
        object_id=str(oid),
        reason=RejectionReason.UNREADABLE_FRAME if is_content else RejectionReason.UNAVAILABLE,
        detail=error.detail,
        is_permanent=error.is_permanent,
        hmjd=exposure.hmjd,
        url=url,
    )


def _spoilt_frame(oid: int, exposure: Exposure, error: PacketError) -> FetchFailure:
    return FetchFailure(
        object_id=str(oid),
        reason=RejectionReason.UNREADABLE_FRAME,
        detail=error.detail,
        is_permanent=True,
        hmjd=exposure.hmjd,
        url=exposure.url,
    )


def _no_frames(oid: int, found: ExposureList) -> FetchFailure:
    return FetchFailure(
        object_id=str(oid),
        reason=RejectionReason.TOO_FEW_FRAMES,
        detail=f"none of {len(found.exposures)} exposures gave a frame",
        is_permanent=True,
    )

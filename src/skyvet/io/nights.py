"""A simulated night on disk: one packet file each, with the truth beside them.

::

    folder/
    ├── night.json       settings, number of candidates, whether it is complete
    ├── packets/         <candidate_id>.avro
    └── truth.parquet    one row a candidate, in order; appears when the night is complete

While a night is being written, ``.truth/`` holds the rows of each finished chunk; a killed run
continues after the last of them.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.core.files import atomic_path, write_json_atomic
from skyvet.core.progress import Progress, SilentProgress
from skyvet.records.candidate import Candidate

__all__ = ["Encode", "MakeChunk", "NightItem", "NightSummary", "read_truth", "write_night"]

NightItem = tuple[Candidate, Mapping[str, Any], Mapping[str, Any]]
"""A candidate, further fields of its packet, and its truth row."""

MakeChunk = Callable[[int, int], Sequence[NightItem]]
"""Makes items start to stop; must pickle when there is more than one worker."""

FORMAT_VERSION = 1
_MANIFEST, _PACKETS, _TRUTH, _CHUNKS = "night.json", "packets", "truth.parquet", ".truth"
_CHUNK_SIZE = 100


class Encode(Protocol):
    """Turns a candidate into the bytes of a packet file."""

    def __call__(self, candidate: Candidate, *, extra: Mapping[str, Any]) -> bytes:
        """Return the packet; `extra` are further fields."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NightSummary:
    """What a call of `write_night` did.

    Parameters
    ----------
    n : int
        Candidates of the night.
    n_written : int
        Candidates that this call wrote; the rest was there already.
    folder : Path
        Where the night lies.
    """

    n: int
    n_written: int
    folder: Path


def write_night(
    folder: Path,
    *,
    n: int,
    make_chunk: MakeChunk,
    encode: Encode,
    settings: Mapping[str, Any],
    n_workers: int = 1,
    progress: Progress | None = None,
) -> NightSummary:
    """Write a night of packets with its truth table, or finish one that was interrupted.

    Parameters
    ----------
    folder : Path
        Empty, absent, or holding the same night.
    n : int
        Number of candidates, >= 1.
    make_chunk : callable
        ``make_chunk(start, stop)`` returns items ``start`` to ``stop``; the result may depend on
        the numbers alone, so that the night does not depend on `n_workers`.
    encode : callable
        ``encode(candidate, extra=...)`` returns the packet's bytes.
    settings : mapping
        What the night follows from (JSON types); a folder with other settings is refused.
    n_workers : int, default 1
        Processes.
    progress : Progress, optional
        Told of every finished chunk.

    Returns
    -------
    NightSummary

    Raises
    ------
    InvalidInputError
        If `n` or `n_workers` is below 1.
    DatasetError
        If the folder holds something else or cannot be written.
    """
    if n < 1 or n_workers < 1:
        raise InvalidInputError(f"n and n_workers must be at least 1, got {n} and {n_workers}")
    is_complete = _open_folder(folder, settings=settings, n=n)
    starts = [] if is_complete else _missing_chunks(folder, n)
    write = partial(_write_chunk, folder, make_chunk, encode)
    bounds = [(start, min(start + _CHUNK_SIZE, n)) for start in starts]
    n_todo = sum(stop - start for start, stop in bounds)
    watcher = progress or SilentProgress()
    watcher.start("packets", n)
    watcher.advance(n - n_todo)
    for n_done in _run(write, bounds, n_workers=n_workers):
        watcher.advance(n_done)
    if not is_complete:
        _complete(folder, settings=settings, n=n)
    watcher.finish()
    return NightSummary(n=n, n_written=n_todo, folder=folder)


def read_truth(folder: Path) -> pa.Table:
    """Read the truth table of a complete night.

    Parameters
    ----------
    folder : Path
        A night.

    Returns
    -------
    pyarrow.Table
        One row a candidate, in order.

    Raises
    ------
    DatasetError
        If there is none: the run was interrupted, or the folder is no night.
    """
    path = folder / _TRUTH
    if not path.is_file():
        raise DatasetError(
            f"{folder} holds no truth table; if its simulation was interrupted, run it again"
        )
    return pq.read_table(path)


def _document(settings: Mapping[str, Any], n: int, *, is_complete: bool) -> dict[str, Any]:
    return {
        "kind": "night",
        "version": FORMAT_VERSION,
        "n": n,
        "is_complete": is_complete,
        "settings": json.loads(json.dumps(settings)),
    }


def _open_folder(folder: Path, *, settings: Mapping[str, Any], n: int) -> bool:
    """Create or recognise the folder; return whether the night is complete."""
    wanted = _document(settings, n, is_complete=False)
    path = folder / _MANIFEST
    if not path.is_file():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise DatasetError(f"{folder} is not empty and holds no night; choose another folder")
        write_json_atomic(path, wanted)
        return False
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"cannot read {path}: {error}; remove the folder") from error
    is_complete = isinstance(found, dict) and bool(found.get("is_complete"))
    if found != {**wanted, "is_complete": is_complete}:
        raise DatasetError(
            f"{folder} holds another night ({_difference(found, wanted)}); "
            "choose another folder or the same settings"
        )
    return is_complete


def _difference(found: object, wanted: Mapping[str, Any]) -> str:
    """Name the first setting that differs."""
    if not isinstance(found, Mapping):
        return "unreadable manifest"
    old, new = found.get("settings"), wanted["settings"]
    if isinstance(old, Mapping):
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                return f"{name}: {old.get(name)!r} there, {new.get(name)!r} asked for"
    return f"n: {found.get('n')} there, {wanted['n']} asked for"


def _chunk_path(folder: Path, start: int) -> Path:
    return folder / _CHUNKS / f"{start:09d}.parquet"


def _missing_chunks(folder: Path, n: int) -> list[int]:
    return [start for start in range(0, n, _CHUNK_SIZE) if not _chunk_path(folder, start).exists()]


def _run(
    write: Callable[[int, int], int], bounds: Sequence[tuple[int, int]], *, n_workers: int
) -> Iterator[int]:
    if n_workers == 1 or len(bounds) < 2:
        for start, stop in bounds:
            yield write(start, stop)
        return
    # Never fork: a parent with threads (compiled kernels, networks) may hold locks.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(n_workers, len(bounds)), mp_context=context) as pool:
        jobs = [pool.submit(write, start, stop) for start, stop in bounds]
        try:
            for job in jobs:
                yield job.result()
        finally:
            for job in jobs:
                job.cancel()


def _write_chunk(folder: Path, make_chunk: MakeChunk, encode: Encode, start: int, stop: int) -> int:
    """Write the packets of one chunk, then its truth rows, which mark it as done."""
    rows = []
    with _disk_errors(folder):
        (folder / _PACKETS).mkdir(exist_ok=True)
        for candidate, extra, row in make_chunk(start, stop):
            path = folder / _PACKETS / f"{candidate.candidate_id}.avro"
            _write_whole(path, encode(candidate, extra=extra))
            rows.append(dict(row))
    if len(rows) != stop - start:
        raise InvalidInputError(
            f"make_chunk must return {stop - start} items for {start} to {stop}, got {len(rows)}"
        )
    with atomic_path(_chunk_path(folder, start)) as draft:
        pq.write_table(pa.Table.from_pylist(rows), draft)
    return stop - start


def _write_whole(path: Path, content: bytes) -> None:
    """Write a small file under another name and rename it; not synced, it can be made again."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DatasetError(
            f"cannot write to {folder}: {error.strerror or error}; "
            "finished packets are kept, run again to continue"
        ) from error


def _complete(folder: Path, *, settings: Mapping[str, Any], n: int) -> None:
    """Join the truth of all chunks and mark the night as complete."""
    tables = [pq.read_table(_chunk_path(folder, start)) for start in range(0, n, _CHUNK_SIZE)]
    truth = pa.concat_tables(tables, promote_options="permissive")
    with atomic_path(folder / _TRUTH) as draft:
        pq.write_table(truth, draft)
    for leftover in (folder / _PACKETS).glob(".*.part"):
        leftover.unlink()
    write_json_atomic(folder / _MANIFEST, _document(settings, n, is_complete=True))
    shutil.rmtree(folder / _CHUNKS, ignore_errors=True)

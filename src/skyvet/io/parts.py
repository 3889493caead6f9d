"""Output made part by part: whole parts or none, so that a killed run continues.

::

    folder/
    ├── manifest.json          kind and settings; counts and hash once complete
    ├── part-00000/
    │   ├── part.json          input position after this part, counts, file hashes
    │   ├── <name>.parquet     tables of the part
    │   ├── <name>.npy         arrays of the part
    │   └── rejections.parquet one row a refused input
    └── part-00001/ ...

A part's folder is renamed into place when all its files are on disk.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from skyvet.core.configs import Config, changed_settings
from skyvet.core.errors import DatasetError
from skyvet.core.files import atomic_path, write_json_atomic
from skyvet.io.part_files import (
    PART_MANIFEST,
    PartManifest,
    drafted_part,
    finished_parts,
    part_name,
    read_part_manifest,
    seal_part,
)
from skyvet.io.tables import concat_tables, rejections_table
from skyvet.records.rejections import Rejection

__all__ = [
    "REJECTIONS",
    "PartWriter",
    "RunManifest",
    "begin_folder",
    "finish_folder",
    "join_parts",
    "manifest_kind",
    "metadata_of_parts",
    "part_paths",
    "read_manifest",
    "read_part_tables",
]

FORMAT_VERSION = 1
_MANIFEST = "manifest.json"
REJECTIONS = "rejections"
"""Name of the table of refused inputs in every part."""
_MADE_BY = {"skyvet-dataset": "skyvet ingest PACKETS --out FOLDER"}


class RunManifest(Config):
    """First file of a folder of parts: its settings and, once complete, its counts."""

    kind: str
    version: int = FORMAT_VERSION
    settings: dict[str, Any]
    is_complete: bool = False
    surveys: tuple[str, ...] = ()
    n_candidates: int = 0
    n_rejected: int = 0
    rejections: dict[str, int] = Field(default_factory=dict)
    content_sha256: str = ""

    def positive_setting(self, name: str) -> int:
        """Return a setting that is a whole number above 0.

        Raises
        ------
        DatasetError
            If it is missing or something else.
        """
        value = self.settings.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise DatasetError(
                f"the {_MANIFEST} of a {self.kind} folder must name {name} among its settings, it "
                f"says {value!r}; make the folder again"
            )
        return value


def read_manifest(path: Path, *, kind: str) -> RunManifest:
    """Read the manifest of a folder of parts.

    Raises
    ------
    DatasetError
        If the folder holds nothing of this kind, or a newer version of it.
    """
    try:
        manifest = _load_manifest(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DatasetError(
            f"{path} is not a {kind} folder (it has no {_MANIFEST}){_advice(kind)}"
        ) from error
    if manifest.kind != kind or manifest.version > FORMAT_VERSION:
        raise DatasetError(
            f"{path} holds a {manifest.kind} of version {manifest.version}; expected a {kind} "
            f"up to version {FORMAT_VERSION}{_advice(kind)}"
        )
    return manifest


def _advice(kind: str) -> str:
    """Say how a folder of this kind comes to be, where a command makes it."""
    command = _MADE_BY.get(kind)
    return f"; make one from packets with `{command}`" if command else ""


def manifest_kind(path: Path) -> str | None:
    """Return what a folder of parts holds; None where it is no such folder.

    Raises
    ------
    DatasetError
        If its manifest is damaged.
    """
    return _load_manifest(path).kind if (path / _MANIFEST).is_file() else None


def _load_manifest(path: Path) -> RunManifest:
    try:
        return RunManifest.model_validate_json((path / _MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, ValidationError) as error:
        raise DatasetError(f"{path / _MANIFEST} cannot be read: {error}") from error


def part_paths(path: Path) -> list[Path]:
    """Return the finished parts of a folder, in order.

    Raises
    ------
    DatasetError
        If a part is gone: its number is left out, or a complete folder holds fewer rows than its
        manifest says.
    """
    parts = finished_parts(path)
    for i_part in range(max(parts, default=-1) + 1):
        part = path / part_name(i_part)
        if parts.get(i_part) != part:
            raise DatasetError(f"{part} is missing; restore it, or make {path} again")
        if not (part / PART_MANIFEST).is_file():
            raise DatasetError(
                f"{part / PART_MANIFEST} is missing; restore it, or make {path} again"
            )
    found = list(parts.values())
    if (path / _MANIFEST).is_file():
        _check_complete(path, found)
    return found


def _check_complete(path: Path, parts: Sequence[Path]) -> None:
    """Compare the parts of a complete folder with its manifest."""
    manifest = _load_manifest(path)
    if not manifest.is_complete:
        return
    read = [read_part_manifest(part) for part in parts]
    n_found = sum(part.n_candidates + part.n_rejected for part in read)
    n_expected = manifest.n_candidates + manifest.n_rejected
    if n_found < n_expected:
        raise DatasetError(
            f"{path / part_name(len(parts))} is missing: the parts of {path} hold {n_found} of "
            f"{n_expected} rows and rejections; restore it, or make the folder again"
        )
    if manifest.content_sha256 not in ("", _content_hash(read)):
        raise DatasetError(
            f"the parts of {path} are not those that its {_MANIFEST} describes: one is missing or "
            "from another folder; make it again"
        )


def read_part_tables(
    path: Path, name: str = REJECTIONS, columns: list[str] | None = None
) -> pa.Table:
    """Return one table of all finished parts, joined in order.

    Raises
    ------
    DatasetError
        If a part is damaged or gone.
    """
    try:
        tables = [pq.read_table(p / f"{name}.parquet", columns=columns) for p in part_paths(path)]
    except (OSError, pa.ArrowInvalid) as error:
        raise DatasetError(f"{path} is damaged: {error}; make it again") from error
    return concat_tables(tables)


def join_parts(
    path: Path,
    name: str,
    out: Path,
    *,
    metadata: Mapping[bytes, bytes] | None = None,
    may_lack_parts: bool = False,
    edit: Callable[[Path, pa.Table], pa.Table] | None = None,
) -> Iterator[pa.Table]:
    """Join one table of all parts into one file, part by part, yielding each as it is written.

    The file replaces an older one only once the iterator is exhausted.

    Parameters
    ----------
    path : Path
        Folder of parts.
    name : str
        Table to join.
    out : Path
        Parquet file.
    metadata : mapping of bytes, optional
        Written into the file's schema.
    may_lack_parts : bool, default False
        Join what there is, also where parts in between are missing.
    edit : callable, optional
        ``edit(part, table)`` returns what is written of a part's rows, with the same columns.

    Yields
    ------
    Table
        Rows of one part, with the columns and types of the whole.

    Raises
    ------
    DatasetError
        If a part is damaged or gone, or the file cannot be written.
    """
    parts = list(finished_parts(path).values()) if may_lack_parts else part_paths(path)
    files = [part / f"{name}.parquet" for part in parts]
    if lost := next((file for file in files if not file.is_file()), None):
        raise DatasetError(f"{path} is damaged: {lost} is missing; remove it and start again")
    try:
        empty = concat_tables([pq.read_schema(file).empty_table() for file in files])
        schema = empty.schema.with_metadata(metadata)
        with atomic_path(out) as draft, pq.ParquetWriter(draft, schema, compression="zstd") as sink:
            for part, file in zip(parts, files, strict=True):
                table = concat_tables([schema.empty_table(), pq.read_table(file)])
                if edit is not None:
                    table = edit(part, table)
                sink.write_table(table)
                yield table
    except pa.ArrowInvalid as error:
        raise DatasetError(f"{path} is damaged: {error}; remove it and start again") from error


def metadata_of_parts(path: Path, name: str) -> dict[bytes, bytes] | None:
    """Return the schema's metadata of a table in the first part that has columns of it."""
    for part in finished_parts(path).values():
        schema = pq.read_schema(part / f"{name}.parquet")
        if schema.names:
            return dict(schema.metadata or {})
    return None


def _content_hash(parts: Sequence[PartManifest]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        for name in sorted(part.sha256):
            digest.update(f"{name}:{part.sha256[name]}\n".encode())
    return digest.hexdigest()


def begin_folder(path: Path, *, kind: str, settings: Mapping[str, Any]) -> RunManifest:
    """Begin a folder of parts, or open one that was begun with the same settings.

    Parameters
    ----------
    path : Path
        Absent, empty, or begun with equal kind and settings. One that was only begun, without
        any part, is begun anew.
    kind : str
        What the folder holds, such as ``skyvet-dataset``.
    settings : mapping
        JSON document of everything that shapes the content.

    Returns
    -------
    RunManifest

    Raises
    ------
    DatasetError
        If the folder holds something else, or was made with other settings.
    """
    wanted: dict[str, Any] = json.loads(json.dumps(settings))
    if (path / _MANIFEST).exists():
        manifest = read_manifest(path, kind=kind)
        if manifest.settings == wanted:
            return manifest
        if not _holds_nothing(path):
            raise DatasetError(
                f"{path} was made with other settings or input: "
                f"{changed_settings(manifest.settings, wanted)}; choose another folder, or "
                "remove this one"
            )
    elif path.exists() and not (path.is_dir() and not _entries(path)):
        raise DatasetError(f"{path} exists and is no {kind}; choose another folder")
    manifest = RunManifest(kind=kind, settings=wanted)
    write_json_atomic(path / _MANIFEST, manifest.model_dump(mode="json"))
    return manifest


def _entries(path: Path) -> list[str]:
    """Return what a folder holds beside the lock of the run that has it."""
    return [item.name for item in path.iterdir() if item.name != ".lock"]


def _holds_nothing(path: Path) -> bool:
    """Say whether a folder was begun (by a run that failed at once) and holds no work."""
    return _entries(path) == [_MANIFEST]


def finish_folder(path: Path, manifest: RunManifest, parts: Sequence[PartManifest]) -> RunManifest:
    """Mark a folder as complete, with the counts of its parts, and return its manifest."""
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(part.rejections)
    finished = manifest.model_copy(
        update={
            "is_complete": True,
            "surveys": tuple(sorted({name for part in parts for name in part.surveys})),
            "n_candidates": sum(part.n_candidates for part in parts),
            "n_rejected": sum(part.n_rejected for part in parts),
            "rejections": dict(sorted(counts.items())),
            "content_sha256": _content_hash(parts),
        }
    )
    write_json_atomic(path / _MANIFEST, finished.model_dump(mode="json"))
    return finished


class PartWriter:
    """Writes a folder part by part; opening an unfinished one continues it.

    Parameters
    ----------
    path : Path
        Folder to write; absent, empty, or unfinished with equal kind and settings. One that was
        only begun, without any part, is begun anew.
    kind : str
        What the folder holds, such as ``skyvet-dataset``.
    settings : dict
        JSON document of everything that shapes the content (input, stamp size, ...).

    Raises
    ------
    DatasetError
        If the folder holds something else, or was made with other settings.
    """

    def __init__(self, path: Path, *, kind: str, settings: dict[str, Any]) -> None:
        self.path = path
        self._manifest = begin_folder(path, kind=kind, settings=settings)
        self._parts = [read_part_manifest(part) for part in part_paths(path)]

    @property
    def manifest(self) -> RunManifest:
        """Settings and, once complete, counts."""
        return self._manifest

    @property
    def position(self) -> tuple[int, int]:
        """Input file and record at which to continue."""
        if not self._parts:
            return 0, 0
        return self._parts[-1].next_file, self._parts[-1].next_record

    @property
    def n_done(self) -> int:
        """Inputs in the finished parts, candidates and rejections together."""
        return sum(part.n_candidates + part.n_rejected for part in self._parts)

    def append(
        self,
        *,
        table: tuple[str, pa.Table],
        arrays: Mapping[str, NDArray[Any]],
        rejections: Sequence[Rejection],
        position: tuple[int, int],
        more_tables: Mapping[str, pa.Table] | None = None,
    ) -> None:
        """Write one part; it is there as a whole or not at all.

        Parameters
        ----------
        table : tuple of str and Table
            Name and rows, one a candidate, with a column ``survey``.
        arrays : mapping of str to ndarray
            In the order of the table.
        rejections : sequence of Rejection
            Inputs refused since the last part.
        position : tuple of int
            Input file and record that follow this part.
        more_tables : mapping of str to Table, optional
            Further tables in the order of the first, by name.

        Raises
        ------
        DatasetError
            If the disk is full or the folder not writable; earlier parts stay as they are.
        """
        name, rows = table
        tables = {name: rows, **(more_tables or {}), REJECTIONS: rejections_table(rejections)}
        facts = {
            "next_file": position[0],
            "next_record": position[1],
            "surveys": tuple(sorted(set(rows["survey"].to_pylist()))),
        }
        try:
            with drafted_part(self.path, len(self._parts)) as draft:
                for file, content in tables.items():
                    pq.write_table(content, draft / f"{file}.parquet", compression="zstd")
                for file, values in arrays.items():
                    np.save(draft / f"{file}.npy", values)
                manifest = seal_part(
                    draft, n_candidates=rows.num_rows, rejections=rejections, facts=facts
                )
                self._reopen()
        except OSError as error:
            raise DatasetError(
                f"cannot write {self.path / part_name(len(self._parts))}: "
                f"{error.strerror or error}; the {len(self._parts)} finished parts are kept, run "
                "the same command to continue"
            ) from error
        self._parts.append(manifest)

    def _reopen(self) -> None:
        """Take the mark of completeness off a folder that grows."""
        if self._manifest.is_complete:
            self._manifest = RunManifest(kind=self._manifest.kind, settings=self._manifest.settings)
            write_json_atomic(self.path / _MANIFEST, self._manifest.model_dump(mode="json"))

    def finish(self) -> RunManifest:
        """Mark the folder complete and return its manifest."""
        self._manifest = finish_folder(self.path, self._manifest, self._parts)
        return self._manifest

"""One store for a million frames and more: whole parts, random access, resumable.

A folder of parts (see `skyvet.io.parts`) of kind ``skyvet-frames``. Each part holds whole objects:

- ``frames.npy``: shape (n_frames, size, size), float16 or float32; missing pixels are NaN. float16
  keeps 11 bits, less than the photon noise of survey pixels, and is clipped to +-65504.
- ``objects.parquet``: one row an object: ``object_id`` (text), ``survey``, ``band``,
  ``pixel_scale_arcsec``, ``label`` (``real``, ``bogus``, ``unknown`` or null), ``tags`` (list of
  text), ``class_name`` (null where unknown), ``n_frames``, ``first_frame`` (row in the part's
  array) and, one entry a frame, the lists ``mjd_tai`` (float64 [d, TAI]), ``is_guilty`` (null where
  not known), ``seeing_arcsec`` and ``zero_point_mag`` (float32, NaN = unknown).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from skyvet.core.arrays import BoolArray, FloatArray, as_readonly
from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.io.parts import PartWriter, part_paths, read_manifest
from skyvet.records.frames import FrameSequence
from skyvet.records.labels import LabelValue

__all__ = ["FrameStore", "FrameStoreWriter", "StoredSequence"]

KIND = "skyvet-frames"
_ARRAY = "frames"
_TABLE = "objects"
_FLOAT16_MAX = 65504.0
_MOST_MAPPED = 8  # parts whose files stay mapped; touched pages count as the process's memory

_SCHEMA = pa.schema(
    [
        ("object_id", pa.string()),
        ("survey", pa.string()),
        ("band", pa.string()),
        ("pixel_scale_arcsec", pa.float64()),
        ("label", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("class_name", pa.string()),
        ("n_frames", pa.int32()),
        ("first_frame", pa.int64()),
        ("mjd_tai", pa.list_(pa.float64())),
        ("is_guilty", pa.list_(pa.bool_())),
        ("seeing_arcsec", pa.list_(pa.float32())),
        ("zero_point_mag", pa.list_(pa.float32())),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredSequence:
    """One object's frames with what is known about them.

    Parameters
    ----------
    sequence : FrameSequence
        Frames, times and identifier.
    survey, band : str
        Where they come from; empty where unknown.
    label : LabelValue, optional
        None where nobody gave one.
    tags : tuple of str
        Kinds of artefacts or of objects; may be empty.
    class_name : str
        True or catalogued class; empty where unknown.
    guilty_mask : ndarray, shape (n_epochs,), bool, optional
        True where an artefact is in the frame; None where not known.
    seeing_arcsec, zero_point_mag : ndarray, shape (n_epochs,), float32, optional
        Width of the PSF [arcsec] and AB magnitude of 1 unit; NaN, or None throughout, = unknown.
    n_unreadable_files : int
        Files of the object in a folder that gave no frame; a store does not keep it.

    Raises
    ------
    InvalidInputError
        If a list has not one entry a frame.
    """

    sequence: FrameSequence
    survey: str = ""
    band: str = ""
    label: LabelValue | None = None
    tags: tuple[str, ...] = ()
    class_name: str = ""
    guilty_mask: BoolArray | None = None
    seeing_arcsec: FloatArray | None = None
    zero_point_mag: FloatArray | None = None
    n_unreadable_files: int = 0

    def __post_init__(self) -> None:
        """Check lengths and make arrays read-only."""
        types: dict[str, type[np.generic]] = {
            "guilty_mask": np.bool_,
            "seeing_arcsec": np.float32,
            "zero_point_mag": np.float32,
        }
        for name, dtype in types.items():
            values = getattr(self, name)
            if values is None:
                continue
            values = as_readonly(values, dtype)
            if values.shape != (len(self.sequence),):
                raise InvalidInputError(
                    f"{name} needs one entry a frame ({len(self.sequence)}), got {values.shape}"
                )
            object.__setattr__(self, name, values)


class FrameStoreWriter:
    """Writes a store object by object; opening an unfinished one continues it.

    Parameters
    ----------
    path : Path
        Folder; absent, empty, or a store made with the same settings.
    settings : dict
        JSON document of what shapes the content; another one is refused.
    size_px : int
        Side of the frames [pixels]; all have the same.
    dtype : {"float16", "float32"}
        Type of the pixels on disk.
    frames_per_part : int, default 16384
        A part is written when it has this many frames; memory holds one part.

    Raises
    ------
    DatasetError
        If the folder holds something else or was made with other settings.
    """

    def __init__(
        self,
        path: Path,
        *,
        settings: dict[str, Any],
        size_px: int,
        dtype: Literal["float16", "float32"] = "float16",
        frames_per_part: int = 16_384,
    ) -> None:
        self._parts = PartWriter(
            path,
            kind=KIND,
            settings={**settings, "size_px": size_px, "dtype": dtype},
        )
        self._size_px = size_px
        self._dtype = np.dtype(dtype)
        self._frames_per_part = frames_per_part
        self._waiting: list[StoredSequence] = []

    @property
    def n_objects(self) -> int:
        """Objects on disk: where to continue after an interruption."""
        return self._parts.n_done

    @property
    def is_complete(self) -> bool:
        """True where `finish` was called, in this run or an earlier one, and nothing came since."""
        return self._parts.manifest.is_complete and not self._waiting

    def append(self, stored: StoredSequence) -> None:
        """Add one object; it is on disk when its part is full or at `finish`.

        Raises
        ------
        InvalidInputError
            If its frames have another size than the store's.
        DatasetError
            If the disk is full or not writable.
        """
        shape = stored.sequence.frames.shape[1:]
        if shape != (self._size_px, self._size_px):
            raise InvalidInputError(
                f"frames of {stored.sequence.object_id} are {shape[0]}x{shape[1]} px, this store "
                f"holds {self._size_px}x{self._size_px}; pad or cut them first"
            )
        self._waiting.append(stored)
        if sum(len(s.sequence) for s in self._waiting) >= self._frames_per_part:
            self.flush()

    def finish(self) -> None:
        """Write what waits and mark the store complete."""
        self.flush()
        self._parts.finish()

    def flush(self) -> None:
        """Write what waits as a part of its own, without marking the store complete."""
        if not self._waiting:
            return
        frames = np.concatenate([s.sequence.frames for s in self._waiting])
        if self._dtype == np.float16:
            np.clip(frames, -_FLOAT16_MAX, _FLOAT16_MAX, out=frames)
        self._parts.append(
            table=(_TABLE, _objects_table(self._waiting)),
            arrays={_ARRAY: frames.astype(self._dtype, copy=False)},
            rejections=(),
            position=(self.n_objects + len(self._waiting), 0),
        )
        self._waiting = []


class FrameStore:
    """A store opened for reading: objects by number, frames straight from disk.

    Parameters
    ----------
    path : Path
        Folder of the store.

    Raises
    ------
    DatasetError
        If the folder is no frame store or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._manifest = read_manifest(path, kind=KIND)
        self._paths = part_paths(path)
        self._tables = [_read_table(part) for part in self._paths]
        counts = [table.num_rows for table in self._tables]
        self._part_of = np.repeat(np.arange(len(counts)), counts)
        self._row_of = np.concatenate([np.arange(0), *(np.arange(count) for count in counts)])
        self._arrays: dict[int, NDArray[Any]] = {}

    @property
    def is_complete(self) -> bool:
        """False where the writing was interrupted; finished parts can be read all the same."""
        return self._manifest.is_complete

    @property
    def settings(self) -> dict[str, Any]:
        """What the store was made with."""
        return dict(self._manifest.settings)

    @property
    def size_px(self) -> int:
        """Side of the frames [pixels]."""
        return self._manifest.positive_setting("size_px")

    @property
    def n_frames(self) -> int:
        """Frames of all objects."""
        return int(sum(np.sum(table["n_frames"].to_numpy()) for table in self._tables))

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self._part_of)

    def objects(self) -> pa.Table:
        """Return one row an object, in order (see the module's docstring for the columns)."""
        return pa.concat_tables(self._tables) if self._tables else _SCHEMA.empty_table()

    def raw_frames(self, i_object: int) -> NDArray[Any]:
        """Return an object's frames as stored: a view of the file, read when touched.

        Raises
        ------
        DatasetError
            If the part's file is damaged.
        """
        i_part, i_row = int(self._part_of[i_object]), int(self._row_of[i_object])
        table = self._tables[i_part]
        first = table["first_frame"][i_row].as_py()
        return self._array(i_part)[first : first + table["n_frames"][i_row].as_py()]

    def sequence(self, i_object: int) -> StoredSequence:
        """Return one object.

        Raises
        ------
        DatasetError
            If the part's file is damaged, or what it says of the object cannot be.
        """
        i_part, i_row = int(self._part_of[i_object]), int(self._row_of[i_object])
        row = self._tables[i_part].slice(i_row, 1).to_pylist()[0]
        frames = np.asarray(self.raw_frames(i_object), dtype=np.float32)
        try:
            return _stored_sequence(row, frames)
        except (InvalidInputError, ValueError, TypeError) as error:
            raise DatasetError(
                f"object {row['object_id']} in {self._paths[i_part]} is damaged: {error}"
            ) from error

    def __iter__(self) -> Iterator[StoredSequence]:
        """Yield all objects in order."""
        return (self.sequence(i_object) for i_object in range(len(self)))

    def _array(self, i_part: int) -> NDArray[Any]:
        array = self._arrays.get(i_part)
        if array is None:
            path = self._paths[i_part] / f"{_ARRAY}.npy"
            try:
                array = np.load(path, mmap_mode="r")
            except (OSError, ValueError, EOFError) as error:
                raise DatasetError(f"{path} is damaged: {error}; make the store again") from error
            if not isinstance(array, np.ndarray) or array.ndim != 3 or array.dtype.kind != "f":
                raise DatasetError(f"{path} holds no stack of frames; make the store again")
            expected = int(np.sum(self._tables[i_part]["n_frames"].to_numpy()))
            if len(array) != expected:
                raise DatasetError(f"{path} has {len(array)} frames, its table says {expected}")
            while len(self._arrays) >= _MOST_MAPPED:
                self._arrays.pop(next(iter(self._arrays)), None)
            self._arrays[i_part] = array
        return array


def _stored_sequence(row: dict[str, Any], frames: FloatArray) -> StoredSequence:
    lists = {
        name: None if row[name] is None else np.array(row[name])
        for name in ("is_guilty", "seeing_arcsec", "zero_point_mag")
    }
    scale = row["pixel_scale_arcsec"]
    return StoredSequence(
        sequence=FrameSequence(
            object_id=row["object_id"],
            frames=frames,
            mjd_tai=np.array(row["mjd_tai"], dtype=np.float64),
            pixel_scale_arcsec=float("nan") if scale is None else scale,
        ),
        survey=row["survey"] or "",
        band=row["band"] or "",
        label=None if row["label"] is None else LabelValue(row["label"]),
        tags=tuple(tag for tag in row["tags"] or () if tag is not None),
        class_name=row["class_name"] or "",
        guilty_mask=lists["is_guilty"],
        seeing_arcsec=lists["seeing_arcsec"],
        zero_point_mag=lists["zero_point_mag"],
    )


def _read_table(part: Path) -> pa.Table:
    try:
        table = pq.read_table(part / f"{_TABLE}.parquet", schema=_SCHEMA)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DatasetError(f"{part} is damaged: {error}; make the store again") from error
    for name in ("object_id", "n_frames", "first_frame"):
        if table[name].null_count:
            raise DatasetError(f"{part} is damaged: {name} is missing; make the store again")
    for name in ("n_frames", "first_frame"):
        if (table[name].to_numpy() < 0).any():
            raise DatasetError(f"{part} is damaged: {name} is negative; make the store again")
    return table


def _objects_table(stored: list[StoredSequence]) -> pa.Table:
    counts = [len(item.sequence) for item in stored]
    first = np.cumsum([0, *counts[:-1]])
    rows = [
        {
            "object_id": str(item.sequence.object_id),
            "survey": item.survey,
            "band": item.band,
            "pixel_scale_arcsec": item.sequence.pixel_scale_arcsec,
            "label": None if item.label is None else item.label.value,
            "tags": list(item.tags),
            "class_name": item.class_name or None,
            "n_frames": count,
            "first_frame": int(start),
            "mjd_tai": item.sequence.mjd_tai,
            "is_guilty": item.guilty_mask,
            "seeing_arcsec": _or_unknown(item.seeing_arcsec, count),
            "zero_point_mag": _or_unknown(item.zero_point_mag, count),
        }
        for item, count, start in zip(stored, counts, first, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _or_unknown(values: FloatArray | None, n: int) -> FloatArray:
    return np.full(n, np.nan, dtype=np.float32) if values is None else values

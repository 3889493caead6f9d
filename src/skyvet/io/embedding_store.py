"""Embedded frames on disk: whole parts, read part by part, resumable.

A folder of parts (see `skyvet.io.parts`) of kind ``skyvet-embeddings``. Each part holds whole
objects:

- ``embeddings.npy``: shape (n_frames, n_columns), float32; latent means, then log-variances.
- ``objects.parquet``: one row an object: ``object_id`` (text), ``survey``, ``band``, ``label``
  (``real``, ``bogus``, ``unknown`` or null), ``tags``, ``class_name``, ``n_frames`` (rows of the
  array), ``n_unusable_frames`` (left out by the encoder) and, one entry a row, the lists
  ``mjd_tai``, ``i_frame`` (number of the frame in the object's own sequence) and ``is_guilty``
  (null where not known).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from skyvet.core.arrays import BoolArray, FloatArray, IntArray
from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.io.parts import PartWriter, part_paths, read_manifest
from skyvet.records.labels import LabelValue
from skyvet.records.rejections import Rejection
from skyvet.records.sequences import EmbeddedSequences

__all__ = [
    "EmbeddingStore",
    "EmbeddingStoreWriter",
    "SequenceTable",
    "StoredEmbedding",
    "join_embeddings",
]

KIND = "skyvet-embeddings"
_ARRAY = "embeddings"
_TABLE = "objects"

_SCHEMA = pa.schema(
    [
        ("object_id", pa.string()),
        ("survey", pa.string()),
        ("band", pa.string()),
        ("label", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("class_name", pa.string()),
        ("n_frames", pa.int32()),
        ("n_unusable_frames", pa.int32()),
        ("mjd_tai", pa.list_(pa.float64())),
        ("i_frame", pa.list_(pa.int32())),
        ("is_guilty", pa.list_(pa.bool_())),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredEmbedding:
    """One object's embedded frames with what is known about them.

    Parameters
    ----------
    object_id : str
        Identifier as text.
    values : ndarray, shape (n_frames, n_columns), float32
        One row a usable frame.
    mjd_tai : ndarray, shape (n_frames,), float64
        Mid-exposure times [d, TAI]; NaN = unknown.
    i_frame : ndarray, shape (n_frames,), int32
        Number of each row's frame in the object's own sequence, from 0.
    n_unusable_frames : int
        Frames of the sequence that are not among the rows.
    survey, band : str
        Empty where unknown.
    label : LabelValue, optional
        None where nobody gave one.
    tags : tuple of str
        Kinds of artefacts or of objects.
    class_name : str
        True or catalogued class; empty where unknown.
    guilty_mask : ndarray, shape (n_frames,), bool, optional
        True where an artefact is in the frame; None where not known.
    """

    object_id: str
    values: FloatArray
    mjd_tai: FloatArray
    i_frame: IntArray
    n_unusable_frames: int = 0
    survey: str = ""
    band: str = ""
    label: LabelValue | None = None
    tags: tuple[str, ...] = ()
    class_name: str = ""
    guilty_mask: BoolArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SequenceTable:
    """Embedded sequences with what their source says of them, one entry an object.

    Parameters
    ----------
    sequences : EmbeddedSequences
        Frames, identifiers, times, light-curve features.
    labels : tuple of LabelValue or None
        None where nobody gave one.
    tags : tuple of tuple of str
        Kinds of artefacts or of objects.
    surveys, bands : tuple of str
        Empty where unknown.
    n_unusable_frames : ndarray, shape (n_objects,), int64
        Frames that the encoder left out.
    i_frame : ndarray, shape (n_frames,), int64
        Number of each row's frame in its object's own sequence.
    guilty_mask : ndarray, shape (n_frames,), bool, optional
        None where the source does not know.
    encoder : str
        Label of the encoder that made the embeddings; empty where unknown.
    """

    sequences: EmbeddedSequences
    labels: tuple[LabelValue | None, ...]
    tags: tuple[tuple[str, ...], ...]
    surveys: tuple[str, ...]
    bands: tuple[str, ...]
    n_unusable_frames: IntArray
    i_frame: IntArray
    guilty_mask: BoolArray | None = None
    encoder: str = ""

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.labels)


class EmbeddingStoreWriter:
    """Writes a store object by object; opening an unfinished one continues it.

    Parameters
    ----------
    path : Path
        Folder; absent, empty, or a store made with the same settings.
    settings : dict
        JSON document of what shapes the content (encoder, input).
    n_latent : int
        Latent dimensions; rows have so many columns, or twice as many with log-variances.
    frames_per_part : int, default 65536
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
        n_latent: int,
        frames_per_part: int = 65_536,
    ) -> None:
        self._parts = PartWriter(path, kind=KIND, settings={**settings, "n_latent": n_latent})
        self._n_latent = n_latent
        self._frames_per_part = frames_per_part
        self._waiting: list[StoredEmbedding] = []
        self._rejections: list[Rejection] = []

    @property
    def n_done(self) -> int:
        """Objects on disk, embedded or rejected: where to continue after an interruption."""
        return self._parts.n_done

    def append(self, item: StoredEmbedding | Rejection) -> None:
        """Add one object, or say why it could not be embedded.

        Raises
        ------
        InvalidInputError
            If its columns do not fit the store.
        DatasetError
            If the disk is full or not writable.
        """
        if isinstance(item, Rejection):
            self._rejections.append(item)
            return
        if item.values.shape[1] not in {self._n_latent, 2 * self._n_latent}:
            raise InvalidInputError(
                f"embedding of {item.object_id} has {item.values.shape[1]} columns, this store "
                f"has {self._n_latent} latent dimensions"
            )
        self._waiting.append(item)
        if sum(len(i.values) for i in self._waiting) >= self._frames_per_part:
            self._flush()

    def finish(self) -> None:
        """Write what waits and mark the store complete."""
        self._flush()
        self._parts.finish()

    def _flush(self) -> None:
        if not self._waiting and not self._rejections:
            return
        rows = [item.values for item in self._waiting]
        values = np.concatenate(rows) if rows else np.zeros((0, self._n_latent))
        position = (self.n_done + len(self._waiting) + len(self._rejections), 0)
        self._parts.append(
            table=(_TABLE, _objects_table(self._waiting)),
            arrays={_ARRAY: values.astype(np.float32, copy=False)},
            rejections=self._rejections,
            position=position,
        )
        self._waiting, self._rejections = [], []


class EmbeddingStore:
    """A store opened for reading, part by part.

    Parameters
    ----------
    path : Path
        Folder of the store.

    Raises
    ------
    DatasetError
        If the folder is no store of embeddings or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._manifest = read_manifest(path, kind=KIND)
        self._paths = part_paths(path)

    @property
    def is_complete(self) -> bool:
        """False where the writing was interrupted; finished parts can be read all the same."""
        return self._manifest.is_complete

    @property
    def settings(self) -> dict[str, Any]:
        """What the store was made with."""
        return dict(self._manifest.settings)

    @property
    def n_latent(self) -> int:
        """Latent dimensions."""
        return self._manifest.positive_setting("n_latent")

    def parts(self) -> Iterator[SequenceTable]:
        """Yield the objects part by part; parts without any object are left out.

        Raises
        ------
        DatasetError
            If a part is damaged.
        """
        for path in self._paths:
            table, values = _read_part(path, self.n_latent)
            if table.num_rows:
                yield self._table(table, values)

    def read(self) -> SequenceTable:
        """Return all objects at once.

        Raises
        ------
        DatasetError
            If a part is damaged or there is no object.
        """
        read = [_read_part(path, self.n_latent) for path in self._paths]
        table = pa.concat_tables([_SCHEMA.empty_table(), *(rows for rows, _ in read)])
        if table.num_rows == 0:
            raise DatasetError("this store of embeddings holds no object")
        arrays = [values for rows, values in read if rows.num_rows]
        if len({values.shape[1] for values in arrays}) > 1:
            raise DatasetError(
                "the parts of this store have rows of different widths; make the store again"
            )
        values = np.concatenate(arrays)
        return self._table(table, values)

    def _table(self, table: pa.Table, values: FloatArray) -> SequenceTable:
        encoder = str(self.settings.get("encoder_label", ""))
        return _sequence_table(table, values, n_latent=self.n_latent, encoder=encoder)


def join_embeddings(
    stored: Sequence[StoredEmbedding], *, n_latent: int, encoder: str = ""
) -> SequenceTable:
    """Return objects in memory as if they had been read from a store.

    Parameters
    ----------
    stored : sequence of StoredEmbedding
        At least one, each with at least one row.
    n_latent : int
        Latent dimensions.
    encoder : str
        Label of the encoder that made the embeddings; empty where unknown.
    """
    values = np.concatenate([item.values for item in stored])
    return _sequence_table(_objects_table(stored), values, n_latent=n_latent, encoder=encoder)


def _read_part(part: Path, n_latent: int) -> tuple[pa.Table, FloatArray]:
    try:
        table = pq.read_table(part / f"{_TABLE}.parquet", schema=_SCHEMA)
        values = np.load(part / f"{_ARRAY}.npy")
    except (OSError, ValueError, EOFError, pa.ArrowException) as error:
        raise DatasetError(f"{part} is damaged: {error}; make the store again") from error
    if fault := _table_fault(table) or _values_fault(values, n_latent):
        raise DatasetError(f"{part} is damaged: {fault}; make the store again")
    expected = int(np.sum(table["n_frames"].to_numpy()))
    if len(values) != expected:
        raise DatasetError(f"{part} has {len(values)} embeddings, its table says {expected}")
    return table, values


def _table_fault(table: pa.Table) -> str:
    """Say what cannot be in a part's table; empty where all is well."""
    for name in ("object_id", "n_frames", "n_unusable_frames"):
        if table[name].null_count:
            return f"{name} is missing"
    counts = table["n_frames"].to_numpy()
    if (counts < 1).any():
        return "an object has no frame"
    for name in ("mjd_tai", "i_frame", "is_guilty"):
        column = table[name]
        if name == "is_guilty":
            is_known = column.is_valid().to_numpy()
            column, wanted = column.filter(pa.array(is_known)), counts[is_known]
        else:
            wanted = counts
        lengths = pc.list_value_length(column).fill_null(-1).to_numpy()
        if (lengths != wanted).any():
            return f"{name} has not one entry a frame"
        if name != "mjd_tai" and pc.list_flatten(column).null_count:
            return f"an entry of {name} is missing"
    unknown = set(table["label"].to_pylist()) - {None, *LabelValue}
    return f"there is no label {unknown.pop()!r}" if unknown else ""


def _values_fault(values: object, n_latent: int) -> str:
    """Say what cannot be in a part's array; empty where all is well."""
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype.kind != "f":
        return "its array holds no rows of numbers"
    if values.shape[1] not in {n_latent, 2 * n_latent}:
        return f"its rows have {values.shape[1]} columns, the store {n_latent} latent dimensions"
    return "" if np.isfinite(values).all() else "its array has values that are not finite"


def _sequence_table(
    table: pa.Table, values: FloatArray, *, n_latent: int, encoder: str
) -> SequenceTable:
    counts = table["n_frames"].to_numpy()
    guilty = table["is_guilty"]
    return SequenceTable(
        sequences=EmbeddedSequences(
            values=values,
            offsets=np.concatenate([[0], np.cumsum(counts)]),
            object_ids=np.array(table["object_id"].to_pylist(), dtype=np.str_),
            mjd_tai=_flat(table, "mjd_tai"),
            n_latent=n_latent,
        ),
        labels=tuple(None if v is None else LabelValue(v) for v in table["label"].to_pylist()),
        tags=tuple(
            tuple(tag for tag in tags or () if tag is not None)
            for tags in table["tags"].to_pylist()
        ),
        surveys=tuple(survey or "" for survey in table["survey"].to_pylist()),
        bands=tuple(band or "" for band in table["band"].to_pylist()),
        n_unusable_frames=table["n_unusable_frames"].to_numpy().astype(np.int64),
        i_frame=_flat(table, "i_frame").astype(np.int64),
        guilty_mask=_flat(table, "is_guilty") if guilty.null_count == 0 else None,
        encoder=encoder,
    )


def _flat(table: pa.Table, name: str) -> NDArray[Any]:
    values = table[name].combine_chunks().flatten()
    return np.asarray(values.to_numpy(zero_copy_only=False))


def _objects_table(stored: Sequence[StoredEmbedding]) -> pa.Table:
    rows = [
        {
            "object_id": item.object_id,
            "survey": item.survey,
            "band": item.band,
            "label": None if item.label is None else item.label.value,
            "tags": list(item.tags),
            "class_name": item.class_name or None,
            "n_frames": len(item.values),
            "n_unusable_frames": item.n_unusable_frames,
            "mjd_tai": item.mjd_tai,
            "i_frame": item.i_frame,
            "is_guilty": item.guilty_mask,
        }
        for item in stored
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)

"""The dataset folder: what a night becomes before training and evaluation.

A folder of parts (`skyvet.io.parts`), each with ``candidates.parquet`` (one row a candidate) and
``stamps.npy`` (float16, shape (n, n_raw, size, size), NaN = missing). Stamps are memory-mapped:
random reads go at memory speed and a dataset may be larger than memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import DatasetError
from skyvet.core.files import sha256_of_file
from skyvet.io.parts import (
    RunManifest,
    part_paths,
    read_manifest,
    read_part_manifest,
    read_part_tables,
)

__all__ = ["DATASET_KIND", "Dataset"]

DATASET_KIND = "skyvet-dataset"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dataset:
    """A complete dataset folder, opened for reading.

    Parameters
    ----------
    path : Path
        Folder.
    manifest : RunManifest
        Its counts and settings.
    table : Table
        One row a candidate, in input order; features are the columns ``feature.<name>``.
    """

    path: Path
    manifest: RunManifest
    table: pa.Table
    _stamps: tuple[NDArray[np.float16], ...]
    _starts: IntArray

    @classmethod
    def open(cls, path: str | Path, *, allow_incomplete: bool = False) -> Dataset:
        """Open a dataset folder.

        Raises
        ------
        DatasetError
            If it is no dataset, unfinished (run the ingest again), or a part is damaged.
        """
        folder = Path(path)
        manifest = read_manifest(folder, kind=DATASET_KIND)
        if not (manifest.is_complete or allow_incomplete):
            raise DatasetError(f"{folder} is unfinished; run the same skyvet ingest to continue it")
        table = read_part_tables(folder, "candidates")
        try:
            stamps = tuple(np.load(p / "stamps.npy", mmap_mode="r") for p in part_paths(folder))
        except (OSError, ValueError) as error:
            raise DatasetError(f"{folder} is damaged: {error}; make it again") from error
        lengths = [len(block) for block in stamps]
        if lengths != [read_part_manifest(p).n_candidates for p in part_paths(folder)]:
            raise DatasetError(f"{folder} is damaged: stamps and rows differ in number")
        starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        return cls(
            path=folder,
            manifest=manifest,
            table=table,
            _stamps=stamps,
            _starts=starts,
        )

    def __len__(self) -> int:
        """Return the number of candidates."""
        return int(self._starts[-1])

    @property
    def stamp_px(self) -> int:
        """Side of the stored stamps [pixels]; 0 for a dataset without candidates."""
        return int(self._stamps[0].shape[-1]) if self._stamps else 0

    def verify(self) -> None:
        """Compare every file with its recorded hash.

        Raises
        ------
        DatasetError
            If a file was altered.
        """
        for part in part_paths(self.path):
            for name, expected in read_part_manifest(part).sha256.items():
                if sha256_of_file(part / name) != expected:
                    raise DatasetError(f"{part / name} was altered since it was written")

    def rejections(self) -> pa.Table:
        """Return one row a refused input."""
        return read_part_tables(self.path)

    def quantised(self, indices: IntArray) -> NDArray[np.float16]:
        """Return stored stamps of the given rows, shape (n, n_raw, size, size), float16."""
        rows = np.asarray(indices, dtype=np.int64)
        size = self._stamps[0].shape[1:] if self._stamps else (3, 0, 0)
        out = np.empty((len(rows), *size), dtype=np.float16)
        i_part = np.searchsorted(self._starts, rows, side="right") - 1
        for i in np.unique(i_part):
            chosen = i_part == i
            out[chosen] = self._stamps[i][rows[chosen] - self._starts[i]]
        return out

    def stamps(self, indices: IntArray) -> FloatArray:
        """Return stamps of the given rows in the survey's unit.

        Parameters
        ----------
        indices : ndarray, shape (n,), int
            Row numbers of `table`.

        Returns
        -------
        ndarray, shape (n, n_raw, size, size), float32
            NaN = missing.
        """
        rows = np.asarray(indices, dtype=np.int64)
        values = self.quantised(rows).astype(np.float32)
        values *= self._plane_column("stamp_scale", rows)
        values += self._plane_column("stamp_offset", rows)
        return values

    def _plane_column(self, name: str, rows: IntArray) -> FloatArray:
        column = self.table[name].combine_chunks()
        flat = column.flatten().to_numpy(zero_copy_only=False)
        planes: FloatArray = flat.reshape(len(self), -1)[rows][..., None, None]
        return planes

"""The dataset folder: what a night becomes before training and evaluation.

A folder of parts (`skyvet.io.parts`), each with ``candidates.parquet`` (one row a candidate) and
``stamps.npy`` (float16, shape (n, n_raw, size, size), NaN = missing), and ``light_curves.parquet``
where ingest was told to keep the packets' histories. Stamps are memory-mapped:
random reads go at memory speed and a dataset may be larger than memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import DatasetError
from skyvet.core.files import sha256_of_file
from skyvet.io.candidate_histories import CandidateHistories, read_candidate_histories
from skyvet.io.part_files import read_part_manifest
from skyvet.io.parts import RunManifest, part_paths, read_manifest, read_part_tables
from skyvet.records.light_curve import LightCurve

__all__ = ["DATASET_KIND", "LIGHT_CURVES", "Dataset"]

DATASET_KIND = "skyvet-dataset"
LIGHT_CURVES = "light_curves"
"""Name of the table of earlier epochs in each part."""

_HISTORIES_IN_MEMORY = 32


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
    _histories: dict[int, CandidateHistories | None] = field(default_factory=dict)

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

    @property
    def has_light_curves(self) -> bool:
        """Whether the packets' histories were kept."""
        parts = part_paths(self.path)
        return bool(parts) and (parts[0] / f"{LIGHT_CURVES}.parquet").is_file()

    def light_curve(self, row: int) -> LightCurve | None:
        """Return the earlier epochs of a candidate.

        Parameters
        ----------
        row : int
            Row number of `table`.

        Returns
        -------
        LightCurve or None
            None where the packet held none, or histories were not kept.

        Raises
        ------
        DatasetError
            If the part's table is damaged.
        """
        i_part = int(np.searchsorted(self._starts, row, side="right")) - 1
        if i_part not in self._histories:
            path = self.path / f"part-{i_part:05d}" / f"{LIGHT_CURVES}.parquet"
            histories = read_candidate_histories(path)
            if len(self._histories) >= _HISTORIES_IN_MEMORY:
                self._histories.clear()
            self._histories[i_part] = histories
        histories = self._histories[i_part]
        return histories[row - int(self._starts[i_part])] if histories is not None else None

    def _plane_column(self, name: str, rows: IntArray) -> FloatArray:
        column = self.table[name].combine_chunks()
        flat = column.flatten().to_numpy(zero_copy_only=False)
        planes: FloatArray = flat.reshape(len(self), -1)[rows][..., None, None]
        return planes

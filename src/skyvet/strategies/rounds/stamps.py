"""Prepared stamps on disk: written once a run, read as a memory map, larger than memory if need be.

::

    folder/
    ├── stamps.npy    float16, shape (n, n_planes, size, size)
    └── stamps.json   how many rows, of which candidates, prepared how

While it is being written the folder has another name, and a count of the rows that are done: a
killed run goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import DatasetError
from skyvet.core.files import write_json_atomic
from skyvet.core.progress import Progress, SilentProgress
from skyvet.io.dataset import Dataset
from skyvet.preprocessing.normalization import StampConfig, prepare_stamps
from skyvet.preprocessing.pools import CandidatePool
from skyvet.records.identifiers import Identifier
from skyvet.training.datasets import feature_matrix

__all__ = ["prepared_pool"]

_ROWS_AT_A_TIME = 1024


def prepared_pool(
    dataset: Dataset,
    rows: IntArray,
    folder: Path,
    *,
    stamps: StampConfig,
    metadata_names: Sequence[str] = (),
    progress: Progress | None = None,
) -> CandidatePool:
    """Return candidates of a dataset with their stamps prepared, as a memory map.

    Parameters
    ----------
    dataset : Dataset
        Where they are.
    rows : ndarray, shape (n,), int
        Which ones.
    folder : Path
        Where the prepared stamps are kept; made if it is not there.
    stamps : StampConfig
        Preparation.
    metadata_names : sequence of str
        Features for the metadata branch.
    progress : Progress, optional
        Told of the rows.

    Returns
    -------
    CandidatePool
        With read-only stamps.

    Raises
    ------
    DatasetError
        If the folder holds the stamps of other rows, or cannot be written.
    InvalidInputError
        If a feature does not exist.
    """
    table = dataset.table.take(pa.array(rows))
    identity = {
        "n_rows": len(rows),
        "candidate_ids": _hash_in_order(table["candidate_id"].to_pylist()),
        "stamps": stamps.model_dump(mode="json"),
    }
    if not folder.is_dir():
        _write(dataset, rows, folder, stamps=stamps, identity=identity, progress=progress)
    metadata = feature_matrix(table, metadata_names) if metadata_names else None
    return CandidatePool(
        stamps=_open(folder, identity),
        candidate_ids=table["candidate_id"].to_numpy(zero_copy_only=False),
        object_ids=table["object_id"].to_numpy(zero_copy_only=False),
        metadata=metadata,
        metadata_names=tuple(metadata_names),
    )


def _hash_in_order(ids: Sequence[Identifier]) -> str:
    return hashlib.sha256("\n".join(map(str, ids)).encode()).hexdigest()


def _open(folder: Path, identity: dict[str, Any]) -> FloatArray:
    try:
        found = json.loads((folder / "stamps.json").read_bytes())
        stamps: NDArray[np.float16] = np.load(folder / "stamps.npy", mmap_mode="r")
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{folder} is damaged: {error}; remove it, the same command makes it again"
        ) from error
    if found != identity:
        raise DatasetError(
            f"{folder} holds the stamps of other candidates or of another preparation; choose "
            "another run folder, or remove this one"
        )
    return stamps


def _write(
    dataset: Dataset,
    rows: IntArray,
    folder: Path,
    *,
    stamps: StampConfig,
    identity: dict[str, Any],
    progress: Progress | None,
) -> None:
    """Prepare block by block in a folder of another name, then give it its own."""
    draft = folder.with_name(f".{folder.name}.draft")
    told = progress or SilentProgress()
    told.start("Preparing stamps", len(rows))
    try:
        n_done = _rows_done(draft, identity)
        shape = (len(rows), stamps.n_planes, stamps.size_px, stamps.size_px)
        target = np.lib.format.open_memmap(
            draft / "stamps.npy", mode="r+" if n_done else "w+", dtype=np.float16, shape=shape
        )
        told.advance(n_done)
        for start in range(n_done, len(rows), _ROWS_AT_A_TIME):
            part = rows[start : start + _ROWS_AT_A_TIME]
            target[start : start + len(part)] = prepare_stamps(dataset.stamps(part), stamps)
            target.flush()
            write_json_atomic(
                draft / "progress.json", {"identity": identity, "n_done": start + len(part)}
            )
            told.advance(len(part))
        del target
        write_json_atomic(draft / "stamps.json", identity)
        (draft / "progress.json").unlink(missing_ok=True)
        draft.rename(folder)
    except OSError as error:
        raise DatasetError(
            f"cannot write {folder}: {error.strerror or error}; run the same command to continue"
        ) from error
    told.finish()


def _rows_done(draft: Path, identity: dict[str, Any]) -> int:
    """Return how many rows an earlier run prepared; 0 and an empty folder where there was none."""
    try:
        found = json.loads((draft / "progress.json").read_bytes())
        if found["identity"] == identity and (draft / "stamps.npy").is_file():
            return int(found["n_done"])
    except (OSError, ValueError, KeyError):
        pass
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    return 0

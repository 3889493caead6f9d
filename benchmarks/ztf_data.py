"""Real ZTF triplets of a data folder, as arrays: the labelled ones and those a teacher scored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from skyvet.core.errors import InvalidInputError
from skyvet.io.alerts import read_alerts
from skyvet.io.label_files import read_labels
from skyvet.preprocessing.blocks import BlockConfig, SeenIdentifiers, read_blocks
from skyvet.preprocessing.normalization import StampConfig, prepare_stamps
from skyvet.preprocessing.stamps import quantise_stamps, restore_stamps, valid_pixels
from skyvet.preprocessing.triplets import TripletArrays

__all__ = ["LabelledTriplets", "load_labelled", "load_taught"]

_STAMP_PX = 63


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledTriplets:
    """Labelled triplets with the packet's own scores.

    Parameters
    ----------
    pixels : ndarray, shape (n, 3, 63, 63), float32
        As scoring restores them from a packet; NaN = missing.
    labels : ndarray, shape (n,), int8
    candidate_ids, object_ids : ndarray, shape (n,)
    columns : dict of str to ndarray
        Columns of ``labels.parquet``: rb, drb (NaN = missing), label_source, vet_subclass, ...
    """

    pixels: np.ndarray
    labels: np.ndarray
    candidate_ids: np.ndarray
    object_ids: np.ndarray
    columns: dict[str, np.ndarray]

    def arrays(self, stamps: StampConfig) -> TripletArrays:
        """Return model-ready arrays."""
        n = len(self.labels)
        return TripletArrays(
            stamps=prepare_stamps(self.pixels, stamps).astype(np.float16),
            labels=self.labels,
            candidate_ids=self.candidate_ids,
            object_ids=self.object_ids,
            weights=np.ones(n, dtype=np.float32),
            targets=self.labels.astype(np.float32),
        )


def load_labelled(data: Path) -> LabelledTriplets:
    """Read ``ztf_triplets``: raw stamps with labels."""
    folder = data / "ztf_triplets"
    if not (folder / "triplets.npz").is_file():
        raise InvalidInputError(f"no labelled triplets at {folder}; give their folder with --data")
    archive = np.load(folder / "triplets.npz")
    labels = read_labels(folder / "labels.parquet")
    rows = {identifier: i for i, identifier in enumerate(archive["candid"].tolist())}
    order = np.array([rows[identifier] for identifier in labels["candidate_id"].to_pylist()])
    pixels = archive["triplets"].transpose(0, 3, 1, 2)[order].astype(np.float32)
    table = pq.read_table(folder / "labels.parquet")
    columns = {name: np.array(table[name].to_pylist(), dtype=object) for name in table.column_names}
    for name in ("rb", "drb"):
        columns[name] = _floats(columns.get(name, [None] * len(pixels)))
    return LabelledTriplets(
        pixels=_as_scored(pixels),
        labels=np.array([label == "real" for label in labels["label"].to_pylist()], dtype=np.int8),
        candidate_ids=np.array(labels["candidate_id"].to_pylist()),
        object_ids=np.array(labels["object_id"].to_pylist()),
        columns=columns,
    )


def _floats(values: Any) -> np.ndarray:  # noqa: ANN401 - a column of numbers and None
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _as_scored(pixels: np.ndarray) -> np.ndarray:
    """Pass raw stamps through the form that datasets and scoring keep."""
    return restore_stamps(quantise_stamps(np.where(valid_pixels(pixels), pixels, np.nan)))


def load_taught(data: Path, stamps: StampConfig, *, without: np.ndarray) -> TripletArrays | None:
    """Read the packets of ``ztf_alerts`` that carry a deep score and no label.

    The packet's ``drb`` is the target: a weak teacher, for training alone.

    Parameters
    ----------
    data : Path
        Data folder.
    stamps : StampConfig
        Preparation of the stamps.
    without : ndarray
        Candidate ids to leave out (the labelled ones).

    Returns
    -------
    TripletArrays
        ``labels`` are ``drb >= 0.5``, ``targets`` are ``drb`` kept 0.02 away from 0 and 1. None
        where the folder has no packets or none of them carries a deep score.
    """
    if not (data / "ztf_alerts").is_dir():
        return None
    pixels, candidates = [], []
    known = set(without.tolist())
    readings = read_alerts([data / "ztf_alerts"], survey="ztf")
    for block in read_blocks(readings, BlockConfig(size_px=_STAMP_PX), seen=SeenIdentifiers()):
        keep = [
            i
            for i, c in enumerate(block.candidates)
            if np.isfinite(c.survey_score) and c.candidate_id not in known
        ]
        pixels.append(restore_stamps(block.stamps)[keep])
        candidates += [block.candidates[i] for i in keep]
    if not candidates:
        return None
    drb = np.array([c.survey_score for c in candidates])
    return TripletArrays(
        stamps=prepare_stamps(np.concatenate(pixels), stamps).astype(np.float16),
        labels=(drb >= 0.5).astype(np.int8),
        candidate_ids=np.array([c.candidate_id for c in candidates]),
        object_ids=np.array([c.object_id for c in candidates]),
        weights=np.ones(len(drb), dtype=np.float32),
        targets=np.clip(drb, 0.02, 0.98).astype(np.float32),
    )

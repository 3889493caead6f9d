"""Real ZTF triplets of a data folder, as arrays: labelled, scored by a teacher, or with neither."""

from __future__ import annotations

from collections.abc import Callable
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
from skyvet.records.candidate import Candidate
from skyvet.records.cutouts import N_CUTOUT_KINDS

__all__ = [
    "LabelledTriplets",
    "UnlabelledTriplets",
    "load_labelled",
    "load_taught",
    "load_unlabelled",
]

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
    known = set(without.tolist())
    pixels, candidates = _packets(
        data, lambda c: bool(np.isfinite(c.survey_score)) and c.candidate_id not in known
    )
    if not candidates:
        return None
    drb = np.array([c.survey_score for c in candidates])
    return TripletArrays(
        stamps=prepare_stamps(pixels, stamps).astype(np.float16),
        labels=(drb >= 0.5).astype(np.int8),
        candidate_ids=np.array([c.candidate_id for c in candidates]),
        object_ids=np.array([c.object_id for c in candidates]),
        weights=np.ones(len(drb), dtype=np.float32),
        targets=np.clip(drb, 0.02, 0.98).astype(np.float32),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnlabelledTriplets:
    """Triplets of packets that nobody labelled.

    Parameters
    ----------
    pixels : ndarray, shape (n, 3, 63, 63), float32
        As scoring restores them from a packet; NaN = missing.
    candidate_ids, object_ids : ndarray, shape (n,)
    """

    pixels: np.ndarray
    candidate_ids: np.ndarray
    object_ids: np.ndarray


def load_unlabelled(data: Path, *, without: np.ndarray) -> UnlabelledTriplets:
    """Read the packets of ``ztf_alerts``, whatever they carry, but those of some objects.

    Parameters
    ----------
    data : Path
        Data folder.
    without : ndarray
        Object ids to leave out (those with a labelled candidate).

    Raises
    ------
    InvalidInputError
        If no packet is left.
    """
    known = set(without.tolist())
    pixels, candidates = _packets(data, lambda c: c.object_id not in known)
    if not candidates:
        raise InvalidInputError(
            f"no packets of other objects at {data / 'ztf_alerts'}; give their folder with --data"
        )
    return UnlabelledTriplets(
        pixels=pixels,
        candidate_ids=np.array([c.candidate_id for c in candidates]),
        object_ids=np.array([c.object_id for c in candidates]),
    )


def _packets(
    data: Path, is_wanted: Callable[[Candidate], bool]
) -> tuple[np.ndarray, list[Candidate]]:
    """Read the wanted candidates of ``ztf_alerts``, none where there is no such folder."""
    pixels = [np.empty((0, N_CUTOUT_KINDS, _STAMP_PX, _STAMP_PX), np.float32)]
    candidates: list[Candidate] = []
    if (data / "ztf_alerts").is_dir():
        readings = read_alerts([data / "ztf_alerts"], survey="ztf")
        for block in read_blocks(readings, BlockConfig(size_px=_STAMP_PX), seen=SeenIdentifiers()):
            keep = [i for i, c in enumerate(block.candidates) if is_wanted(c)]
            pixels.append(restore_stamps(block.stamps)[keep])
            candidates += [block.candidates[i] for i in keep]
    return np.concatenate(pixels), candidates

"""Frame sequences in any form that can be scored: which form it is, and the labels in it.

============ ===========================================================================
form         what it is
============ ===========================================================================
frames       a frame store (``skyvet fetch``, ``skyvet simulate frames``), or a folder of
             FITS frames: one folder an object, or as its ``frames.toml`` says
embeddings   a store of embeddings (``skyvet embed``), or a folder with
             ``embeddings.parquet`` (see `skyvet.io.sequence_sources`)
============ ===========================================================================
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from skyvet.core.errors import InvalidInputError
from skyvet.io.embedding_store import KIND as EMBEDDINGS_KIND
from skyvet.io.frame_folders import MAPPING_FILE
from skyvet.io.frame_store import KIND as FRAMES_KIND
from skyvet.io.parts import manifest_kind, read_part_tables
from skyvet.io.sequence_sources import find_published_embeddings, read_sequences
from skyvet.io.tables import identifier_array
from skyvet.records.identifiers import Identifier
from skyvet.records.labels import LabelValue

__all__ = [
    "SequenceForm",
    "fingerprint_sequences",
    "labels_of_sequences",
    "sequence_form",
]

_FITS_PATTERNS = ("*/*.fits", "*/*.fits.gz", "*/*.fits.fz")
_TAG_JOINT = ", "


class SequenceForm(enum.StrEnum):
    """What a path holds."""

    FRAMES = "frames"
    EMBEDDINGS = "embeddings"


def sequence_form(path: Path) -> SequenceForm | None:
    """Say in which form a path holds frame sequences; None where it holds none.

    Parameters
    ----------
    path : Path
        Any path; it need not exist.

    Raises
    ------
    DatasetError
        If it is a folder of parts whose manifest is damaged.

    Examples
    --------
    >>> sequence_form(Path("no-such-folder")) is None
    True
    """
    kind = manifest_kind(path)
    if kind is not None:
        forms = {FRAMES_KIND: SequenceForm.FRAMES, EMBEDDINGS_KIND: SequenceForm.EMBEDDINGS}
        return forms.get(kind)
    if find_published_embeddings(path) is not None:
        return SequenceForm.EMBEDDINGS
    has_fits = any(next(path.glob(pattern), None) is not None for pattern in _FITS_PATTERNS)
    if has_fits or (path / MAPPING_FILE).is_file():
        return SequenceForm.FRAMES
    return None


def fingerprint_sequences(path: Path) -> str:
    """Return a hash of which data a path holds: names, sizes and times of change of its files.

    A run that continues an earlier one compares it, so that positions mean the same objects.
    """
    digest = hashlib.sha256()
    folder = find_published_embeddings(path) or path
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        facts = file.stat()
        digest.update(
            f"{file.relative_to(folder)}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode()
        )
    return digest.hexdigest()


def labels_of_sequences(path: Path) -> pa.Table:
    """Return the labels that data carries with it.

    Parameters
    ----------
    path : Path
        For which `sequence_form` names a form.

    Returns
    -------
    Table
        ``candidate_id``, ``label`` (real, bogus, unknown) and ``subclass`` (its tags, joined
        with commas; null without any); objects without label are left out. FITS folders carry
        none. Where the data know it of any object, ``guilty_frames``: the numbers of its frames
        that hold an artefact (null = not known).

    Raises
    ------
    InvalidInputError
        If the path holds no frame sequences.
    DatasetError
        If a store is damaged.
    """
    form = sequence_form(path)
    if form is None:
        raise InvalidInputError(f"{path} holds no frame sequences")
    if manifest_kind(path) in {FRAMES_KIND, EMBEDDINGS_KIND}:
        return _labels_of_store(path)
    if form is SequenceForm.FRAMES:
        return _label_table([], [], [])
    read = read_sequences(path)
    return _label_table(read.sequences.object_ids.tolist(), read.labels, read.tags)


def _labels_of_store(path: Path) -> pa.Table:
    numbers = ["i_frame"] if manifest_kind(path) == EMBEDDINGS_KIND else []
    columns = ["object_id", "label", "tags", "is_guilty", *numbers]
    rows = read_part_tables(path, "objects", columns=columns).to_pylist()
    table = _label_table(
        [row["object_id"] for row in rows],
        [row["label"] for row in rows],
        [row["tags"] for row in rows],
    )
    guilty = [_guilty_numbers(row) for row in rows if row["label"] is not None]
    if all(own is None for own in guilty):
        return table
    return table.append_column("guilty_frames", pa.array(guilty, pa.list_(pa.int32())))


def _guilty_numbers(row: dict[str, Any]) -> list[int] | None:
    """Return the numbers of an object's guilty frames; a store of frames keeps all, in order."""
    mask = row["is_guilty"]
    if mask is None:
        return None
    numbers = row.get("i_frame", range(len(mask)))
    return [number for number, is_guilty in zip(numbers, mask, strict=True) if is_guilty]


def _label_table(
    identifiers: Sequence[Identifier],
    labels: Sequence[str | LabelValue | None],
    tags: Sequence[Sequence[str] | None],
) -> pa.Table:
    rows = [row for row, label in enumerate(labels) if label is not None]
    joined = [_TAG_JOINT.join(tags[row] or ()) or None for row in rows]
    return pa.table(
        {
            "candidate_id": identifier_array([identifiers[row] for row in rows]),
            "label": pa.array([str(labels[row]) for row in rows], pa.string()),
            "subclass": pa.array(joined, pa.string()),
        }
    )

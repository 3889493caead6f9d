"""Blocks of embedded objects for scoring, from frames or from embeddings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from skyvet.core.arrays import BoolArray, IntArray
from skyvet.core.errors import BundleError
from skyvet.inference.frame_embedding import embed_sequence, repeated_object
from skyvet.io.embedding_store import KIND as STORE_KIND
from skyvet.io.embedding_store import (
    EmbeddingStore,
    SequenceTable,
    StoredEmbedding,
    join_embeddings,
)
from skyvet.io.frame_store import StoredSequence
from skyvet.io.parts import manifest_kind
from skyvet.io.sequence_sources import read_sequences
from skyvet.models.encoders.bundle import load_encoder
from skyvet.models.encoders.embedder import FrameEmbedder
from skyvet.models.sequence_bundle import SequenceBundle
from skyvet.preprocessing.blocks import SeenIdentifiers
from skyvet.records.rejections import Rejection, RejectionReason

__all__ = [
    "BlockLimits",
    "SequenceBlock",
    "blocks_of_embeddings",
    "blocks_of_frames",
    "embedder_of",
]

_NOT_STATED = "not stated"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockLimits:
    """When a block is full, and what an object needs.

    Parameters
    ----------
    n_objects, n_frames : int
        A block ends at so many objects or embedded frames, whichever comes first.
    min_frames : int
        Objects with fewer usable frames are rejected.
    """

    n_objects: int
    n_frames: int
    min_frames: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SequenceBlock:
    """Objects of one part of the output, and what was refused on the way.

    Parameters
    ----------
    table : SequenceTable or None
        None where no object of the block can be scored.
    rejections : list of Rejection
        Objects refused.
    n_read : int
        Objects of the input up to the end of this block.
    """

    table: SequenceTable | None
    rejections: list[Rejection]
    n_read: int


def embedder_of(bundle: SequenceBundle, *, n_threads: int = 0) -> FrameEmbedder:
    """Return the bundle's own encoder at work.

    Parameters
    ----------
    bundle : SequenceBundle
        Classifier of frame sequences.
    n_threads : int, default 0
        Threads of the encoder; 0 = all cores.

    Raises
    ------
    BundleError
        If the bundle has no encoder or it does not run.
    """
    if bundle.encoder_path is None:
        raise BundleError(
            f"bundle {bundle.label} has no encoder, so it cannot score frames; embed them with "
            f"the encoder it was trained on ({bundle.info.encoder}) and give the embeddings, or "
            "take a bundle that has its encoder"
        )
    return FrameEmbedder(load_encoder(bundle.encoder_path), n_threads=n_threads)


def blocks_of_frames(
    items: Iterable[StoredSequence | Rejection],
    embedder: FrameEmbedder,
    limits: BlockLimits,
    *,
    start: int,
    seen: SeenIdentifiers,
) -> Iterator[SequenceBlock]:
    """Embed objects block by block.

    Parameters
    ----------
    items : iterable of StoredSequence or Rejection
        Objects from number `start` on (`skyvet.io.frame_folders.read_frame_sources`).
    embedder : FrameEmbedder
        The bundle's own, from `embedder_of`.
    limits : BlockLimits
        Size of the blocks, fewest frames.
    start : int
        Objects that an interrupted run has done.
    seen : SeenIdentifiers
        Objects that came by; a second one of the same name is rejected.

    Yields
    ------
    SequenceBlock
    """
    stored: list[StoredEmbedding] = []
    rejections: list[Rejection] = []
    n_read, n_frames = start, 0
    for item in items:
        n_read += 1
        done = _embedded(item, embedder, limits, seen)
        if isinstance(done, Rejection):
            rejections.append(done)
        else:
            stored.append(done)
            n_frames += len(done.values)
        if len(stored) + len(rejections) >= limits.n_objects or n_frames >= limits.n_frames:
            yield _block_of(stored, rejections, n_read, n_latent=embedder.n_latent)
            stored, rejections, n_frames = [], [], 0
    if stored or rejections:
        yield _block_of(stored, rejections, n_read, n_latent=embedder.n_latent)


def _embedded(
    item: StoredSequence | Rejection,
    embedder: FrameEmbedder,
    limits: BlockLimits,
    seen: SeenIdentifiers,
) -> StoredEmbedding | Rejection:
    if isinstance(item, Rejection):
        return item
    done = embed_sequence(item, embedder, min_frames=limits.min_frames)
    if isinstance(done, Rejection) or seen.add(item.survey, item.sequence.object_id):
        return done
    return repeated_object(item.survey, item.sequence.object_id)


def blocks_of_embeddings(
    path: Path,
    bundle: SequenceBundle,
    limits: BlockLimits,
    *,
    start: int,
    seen: SeenIdentifiers,
) -> Iterator[SequenceBlock]:
    """Read embedded objects block by block.

    Parameters
    ----------
    path : Path
        Store of embeddings, or folder with ``embeddings.parquet``.
    bundle : SequenceBundle
        Classifier, for the name of its encoder.
    limits, start, seen
        As for `blocks_of_frames`.

    Yields
    ------
    SequenceBlock

    Raises
    ------
    BundleError
        If a store was made with another encoder than the bundle's.
    DatasetError, InvalidInputError
        If the input is damaged.
    """
    n_read = 0
    for table in _embedded_tables(path, bundle):
        for rows in _row_ranges(table, limits):
            n_read += len(rows)
            if n_read <= start:
                continue
            part = _take(table, rows)
            yield _checked(part, limits, seen, n_read=n_read)


def _embedded_tables(path: Path, bundle: SequenceBundle) -> Iterator[SequenceTable]:
    """Read embeddings, refusing those of another encoder where both are known."""
    is_store = manifest_kind(path) == STORE_KIND
    wanted = bundle.info.encoder
    for table in EmbeddingStore(path).parts() if is_store else (read_sequences(path),):
        if table.encoder and wanted not in {_NOT_STATED, table.encoder}:
            raise BundleError(
                f"{path} was embedded with {table.encoder}, but bundle {bundle.label} was trained "
                f"on embeddings of {wanted}; embed the frames with that encoder"
            )
        yield table


def _row_ranges(table: SequenceTable, limits: BlockLimits) -> Iterator[IntArray]:
    """Cut a table into runs of objects that keep within the limits (one object at least)."""
    ends = table.sequences.offsets[1:]
    first = 0
    while first < len(table):
        n_before = table.sequences.offsets[first]
        by_frames = int(np.searchsorted(ends, n_before + limits.n_frames, side="right"))
        stop = min(first + limits.n_objects, max(by_frames, first + 1), len(table))
        yield np.arange(first, stop)
        first = stop


def _take(table: SequenceTable, rows: IntArray | BoolArray) -> SequenceTable:
    """Return some objects of a table."""
    chosen = np.arange(len(table))[rows]
    offsets = table.sequences.offsets
    frames = [np.arange(offsets[row], offsets[row + 1]) for row in chosen]
    flat = np.concatenate([np.arange(0), *frames])
    guilty = table.guilty_mask
    return replace(
        table,
        sequences=table.sequences.take(chosen),
        labels=tuple(table.labels[row] for row in chosen),
        tags=tuple(table.tags[row] for row in chosen),
        surveys=tuple(table.surveys[row] for row in chosen),
        bands=tuple(table.bands[row] for row in chosen),
        n_unusable_frames=table.n_unusable_frames[chosen],
        i_frame=table.i_frame[flat],
        guilty_mask=None if guilty is None else guilty[flat],
    )


def _checked(
    table: SequenceTable,
    limits: BlockLimits,
    seen: SeenIdentifiers,
    *,
    n_read: int,
) -> SequenceBlock:
    """Refuse objects with too few frames and those that came by before."""
    rejections: list[Rejection] = []
    keep = np.zeros(len(table), dtype=bool)
    n_frames = table.sequences.n_frames.tolist()
    for row, identifier in enumerate(table.sequences.object_ids.tolist()):
        if n_frames[row] < limits.min_frames:
            total = n_frames[row] + int(table.n_unusable_frames[row])
            rejections.append(
                Rejection(
                    source=str(identifier),
                    reason=RejectionReason.TOO_FEW_FRAMES,
                    detail=f"{n_frames[row]} of {total} frames are usable; "
                    f"{limits.min_frames} are needed",
                    survey=table.surveys[row],
                    candidate_id=identifier,
                )
            )
        elif seen.add(table.surveys[row], identifier):
            keep[row] = True
        else:
            rejections.append(repeated_object(table.surveys[row], identifier))
    kept = _take(table, keep) if keep.any() else None
    return SequenceBlock(table=kept, rejections=rejections, n_read=n_read)


def _block_of(
    stored: Sequence[StoredEmbedding],
    rejections: list[Rejection],
    n_read: int,
    *,
    n_latent: int,
) -> SequenceBlock:
    table = join_embeddings(stored, n_latent=n_latent) if stored else None
    return SequenceBlock(table=table, rejections=rejections, n_read=n_read)

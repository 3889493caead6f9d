"""Frames of many objects to a store of embeddings; restartable, with flat memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress, SilentProgress
from skyvet.inference.configs import EmbedConfig
from skyvet.io.embedding_store import KIND as EMBEDDINGS_KIND
from skyvet.io.embedding_store import EmbeddingStoreWriter, StoredEmbedding
from skyvet.io.frame_folders import read_frame_sources
from skyvet.io.frame_store import StoredSequence
from skyvet.io.inputs import check_output_apart
from skyvet.io.parts import read_manifest, read_part_tables
from skyvet.io.sequence_inputs import (
    SequenceForm,
    fingerprint_sequences,
    sequence_form,
)
from skyvet.models.encoders.bundle import EncoderBundle
from skyvet.models.encoders.embedder import FrameEmbedder
from skyvet.preprocessing.blocks import SeenIdentifiers, remember
from skyvet.records.identifiers import Identifier
from skyvet.records.rejections import Rejection, RejectionReason

__all__ = ["EmbedSummary", "embed_frames", "embed_sequence", "repeated_object"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedSummary:
    """Counts of a run; embedded and rejected add up to what was read.

    Parameters
    ----------
    n_read, n_embedded, n_rejected : int
        Objects.
    rejections : dict of str to int
        Rejected objects by reason.
    n_frames, n_unusable_frames : int
        Frames of the embedded objects that became rows, and that show nothing or
        cannot be read.
    """

    n_read: int
    n_embedded: int
    n_rejected: int
    rejections: dict[str, int]
    n_frames: int
    n_unusable_frames: int


def embed_frames(
    path: Path,
    out: Path,
    *,
    encoder: EncoderBundle,
    config: EmbedConfig,
    progress: Progress | None = None,
) -> EmbedSummary:
    """Embed a frame store or a folder of FITS frames, object by object.

    An interrupted run continues where its last whole part ended and gives the same store.

    Parameters
    ----------
    path : Path
        Frame store, or folder with one folder of FITS files an object.
    out : Path
        Folder of the store of embeddings.
    encoder : EncoderBundle
        From `skyvet.models.encoders.bundle.load_encoder`.
    config : EmbedConfig
        Fewest frames, size of the parts, threads.
    progress : Progress, optional
        Told of every object.

    Returns
    -------
    EmbedSummary

    Raises
    ------
    InvalidInputError
        If `path` holds no frames, or `out` lies inside it or the encoder.
    DatasetError
        If the input is damaged, or the output cannot be written or is of another run.
    BundleError
        If the encoder does not run.
    """
    if sequence_form(path) is not SequenceForm.FRAMES:
        raise InvalidInputError(
            f"{path} holds no frames; give a frame store or a folder of FITS files by object"
        )
    check_output_apart([path], out, models=[encoder.path])
    progress = progress or SilentProgress()
    embedder = FrameEmbedder(encoder, n_threads=1)
    settings = {
        "input": fingerprint_sequences(path),
        "encoder": encoder.sha256,
        "encoder_label": encoder.label,
        "min_frames": config.min_frames,
    }
    writer = EmbeddingStoreWriter(
        out,
        settings=settings,
        n_latent=embedder.n_latent,
        frames_per_part=config.frames_per_part,
    )
    progress.start("embedding objects", None)
    progress.advance(writer.n_done)
    items = read_frame_sources(path, start=writer.n_done)
    seen = _seen_in(out)
    for item in _embed_in_order(items, embedder, config):
        if isinstance(item, StoredEmbedding) and not seen.add(item.survey, item.object_id):
            item = repeated_object(item.survey, item.object_id)  # noqa: PLW2901
        writer.append(item)
        progress.advance()
    writer.finish()
    progress.finish()
    return _summarise(out)


def embed_sequence(
    stored: StoredSequence, embedder: FrameEmbedder, *, min_frames: int = 3
) -> StoredEmbedding | Rejection:
    """Embed one object with all that is known of it, or say why it cannot be.

    Parameters
    ----------
    stored : StoredSequence
        Frames, times, label, tags, guilty frames.
    embedder : FrameEmbedder
        The encoder at work.
    min_frames : int, default 3
        Fewest usable frames.

    Returns
    -------
    StoredEmbedding or Rejection
        Rows are the usable frames, in time order; their times and guilt go with them.
    """
    sequence = stored.sequence
    embedded = embedder.embed(sequence.frames)
    i_frame = np.flatnonzero(embedded.is_usable)
    n_found = len(sequence) + stored.n_unreadable_files
    if len(i_frame) < min_frames:
        return Rejection(
            source=str(sequence.object_id),
            reason=RejectionReason.TOO_FEW_FRAMES,
            detail=f"{len(i_frame)} of {n_found} frames are usable; {min_frames} are needed",
            survey=stored.survey,
            candidate_id=sequence.object_id,
        )
    guilty = stored.guilty_mask
    return StoredEmbedding(
        object_id=str(sequence.object_id),
        values=embedded.values,
        mjd_tai=sequence.mjd_tai[i_frame],
        i_frame=i_frame.astype(np.int32),
        n_unusable_frames=n_found - len(i_frame),
        survey=stored.survey,
        band=stored.band,
        label=stored.label,
        tags=stored.tags,
        class_name=stored.class_name,
        guilty_mask=None if guilty is None else guilty[i_frame],
    )


def repeated_object(survey: str, identifier: Identifier) -> Rejection:
    """Return the rejection of an object whose name came before."""
    return Rejection(
        source=str(identifier),
        reason=RejectionReason.DUPLICATE_CANDIDATE,
        detail="an object of this name came before",
        survey=survey,
        candidate_id=identifier,
    )


def _seen_in(out: Path) -> SeenIdentifiers:
    """Return the objects in the finished parts of a store of embeddings."""
    seen = SeenIdentifiers()
    table = read_part_tables(out, "objects", columns=["survey", "object_id"])
    if table.num_rows:
        remember(seen, table["survey"].to_pylist(), table["object_id"].to_pylist())
    return seen


def _embed_in_order(
    items: Iterator[StoredSequence | Rejection], embedder: FrameEmbedder, config: EmbedConfig
) -> Iterator[StoredEmbedding | Rejection]:
    """Embed several objects at once and yield them in order; a few wait in memory."""

    def work(item: StoredSequence | Rejection) -> StoredEmbedding | Rejection:
        if isinstance(item, Rejection):
            return item
        return embed_sequence(item, embedder, min_frames=config.min_frames)

    n_threads = config.n_threads or os.cpu_count() or 1
    if n_threads == 1:
        yield from map(work, items)
        return
    waiting: deque[Future[StoredEmbedding | Rejection]] = deque()
    with ThreadPoolExecutor(n_threads) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _summarise(out: Path) -> EmbedSummary:
    """Count what the finished store holds."""
    manifest = read_manifest(out, kind=EMBEDDINGS_KIND)
    counts = read_part_tables(out, "objects", columns=["n_frames", "n_unusable_frames"])
    has_any = counts.num_rows > 0
    return EmbedSummary(
        n_read=manifest.n_candidates + manifest.n_rejected,
        n_embedded=manifest.n_candidates,
        n_rejected=manifest.n_rejected,
        rejections=manifest.rejections,
        n_frames=int(np.sum(counts["n_frames"].to_numpy())) if has_any else 0,
        n_unusable_frames=int(np.sum(counts["n_unusable_frames"].to_numpy())) if has_any else 0,
    )

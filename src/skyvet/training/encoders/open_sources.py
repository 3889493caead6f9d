"""What a path of training frames holds, opened as a source."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress, SilentProgress
from skyvet.io.dataset import DATASET_KIND, Dataset
from skyvet.io.frame_folders import read_frame_sources
from skyvet.io.frame_store import KIND as FRAMES_KIND
from skyvet.io.frame_store import FrameStore, FrameStoreWriter
from skyvet.io.parts import manifest_kind
from skyvet.io.sequence_inputs import (
    SequenceForm,
    fingerprint_sequences,
    sequence_form,
)
from skyvet.preprocessing.frame_scaling import FrameScalingConfig, fit_frames
from skyvet.records.rejections import Rejection
from skyvet.training.encoders.frame_sources import FrameSource, StampSource, StoreSource

__all__ = ["OpenedSource", "open_frame_source"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpenedSource:
    """A source and what a person should know of it.

    Parameters
    ----------
    source : FrameSource
        Its frames.
    description : str
        One sentence for the encoder's card.
    n_rejected : int
        Objects that could not be read.
    """

    source: FrameSource
    description: str
    n_rejected: int = 0


def open_frame_source(
    path: Path,
    *,
    scaling: FrameScalingConfig,
    import_to: Path,
    progress: Progress | None = None,
) -> OpenedSource:
    """Open frames to train on.

    Parameters
    ----------
    path : Path
        A frame store, a dataset of ingested alerts (their science cutouts are taken), or a folder
        with one folder of FITS files an object.
    scaling : FrameScalingConfig
        Side of the frames.
    import_to : Path
        Where FITS files are brought into a frame store first, so that they can be read in any
        order; it is whole or begun anew, and the caller may remove it.
    progress : Progress, optional
        Told of every object that is imported.

    Returns
    -------
    OpenedSource

    Raises
    ------
    InvalidInputError
        If the path holds none of these.
    DatasetError
        If it is damaged, or the import cannot be written.
    """
    kind = manifest_kind(path)
    if kind == FRAMES_KIND:
        store = FrameStore(path)
        source = StoreSource(store)
        return OpenedSource(source=source, description=f"Frame store {path.name}.")
    if kind == DATASET_KIND:
        dataset = Dataset.open(path)
        text = f"Science cutouts of {len(dataset)} alerts of {path.name}."
        return OpenedSource(source=StampSource(dataset), description=text)
    if sequence_form(path) is SequenceForm.FRAMES:
        n_rejected = _import(path, import_to, scaling, progress or SilentProgress())
        source = StoreSource(FrameStore(import_to))
        text = f"FITS frames of {path.name}."
        return OpenedSource(source=source, description=text, n_rejected=n_rejected)
    raise InvalidInputError(
        f"{path} holds no frames; give a frame store (skyvet simulate frames, skyvet fetch), an "
        "alert dataset (skyvet ingest), or a folder of FITS files <object>/<time>.fits"
    )


def _import(path: Path, out: Path, scaling: FrameScalingConfig, progress: Progress) -> int:
    """Bring FITS files into a frame store of one size; return how many objects were rejected."""
    settings = {"source": fingerprint_sequences(path)}
    rejected = 0
    shutil.rmtree(out, ignore_errors=True)
    writer = FrameStoreWriter(out, settings=settings, size_px=scaling.size_px, dtype="float32")
    progress.start("reading FITS frames", None)
    for item in read_frame_sources(path):
        if isinstance(item, Rejection):
            rejected += 1
        else:
            frames = fit_frames(item.sequence.frames, scaling)
            writer.append(replace(item, sequence=replace(item.sequence, frames=frames)))
        progress.advance()
    progress.finish()
    writer.finish()
    return rejected

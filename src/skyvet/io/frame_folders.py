"""Frame sequences from any place: a frame store, or folders of FITS cutouts.

What is wrong with an input is dealt with by these rules; the counts are in `FrameSourceCounts`:

========================= ====================================================================
found                     done
========================= ====================================================================
no file in an object      the object is rejected: ``too_few_frames``
no readable file in it    the object is rejected: ``unreadable_frame``
unreadable file           left out and counted; the rest of the object goes on. So are pipes and
                          devices, and FITS files in an object's folder that are not named as the
                          layout says
duplicate times           the first file (by name) is kept, the others are counted
unsorted times            sorted; frames without a date stand last
mixed sizes               all frames get one size: `size_px`, the mapping's, or the object's most
                          frequent one. Larger ones are cut around the object, smaller ones
                          filled with NaN, by the object's place in the cutout's sky coordinates.
                          A smaller one without coordinates is left out and counted
constant, all-NaN frames  kept; whoever scores decides what is usable (at least 3 frames)
store cut off in writing  its finished parts are read, with a warning in the log
damaged part of a store   its objects are rejected: ``unreadable_file``; the rest goes on
========================= ====================================================================
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from pathlib import Path

import numpy as np

from skyvet.core.errors import DatasetError, InvalidInputError, PacketError
from skyvet.io.frame_files import FrameFile, SequenceFaults, join_frames, read_frame_file
from skyvet.io.frame_mapping import FrameMapping, frame_mapping
from skyvet.io.frame_placement import place_frame
from skyvet.io.frame_store import KIND, FrameStore, StoredSequence
from skyvet.io.parts import manifest_kind
from skyvet.records.frames import FrameSequence
from skyvet.records.rejections import Rejection, RejectionReason

__all__ = ["MAPPING_FILE", "FrameSourceCounts", "read_frame_sources"]

MAPPING_FILE = "frames.toml"
"""A mapping file of this name in a folder of frames is its mapping."""

_LOG = logging.getLogger(__name__)
_N_SHOWN = 3
_FITS_ENDINGS = (".fits", ".fits.gz", ".fits.fz")
_Found = tuple[str, re.Match[str] | None]


@dataclass(slots=True)
class FrameSourceCounts:
    """What was found and put right while frames were read.

    Parameters
    ----------
    n_objects, n_rejected : int
        Objects, and those among them that became rejections.
    n_frames : int
        Frames of the others.
    n_unreadable : int
        Files that are no FITS image, or of an object but named otherwise than the layout says.
    n_foreign : int
        Other files and folders whose names do not fit the layout; hidden ones are not counted.
    faults : SequenceFaults
        What was put right when frames were joined.
    """

    n_objects: int = 0
    n_rejected: int = 0
    n_frames: int = 0
    n_unreadable: int = 0
    n_foreign: int = 0
    faults: SequenceFaults = field(default_factory=SequenceFaults)


def read_frame_sources(
    path: Path,
    *,
    mapping: FrameMapping | str | Path | None = None,
    size_px: int | None = None,
    start: int = 0,
    only: Collection[str] | None = None,
    counts: FrameSourceCounts | None = None,
) -> Iterator[StoredSequence | Rejection]:
    """Yield the objects of a frame store or of a folder of FITS cutouts, one in memory at a time.

    Parameters
    ----------
    path : Path
        Frame store, or folder with files named as the mapping says.
    mapping : FrameMapping, str or Path, optional
        Layout of the folder and meaning of its headers: a mapping, a TOML file, or the name of a
        built-in one. None takes the folder's own ``frames.toml``, and without it reads
        ``<object>/<mjd>.fits`` with ZTF's header cards.
    size_px : int, optional
        Side of the frames [pixels]; None leaves a store as it is and takes the mapping's.
    start : int, default 0
        Objects to pass over, rejected ones included.
    only : collection of str, optional
        Names of the objects to read; others are passed over unread.
    counts : FrameSourceCounts, optional
        Told of everything from `start` on.

    Yields
    ------
    StoredSequence or Rejection
        One an object, by name; objects of a store in its order.

    Raises
    ------
    InvalidInputError
        If the folder does not exist, or not one of its files fits the layout.
    DatasetError
        If a store's list of objects is damaged.
    """
    counts = FrameSourceCounts() if counts is None else counts
    if manifest_kind(path) == KIND:
        items = _from_store(path, size_px, start, only)
    else:
        if mapping is None and (path / MAPPING_FILE).is_file():
            mapping = path / MAPPING_FILE
        items = _from_folder(
            path, frame_mapping(mapping), size_px, start=start, only=only, counts=counts
        )
    for item in items:
        counts.n_objects += 1
        if isinstance(item, Rejection):
            counts.n_rejected += 1
        else:
            counts.n_frames += len(item.sequence)
        yield item


def _from_store(
    path: Path, size_px: int | None, start: int, only: Collection[str] | None
) -> Iterator[StoredSequence | Rejection]:
    store = FrameStore(path)
    if not store.is_complete:
        _LOG.warning("%s is not complete; its %d finished objects are read", path, len(store))
    names = store.objects()["object_id"].to_pylist() if len(store) else []
    for i_object in range(start, len(store)):
        if only is not None and names[i_object] not in only:
            continue
        try:
            stored = store.sequence(i_object)
        except DatasetError as error:
            yield Rejection(
                source=str(path),
                reason=RejectionReason.UNREADABLE_FILE,
                detail=str(error),
                candidate_id=names[i_object],
            )
            continue
        yield stored if size_px in (None, store.size_px) else _resized(stored, size_px)


def _resized(stored: StoredSequence, size_px: int) -> StoredSequence:
    """Cut the frames of a store around their middle, or fill them up with NaN."""
    frames = stored.sequence.frames
    middle = ((frames.shape[2] - 1) / 2, (frames.shape[1] - 1) / 2)
    sequence = FrameSequence(
        object_id=stored.sequence.object_id,
        frames=np.stack([place_frame(frame, size_px, centre=middle) for frame in frames]),
        mjd_tai=stored.sequence.mjd_tai,
        pixel_scale_arcsec=stored.sequence.pixel_scale_arcsec,
    )
    return StoredSequence(
        sequence=sequence,
        survey=stored.survey,
        band=stored.band,
        label=stored.label,
        tags=stored.tags,
        class_name=stored.class_name,
        guilty_mask=stored.guilty_mask,
        seeing_arcsec=stored.seeing_arcsec,
        zero_point_mag=stored.zero_point_mag,
    )


def _from_folder(
    path: Path,
    mapping: FrameMapping,
    size_px: int | None,
    *,
    start: int,
    only: Collection[str] | None,
    counts: FrameSourceCounts,
) -> Iterator[StoredSequence | Rejection]:
    if not path.is_dir():
        raise InvalidInputError(f"{path} is neither a frame store nor a folder of FITS files")
    n_files = 0
    for object_id, found in islice(_objects(path, mapping, counts), start, None):
        n_files += sum(match is not None for _, match in found)
        if only is not None and object_id not in only:
            continue
        yield _read_object(path, object_id, found, mapping=mapping, size_px=size_px, counts=counts)
    n_others = counts.n_foreign + counts.n_unreadable
    if start == 0 and n_files == 0 and (n_others or not counts.n_objects):
        raise InvalidInputError(
            f"no file below {path} is named like {mapping.layout!r} ({n_others} others); "
            "give the mapping of this folder"
        )


def _objects(
    path: Path, mapping: FrameMapping, counts: FrameSourceCounts
) -> Iterator[tuple[str, list[_Found]]]:
    """Yield each object with its files, relative to the folder and sorted by name.

    Where the first part of the layout is the object, its folder is listed when its turn comes,
    an empty one is an object without files, and FITS files in it that are named otherwise come
    without a match; in other layouts all names are listed first.
    """
    pattern = mapping.pattern()
    first_part, _, rest = mapping.layout.partition("/")
    if first_part == "{object_id}" and rest:
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
            if entry.name.startswith(".") or entry.name == MAPPING_FILE:
                continue
            if not entry.is_dir():
                counts.n_foreign += 1
                continue
            below = _files_below(Path(entry.path), f"{entry.name}/")
            found = [(name, pattern.fullmatch(name)) for name in below]
            of_object = [
                (name, match)
                for name, match in found
                if match is not None or name.endswith(_FITS_ENDINGS)
            ]
            counts.n_foreign += len(found) - len(of_object)
            yield entry.name, of_object
        return
    names = [name for name in _files_below(path, "") if name != MAPPING_FILE]
    matches = [(name, match) for name in names if (match := pattern.fullmatch(name)) is not None]
    counts.n_foreign += len(names) - len(matches)
    matches.sort(key=lambda match: (match[1]["object_id"], match[0]))
    for object_id, group in groupby(matches, key=lambda match: match[1]["object_id"]):
        yield object_id, list(group)


def _files_below(folder: Path, prefix: str) -> list[str]:
    """Return the names of all files below a folder that are not hidden, sorted."""
    names: list[str] = []
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(root).relative_to(folder).as_posix()
        head = prefix if below == "." else f"{prefix}{below}/"
        names += [head + name for name in files if not name.startswith(".")]
    return sorted(names)


def _read_files(
    path: Path, found: list[_Found], mapping: FrameMapping
) -> tuple[list[FrameFile], list[str]]:
    """Return the frames of a folder, and for each file without one its name and why."""
    frames: list[FrameFile] = []
    unreadable: list[str] = []
    for name, match in found:
        if match is None:
            unreadable.append(f"{name}: its name is not like {mapping.layout!r}")
            continue
        if not (path / name).is_file():  # reading a pipe or a device would not end
            unreadable.append(f"{name}: no regular file")
            continue
        parts = match.groupdict(default="")
        try:
            frame = read_frame_file(
                (path / name).read_bytes(),
                mapping,
                file_time=parts.get("time", ""),
                file_band=parts.get("band", ""),
            )
        except (PacketError, OSError) as error:
            detail = error.detail if isinstance(error, PacketError) else error.strerror
            unreadable.append(f"{name}: {detail}")
            continue
        frames.append(frame)
    return frames, unreadable


def _read_object(
    path: Path,
    object_id: str,
    found: list[_Found],
    *,
    mapping: FrameMapping,
    size_px: int | None,
    counts: FrameSourceCounts,
) -> StoredSequence | Rejection:
    frames, unreadable = _read_files(path, found, mapping)
    counts.n_unreadable += len(unreadable)
    if unreadable:
        shown = "; ".join(unreadable[:_N_SHOWN])
        _LOG.warning("%d files of %s cannot be read: %s", len(unreadable), object_id, shown)
    stored = join_frames(
        frames,
        object_id,
        size_px=size_px or mapping.size_px,
        survey=mapping.name,
        faults=counts.faults,
    )
    if stored is not None:
        return replace(stored, n_unreadable_files=len(unreadable))
    return Rejection(
        source=str(path),
        reason=RejectionReason.UNREADABLE_FRAME if found else RejectionReason.TOO_FEW_FRAMES,
        detail="; ".join(unreadable[:_N_SHOWN]) or f"none of {len(found)} files gives a frame",
        survey=mapping.name,
        candidate_id=object_id,
    )

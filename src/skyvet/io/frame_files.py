"""One cutout file to one frame, and the frames of an object to its sequence."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError, PacketError
from skyvet.io.fits_headers import card_number, card_text
from skyvet.io.fits_stamps import FitsImage, read_fits_images
from skyvet.io.fits_wcs import TangentWcs, read_wcs
from skyvet.io.frame_mapping import FrameMapping
from skyvet.io.frame_placement import place_frame
from skyvet.io.frame_store import StoredSequence
from skyvet.io.surveys.base import mask_fill_values
from skyvet.records.frames import FrameSequence
from skyvet.records.rejections import RejectionReason

__all__ = ["FrameFile", "SequenceFaults", "join_frames", "read_frame_file"]

_SAME_TIME_D = 1e-7  # 9 ms
# Beyond these a header's number is a fill value or nonsense, and counts as unknown.
_MIN_SCALE_ARCSEC, _MAX_SCALE_ARCSEC = 1e-3, 1e4
_MAX_SEEING_ARCSEC = 1e3
_MAX_ZERO_POINT_MAG = 100.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameFile:
    """One cutout as read, before it is placed among the others.

    Parameters
    ----------
    pixels : ndarray, shape (height, width), float32
        As the file has them; infinite and fill values are NaN.
    centre : tuple of float, optional
        Column and row of the object, the first pixel's centre being 0; None where not known.
    mjd_tai : float
        Mid-exposure [d, TAI]; NaN where the file has no date.
    has_header_time : bool
        False where the time is that of the file's name, or none.
    pixel_scale_arcsec : float
        Pixel scale [arcsec].
    seeing_arcsec, zero_point_mag : float
        Width of the PSF [arcsec], AB magnitude of one count; NaN = unknown.
    band : str
        Filter; empty where unknown.
    """

    pixels: FloatArray
    centre: tuple[float, float] | None
    mjd_tai: float
    has_header_time: bool
    pixel_scale_arcsec: float
    seeing_arcsec: float
    zero_point_mag: float
    band: str


@dataclass(slots=True)
class SequenceFaults:
    """What was put right while frames were joined; the counts of many objects add up.

    Parameters
    ----------
    n_duplicate_times : int
        Frames left out because an earlier one has their time.
    n_resized : int
        Frames of another size, cut or filled with NaN by where the object lies.
    n_unplaced : int
        Frames left out: too small and without sky coordinates, or of another place.
    n_unknown_times : int
        Frames without a date; they stand last.
    n_name_times : int
        Frames whose date is only that of the file's name.
    """

    n_duplicate_times: int = 0
    n_resized: int = 0
    n_unplaced: int = 0
    n_unknown_times: int = 0
    n_name_times: int = 0


def read_frame_file(
    data: bytes,
    mapping: FrameMapping,
    *,
    file_time: str = "",
    file_band: str = "",
    target: tuple[float, float] | None = None,
) -> FrameFile:
    """Read one cutout.

    Parameters
    ----------
    data : bytes
        FITS file, gzipped or plain; its first image is taken.
    mapping : FrameMapping
        What its cards mean.
    file_time, file_band : str, default ""
        ``{time}`` and ``{band}`` of its name.
    target : tuple of float, optional
        Right ascension and declination of the object [deg]; else those of the mapping's cards.

    Raises
    ------
    PacketError
        ``unreadable_frame`` if it is no FITS image.
    """
    try:
        image = read_fits_images(data)[0]
    except PacketError as error:
        raise PacketError(RejectionReason.UNREADABLE_FRAME, error.detail) from error
    mask_fill_values(image.pixels)
    wcs = read_wcs(image.cards)
    target = target or _target(image, mapping)
    mjd_tai, has_header_time = _time(image, mapping, file_time, target)
    scale = math.nan if wcs is None else wcs.pixel_scale_arcsec
    if not _MIN_SCALE_ARCSEC < scale < _MAX_SCALE_ARCSEC:
        scale = mapping.pixel_scale_arcsec
    seeing = _number(image, mapping.seeing_card)
    seeing *= scale if mapping.seeing_unit == "px" else 1.0
    zero_point = _number(image, mapping.zero_point_card) + mapping.zero_point_offset
    return FrameFile(
        pixels=image.pixels,
        centre=_centre(wcs, target),
        mjd_tai=mjd_tai,
        has_header_time=has_header_time,
        pixel_scale_arcsec=scale,
        seeing_arcsec=seeing if 0 < seeing < _MAX_SEEING_ARCSEC else math.nan,
        zero_point_mag=zero_point if abs(zero_point) < _MAX_ZERO_POINT_MAG else math.nan,
        band=_band(image, mapping, file_band),
    )


def _number(image: FitsImage, key: str | None) -> float:
    return math.nan if key is None else card_number(image.cards, key)


def _target(image: FitsImage, mapping: FrameMapping) -> tuple[float, float] | None:
    ra_deg, dec_deg = _number(image, mapping.ra_card), _number(image, mapping.dec_card)
    return None if math.isnan(ra_deg + dec_deg) else (ra_deg, dec_deg)


def _centre(
    wcs: TangentWcs | None, target: tuple[float, float] | None
) -> tuple[float, float] | None:
    if wcs is None or target is None:
        return None
    try:
        return wcs.pixel_of(*target)
    except InvalidInputError as error:
        raise PacketError(RejectionReason.UNREADABLE_FRAME, str(error)) from error


def _time(
    image: FitsImage, mapping: FrameMapping, file_time: str, target: tuple[float, float] | None
) -> tuple[float, bool]:
    exposure_s = _number(image, mapping.exposure_card)
    if not 0 <= exposure_s <= 100_000:
        exposure_s = mapping.exposure_s
    for time in mapping.times:
        mjd_tai = time.mjd_tai(
            image.cards, file_time=file_time, exposure_s=exposure_s, target=target
        )
        if not math.isnan(mjd_tai):
            return mjd_tai, time.card is not None
    return math.nan, False


def _band(image: FitsImage, mapping: FrameMapping, file_band: str) -> str:
    band = mapping.band
    found = file_band if band.card is None else card_text(image.cards, band.card)
    return band.names.get(found, found) or band.constant


def join_frames(
    frames: Sequence[FrameFile],
    object_id: str,
    *,
    size_px: int | None,
    survey: str = "",
    faults: SequenceFaults | None = None,
) -> StoredSequence | None:
    """Join the frames of one object: placed in one size, sorted by time, one frame a time.

    Parameters
    ----------
    frames : sequence of FrameFile
        Any order and sizes.
    object_id : str
        Identifier.
    size_px : int, optional
        Side of the frames [pixels]; None takes the most frequent one (the largest of several).
    survey : str, default ""
        Name of the survey.
    faults : SequenceFaults, optional
        Counts what was put right.

    Returns
    -------
    StoredSequence or None
        None where no frame is left.
    """
    faults = SequenceFaults() if faults is None else faults
    if not frames:
        return None
    side = size_px or _most_frequent_side(frames)
    placed = [
        (frame, image) for frame in frames if (image := _placed(frame, side, faults)) is not None
    ]
    placed = _one_a_time(placed, faults)
    if not placed:
        return None
    kept = [frame for frame, _ in placed]
    faults.n_unknown_times += sum(math.isnan(frame.mjd_tai) for frame in kept)
    faults.n_name_times += sum(
        not frame.has_header_time and not math.isnan(frame.mjd_tai) for frame in kept
    )
    sequence = FrameSequence(
        object_id=object_id,
        frames=np.stack([image for _, image in placed]),
        mjd_tai=np.array([frame.mjd_tai for frame in kept]),
        pixel_scale_arcsec=float(np.median([frame.pixel_scale_arcsec for frame in kept])),
    )
    return StoredSequence(
        sequence=sequence,
        survey=survey,
        band=_one_band(kept),
        seeing_arcsec=np.array([frame.seeing_arcsec for frame in kept], dtype=np.float32),
        zero_point_mag=np.array([frame.zero_point_mag for frame in kept], dtype=np.float32),
    )


def _most_frequent_side(frames: Sequence[FrameFile]) -> int:
    counts = Counter(max(frame.pixels.shape) for frame in frames)
    return int(max(counts, key=lambda side: (counts[side], side)))


def _placed(frame: FrameFile, side: int, faults: SequenceFaults) -> FloatArray | None:
    try:
        image = place_frame(frame.pixels, side, centre=frame.centre)
    except InvalidInputError:
        faults.n_unplaced += 1
        return None
    faults.n_resized += frame.pixels.shape != (side, side)
    return image


def _one_a_time(
    placed: list[tuple[FrameFile, FloatArray]], faults: SequenceFaults
) -> list[tuple[FrameFile, FloatArray]]:
    """Sort by time, unknown times last in their order, and keep the first frame of each time."""
    ordered = sorted(placed, key=lambda pair: (math.isnan(pair[0].mjd_tai), pair[0].mjd_tai))
    kept: list[tuple[FrameFile, FloatArray]] = []
    for frame, image in ordered:
        if kept and abs(frame.mjd_tai - kept[-1][0].mjd_tai) < _SAME_TIME_D:
            faults.n_duplicate_times += 1
            continue
        kept.append((frame, image))
    return kept


def _one_band(frames: Sequence[FrameFile]) -> str:
    """Return the filter of all frames; empty where they differ."""
    bands = {frame.band for frame in frames if frame.band}
    return bands.pop() if len(bands) == 1 else ""

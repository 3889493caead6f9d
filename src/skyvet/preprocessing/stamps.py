"""Cutouts of any size and damage to stamps of one size: the only place where that happens.

- Missing (NaN, infinite, or ``|x| > 1e30``, which covers the -3.4e38 fill value) is NaN, and so is
  padding; nothing is filled before normalisation.
- A stamp that nobody could judge (blank, no valid pixel) is refused with a reason.
- Stamps are kept in half precision around their own median, in units of their own scatter
  (`quantise_stamps`). Training and scoring both read that form, so that they see the same numbers.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import BoolArray, FloatArray
from skyvet.core.errors import InvalidInputError, PacketError
from skyvet.records.candidate import Candidate
from skyvet.records.cutouts import N_CUTOUT_KINDS, Cutout, CutoutKind
from skyvet.records.flags import CandidateFlag
from skyvet.records.rejections import RejectionReason

__all__ = [
    "SENTINEL_LIMIT",
    "Centring",
    "PlacedStamps",
    "QuantisedStamps",
    "fit_stamps",
    "place_cutout",
    "place_triplet",
    "quantise_stamps",
    "restore_stamps",
    "robust_location_scale",
    "valid_pixels",
]

SENTINEL_LIMIT = 1e30
"""Pixels beyond this size are fill values, not counts."""

_HALF_MAX = 60_000.0
_SIGMA_PER_MAD = 1.4826
_MAX_SIDE_PX = 4096


class Centring(enum.StrEnum):
    """Where a cutout goes on a larger stamp, and what is cut from a larger cutout.

    ``candidate`` keeps the candidate's pixel central. ``corner`` (braai, Kowalski) aligns the top
    left corners, ``middle`` (BOOM) the image centres, offset rounded up; both leave an edge
    candidate off centre. The three agree on cutouts that are not cut by an edge.
    """

    CANDIDATE = "candidate"
    CORNER = "corner"
    MIDDLE = "middle"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlacedStamps:
    """Stamps of one candidate at one size.

    Parameters
    ----------
    pixels : ndarray, shape (n_raw, size, size), float32
        Science, template, difference [survey's unit] and, where asked for, their three variances;
        NaN = missing or padding.
    valid_fraction : float
        Share of image pixels that are not NaN, in (0, 1].
    flags : CandidateFlag
        EDGE, MISSING_PIXELS, NO_TEMPLATE, RESAMPLED as found here.
    """

    pixels: FloatArray
    valid_fraction: float
    flags: CandidateFlag


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuantisedStamps:
    """Stamps in half precision, independent of any later normalisation.

    Parameters
    ----------
    values : ndarray, shape (n, n_raw, size, size), float16
        ``(pixel - offset) / scale``; NaN = missing.
    offset, scale : ndarray, shape (n, n_raw), float32
        Median and scatter of each plane [survey's unit]; scale > 0.
    """

    values: NDArray[np.float16]
    offset: FloatArray
    scale: FloatArray

    def __len__(self) -> int:
        """Return the number of candidates."""
        return len(self.values)


def valid_pixels(pixels: FloatArray) -> BoolArray:
    """Return True where a pixel holds a measurement, for any shape.

    Examples
    --------
    >>> valid_pixels(np.array([1.0, np.nan, np.inf, -3.4e38])).tolist()
    [True, False, False, False]
    """
    with np.errstate(invalid="ignore"):
        return np.abs(pixels) <= SENTINEL_LIMIT


def _offsets(cutout: Cutout, size_px: int, centring: Centring) -> tuple[int, int]:
    """Stamp row and column of the cutout's first pixel; negative where it is cropped."""
    height, width = cutout.shape
    if centring is Centring.CORNER:
        return 0, 0
    if centring is Centring.MIDDLE:
        return -((height - size_px) // 2), -((width - size_px) // 2)
    row, column = cutout.centre
    middle = (size_px - 1) // 2
    return middle - row, middle - column


def place_cutout(cutout: Cutout, size_px: int, centring: Centring) -> FloatArray:
    """Crop or pad one cutout to a square stamp.

    Parameters
    ----------
    cutout : Cutout
        Image of any size.
    size_px : int
        Side of the stamp [pixels], > 0.
    centring : Centring
        Named rule; see `Centring`.

    Returns
    -------
    ndarray, shape (size_px, size_px), float32
        NaN where missing or padded.

    Examples
    --------
    >>> place_cutout(Cutout(pixels=np.ones((1, 2))), 3, Centring.CORNER)
    array([[ 1.,  1., nan],
           [nan, nan, nan],
           [nan, nan, nan]], dtype=float32)
    """
    stamp = np.full((size_px, size_px), np.nan, dtype=np.float32)
    spans = []
    for offset, length in zip(_offsets(cutout, size_px, centring), cutout.shape, strict=True):
        first, last = max(offset, 0), min(offset + length, size_px)
        spans.append(
            (slice(first, max(last, first)), slice(first - offset, max(last, first) - offset))
        )
    (to_rows, from_rows), (to_columns, from_columns) = spans
    part = cutout.pixels[from_rows, from_columns]
    stamp[to_rows, to_columns] = np.where(valid_pixels(part), part, np.nan)
    return stamp


def _check_plane(pixels: FloatArray, kind: CutoutKind) -> None:
    """Refuse a plane that holds nothing to judge."""
    values = pixels[~np.isnan(pixels)]
    if values.size == 0:
        raise PacketError(
            RejectionReason.NO_VALID_PIXELS, f"{kind.field} cutout has no valid pixel"
        )
    if values.min() == values.max():
        raise PacketError(
            RejectionReason.BLANK_STAMP, f"{kind.field} cutout is constant ({values[0]:g})"
        )


def _place_plane(
    candidate: Candidate, kind: CutoutKind, size_px: int, centring: Centring
) -> tuple[FloatArray, CandidateFlag]:
    """Return the stamp of one kind and what is doubtful about it."""
    cutout = None if candidate.cutouts is None else candidate.cutouts.get(kind)
    if cutout is None:
        if kind is CutoutKind.TEMPLATE:
            return np.full((size_px, size_px), np.nan, np.float32), CandidateFlag.NO_TEMPLATE
        raise PacketError(RejectionReason.NO_CUTOUTS, f"packet carries no {kind.field} cutout")
    if max(cutout.shape) > _MAX_SIDE_PX:
        raise PacketError(RejectionReason.STAMP_SIZE, f"{kind.field} cutout is {cutout.shape} px")
    flags = CandidateFlag.NONE
    if not valid_pixels(cutout.pixels).all():
        flags |= CandidateFlag.MISSING_PIXELS
    if cutout.shape != (size_px, size_px):
        flags |= CandidateFlag.RESAMPLED
    stamp = place_cutout(cutout, size_px, centring)
    _check_plane(stamp, kind)
    return stamp, flags


def _place_variance(cutout: Cutout | None, size_px: int, centring: Centring) -> FloatArray:
    """Return the variance of one cutout as a stamp, all NaN where the survey sends none."""
    if cutout is None or cutout.variance is None:
        return np.full((size_px, size_px), np.nan, np.float32)
    as_image = Cutout(pixels=cutout.variance, centre_row_col=cutout.centre_row_col)
    return place_cutout(as_image, size_px, centring)


def place_triplet(
    candidate: Candidate,
    *,
    size_px: int,
    centring: Centring = Centring.CANDIDATE,
    with_variance: bool = False,
) -> PlacedStamps:
    """Bring the three cutouts of a candidate to one size.

    Parameters
    ----------
    candidate : Candidate
        With cutouts.
    size_px : int
        Side of the stamps [pixels].
    centring : Centring, default candidate
        Rule for cutouts of another size.
    with_variance : bool, default False
        Append the three variance planes (LSST); all NaN where the survey sends none.

    Returns
    -------
    PlacedStamps

    Raises
    ------
    PacketError
        With the reason: no cutouts, blank stamp, no valid pixels, absurd size. A survey without
        template images (``cutouts.template is None``) is not refused but flagged.
    """
    if candidate.cutouts is None:
        raise PacketError(RejectionReason.NO_CUTOUTS, "packet carries no cutouts")
    planes, flags = [], candidate.flags
    for kind in CutoutKind:
        stamp, plane_flags = _place_plane(candidate, kind, size_px, centring)
        planes.append(stamp)
        flags |= plane_flags
    valid_fraction = float(np.mean([~np.isnan(plane) for plane in planes]))
    if with_variance:
        planes += [
            _place_variance(cutout, size_px, centring) for _, cutout in candidate.cutouts.items()
        ]
    return PlacedStamps(pixels=np.stack(planes), valid_fraction=valid_fraction, flags=flags)


def robust_location_scale(pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return median and scatter (1.4826 MAD) over the last two axes, without missing pixels.

    Parameters
    ----------
    pixels : ndarray, shape (..., height, width)
        NaN = missing.

    Returns
    -------
    location, scale : ndarray, shape (...), float32
        Location 0 and scale 1 where no pixel is valid; scale falls back to the standard deviation
        and then to 1 where more than half of the pixels are equal. Scale is always > 0.
    """
    flat = pixels.reshape(*pixels.shape[:-2], pixels.shape[-2] * pixels.shape[-1])
    is_empty = np.isnan(flat).all(axis=-1, keepdims=True)
    flat = np.where(is_empty, np.float32(0), flat)
    location = _median(flat)
    deviation = np.abs(flat - location[..., None])
    scale = np.asarray(_SIGMA_PER_MAD * _median(deviation), dtype=np.float32)
    if not (scale > 0).all():
        spread = np.sqrt(np.nanmean(np.square(deviation, dtype=np.float64), axis=-1))
        scale = np.where(scale > 0, scale, spread).astype(np.float32)
        scale = np.where(scale > 0, scale, np.float32(1))
    return location.astype(np.float32), scale


def _median(flat: FloatArray) -> FloatArray:
    """Median over the last axis without NaN; plain (far faster) where nothing is missing."""
    median = np.asarray(np.median(flat, axis=-1))  # NaN where anything is missing
    holed = np.isnan(median)
    if holed.any():
        median = median.copy()
        median[holed] = np.nanmedian(flat[holed], axis=-1)
    return median


def quantise_stamps(pixels: FloatArray) -> QuantisedStamps:
    """Bring stamps to half precision around their own median, in units of their scatter.

    The relative error of a pixel's height above the median is below 2^-11 (5e-4); raw counts would
    overflow half precision.

    Parameters
    ----------
    pixels : ndarray, shape (n, n_raw, size, size), float32
        Three or six raw planes (see `PlacedStamps`); NaN = missing.

    Returns
    -------
    QuantisedStamps

    Raises
    ------
    InvalidInputError
        If the array has another number of axes or planes.
    """
    if pixels.ndim != 4 or pixels.shape[1] not in {N_CUTOUT_KINDS, 2 * N_CUTOUT_KINDS}:
        raise InvalidInputError(
            f"stamps must have shape (n, 3 or 6, size, size), got {pixels.shape}"
        )
    offset, scale = robust_location_scale(pixels)
    centred = pixels - offset[..., None, None]
    peak = np.fmax.reduce(np.abs(centred), axis=(-2, -1), initial=0.0)
    scale = np.maximum(scale, (peak / _HALF_MAX).astype(np.float32))
    values = (centred / scale[..., None, None]).astype(np.float16)
    return QuantisedStamps(values=values, offset=offset, scale=scale)


def restore_stamps(stamps: QuantisedStamps) -> FloatArray:
    """Return pixel values in the survey's unit; the inverse of `quantise_stamps`.

    Returns
    -------
    ndarray, shape (n, n_raw, size, size), float32
        NaN = missing.
    """
    values = stamps.values.astype(np.float32)
    values *= stamps.scale[..., None, None]
    values += stamps.offset[..., None, None]
    return values


def fit_stamps(pixels: FloatArray, size_px: int) -> FloatArray:
    """Centre-crop stamps, or pad them with NaN, to another size.

    Parameters
    ----------
    pixels : ndarray, shape (..., size, size)
        Stamps with the candidate in the central pixel.
    size_px : int
        Side wanted [pixels].

    Returns
    -------
    ndarray, shape (..., size_px, size_px)
        The input itself where nothing has to be done.

    Examples
    --------
    >>> fit_stamps(np.arange(9.0).reshape(1, 3, 3), 1)
    array([[[4.]]])
    """
    size = pixels.shape[-1]
    if size == size_px:
        return pixels
    offset = (size_px - 1) // 2 - (size - 1) // 2
    if offset <= 0:
        inner = slice(-offset, -offset + size_px)
        if -offset + size_px <= size:
            return pixels[..., inner, inner]
    padded = np.full((*pixels.shape[:-2], size_px, size_px), np.nan, dtype=pixels.dtype)
    padded[..., offset : offset + size, offset : offset + size] = pixels
    return padded

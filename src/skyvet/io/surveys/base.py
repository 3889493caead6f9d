"""What every survey adapter offers, and the field access that they share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import PacketError
from skyvet.io.fits_stamps import read_fits_images
from skyvet.records.candidate import Candidate
from skyvet.records.cutouts import Cutout, CutoutKind, CutoutTriplet
from skyvet.records.flags import CandidateFlag
from skyvet.records.identifiers import Identifier
from skyvet.records.light_curve import LightCurve
from skyvet.records.rejections import RejectionReason
from skyvet.records.total_flux import NO_TOTAL, TotalFlux

__all__ = [
    "CUTOUT_FIELDS",
    "MAGNITUDE_PER_SNR",
    "SENTINEL_LIMIT",
    "Epoch",
    "SurveyAdapter",
    "as_number",
    "build_triplet",
    "clean_pixels",
    "identifier",
    "is_negative_sign",
    "light_curve",
    "mask_fill_values",
    "number",
    "required_number",
    "rows",
]

SENTINEL_LIMIT = 1e30
"""Pixels beyond this size are fill values, not data."""


CUTOUT_FIELDS = {
    CutoutKind.SCIENCE: "cutoutScience",
    CutoutKind.TEMPLATE: "cutoutTemplate",
    CutoutKind.DIFFERENCE: "cutoutDifference",
}
"""Fields with the cutouts, the same for ZTF and LSST."""

MAGNITUDE_PER_SNR = 2.5 / math.log(10.0)
"""Magnitude error times signal-to-noise ratio: 1.0857."""

_ONE_SECOND = 1.0 / 86_400.0
_NEGATIVE = frozenset(("f", "F", "0", "false", "False"))


class SurveyAdapter(Protocol):
    """Turns decoded packets of one survey into candidates.

    Attributes
    ----------
    name : str
        Name of the survey in tables and bundles.
    stamp_px : int
        Nominal height and width of its cutouts [pixels].
    pixel_scale_arcsec : float
        Nominal pixel scale [arcsec].
    feature_names : tuple of str
        Keys of ``Candidate.features``, in order; every candidate has all of them.
    history_fields : tuple of str
        Top-level fields that hold earlier epochs alone; a reader may pass over them.
    """

    name: str
    stamp_px: int
    pixel_scale_arcsec: float
    feature_names: tuple[str, ...]
    history_fields: tuple[str, ...]

    def accepts(self, schema_name: str, field_names: frozenset[str]) -> bool:
        """Say whether packets of this schema are the survey's."""
        ...

    def candidate_id(self, record: Mapping[str, Any]) -> Identifier | None:
        """Return the identifier for a rejection, or None where it cannot be read."""
        ...

    def to_candidate(self, record: Mapping[str, Any]) -> Candidate:
        """Build the candidate.

        Raises
        ------
        PacketError
            With the reason, if the packet cannot become a candidate.
        """
        ...


def as_number(value: object) -> float:
    """Return a packet's value as float; NaN for None and what is no number."""
    return float(value) if isinstance(value, (int, float)) else math.nan


def number(record: Mapping[str, Any], name: str) -> float:
    """Return a field as float, NaN where it is absent or null."""
    return as_number(record.get(name))


def required_number(record: Mapping[str, Any], name: str) -> float:
    """Return a field that must hold a finite number.

    Raises
    ------
    PacketError
        ``missing_field`` if it is absent or null, ``bad_value`` if it is no finite number.
    """
    value = record.get(name)
    if value is None:
        raise PacketError(RejectionReason.MISSING_FIELD, f"field {name} is absent or null")
    result = as_number(value)
    if not math.isfinite(result):
        raise PacketError(RejectionReason.BAD_VALUE, f"{name} is no finite number: {value!r:.40}")
    return result


def identifier(value: object, *, name: str) -> Identifier:
    """Return a packet's identifier in its own type.

    Raises
    ------
    PacketError
        ``missing_field`` if it is absent, null or empty, ``bad_value`` if it is of another type.
    """
    if value is None or value == "":
        raise PacketError(RejectionReason.MISSING_FIELD, f"identifier {name} is absent or empty")
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise PacketError(RejectionReason.BAD_VALUE, f"identifier {name} is {value!r:.40}")
    return value


def is_negative_sign(value: object) -> bool:
    """Say whether a sign field (``t``, ``f``, ``1``, ``0``, true, false) means negative.

    Examples
    --------
    >>> [is_negative_sign(value) for value in ("t", "f", "0", 1, False, None)]
    [False, True, True, False, True, False]
    """
    if isinstance(value, str):
        return value in _NEGATIVE
    return isinstance(value, (bool, int)) and not value


def rows(record: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the records in an array field; empty where it is absent, null or no array."""
    values = record.get(name)
    return [row for row in values if isinstance(row, Mapping)] if isinstance(values, list) else []


class Epoch(NamedTuple):
    """One epoch on its way into a light curve; see `LightCurve` for units."""

    mjd_tai: float
    flux_njy: float
    flux_err_njy: float
    band: str
    is_upper_limit: bool = False
    total: TotalFlux = NO_TOTAL


def light_curve(epochs: Sequence[Epoch], *, before_mjd_tai: float) -> LightCurve | None:
    """Return epochs as a difference light curve sorted by time; None where there are none.

    Parameters
    ----------
    epochs : sequence of Epoch
        In any order.
    before_mjd_tai : float
        Time of the candidate [d, TAI]: its own epoch and later ones, which some packets hold,
        are left out, so that a history never tells the future.

    Examples
    --------
    >>> found = [Epoch(2.0, 1.0, 0.1, "g"), Epoch(1.0, 3.0, 0.1, "r"), Epoch(5.0, 9.0, 0.1, "r")]
    >>> light_curve(found, before_mjd_tai=3.0).flux_njy.tolist()
    [3.0, 1.0]
    """
    epochs = [epoch for epoch in epochs if epoch.mjd_tai < before_mjd_tai - _ONE_SECOND]
    if not epochs:
        return None
    ordered = sorted(epochs, key=itemgetter(0))
    mjd_tai, flux, flux_err, band, is_limit, totals = zip(*ordered, strict=True)
    total_flux, total_err, reference_arcsec = np.array(totals, dtype=np.float64).T
    return LightCurve(
        mjd_tai=np.array(mjd_tai),
        flux_njy=np.array(flux),
        flux_err_njy=np.array(flux_err),
        band=np.array(band, dtype=np.str_),
        is_upper_limit=np.array(is_limit),
        is_difference=True,
        total_flux_njy=total_flux,
        total_flux_err_njy=total_err,
        reference_arcsec=reference_arcsec,
    )


def build_triplet(
    read: Callable[[CutoutKind], tuple[Cutout | None, CandidateFlag]], *, pixel_scale_arcsec: float
) -> tuple[CutoutTriplet | None, CandidateFlag]:
    """Read the cutouts of a packet and put them together.

    Parameters
    ----------
    read : callable
        Returns the cutout of one kind, None where the packet holds none, and what was found.
    pixel_scale_arcsec : float
        Pixel scale [arcsec].

    Returns
    -------
    triplet : CutoutTriplet or None
        None where the packet holds no cutout at all.
    flags : CandidateFlag
        All that was found, and NO_TEMPLATE where only the template lacks.
    """
    found = {kind: read(kind) for kind in CutoutKind}
    flags = CandidateFlag.NONE
    for _, part in found.values():
        flags |= part
    cutouts = {kind.field: cutout for kind, (cutout, _) in found.items()}
    if all(cutout is None for cutout in cutouts.values()):
        return None, flags
    if cutouts["template"] is None:
        flags |= CandidateFlag.NO_TEMPLATE
    return CutoutTriplet(**cutouts, pixel_scale_arcsec=pixel_scale_arcsec), flags


def clean_pixels(data: bytes) -> tuple[FloatArray, CandidateFlag]:
    """Read the first image of a FITS cutout and replace what is no data by NaN.

    Parameters
    ----------
    data : bytes
        FITS file, gzipped or plain.

    Returns
    -------
    pixels : ndarray, shape (height, width), float32
        Infinite values and those beyond `SENTINEL_LIMIT` are NaN.
    flags : CandidateFlag
        MISSING_PIXELS and SENTINEL_PIXELS, as found.
    """
    pixels = read_fits_images(data)[0].pixels
    return pixels, mask_fill_values(pixels)


def mask_fill_values(pixels: FloatArray) -> CandidateFlag:
    """Replace fill values of an image in place by NaN and say what was found."""
    flags = CandidateFlag.NONE
    if not np.isfinite(pixels).all():
        flags |= CandidateFlag.MISSING_PIXELS
    is_fill = np.abs(pixels) > SENTINEL_LIMIT
    if is_fill.any():
        pixels[is_fill] = np.nan
        flags |= CandidateFlag.SENTINEL_PIXELS
    return flags

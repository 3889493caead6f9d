"""LSST alert packets, schemas 7.4 to 11.0, as sent or as brokers rewrite them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from skyvet.core.errors import PacketError
from skyvet.io.fits_stamps import read_fits_images
from skyvet.io.surveys.base import (
    CUTOUT_FIELDS,
    Epoch,
    build_triplet,
    identifier,
    light_curve,
    mask_fill_values,
    number,
    required_number,
    rows,
)
from skyvet.records.candidate import Candidate
from skyvet.records.cutouts import Cutout
from skyvet.records.flags import CandidateFlag
from skyvet.records.identifiers import Identifier
from skyvet.records.light_curve import LightCurve
from skyvet.records.rejections import RejectionReason
from skyvet.records.total_flux import TotalFlux

__all__ = ["PIXEL_SCALE_ARCSEC", "SENSOR_HEIGHT_PX", "SENSOR_WIDTH_PX", "STAMP_PX", "LsstAdapter"]

STAMP_PX = 30
"""Smallest and by far commonest cutout; 30 to 102 occur [pixels]."""

PIXEL_SCALE_ARCSEC = 0.2
"""Pixel scale [arcsec]."""

SENSOR_WIDTH_PX, SENSOR_HEIGHT_PX = 4072, 4000
"""Size of the smaller of LSSTCam's two sensor types [pixels]."""

SCORE_NAME = "reliability"

_FIVE_SIGMA = 5.0
_SCHEMA_FIELDS = frozenset(("diaSource.diaSourceId", "diaSource.psfFlux", "cutoutDifference"))
_EDGE_FIELDS = (
    "pixelFlags_edge", "pixelFlags_offimage", "pixelFlags_nodata", "psfFlux_flag_edge",
)  # fmt: skip
_INJECTED_FIELDS = (
    "pixelFlags_injected", "pixelFlags_injectedCenter", "pixelFlags_injected_template",
    "pixelFlags_injected_templateCenter",
)  # fmt: skip


class LsstAdapter:
    """Adapter of the Legacy Survey of Space and Time of the Rubin Observatory.

    ``object_id`` is the ``diaObjectId``, else the ``ssObjectId``, else the candidate's own.
    ``reliability`` carries no version in the packet; compare it within one schema version only.
    The distance to the edge takes the smaller sensor type, 4072 x 4000; outside it is NaN.
    """

    name = "lsst"
    stamp_px = STAMP_PX
    pixel_scale_arcsec = PIXEL_SCALE_ARCSEC
    history_fields: tuple[str, ...] = (
        "prvDiaSources", "prvDiaForcedSources", "prvDiaNondetectionLimits",
    )  # fmt: skip
    feature_names: tuple[str, ...] = (
        "snr", "psfFlux", "psfFluxErr", "psfChi2", "psfNdata", "apFlux", "apFluxErr",
        "scienceFlux", "scienceFluxErr", "templateFlux", "templateFluxErr", "dipoleMeanFlux",
        "dipoleFluxDiff", "dipoleLength", "dipoleAngle", "dipoleChi2", "dipoleNdata",
        "trailFlux", "trailLength", "trailAngle", "trailChi2", "trailNdata", "extendedness",
        "ixx", "iyy", "ixy", "ixxPSF", "iyyPSF", "ixyPSF", "bboxSize", "isDipole",
        "dipoleFitAttempted", "glint_trail", "centroid_flag", "apFlux_flag", "psfFlux_flag",
        "psfFlux_flag_noGoodPixels", "shape_flag", "trail_flag_edge", "pixelFlags",
        "pixelFlags_bad", "pixelFlags_cr", "pixelFlags_crCenter", "pixelFlags_edge",
        "pixelFlags_nodata", "pixelFlags_interpolated", "pixelFlags_interpolatedCenter",
        "pixelFlags_offimage", "pixelFlags_saturated", "pixelFlags_saturatedCenter",
        "pixelFlags_suspect", "pixelFlags_suspectCenter", "pixelFlags_streak",
        "pixelFlags_streakCenter",
    )  # fmt: skip

    def accepts(self, schema_name: str, field_names: frozenset[str]) -> bool:  # noqa: ARG002
        """Say whether the schema has the fields of an LSST alert, whatever its name."""
        return field_names >= _SCHEMA_FIELDS

    def candidate_id(self, record: Mapping[str, Any]) -> Identifier | None:
        """Return ``diaSourceId`` (7.4: of the source itself), or None."""
        source = record.get("diaSource")
        value = source.get("diaSourceId") if isinstance(source, Mapping) else None
        return value if isinstance(value, int) else None

    def to_candidate(self, record: Mapping[str, Any]) -> Candidate:
        """Build the candidate; see `SurveyAdapter.to_candidate`."""
        source = record.get("diaSource")
        if not isinstance(source, Mapping):
            raise PacketError(RejectionReason.MISSING_FIELD, "field diaSource is absent or null")
        cutouts, flags = build_triplet(
            lambda kind: _cutout(record.get(CUTOUT_FIELDS[kind])),
            pixel_scale_arcsec=PIXEL_SCALE_ARCSEC,
        )
        score = number(source, "reliability")
        has_score = 0 <= score <= 1
        mjd_tai = _mid_exposure(source)
        return Candidate(
            survey=self.name,
            candidate_id=identifier(source.get("diaSourceId"), name="diaSourceId"),
            object_id=_object_id(source),
            mjd_tai=mjd_tai,
            ra_deg=number(source, "ra"),
            dec_deg=number(source, "dec"),
            band=source.get("band") or "",
            flux_njy=number(source, "psfFlux"),
            flux_err_njy=number(source, "psfFluxErr"),
            total=_total(source),
            snr=abs(number(source, "snr")),
            cutouts=cutouts,
            history=_history(record, mjd_tai=mjd_tai),
            survey_score=score if has_score else math.nan,
            survey_score_version=SCORE_NAME if has_score else "",
            edge_distance_px=_edge_distance(source),
            flags=flags | _context_flags(record, source),
            features={name: number(source, name) for name in self.feature_names},
        )


def _mid_exposure(source: Mapping[str, Any]) -> float:
    mjd_tai = required_number(source, "midpointMjdTai")
    if not 40_000 < mjd_tai < 100_000:
        raise PacketError(RejectionReason.BAD_VALUE, f"midpointMjdTai is no date: {mjd_tai}")
    return mjd_tai


def _object_id(source: Mapping[str, Any]) -> Identifier:
    for name in ("diaObjectId", "ssObjectId"):
        value = source.get(name)
        if isinstance(value, int) and value != 0:
            return value
    return identifier(source.get("diaSourceId"), name="diaSourceId")


def _edge_distance(source: Mapping[str, Any]) -> float:
    x, y = number(source, "x"), number(source, "y")
    distance = min(x, y, SENSOR_WIDTH_PX - 1 - x, SENSOR_HEIGHT_PX - 1 - y)
    return distance if distance >= 0 else math.nan


def _context_flags(record: Mapping[str, Any], source: Mapping[str, Any]) -> CandidateFlag:
    flags = CandidateFlag.NONE
    # In schema 7.4 is_negative is False throughout, whatever the flux.
    if source.get("isNegative") is True or number(source, "psfFlux") < 0:
        flags |= CandidateFlag.NEGATIVE_DIFFERENCE
    if source.get("ssObjectId") or record.get("ssSource"):
        flags |= CandidateFlag.SOLAR_SYSTEM
    if any(source.get(name) is True for name in _INJECTED_FIELDS):
        flags |= CandidateFlag.INJECTED
    if any(source.get(name) is True for name in _EDGE_FIELDS):
        flags |= CandidateFlag.EDGE
    return flags


def _cutout(data: object) -> tuple[Cutout | None, CandidateFlag]:
    """Read image, variance (UNCERT) and PSF (PSFIMAGE) of one cutout."""
    if not isinstance(data, bytes) or not data:
        return None, CandidateFlag.NONE
    first, *others = read_fits_images(data)
    flags = mask_fill_values(first.pixels)
    planes = {image.name: image.pixels for image in others}
    variance, psf = planes.get("UNCERT"), planes.get("PSFIMAGE")
    if variance is not None:
        mask_fill_values(variance)
        if variance.shape != first.pixels.shape:
            raise PacketError(
                RejectionReason.UNREADABLE_CUTOUT,
                f"variance of shape {variance.shape} for an image of {first.pixels.shape}",
            )
    return Cutout(pixels=first.pixels, variance=variance, psf=psf), flags


def _history(record: Mapping[str, Any], *, mjd_tai: float) -> LightCurve | None:
    """Return forced fluxes, detections where there is no forced flux, and limits."""
    epochs: dict[tuple[object, object], Epoch] = {}
    for name in ("prvDiaForcedSources", "prvDiaSources"):
        for row in rows(record, name):
            epoch = _epoch(row)
            if epoch is not None:
                epochs.setdefault((row.get("visit"), row.get("detector")), epoch)
    for row in rows(record, "prvDiaNondetectionLimits"):
        limit_mjd_tai, noise = number(row, "midpointMjdTai"), number(row, "diaNoise")
        if math.isfinite(limit_mjd_tai):
            limit = Epoch(
                limit_mjd_tai,
                _FIVE_SIGMA * noise,
                math.nan,
                row.get("band") or "",
                is_upper_limit=True,
            )
            epochs.setdefault((row.get("ccdVisitId"), None), limit)
    return light_curve(list(epochs.values()), before_mjd_tai=mjd_tai)


def _epoch(row: Mapping[str, Any]) -> Epoch | None:
    mjd_tai = number(row, "midpointMjdTai")
    if not math.isfinite(mjd_tai):
        return None
    return Epoch(
        mjd_tai,
        number(row, "psfFlux"),
        number(row, "psfFluxErr"),
        row.get("band") or "",
        total=_total(row),
    )


def _total(row: Mapping[str, Any]) -> TotalFlux:
    """Return the forced flux of the visit's own image, else template and difference together."""
    science, science_err = number(row, "scienceFlux"), number(row, "scienceFluxErr")
    if math.isfinite(science):
        return TotalFlux(science, science_err, 0.0)
    template_err, difference_err = number(row, "templateFluxErr"), number(row, "psfFluxErr")
    return TotalFlux(
        number(row, "templateFlux") + number(row, "psfFlux"),
        math.hypot(template_err, difference_err),
        0.0,
    )

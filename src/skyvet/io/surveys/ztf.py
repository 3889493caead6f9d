"""ZTF alert packets, schemas 2.0 to 4.02, as sent or as brokers rewrite them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from skyvet.core.errors import PacketError
from skyvet.core.times import jd_utc_to_mjd_tai
from skyvet.io.surveys.base import (
    CUTOUT_FIELDS,
    build_triplet,
    clean_pixels,
    identifier,
    number,
    required_number,
)
from skyvet.io.surveys.ztf_history import (
    BANDS,
    EXPOSURE_S,
    difference_flux,
    difference_sign,
    is_plausible_jd,
    total_flux,
    ztf_history,
)
from skyvet.records.candidate import Candidate
from skyvet.records.cutouts import Cutout, CutoutKind
from skyvet.records.flags import CandidateFlag
from skyvet.records.identifiers import Identifier
from skyvet.records.rejections import RejectionReason

__all__ = [
    "PIXEL_SCALE_ARCSEC",
    "QUADRANT_HEIGHT_PX",
    "QUADRANT_WIDTH_PX",
    "STAMP_PX",
    "ZtfAdapter",
    "bright_star_radius_arcsec",
    "centre_of_cut_stamp",
]

QUADRANT_WIDTH_PX = 3072
QUADRANT_HEIGHT_PX = 3080
"""Size of a readout quadrant, the image that is subtracted [pixels]."""

STAMP_PX = 63
"""Height and width of a whole cutout [pixels]."""

PIXEL_SCALE_ARCSEC = 1.01
"""Pixel scale [arcsec]."""

SOLAR_SYSTEM_ARCSEC = 5.0
"""A known Solar System object within this distance explains the candidate."""

_SENTINELS = (-999.0, -99.0)
_SCHEMA_FIELDS = frozenset(
    ("objectId", "candid", "candidate.jd", "candidate.fid", "candidate.magpsf", "candidate.rcid")
)


class ZtfAdapter:
    """Adapter of the Zwicky Transient Facility."""

    name = "ztf"
    stamp_px = STAMP_PX
    pixel_scale_arcsec = PIXEL_SCALE_ARCSEC
    history_fields: tuple[str, ...] = ("prv_candidates", "fp_hists")
    feature_names: tuple[str, ...] = (
        "magpsf", "sigmapsf", "chipsf", "magap", "sigmagap", "distnr", "magnr", "chinr", "sharpnr",
        "sky", "magdiff", "fwhm", "classtar", "mindtoedge", "magfromlim", "seeratio", "aimage",
        "bimage", "aimagerat", "bimagerat", "elong", "nneg", "nbad", "sumrat", "scorr", "dsnrms",
        "ssnrms", "dsdiff", "diffmaglim", "sgscore1", "distpsnr1", "neargaia", "neargaiabright",
        "maggaia", "maggaiabright", "nmtchps", "magzpscirms",
    )  # fmt: skip

    def accepts(self, schema_name: str, field_names: frozenset[str]) -> bool:  # noqa: ARG002
        """Say whether the schema has the fields of a ZTF alert, whatever its name."""
        return field_names >= _SCHEMA_FIELDS

    def candidate_id(self, record: Mapping[str, Any]) -> Identifier | None:
        """Return ``candid``, or None."""
        value = record.get("candid")
        return value if isinstance(value, int) else None

    def to_candidate(self, record: Mapping[str, Any]) -> Candidate:
        """Build the candidate; see `SurveyAdapter.to_candidate`."""
        alert = record.get("candidate")
        if not isinstance(alert, Mapping):
            raise PacketError(RejectionReason.MISSING_FIELD, "field candidate is absent or null")
        flux_njy, flux_err_njy = difference_flux(alert)
        cutouts, flags = build_triplet(
            lambda kind: _cutout(record, alert, kind), pixel_scale_arcsec=PIXEL_SCALE_ARCSEC
        )
        score, version = _survey_score(alert)
        mjd_tai = _mid_exposure(alert)
        return Candidate(
            survey=self.name,
            candidate_id=identifier(record.get("candid"), name="candid"),
            object_id=identifier(record.get("objectId"), name="objectId"),
            mjd_tai=mjd_tai,
            ra_deg=number(alert, "ra"),
            dec_deg=number(alert, "dec"),
            band=BANDS.get(alert.get("fid", 0), ""),
            flux_njy=flux_njy,
            flux_err_njy=flux_err_njy,
            total=total_flux(alert, flux_njy=flux_njy, flux_err_njy=flux_err_njy),
            snr=abs(flux_njy) / flux_err_njy if flux_err_njy > 0 else math.nan,
            cutouts=cutouts,
            history=ztf_history(record, before_mjd_tai=mjd_tai),
            survey_score=score,
            survey_score_version=version,
            edge_distance_px=_edge_distance(alert),
            flags=flags | _context_flags(alert),
            features={name: _feature(alert, name) for name in self.feature_names},
        )


def _mid_exposure(alert: Mapping[str, Any]) -> float:
    exposure_s = number(alert, "exptime")
    jd = required_number(alert, "jd")
    if not is_plausible_jd(jd):
        raise PacketError(RejectionReason.BAD_VALUE, f"jd is no date of this century: {jd}")
    return jd_utc_to_mjd_tai(jd, exposure_s=exposure_s if 0 < exposure_s < 1e5 else EXPOSURE_S)


def _survey_score(alert: Mapping[str, Any]) -> tuple[float, str]:
    """Return drb and its version; drb without a version is a placeholder, not a score."""
    version = alert.get("drbversion")
    score = number(alert, "drb")
    if not isinstance(version, str) or not version or not 0 <= score <= 1:
        return math.nan, ""
    return score, version


def _feature(alert: Mapping[str, Any], name: str) -> float:
    value = number(alert, name)
    return math.nan if value in _SENTINELS else value


def _edge_distance(alert: Mapping[str, Any]) -> float:
    given = _feature(alert, "mindtoedge")
    if math.isfinite(given):
        return given
    x, y = _feature(alert, "xpos"), _feature(alert, "ypos")
    return min(x, y, QUADRANT_WIDTH_PX - x, QUADRANT_HEIGHT_PX - y)


def _context_flags(alert: Mapping[str, Any]) -> CandidateFlag:
    flags = CandidateFlag.NONE
    if difference_sign(alert) < 0:
        flags |= CandidateFlag.NEGATIVE_DIFFERENCE
    if 0 <= _feature(alert, "ssdistnr") <= SOLAR_SYSTEM_ARCSEC:
        flags |= CandidateFlag.SOLAR_SYSTEM
    distance, magnitude = _feature(alert, "neargaiabright"), _feature(alert, "maggaiabright")
    if 0 <= distance <= bright_star_radius_arcsec(magnitude):
        flags |= CandidateFlag.NEAR_BRIGHT_STAR
    return flags


def bright_star_radius_arcsec(magnitude: float) -> float:
    """Return how far a bright star's halo and spikes disturb subtraction [arcsec].

    10 arcsec at Gaia G = 14 (the faintest that ZTF reports as bright), growing by a factor 1.41
    a magnitude; a rule of thumb, not a fit.

    Parameters
    ----------
    magnitude : float
        Gaia G of the star [mag]; NaN where there is none.

    Examples
    --------
    >>> bright_star_radius_arcsec(14.0)
    10.0
    """
    return 10.0 ** (1.0 + 0.15 * (14.0 - magnitude)) if 0 < magnitude < 30 else math.nan


def _cutout(
    record: Mapping[str, Any], alert: Mapping[str, Any], kind: CutoutKind
) -> tuple[Cutout | None, CandidateFlag]:
    data = _stamp_data(record.get(CUTOUT_FIELDS[kind]))
    if not data:
        return None, CandidateFlag.NONE
    pixels, flags = clean_pixels(data)
    if pixels.shape == (STAMP_PX, STAMP_PX):
        return Cutout(pixels=pixels), flags
    centre = centre_of_cut_stamp(
        pixels.shape, xpos=_feature(alert, "xpos"), ypos=_feature(alert, "ypos")
    )
    return Cutout(pixels=pixels, centre_row_col=centre), flags | CandidateFlag.EDGE


def _stamp_data(holder: object) -> bytes | None:
    data = holder.get("stampData") if isinstance(holder, Mapping) else None
    return data if isinstance(data, bytes) else None


def centre_of_cut_stamp(
    shape: tuple[int, ...], *, xpos: float, ypos: float
) -> tuple[int, int] | None:
    """Return the pixel of a cut stamp that holds the candidate.

    ZTF cuts 63 x 63 pixels around the pixel nearest to (`xpos`, `ypos`), where the first pixel of
    the 3072 x 3080 quadrant is 1, and leaves out what lies beyond the quadrant.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the stamp.
    xpos, ypos : float
        Position on the quadrant [pixels]; NaN where unknown.

    Returns
    -------
    tuple of int or None
        Row and column; None where the position does not explain the shape.

    Examples
    --------
    >>> centre_of_cut_stamp((41, 63), xpos=2647.1, ypos=10.4)
    (9, 31)
    """
    row = _centre_along(shape[0], ypos, QUADRANT_HEIGHT_PX)
    column = _centre_along(shape[1], xpos, QUADRANT_WIDTH_PX)
    return None if row is None or column is None else (row, column)


def _centre_along(size: int, position: float, n_px: int) -> int | None:
    if not 0 <= position <= n_px + 1:
        return STAMP_PX // 2 if size == STAMP_PX else None
    nearest = math.floor(position + 0.5)
    first = max(1, nearest - STAMP_PX // 2)
    last = min(n_px, nearest + STAMP_PX // 2)
    return nearest - first if last - first + 1 == size else None

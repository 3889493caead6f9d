"""Candidates to ZTF-shaped alert packets: for simulated nights, tests and demonstrations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from skyvet.core.errors import InvalidInputError
from skyvet.core.photometry import flux_njy_to_magnitude
from skyvet.core.times import mjd_tai_to_mjd_utc
from skyvet.io.avro import AvroWriter
from skyvet.io.fits_stamps import encode_fits, gzip_bytes
from skyvet.io.surveys.base import MAGNITUDE_PER_SNR
from skyvet.io.surveys.ztf import QUADRANT_HEIGHT_PX, QUADRANT_WIDTH_PX, STAMP_PX
from skyvet.io.surveys.ztf_history import BANDS, EXPOSURE_S
from skyvet.io.surveys.ztf_schema import CANDIDATE_FIELDS, SCHEMA_VERSION, ztf_alert_schema
from skyvet.records.candidate import Candidate
from skyvet.records.cutouts import Cutout
from skyvet.records.light_curve import LightCurve

__all__ = ["encode_ztf_alert"]

_JD_OF_MJD_ZERO = 2_400_000.5
_FID = {band: fid for fid, band in BANDS.items()}
_MISSING = -999
_FILE_NAMES = {
    "science": "candid{candid}_pid{pid}_targ_sci.fits.gz",
    "template": "candid{candid}_ref.fits.gz",
    "difference": "candid{candid}_pid{pid}_targ_scimref.fits.gz",
}


def encode_ztf_alert(candidate: Candidate, *, extra: Mapping[str, Any] | None = None) -> bytes:
    r"""Write a candidate as one ZTF alert: an Avro container, schema 4.02, gzipped FITS cutouts.

    The same candidate always gives the same bytes.

    Parameters
    ----------
    candidate : Candidate
        Its ``candidate_id`` must be an integer and its ``band`` g, r or i. Features that are
        fields of a ZTF candidate are written; NaN becomes null, or -999 where the schema has no
        null.
    extra : mapping, optional
        Further fields of the packet's ``candidate``, such as ``rb`` or ``ndethist``; they go
        before what is derived from the candidate.

    Returns
    -------
    bytes
        Content of an ``.avro`` file.

    Raises
    ------
    InvalidInputError
        If the identifier or band do not fit, or a name in `extra` is no field of a ZTF alert.

    Examples
    --------
    >>> night = Candidate(survey="ztf", candidate_id=7, object_id="ZTF20aaaaaaa", mjd_tai=59000.0,
    ...                   band="r", flux_njy=1e5, flux_err_njy=1e4)
    >>> encode_ztf_alert(night)[:4]
    b'Obj\x01'
    """
    candid = candidate.candidate_id
    if not isinstance(candid, int):
        raise InvalidInputError(f"a ZTF candidate_id is an integer, got {candid!r}")
    if candidate.band not in _FID:
        raise InvalidInputError(f"a ZTF band is one of {', '.join(_FID)}, got {candidate.band!r}")
    unknown = sorted(set(extra or {}) - set(CANDIDATE_FIELDS))
    if unknown:
        raise InvalidInputError(f"no fields of a ZTF candidate: {', '.join(unknown)}")
    alert = _alert_fields(candidate, candid, extra or {})
    record = {
        "schemavsn": SCHEMA_VERSION,
        "publisher": "ZTF (www.ztf.caltech.edu)",
        "objectId": str(candidate.object_id),
        "candid": candid,
        "candidate": alert,
        "prv_candidates": _previous(candidate.history),
        **_cutouts(candidate, candid=candid, pid=alert["pid"]),
    }
    return _writer().encode(record)


@cache
def _writer() -> AvroWriter:
    return AvroWriter(ztf_alert_schema())


def _alert_fields(candidate: Candidate, candid: int, extra: Mapping[str, Any]) -> dict[str, Any]:
    exposure_s = float(extra.get("exptime") or EXPOSURE_S)
    jd = _start_jd(candidate.mjd_tai, exposure_s)
    features = {k: _plain(k, v) for k, v in candidate.features.items() if k in CANDIDATE_FIELDS}
    has_score = math.isfinite(candidate.survey_score)
    return {
        **_defaults(jd),
        **features,
        **_position(candidate),
        "jd": jd,
        "fid": _FID[candidate.band],
        "candid": candid,
        "pid": candid // 1_000_000,
        "isdiffpos": "f" if candidate.flux_njy < 0 else "t",
        "ra": candidate.ra_deg,
        "dec": candidate.dec_deg,
        "ranr": candidate.ra_deg,
        "decnr": candidate.dec_deg,
        "magpsf": float(flux_njy_to_magnitude(candidate.flux_njy)),
        "sigmapsf": _magnitude_err(candidate.flux_njy, candidate.flux_err_njy),
        "drb": candidate.survey_score if has_score else None,
        "drbversion": candidate.survey_score_version if has_score else "",
        "exptime": exposure_s,
        **extra,
    }


def _defaults(jd: float) -> dict[str, Any]:
    """Return what the schema asks for and a candidate does not know."""
    return {
        "programid": 1,
        "ndethist": 1,
        "ncovhist": 1,
        "jdstarthist": jd,
        "jdendhist": jd,
        "nmtchps": 0,
        "rfid": 0,
        "jdstartref": jd - 400.0,
        "jdendref": jd - 40.0,
        "nframesref": 15,
        "rbversion": "",
        "nmatches": 0,
        "ssdistnr": float(_MISSING),
        "ssmagnr": float(_MISSING),
    }


def _start_jd(mjd_tai: float, exposure_s: float) -> float:
    return mjd_tai_to_mjd_utc(mjd_tai - 0.5 * exposure_s / 86_400.0) + _JD_OF_MJD_ZERO


def _magnitude_err(flux: float, flux_err: float) -> float:
    return MAGNITUDE_PER_SNR * flux_err / abs(flux) if flux else math.nan


def _plain(name: str, value: float) -> float | int | None:
    """Return a feature as the schema's type."""
    kind = CANDIDATE_FIELDS[name]
    if not math.isfinite(value):
        return None if kind.endswith("?") else _MISSING
    return int(value) if kind.startswith(("int", "long")) else float(value)


def _position(candidate: Candidate) -> dict[str, Any]:
    """Return a place on the quadrant that cuts the cutouts as they are cut."""
    shapes = [] if candidate.cutouts is None else [c for _, c in candidate.cutouts.items() if c]
    edge = candidate.edge_distance_px
    position: dict[str, Any] = {"mindtoedge": edge} if math.isfinite(edge) else {}
    if shapes:
        height, width = shapes[0].shape
        row, column = shapes[0].centre
        position["xpos"] = _place(width, column, QUADRANT_WIDTH_PX)
        position["ypos"] = _place(height, row, QUADRANT_HEIGHT_PX)
    return position


def _place(size: int, centre: int, n_px: int) -> float | None:
    """Return the coordinate (first pixel = 1) whose stamp has this size and centre."""
    if size >= STAMP_PX:
        return n_px / 2
    if centre < STAMP_PX // 2:
        return float(centre + 1)
    return float(n_px - (size - 1 - centre))


def _previous(history: LightCurve | None) -> list[dict[str, Any]] | None:
    if history is None:
        return None
    magnitudes = flux_njy_to_magnitude(history.flux_njy)
    return [_epoch(history, i_epoch, float(magnitudes[i_epoch])) for i_epoch in range(len(history))]


def _epoch(history: LightCurve, i_epoch: int, magnitude: float) -> dict[str, Any]:
    jd = _start_jd(float(history.mjd_tai[i_epoch]), EXPOSURE_S)
    row = {
        "jd": jd, "fid": _FID.get(str(history.band[i_epoch]), 2), "pid": 0, "programid": 1,
        "rbversion": "",
    }  # fmt: skip
    if history.is_upper_limit[i_epoch]:
        return {**row, "diffmaglim": magnitude}
    flux, flux_err = float(history.flux_njy[i_epoch]), float(history.flux_err_njy[i_epoch])
    return {
        **row,
        "isdiffpos": "f" if flux < 0 else "t",
        "magpsf": magnitude,
        "sigmapsf": _magnitude_err(flux, flux_err),
    }


def _cutouts(candidate: Candidate, *, candid: int, pid: int) -> dict[str, Any]:
    if candidate.cutouts is None:
        return {}
    return {
        f"cutout{kind.field.capitalize()}": None
        if cutout is None
        else _stamp(cutout, _FILE_NAMES[kind.field].format(candid=candid, pid=pid))
        for kind, cutout in candidate.cutouts.items()
    }


def _stamp(cutout: Cutout, file_name: str) -> dict[str, Any]:
    data = encode_fits(cutout.pixels, cards={"BUNIT": "DN"})
    return {"fileName": file_name, "stampData": gzip_bytes(data)}

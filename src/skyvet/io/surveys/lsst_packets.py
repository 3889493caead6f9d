"""Candidates to LSST-shaped alert packets: for simulated nights, tests and demonstrations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.io.avro import WIRE_MAGIC, AvroWriter
from skyvet.io.fits_stamps import encode_fits
from skyvet.io.surveys.lsst import SENSOR_HEIGHT_PX, SENSOR_WIDTH_PX
from skyvet.io.surveys.lsst_schema import DIA_SOURCE_FIELDS, lsst_alert_schema
from skyvet.records.candidate import Candidate
from skyvet.records.cutouts import Cutout
from skyvet.records.flags import CandidateFlag
from skyvet.records.light_curve import LightCurve

__all__ = ["LSST_SCHEMA_ID", "encode_lsst_alert", "encode_lsst_message"]

LSST_SCHEMA_ID = 900
"""Id of schema 9.0 on the wire."""


def encode_lsst_alert(candidate: Candidate, *, extra: Mapping[str, Any] | None = None) -> bytes:
    r"""Write a candidate as one LSST alert: an Avro container, schema 9.0, plain FITS cutouts.

    The same candidate always gives the same bytes.

    Parameters
    ----------
    candidate : Candidate
        Its identifiers must be integers. Features that are fields of a ``diaSource`` are
        written; NaN becomes null.
    extra : mapping, optional
        Further fields of the ``diaSource``; they go before what is derived from the candidate.

    Returns
    -------
    bytes
        Content of an ``.avro`` file.

    Raises
    ------
    InvalidInputError
        If an identifier does not fit, or a name in `extra` is no field of a ``diaSource``.

    Examples
    --------
    >>> night = Candidate(survey="lsst", candidate_id=7, object_id=8, mjd_tai=61000.0, band="r",
    ...                   flux_njy=1e4, flux_err_njy=1e3)
    >>> encode_lsst_alert(night)[:4]
    b'Obj\x01'
    """
    return _writer().encode(_record(candidate, extra or {}))


def encode_lsst_message(candidate: Candidate, *, extra: Mapping[str, Any] | None = None) -> bytes:
    """Write a candidate as one wire-format message: a zero byte, the schema id, the body.

    Takes and raises what `encode_lsst_alert` does.
    """
    body = _writer().encode_body(_record(candidate, extra or {}))
    return WIRE_MAGIC + LSST_SCHEMA_ID.to_bytes(4, "big") + body


@cache
def _writer() -> AvroWriter:
    return AvroWriter(lsst_alert_schema())


def _record(candidate: Candidate, extra: Mapping[str, Any]) -> dict[str, Any]:
    source_id, object_id = candidate.candidate_id, candidate.object_id
    if not isinstance(source_id, int) or not isinstance(object_id, int):
        raise InvalidInputError(
            f"LSST identifiers are integers, got {source_id!r} and object {object_id!r}"
        )
    unknown = sorted(set(extra) - set(DIA_SOURCE_FIELDS))
    if unknown:
        raise InvalidInputError(f"no fields of an LSST diaSource: {', '.join(unknown)}")
    return {
        "diaSourceId": source_id,
        "diaSource": {**_source(candidate), "diaObjectId": object_id, **extra},
        "prvDiaForcedSources": _forced(candidate, object_id),
        **_cutouts(candidate),
    }


def _source(candidate: Candidate) -> dict[str, Any]:
    features = {k: _plain(k, v) for k, v in candidate.features.items() if k in DIA_SOURCE_FIELDS}
    flags = candidate.flags
    return {
        "visit": 0,
        "detector": 0,
        **_position(candidate.edge_distance_px),
        **features,
        "diaSourceId": candidate.candidate_id,
        "ssObjectId": 1 if CandidateFlag.SOLAR_SYSTEM in flags else 0,
        "midpointMjdTai": candidate.mjd_tai,
        "timeProcessedMjdTai": candidate.mjd_tai,
        "ra": candidate.ra_deg,
        "dec": candidate.dec_deg,
        "band": candidate.band or None,
        "psfFlux": _nullable(candidate.flux_njy),
        "psfFluxErr": _nullable(candidate.flux_err_njy),
        "snr": _nullable(candidate.snr),
        "isNegative": candidate.flux_njy < 0,
        "reliability": _nullable(candidate.survey_score),
        "pixelFlags_injected": CandidateFlag.INJECTED in flags,
        "pixelFlags_edge": CandidateFlag.EDGE in flags,
    }


def _nullable(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _plain(name: str, value: float) -> float | int | bool | None:
    """Return a feature as the schema's type."""
    kind = DIA_SOURCE_FIELDS[name]
    if not math.isfinite(value):
        return None
    if kind.startswith("boolean"):
        return bool(value)
    return int(value) if kind.startswith(("int", "long")) else float(value)


def _position(edge_distance_px: float) -> dict[str, float]:
    """Return a place on the sensor at this distance from its left edge."""
    x = edge_distance_px if math.isfinite(edge_distance_px) else SENSOR_WIDTH_PX / 2
    return {"x": x, "y": SENSOR_HEIGHT_PX / 2}


def _forced(candidate: Candidate, object_id: int) -> list[dict[str, Any]] | None:
    history = candidate.history
    if history is None:
        return None
    return [
        {
            **_forced_epoch(history, i_epoch),
            "diaForcedSourceId": i_epoch,
            "diaObjectId": object_id,
            "ra": candidate.ra_deg,
            "dec": candidate.dec_deg,
        }
        for i_epoch in range(len(history))
        if not history.is_upper_limit[i_epoch]
    ]


def _forced_epoch(history: LightCurve, i_epoch: int) -> dict[str, Any]:
    mjd_tai = float(history.mjd_tai[i_epoch])
    return {
        "visit": i_epoch + 1,
        "detector": 0,
        "psfFlux": _nullable(history.flux_njy[i_epoch]),
        "psfFluxErr": _nullable(history.flux_err_njy[i_epoch]),
        "midpointMjdTai": mjd_tai,
        "timeProcessedMjdTai": mjd_tai,
        "band": str(history.band[i_epoch]) or None,
    }


def _cutouts(candidate: Candidate) -> dict[str, bytes]:
    if candidate.cutouts is None:
        return {}
    return {
        f"cutout{kind.field.capitalize()}": _stamp(cutout)
        for kind, cutout in candidate.cutouts.items()
        if cutout is not None
    }


def _stamp(cutout: Cutout) -> bytes:
    extensions: dict[str, FloatArray] = {}
    if cutout.variance is not None:
        extensions["UNCERT"] = cutout.variance
    if cutout.psf is not None:
        extensions["PSFIMAGE"] = cutout.psf
    return encode_fits(cutout.pixels, cards={"BUNIT": "nJy"}, extensions=extensions)

"""The shape of an LSST alert, schema 9.0: field names and types as the survey sends them."""

from __future__ import annotations

from typing import Any

from skyvet.io.surveys.schema_text import optional_field, record_type

__all__ = ["DIA_SOURCE_FIELDS", "SCHEMA_VERSION", "lsst_alert_schema"]

SCHEMA_VERSION = "9.0"

_NAMESPACE = "lsst.v9_0"
_BANDS = "ugrizy"

_DIA_SOURCE = """
diaSourceId:long visit:long detector:int diaObjectId:long? ssObjectId:long? parentDiaSourceId:long?
midpointMjdTai:double ra:double raErr:float? dec:double decErr:float? ra_dec_Cov:float? x:float
xErr:float? y:float yErr:float? centroid_flag:boolean? apFlux:float? apFluxErr:float?
apFlux_flag:boolean? apFlux_flag_apertureTruncated:boolean? isNegative:boolean? snr:float?
psfFlux:float? psfFluxErr:float? psfLnL:float? psfChi2:float? psfNdata:int? psfFlux_flag:boolean?
psfFlux_flag_edge:boolean? psfFlux_flag_noGoodPixels:boolean? trailFlux:float? trailFluxErr:float?
trailRa:double? trailRaErr:float? trailDec:double? trailDecErr:float? trailLength:float?
trailLengthErr:float? trailAngle:float? trailAngleErr:float? trailChi2:float? trailNdata:int?
trail_flag_edge:boolean? dipoleMeanFlux:float? dipoleMeanFluxErr:float? dipoleFluxDiff:float?
dipoleFluxDiffErr:float? dipoleLength:float? dipoleAngle:float? dipoleChi2:float?
dipoleNdata:int? scienceFlux:float? scienceFluxErr:float? forced_PsfFlux_flag:boolean?
forced_PsfFlux_flag_edge:boolean? forced_PsfFlux_flag_noGoodPixels:boolean? templateFlux:float?
templateFluxErr:float? ixx:float? iyy:float? ixy:float? ixxPSF:float? iyyPSF:float? ixyPSF:float?
shape_flag:boolean? shape_flag_no_pixels:boolean? shape_flag_not_contained:boolean?
shape_flag_parent_source:boolean? extendedness:float? reliability:float? band:string?
isDipole:boolean? dipoleFitAttempted:boolean? timeProcessedMjdTai:double
timeWithdrawnMjdTai:double? bboxSize:int? pixelFlags:boolean? pixelFlags_bad:boolean?
pixelFlags_cr:boolean? pixelFlags_crCenter:boolean? pixelFlags_edge:boolean?
pixelFlags_nodata:boolean? pixelFlags_nodataCenter:boolean? pixelFlags_interpolated:boolean?
pixelFlags_interpolatedCenter:boolean? pixelFlags_offimage:boolean? pixelFlags_saturated:boolean?
pixelFlags_saturatedCenter:boolean? pixelFlags_suspect:boolean? pixelFlags_suspectCenter:boolean?
pixelFlags_streak:boolean? pixelFlags_streakCenter:boolean? pixelFlags_injected:boolean?
pixelFlags_injectedCenter:boolean? pixelFlags_injected_template:boolean?
pixelFlags_injected_templateCenter:boolean? glint_trail:boolean?
"""
_FORCED = """
diaForcedSourceId:long diaObjectId:long ra:double dec:double visit:long detector:int psfFlux:float?
psfFluxErr:float? midpointMjdTai:double scienceFlux:float? scienceFluxErr:float? band:string?
timeProcessedMjdTai:double timeWithdrawnMjdTai:double?
"""
_SOLAR_SYSTEM = """
ssObjectId:long? diaSourceId:long? eclipticLambda:double? eclipticBeta:double? galacticL:double?
galacticB:double? phaseAngle:float? heliocentricDist:float? topocentricDist:float?
predictedVMagnitude:float? residualRa:double? residualDec:double? heliocentricX:float?
heliocentricY:float? heliocentricZ:float? heliocentricVX:float? heliocentricVY:float?
heliocentricVZ:float? topocentricX:float? topocentricY:float? topocentricZ:float?
topocentricVX:float? topocentricVY:float? topocentricVZ:float?
"""
_ORBIT = """
mpcDesignation:string? ssObjectId:long? mpcH:float? epoch:double? M:double? peri:double?
node:double? incl:double? e:double? a:double? q:double? t_p:double?
"""

DIA_SOURCE_FIELDS: dict[str, str] = dict(entry.split(":") for entry in _DIA_SOURCE.split())
"""Types of the fields of ``diaSource``; a question mark makes one nullable."""


def lsst_alert_schema() -> dict[str, Any]:
    """Return the Avro schema of an LSST alert as a JSON document.

    Examples
    --------
    >>> lsst_alert_schema()["name"], len(DIA_SOURCE_FIELDS)
    ('lsst.v9_0.alert', 98)
    """
    source = f"{_NAMESPACE}.diaSource"
    forced = {"type": "array", "items": record_type(f"{_NAMESPACE}.diaForcedSource", _FORCED)}
    return {
        "type": "record",
        "name": f"{_NAMESPACE}.alert",
        "fields": [
            {"name": "diaSourceId", "type": "long"},
            optional_field("observation_reason", "string"),
            optional_field("target_name", "string"),
            {"name": "diaSource", "type": record_type(source, _DIA_SOURCE)},
            optional_field("prvDiaSources", {"type": "array", "items": source}),
            optional_field("prvDiaForcedSources", forced),
            optional_field("diaObject", record_type(f"{_NAMESPACE}.diaObject", _dia_object())),
            optional_field("ssSource", record_type(f"{_NAMESPACE}.ssSource", _SOLAR_SYSTEM)),
            optional_field("MPCORB", record_type(f"{_NAMESPACE}.MPCORB", _ORBIT)),
            optional_field("cutoutDifference", "bytes"),
            optional_field("cutoutScience", "bytes"),
            optional_field("cutoutTemplate", "bytes"),
        ],
    }


def _dia_object() -> str:
    """Return the fields of ``diaObject``: a head, four groups for each band, and a tail."""
    groups = (
        "{b}_psfFluxMean:float? {b}_psfFluxMeanErr:float? {b}_psfFluxSigma:float? "
        "{b}_psfFluxNdata:int? {b}_fpFluxMean:float? {b}_fpFluxMeanErr:float?",
        "{b}_scienceFluxMean:float? {b}_scienceFluxMeanErr:float?",
        "{b}_psfFluxMin:float? {b}_psfFluxMax:float? {b}_psfFluxMaxSlope:float? "
        "{b}_psfFluxErrMean:float?",
    )
    head = (
        "diaObjectId:long validityStartMjdTai:double ra:double raErr:float? dec:double "
        "decErr:float? ra_dec_Cov:float?"
    )
    tail = "firstDiaSourceMjdTai:double? lastDiaSourceMjdTai:double? nDiaSources:int"
    return " ".join([head, *(group.format(b=b) for group in groups for b in _BANDS), tail])

"""The shape of a ZTF alert, schema 4.02: field names and types as the survey sends them."""

from __future__ import annotations

from typing import Any

from skyvet.io.surveys.schema_text import optional_field, record_type

__all__ = ["CANDIDATE_FIELDS", "SCHEMA_VERSION", "ztf_alert_schema"]

SCHEMA_VERSION = "4.02"

# name:type; a question mark makes the field nullable.
_SHARED = """
jd:double fid:int pid:long diffmaglim:float? pdiffimfilename:string? programpi:string?
programid:int
"""
_MEASURED = """
tblid:long? nid:int? rcid:int? field:int? xpos:float? ypos:float? {ra_dec} {magnitude}
chipsf:float? magap:float? sigmagap:float? distnr:float? magnr:float? sigmagnr:float? chinr:float?
sharpnr:float? sky:float? magdiff:float? fwhm:float? classtar:float? mindtoedge:float?
magfromlim:float? seeratio:float? aimage:float? bimage:float? aimagerat:float? bimagerat:float?
elong:float? nneg:int? nbad:int? rb:float? ssdistnr:float? ssmagnr:float? ssnamenr:string?
sumrat:float? magapbig:float? sigmagapbig:float?
"""
_CANDIDATE = (
    _SHARED
    + "candid:long isdiffpos:string"
    + _MEASURED.format(ra_dec="ra:double dec:double", magnitude="magpsf:float sigmapsf:float")
    + """
ranr:double decnr:double sgmag1:float? srmag1:float? simag1:float? szmag1:float? sgscore1:float?
distpsnr1:float? ndethist:int ncovhist:int jdstarthist:double? jdendhist:double? scorr:double?
tooflag:int? objectidps1:long? objectidps2:long? sgmag2:float? srmag2:float? simag2:float?
szmag2:float? sgscore2:float? distpsnr2:float? objectidps3:long? sgmag3:float? srmag3:float?
simag3:float? szmag3:float? sgscore3:float? distpsnr3:float? nmtchps:int rfid:long
jdstartref:double jdendref:double nframesref:int rbversion:string dsnrms:float? ssnrms:float?
dsdiff:float? magzpsci:float? magzpsciunc:float? magzpscirms:float? nmatches:int clrcoeff:float?
clrcounc:float? zpclrcov:float? zpmed:float? clrmed:float? clrrms:float? neargaia:float?
neargaiabright:float? maggaia:float? maggaiabright:float? exptime:float? drb:float?
drbversion:string
"""
)
_PREVIOUS = (
    _SHARED
    + "candid:long? isdiffpos:string?"
    + _MEASURED.format(ra_dec="ra:double? dec:double?", magnitude="magpsf:float? sigmapsf:float?")
    + """
ranr:double? decnr:double? scorr:double? magzpsci:float? magzpsciunc:float? magzpscirms:float?
clrcoeff:float? clrcounc:float? rbversion:string
"""
)
_FORCED = """
field:int? rcid:int? fid:int pid:long rfid:long sciinpseeing:float? scibckgnd:float?
scisigpix:float? magzpsci:float? magzpsciunc:float? magzpscirms:float? clrcoeff:float?
clrcounc:float? exptime:float? adpctdif1:float? adpctdif2:float? diffmaglim:float? programid:int
jd:double forcediffimflux:float? forcediffimfluxunc:float? procstatus:string? distnr:float?
ranr:double decnr:double magnr:float? sigmagnr:float? chinr:float? sharpnr:float?
"""

CANDIDATE_FIELDS: dict[str, str] = dict(entry.split(":") for entry in _CANDIDATE.split())
"""Types of the fields of ``candidate``; a question mark makes one nullable."""


def ztf_alert_schema() -> dict[str, Any]:
    """Return the Avro schema of a ZTF alert as a JSON document.

    Examples
    --------
    >>> ztf_alert_schema()["name"], len(CANDIDATE_FIELDS)
    ('ztf.alert', 103)
    """
    previous = {"type": "array", "items": record_type("ztf.alert.prv_candidate", _PREVIOUS)}
    forced = {"type": "array", "items": record_type("ztf.alert.fp_hist", _FORCED)}
    cutout = record_type("ztf.alert.cutout", "fileName:string stampData:bytes")
    return {
        "type": "record",
        "name": "ztf.alert",
        "version": SCHEMA_VERSION,
        "fields": [
            {"name": "schemavsn", "type": "string"},
            {"name": "publisher", "type": "string"},
            {"name": "objectId", "type": "string"},
            {"name": "candid", "type": "long"},
            {"name": "candidate", "type": record_type("ztf.alert.candidate", _CANDIDATE)},
            optional_field("prv_candidates", previous),
            optional_field("fp_hists", forced),
            optional_field("cutoutScience", cutout),
            optional_field("cutoutTemplate", "ztf.alert.cutout"),
            optional_field("cutoutDifference", "ztf.alert.cutout"),
        ],
    }

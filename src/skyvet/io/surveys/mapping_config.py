"""The mapping file: where a survey's packets hold what a candidate needs."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError

__all__ = [
    "BandMapping",
    "BrightnessMapping",
    "CutoutMapping",
    "HistoryMapping",
    "ScoreMapping",
    "SurveyMapping",
    "TimeMapping",
    "load_mapping",
    "mapping_from_toml",
]

FieldPath = Annotated[str, Field(pattern=r"^[^.\s]+(\.[^.\s]+)*$")]
"""Names of nested fields joined by dots, such as ``candidate.jd``."""


class TimeMapping(Config):
    """When the exposure was taken.

    Parameters
    ----------
    field : str
        Field with the time [d].
    kind : {"jd", "mjd"}
        Julian or modified Julian date.
    scale : {"utc", "tai"}
        Time scale of the field.
    reference : {"start", "middle"}
        Whether it is the start or the middle of the exposure.
    exposure_field : str, optional
        Field with the exposure time [s].
    exposure_s : float, default 0
        Exposure time where there is no such field, or it is missing [s].
    """

    field: FieldPath
    kind: Literal["jd", "mjd"]
    scale: Literal["utc", "tai"] = "utc"
    reference: Literal["start", "middle"] = "middle"
    exposure_field: FieldPath | None = None
    exposure_s: float = Field(default=0.0, ge=0, le=100_000)


class BandMapping(Config):
    """The filter: a field, names for its values, or one constant.

    Parameters
    ----------
    field : str, optional
        Field with the filter.
    names : dict of str to str
        Name for each value of the field, written as text; other values keep theirs.
    constant : str, default ""
        Filter where there is no field.
    """

    field: FieldPath | None = None
    names: dict[str, str] = Field(default_factory=dict)
    constant: str = ""


class BrightnessMapping(Config):
    """Difference flux or magnitude with its error and sign.

    Parameters
    ----------
    kind : {"flux", "magnitude"}
        What the value is.
    value, error : str
        Fields with it and its error.
    njy_per_unit : float, default 1
        Factor from the flux to nJy; a flux carries its own sign.
    ab_offset : float, default 0
        Added to a magnitude to make it AB [mag].
    sign : {"field", "value", "positive"}
        Where the sign of a magnitude's flux comes from: a field of its own, the sign of the
        magnitude itself (ATLAS), or it is always positive.
    sign_field : str, optional
        That field; ``f``, ``0`` and false are negative.
    """

    kind: Literal["flux", "magnitude"]
    value: FieldPath
    error: FieldPath
    njy_per_unit: float = Field(default=1.0, gt=0)
    ab_offset: float = 0.0
    sign: Literal["field", "value", "positive"] = "positive"
    sign_field: FieldPath | None = None

    @model_validator(mode="after")
    def _check_sign(self) -> BrightnessMapping:
        if self.sign == "field" and self.sign_field is None:
            raise ValueError("sign = 'field' needs sign_field")
        return self


class ScoreMapping(Config):
    """The survey's own real-bogus score, in [0, 1].

    Parameters
    ----------
    field : str
        Field with the score.
    version_field : str, optional
        Field with its version; a score without a version is then no score.
    version : str, default ""
        Version where there is no such field.
    """

    field: FieldPath
    version_field: FieldPath | None = None
    version: str = ""


class CutoutMapping(Config):
    """Fields with FITS bytes, gzipped or plain; leave out what the survey does not send."""

    science: FieldPath | None = None
    template: FieldPath | None = None
    difference: FieldPath | None = None

    @model_validator(mode="after")
    def _check_any(self) -> CutoutMapping:
        if not (self.science or self.template or self.difference):
            raise ValueError("at least one of science, template, difference is needed")
        return self


class HistoryMapping(Config):
    """Earlier epochs: an array of records that hold times and brightness as the candidate does.

    Parameters
    ----------
    field : str
        Field with the array.
    parent : str, default "candidate"
        Record of the candidate whose field names the rows share: ``candidate.jd`` is then ``jd``
        of a row.
    """

    field: FieldPath
    parent: FieldPath = "candidate"


class SurveyMapping(Config):
    """Everything that the mapping file of one survey says.

    Parameters
    ----------
    name : str
        Name of the survey in tables and bundles: small letters, digits, ``_`` and ``-``.
    schema_names : tuple of str
        Full names of the packets' Avro schemas; how a survey is recognised.
    stamp_px : int
        Nominal height and width of the cutouts [pixels]; smaller ones are cut by an edge.
    pixel_scale_arcsec : float
        Pixel scale [arcsec].
    candidate_id, object_id : str
        Fields with the identifiers.
    time, band, brightness, score, cutouts, history
        The parts; see their classes.
    ra_deg, dec_deg, snr, edge_distance_px : str, optional
        Fields with the position [deg], signal-to-noise ratio and distance to the edge [pixels].
    sentinels : tuple of float
        Values that mean "missing".
    features : dict of str to str
        Further columns for the metadata branch: name and field.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    schema_names: tuple[str, ...] = Field(min_length=1)
    stamp_px: int = Field(gt=0, le=3072)
    pixel_scale_arcsec: float = Field(gt=0)
    candidate_id: FieldPath
    object_id: FieldPath
    time: TimeMapping
    cutouts: CutoutMapping
    band: BandMapping = BandMapping()
    brightness: BrightnessMapping | None = None
    score: ScoreMapping | None = None
    history: HistoryMapping | None = None
    ra_deg: FieldPath | None = None
    dec_deg: FieldPath | None = None
    snr: FieldPath | None = None
    edge_distance_px: FieldPath | None = None
    sentinels: tuple[float, ...] = ()
    features: dict[str, FieldPath] = Field(default_factory=dict)


def mapping_from_toml(text: str, *, source: str) -> SurveyMapping:
    """Return the mapping in a TOML document.

    Parameters
    ----------
    text : str
        The document.
    source : str
        Where it comes from, for messages.

    Raises
    ------
    InvalidInputError
        If it is no TOML, or a key is missing, unknown or of the wrong type; all are named.
    """
    try:
        return SurveyMapping.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"mapping file {source} is no valid TOML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise InvalidInputError(f"mapping file {source} cannot be used: {faults}") from error


def load_mapping(path: str | Path) -> SurveyMapping:
    """Read a mapping file.

    Raises
    ------
    InvalidInputError
        If the file cannot be read or used; see `mapping_from_toml`.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"mapping file {path} cannot be read: {error}") from error
    return mapping_from_toml(text, source=str(path))

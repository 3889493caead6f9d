"""Adapter of any survey that a mapping file describes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from skyvet.core.errors import PacketError
from skyvet.core.photometry import AB_ZERO_POINT_NJY
from skyvet.core.times import jd_utc_to_mjd_tai
from skyvet.io.surveys.base import (
    MAGNITUDE_PER_SNR,
    Epoch,
    as_number,
    build_triplet,
    clean_pixels,
    identifier,
    is_negative_sign,
    light_curve,
)
from skyvet.io.surveys.mapping_config import BrightnessMapping, SurveyMapping
from skyvet.records.candidate import Candidate
from skyvet.records.cutouts import Cutout, CutoutKind
from skyvet.records.flags import CandidateFlag
from skyvet.records.identifiers import Identifier
from skyvet.records.light_curve import LightCurve
from skyvet.records.rejections import RejectionReason

__all__ = ["MappedAdapter"]

_JD_OF_MJD_ZERO = 2_400_000.5
_MIN_MJD, _MAX_MJD = 40_000.0, 100_000.0


class MappedAdapter:
    """Adapter driven by a mapping.

    Parameters
    ----------
    mapping : SurveyMapping
        Where packets hold what a candidate needs.
    """

    def __init__(self, mapping: SurveyMapping) -> None:
        self._mapping = mapping
        self.name = mapping.name
        self.stamp_px = mapping.stamp_px
        self.pixel_scale_arcsec = mapping.pixel_scale_arcsec
        self.feature_names = tuple(mapping.features)
        self.history_fields: tuple[str, ...] = ()
        # A field inside another record cannot be passed over alone.
        if mapping.history is not None and "." not in mapping.history.field:
            self.history_fields = (mapping.history.field,)

    def accepts(self, schema_name: str, field_names: frozenset[str]) -> bool:  # noqa: ARG002
        """Say whether the schema's name is one of the survey's."""
        return schema_name in self._mapping.schema_names

    def candidate_id(self, record: Mapping[str, Any]) -> Identifier | None:
        """Return the identifier for a rejection, or None where it cannot be read."""
        value = _at(record, self._mapping.candidate_id)
        is_usable = isinstance(value, (int, str)) and not isinstance(value, bool) and value != ""
        return value if is_usable else None

    def to_candidate(self, record: Mapping[str, Any]) -> Candidate:
        """Build the candidate; see `SurveyAdapter.to_candidate`."""
        mapping = self._mapping
        flux_njy, flux_err_njy = self._flux(record, parent="")
        cutouts, flags = build_triplet(
            lambda kind: self._cutout(record, kind), pixel_scale_arcsec=self.pixel_scale_arcsec
        )
        if flux_njy < 0:
            flags |= CandidateFlag.NEGATIVE_DIFFERENCE
        snr = self._number(record, mapping.snr)
        if math.isnan(snr) and flux_err_njy > 0:
            snr = flux_njy / flux_err_njy
        score, version = self._score(record)
        mjd_tai = self._required_time(record)
        return Candidate(
            survey=self.name,
            candidate_id=_identifier(record, mapping.candidate_id),
            object_id=_identifier(record, mapping.object_id),
            mjd_tai=mjd_tai,
            ra_deg=self._number(record, mapping.ra_deg),
            dec_deg=self._number(record, mapping.dec_deg),
            band=self._band(record, parent=""),
            flux_njy=flux_njy,
            flux_err_njy=flux_err_njy,
            snr=abs(snr),
            cutouts=cutouts,
            history=self._history(record, mjd_tai=mjd_tai),
            survey_score=score,
            survey_score_version=version,
            edge_distance_px=self._number(record, mapping.edge_distance_px),
            flags=flags,
            features={k: self._number(record, path) for k, path in mapping.features.items()},
        )

    def _number(self, record: Mapping[str, Any], path: str | None) -> float:
        if path is None:
            return math.nan
        value = as_number(_at(record, path))
        return math.nan if value in self._mapping.sentinels else value

    def _required_time(self, record: Mapping[str, Any]) -> float:
        field = self._mapping.time.field
        if _at(record, field) is None:
            raise PacketError(RejectionReason.MISSING_FIELD, f"field {field} is absent or null")
        mjd_tai = self._time(record, parent="")
        if math.isnan(mjd_tai):
            value = _at(record, field)
            raise PacketError(RejectionReason.BAD_VALUE, f"{field} is no date: {value!r:.40}")
        return mjd_tai

    def _time(self, record: Mapping[str, Any], *, parent: str) -> float:
        """Return the middle of the exposure [MJD, TAI], NaN where it is no date."""
        time = self._mapping.time
        days = self._number(record, _below(time.field, parent))
        mjd = days - _JD_OF_MJD_ZERO if time.kind == "jd" else days
        if not _MIN_MJD < mjd < _MAX_MJD:
            return math.nan
        exposure_s = 0.0
        if time.reference == "start":
            exposure_s = self._number(record, _below(time.exposure_field, parent))
            exposure_s = exposure_s if 0 < exposure_s < 1e5 else time.exposure_s
        if time.scale == "tai":
            return mjd + 0.5 * exposure_s / 86_400.0
        return jd_utc_to_mjd_tai(mjd + _JD_OF_MJD_ZERO, exposure_s=exposure_s)

    def _band(self, record: Mapping[str, Any], *, parent: str) -> str:
        band = self._mapping.band
        path = _below(band.field, parent)
        value = None if path is None else _at(record, path)
        return band.constant if value is None else band.names.get(str(value), str(value))

    def _flux(self, record: Mapping[str, Any], *, parent: str) -> tuple[float, float]:
        brightness = self._mapping.brightness
        if brightness is None:
            return math.nan, math.nan
        value = self._number(record, _below(brightness.value, parent))
        error = abs(self._number(record, _below(brightness.error, parent)))
        if brightness.kind == "flux":
            return value * brightness.njy_per_unit, error * brightness.njy_per_unit
        path = _below(brightness.sign_field, parent) if brightness.sign == "field" else None
        flag = None if path is None else _at(record, path)
        return _flux_of_magnitude(value, error, flag, brightness)

    def _score(self, record: Mapping[str, Any]) -> tuple[float, str]:
        mapping = self._mapping.score
        if mapping is None:
            return math.nan, ""
        version: object = mapping.version
        if mapping.version_field is not None:
            version = _at(record, mapping.version_field)
            if not version:
                return math.nan, ""
        value = self._number(record, mapping.field)
        return (value, str(version)) if 0 <= value <= 1 else (math.nan, "")

    def _cutout(
        self, record: Mapping[str, Any], kind: CutoutKind
    ) -> tuple[Cutout | None, CandidateFlag]:
        path = getattr(self._mapping.cutouts, kind.field)
        data = None if path is None else _at(record, path)
        if not isinstance(data, bytes) or not data:
            return None, CandidateFlag.NONE
        pixels, flags = clean_pixels(data)
        if min(pixels.shape) < self.stamp_px:
            flags |= CandidateFlag.EDGE
        return Cutout(pixels=pixels), flags

    def _history(self, record: Mapping[str, Any], *, mjd_tai: float) -> LightCurve | None:
        history = self._mapping.history
        found = None if history is None else _at(record, history.field)
        if history is None or not isinstance(found, list):
            return None
        epochs = []
        for row in found:
            if isinstance(row, Mapping):
                row_mjd_tai = self._time(row, parent=history.parent)
                flux = self._flux(row, parent=history.parent)
                if not (math.isnan(row_mjd_tai) or math.isnan(flux[0])):
                    band = self._band(row, parent=history.parent)
                    epochs.append(Epoch(row_mjd_tai, *flux, band))
        return light_curve(epochs, before_mjd_tai=mjd_tai)


def _at(record: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 - any field
    """Return a nested field, None where it is absent."""
    value: Any = record
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def _below(path: str | None, parent: str) -> str | None:
    return path.removeprefix(f"{parent}.") if path is not None and parent else path


def _identifier(record: Mapping[str, Any], path: str) -> Identifier:
    return identifier(_at(record, path), name=path)


def _flux_of_magnitude(
    value: float, error: float, flag: object, brightness: BrightnessMapping
) -> tuple[float, float]:
    is_negative = value < 0 if brightness.sign == "value" else is_negative_sign(flag)
    magnitude = (abs(value) if brightness.sign == "value" else value) + brightness.ab_offset
    if not -10.0 < magnitude < 50.0:
        return math.nan, math.nan
    size = math.pow(10.0, 0.4 * (AB_ZERO_POINT_NJY - magnitude))
    flux_err = size * error / MAGNITUDE_PER_SNR if 0 < error < 10 else math.nan
    return (-size if is_negative else size), flux_err

"""What every survey adapter must do, on encoded packets always and on real ones where present."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skyvet.core.errors import PacketError
from skyvet.io.alerts import read_alerts
from skyvet.io.avro import CONTAINER_MAGIC, AvroWriter, read_blocks
from skyvet.io.fits_stamps import encode_fits
from skyvet.io.surveys.base import SurveyAdapter
from skyvet.io.surveys.lsst_packets import encode_lsst_alert
from skyvet.io.surveys.registry import adapter_for_schema, adapter_named, all_adapters
from skyvet.io.surveys.ztf_packets import encode_ztf_alert
from skyvet.records.candidate import Candidate
from skyvet.records.cutouts import Cutout, CutoutKind, CutoutTriplet
from skyvet.records.flags import CandidateFlag
from skyvet.records.rejections import Rejection, RejectionReason

SURVEYS = ("ztf", "lsst", "atlas", "decam", "pgir", "winter")
SENTINEL = -3.4028234663852886e38


def stamp_with_faults() -> np.ndarray[Any, Any]:
    pixels = np.arange(63 * 63, dtype=np.float32).reshape(63, 63)
    pixels[0, 0], pixels[0, 1], pixels[0, 2] = np.nan, np.inf, SENTINEL
    return pixels


def encoded(survey: str) -> bytes:
    """Return one packet of the survey, shaped as the survey sends it."""
    if survey in ("ztf", "lsst"):
        image = Cutout(pixels=stamp_with_faults())
        candidate = Candidate(
            survey=survey,
            candidate_id=12,
            object_id=34,
            mjd_tai=59_000.0,
            band="r",
            flux_njy=-2e4,
            flux_err_njy=1e3,
            cutouts=CutoutTriplet(
                science=image, template=image, difference=image, pixel_scale_arcsec=1.0
            ),
        )
        return encode_ztf_alert(candidate) if survey == "ztf" else encode_lsst_alert(candidate)
    return MAPPED[survey].encode()


@dataclass(frozen=True, kw_only=True)
class MappedPacket:
    """A packet of a mapped survey, with just the fields of its mapping."""

    schema_name: str
    candidate: dict[str, Any]
    object_id: str = "objectId"
    cutouts: tuple[str, ...] = ("cutoutScience", "cutoutTemplate", "cutoutDifference")
    has_holder: bool = False
    candid: int | str = 12
    more: dict[str, Any] = field(default_factory=dict)

    def encode(self) -> bytes:
        stamp = encode_fits(stamp_with_faults())
        record: dict[str, Any] = {
            self.object_id: "34",
            "candid": self.candid,
            "candidate": self.candidate,
        }
        record |= {
            name: {"stampData": stamp} if self.has_holder else stamp for name in self.cutouts
        }
        return AvroWriter(self._schema(record, self.schema_name)).encode(record)

    def _schema(self, record: Mapping[str, Any], name: str) -> dict[str, Any]:
        fields = []
        for key, value in record.items():
            kind: Any = _avro_type(value)
            if isinstance(value, dict):
                kind = self._schema(value, f"{name}.{key}")
            fields.append({"name": key, "type": kind})
        return {"type": "record", "name": name, "fields": fields}


def _avro_type(value: object) -> str:
    kinds = {bool: "boolean", int: "long", float: "double", str: "string", bytes: "bytes"}
    return kinds.get(type(value), "null")


MAPPED = {
    "atlas": MappedPacket(
        schema_name="atlas.alert",
        candidate={"mjd": 59_000.0, "filter": "o", "Mag": -18.0, "Dmag": 0.05},
        cutouts=("cutoutScience", "cutoutDifference"),
        has_holder=True,
        candid="a12",
    ),
    "pgir": MappedPacket(
        schema_name="pgir.alert",
        candidate={"jd": 2_459_000.5, "magpsf": 13.0, "sigmapsf": 0.1, "isdiffpos": "0"},
    ),
    "winter": MappedPacket(
        schema_name="winter.alert",
        candidate={
            "jd": 2_459_000.5, "fid": 2, "magpsf": 13.0, "sigmapsf": 0.1, "isdiffpos": False,
        },
        object_id="objectid",
        cutouts=("cutout_science", "cutout_template", "cutout_difference"),
    ),
    "decam": MappedPacket(
        schema_name="desirt.alert",
        candidate={
            "mjd": 59_000.0, "band": "r", "forcediffimflux": -2.0, "forcediffimfluxunc": 0.1,
        },
    ),
}  # fmt: skip


@pytest.fixture(params=SURVEYS)
def survey(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def adapter(survey: str) -> SurveyAdapter:
    return adapter_named(survey, all_adapters())


@pytest.fixture
def packet(survey: str, tmp_path: Path) -> Path:
    path = tmp_path / f"{survey}.avro"
    path.write_bytes(encoded(survey))
    return path


def candidates(paths: list[Path], **options: Any) -> Iterator[Candidate]:
    for reading in read_alerts(paths, **options):
        if isinstance(reading.item, Candidate):
            yield reading.item


def real_packets(survey: str, data: Path) -> list[Path]:
    """Return some real packets of the survey; skip where there are none."""
    patterns = {
        "ztf": "ztf_alerts/*.avro",
        "lsst": "lsst_alerts/v*/*.avro",
        "atlas": "other_alerts/ATLAS*.avro",
        "pgir": "other_alerts/20210629*.avro",
        "winter": "other_alerts/20240311*.avro",
        "decam": "other_alerts/decam*.avro",
    }
    paths = sorted(data.glob(patterns[survey]))[::5]
    if not paths:
        pytest.skip(f"no real packets of {survey}")
    return paths


def test_the_registry_knows_the_surveys() -> None:
    assert tuple(adapter.name for adapter in all_adapters()) == SURVEYS


def test_its_packets_are_recognised_by_their_schema(survey: str, packet: Path) -> None:
    (candidate,) = candidates([packet])
    assert candidate.survey == survey


def test_no_other_adapter_accepts_its_schema(survey: str, packet: Path) -> None:
    with packet.open("rb") as stream:
        stream.seek(len(CONTAINER_MAGIC))
        schema = next(read_blocks(stream)).schema
    accepting = [a.name for a in all_adapters() if a.accepts(schema.name, schema.field_names)]
    assert accepting == [survey]


def test_unknown_schemas_are_refused(adapter: SurveyAdapter) -> None:
    assert not adapter.accepts("other.alert", frozenset({"objectId", "candid", "x.y"}))
    assert adapter_for_schema("other.alert", frozenset(), adapters=(adapter,)) is None


def test_identity_and_brightness_follow_the_conventions(packet: Path, survey: str) -> None:
    (candidate,) = candidates([packet])
    assert candidate.candidate_id == ("a12" if survey == "atlas" else 12)
    assert str(candidate.object_id) == "34"
    # 59 000 within a day: minutes of exposure and 37 leap seconds.
    assert candidate.mjd_tai == pytest.approx(59_000.0, abs=0.01)
    assert candidate.flux_njy < 0
    assert CandidateFlag.NEGATIVE_DIFFERENCE in candidate.flags
    assert candidate.flux_err_njy > 0
    assert math.isnan(candidate.survey_score)
    assert candidate.survey_score_version == ""


def test_fill_values_become_nan_and_are_flagged(packet: Path) -> None:
    (candidate,) = candidates([packet])
    assert candidate.cutouts is not None
    assert {CandidateFlag.MISSING_PIXELS, CandidateFlag.SENTINEL_PIXELS} <= set(candidate.flags)
    for kind in CutoutKind:
        cutout = candidate.cutouts.get(kind)
        if cutout is not None:
            assert np.isnan(cutout.pixels).sum() == 3
            assert np.isnan(cutout.pixels[0, :3]).all()
            assert not np.isinf(cutout.pixels).any()


def test_no_template_is_flagged(packet: Path, survey: str) -> None:
    (candidate,) = candidates([packet])
    assert candidate.cutouts is not None
    has_none = candidate.cutouts.template is None
    assert has_none == (survey == "atlas")
    assert (CandidateFlag.NO_TEMPLATE in candidate.flags) == has_none


def test_features_are_complete_and_in_order(packet: Path, adapter: SurveyAdapter) -> None:
    (candidate,) = candidates([packet])
    assert tuple(candidate.features) == adapter.feature_names
    assert all(type(value) is float for value in candidate.features.values())


def test_features_leak_neither_age_nor_footprint_nor_score(adapter: SurveyAdapter) -> None:
    leaking = {
        "ra", "dec", "jd", "mjd", "ndethist", "ncovhist", "jdstarthist", "jdendhist", "rb", "drb",
        "reliability", "field", "rcid", "xpos", "ypos", "visit", "detector", "jdstartref",
        "jdendref", "nframesref", "candid", "programid",
    }  # fmt: skip
    assert not leaking & set(adapter.feature_names)


def test_absent_parts_are_packet_errors(adapter: SurveyAdapter) -> None:
    with pytest.raises(PacketError) as caught:
        adapter.to_candidate({})
    assert caught.value.reason == RejectionReason.MISSING_FIELD
    assert adapter.candidate_id({}) is None


@pytest.mark.parametrize(("forced", "sent"), [("ztf", "lsst"), ("lsst", "ztf"), ("decam", "ztf")])
def test_a_forced_adapter_rejects_foreign_packets(forced: str, sent: str, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.avro"
    foreign.write_bytes(encoded(sent))
    (reading,) = read_alerts([foreign], survey=forced)
    assert isinstance(reading.item, Rejection)
    assert (reading.item.survey, reading.item.reason) == (forced, RejectionReason.MISSING_FIELD)


def test_real_packets_follow_the_conventions(survey: str, shared_data: Path) -> None:
    found = list(candidates(real_packets(survey, shared_data)))
    assert found
    for candidate in found:
        assert candidate.survey == survey
        assert 50_000 < candidate.mjd_tai < 70_000
        assert candidate.snr > 0
        assert candidate.flux_err_njy > 0
        assert -999.0 not in candidate.features.values()
        if candidate.history is not None:
            assert candidate.history.mjd_tai.max() < candidate.mjd_tai


def test_leaving_out_the_history_changes_nothing_else(survey: str, shared_data: Path) -> None:
    paths = real_packets(survey, shared_data)[:20]
    bare = candidates(paths, with_history=False)
    for one, other in zip(candidates(paths), bare, strict=True):
        assert other.history is None
        assert one.flags == other.flags
        assert list(one.features) == list(other.features)
        np.testing.assert_array_equal(list(one.features.values()), list(other.features.values()))
        assert (one.candidate_id, one.mjd_tai) == (other.candidate_id, other.mjd_tai)


def test_real_identifiers_are_unique_and_typed(survey: str, shared_data: Path) -> None:
    found = [candidate.candidate_id for candidate in candidates(real_packets(survey, shared_data))]
    assert len(set(found)) == len(found)
    assert {type(identifier) for identifier in found} == {str if survey == "atlas" else int}

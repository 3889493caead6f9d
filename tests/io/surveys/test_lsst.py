"""LSST packets become candidates, and candidates packets."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
from astropy.io import fits

from skyvet.core.errors import InvalidInputError, PacketError
from skyvet.io.alerts import read_alerts
from skyvet.io.schemas import SchemaFolder
from skyvet.io.surveys.lsst import LsstAdapter
from skyvet.io.surveys.lsst_packets import encode_lsst_alert, encode_lsst_message
from skyvet.io.surveys.lsst_schema import lsst_alert_schema
from skyvet.records.candidate import Candidate
from skyvet.records.cutouts import Cutout, CutoutTriplet
from skyvet.records.flags import CandidateFlag
from skyvet.records.light_curve import LightCurve


def alert(**changes: Any) -> dict[str, Any]:
    source: dict[str, Any] = {
        "diaSourceId": 11, "diaObjectId": 22, "ssObjectId": 0, "midpointMjdTai": 61_000.5,
        "ra": 10.0, "dec": -5.0, "x": 100.0, "y": 2000.0, "psfFlux": 500.0, "psfFluxErr": 50.0,
        "snr": 10.0, "band": "i", "reliability": 0.25, "isNegative": False,
    }  # fmt: skip
    return {"diaSourceId": 11, "diaSource": {**source, **changes}}


def read(**changes: Any) -> Candidate:
    return LsstAdapter().to_candidate(alert(**changes))


def make_candidate(**changes: Any) -> Candidate:
    rng = np.random.default_rng(3)
    image = Cutout(
        pixels=rng.normal(0, 30, (34, 34)).astype(np.float32),
        variance=rng.uniform(800, 1000, (34, 34)).astype(np.float32),
        psf=rng.uniform(0, 1, (41, 43)).astype(np.float32),
    )
    history = LightCurve(
        mjd_tai=np.array([60_990.0, 60_995.0]),
        flux_njy=np.array([20.0, -30.0]),
        flux_err_njy=np.array([1.0, 2.0]),
        band=np.array(["g", "z"]),
        is_upper_limit=np.array([False, False]),
        is_difference=True,
    )
    values: dict[str, Any] = {
        "survey": "lsst", "candidate_id": 169298432598474793, "object_id": 169298432598474799,
        "mjd_tai": 61_000.123456789, "ra_deg": 10.371498535, "dec_deg": -45.24411476, "band": "r",
        "flux_njy": -512.5, "flux_err_njy": 64.0, "snr": 8.0, "history": history,
        "survey_score": 0.75, "survey_score_version": "reliability", "edge_distance_px": 300.0,
        "cutouts": CutoutTriplet(
            science=image, template=image, difference=image, pixel_scale_arcsec=0.2
        ),
        "features": {"extendedness": 0.5, "bboxSize": 12.0, "isDipole": 1.0, "ixx": math.nan},
        "flags": CandidateFlag.INJECTED,
    }  # fmt: skip
    return Candidate(**{**values, **changes})


def decode(packet: bytes) -> dict[str, Any]:
    (record,) = fastavro.reader(io.BytesIO(packet))
    assert isinstance(record, dict)
    return record


@pytest.fixture(scope="module")
def real(shared_data: Path) -> list[tuple[dict[str, Any], Candidate]]:
    """Plain records beside the candidates read from them."""
    found = []
    for path in sorted((shared_data / "lsst_alerts").glob("v*/*.avro"))[::3]:
        (reading,) = read_alerts([path])
        assert isinstance(reading.item, Candidate)
        found.append((decode(path.read_bytes()), reading.item))
    return found


def test_fields_equal_those_of_plain_fastavro(real: list[tuple[dict[str, Any], Candidate]]) -> None:
    for record, candidate in real:
        source = record["diaSource"]
        assert candidate.candidate_id == source["diaSourceId"]
        assert candidate.object_id == source["diaObjectId"]
        assert candidate.mjd_tai == source["midpointMjdTai"]
        assert candidate.flux_njy == source["psfFlux"]
        assert candidate.survey_score == source["reliability"]
        assert (CandidateFlag.NEGATIVE_DIFFERENCE in candidate.flags) == (source["psfFlux"] < 0)
        for name, value in candidate.features.items():
            sent = source.get(name)
            assert math.isnan(value) if sent is None else value == sent


def test_planes_equal_those_of_astropy(real: list[tuple[dict[str, Any], Candidate]]) -> None:
    for record, candidate in real:
        assert candidate.cutouts is not None
        for kind, cutout in candidate.cutouts.items():
            assert cutout is not None
            with fits.open(io.BytesIO(record[f"cutout{kind.field.capitalize()}"])) as hdus:
                np.testing.assert_array_equal(cutout.pixels, hdus[0].data)
                np.testing.assert_array_equal(cutout.variance, hdus["UNCERT"].data)
                psf = hdus["PSFIMAGE"].data.astype(np.float32)
                np.testing.assert_array_equal(cutout.psf, psf)


def test_histories_hold_forced_and_previous_sources(
    real: list[tuple[dict[str, Any], Candidate]],
) -> None:
    n_with = 0
    for record, candidate in real:
        earlier = {
            (row["visit"], row["detector"])
            for name in ("prvDiaSources", "prvDiaForcedSources")
            for row in record[name] or []
            if row["midpointMjdTai"] < candidate.mjd_tai - 1 / 86_400
        }
        assert len(earlier) == (0 if candidate.history is None else len(candidate.history))
        n_with += bool(earlier)
    assert n_with > 3


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"ssObjectId": 5}, CandidateFlag.SOLAR_SYSTEM),
        ({"isNegative": True}, CandidateFlag.NEGATIVE_DIFFERENCE),
        ({"isNegative": None, "psfFlux": -1.0}, CandidateFlag.NEGATIVE_DIFFERENCE),
        ({"pixelFlags_injected": True}, CandidateFlag.INJECTED),
        ({"pixelFlags_injected_template": True}, CandidateFlag.INJECTED),
        ({"pixelFlags_edge": True}, CandidateFlag.EDGE),
        ({"pixelFlags_edge": None}, CandidateFlag.NONE),
    ],
)
def test_flags_follow_the_fields(changes: dict[str, Any], flag: CandidateFlag) -> None:
    assert read(**changes).flags == flag


def test_null_cutouts_leave_a_candidate() -> None:
    record = alert() | {"cutoutScience": None, "cutoutTemplate": None, "cutoutDifference": None}
    assert LsstAdapter().to_candidate(record).cutouts is None


def test_null_reliability_is_missing() -> None:
    candidate = read(reliability=None)
    assert math.isnan(candidate.survey_score)
    assert candidate.survey_score_version == ""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, 22), ({"diaObjectId": 0, "ssObjectId": 7}, 7), ({"diaObjectId": None}, 11)],
)
def test_the_object_is_named_by_what_is_known(changes: dict[str, Any], expected: int) -> None:
    assert read(**changes).object_id == expected


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (100.0, 2000.0, 100.0),
        (4061.0, 2000.0, 10.0),
        (100.0, 3990.0, 9.0),
        (100.0, 4100.0, math.nan),
    ],
)
def test_distance_is_to_the_nearest_edge(x: float, y: float, expected: float) -> None:
    assert read(x=x, y=y).edge_distance_px == pytest.approx(expected, abs=0.0, nan_ok=True)


@pytest.mark.parametrize("value", [None, math.nan, 5.0])
def test_sources_without_a_date_are_refused(value: float | None) -> None:
    with pytest.raises(PacketError, match="midpointMjdTai"):
        read(midpointMjdTai=value)


def test_plain_fastavro_reads_every_field_back() -> None:
    candidate = make_candidate()
    record = decode(encode_lsst_alert(candidate, extra={"visit": 77}))
    source = record["diaSource"]
    assert record["diaSourceId"] == source["diaSourceId"] == candidate.candidate_id
    assert source["diaObjectId"] == candidate.object_id
    assert (source["ra"], source["dec"]) == (candidate.ra_deg, candidate.dec_deg)
    assert source["midpointMjdTai"] == candidate.mjd_tai
    assert (source["psfFlux"], source["psfFluxErr"], source["snr"]) == (-512.5, 64.0, 8.0)
    assert (source["isNegative"], source["isDipole"], source["bboxSize"]) == (True, True, 12)
    assert (source["visit"], source["reliability"], source["ixx"]) == (77, 0.75, None)


def test_astropy_reads_every_plane_back() -> None:
    candidate = make_candidate()
    record = decode(encode_lsst_alert(candidate))
    assert candidate.cutouts is not None
    for kind, cutout in candidate.cutouts.items():
        assert cutout is not None
        with fits.open(io.BytesIO(record[f"cutout{kind.field.capitalize()}"])) as hdus:
            hdus.verify("exception")
            np.testing.assert_array_equal(hdus[0].data, cutout.pixels)
            np.testing.assert_array_equal(hdus["UNCERT"].data, cutout.variance)
            np.testing.assert_array_equal(hdus["PSFIMAGE"].data, cutout.psf)


def test_adapter_reads_the_candidate_back() -> None:
    candidate = make_candidate()
    back = LsstAdapter().to_candidate(decode(encode_lsst_alert(candidate)))
    for name in (
        "candidate_id", "object_id", "mjd_tai", "ra_deg", "dec_deg", "band", "flux_njy",
        "flux_err_njy", "snr", "survey_score", "survey_score_version", "edge_distance_px",
    ):  # fmt: skip
        assert getattr(back, name) == getattr(candidate, name)
    assert back.flags == CandidateFlag.INJECTED | CandidateFlag.NEGATIVE_DIFFERENCE
    assert back.history is not None
    assert candidate.history is not None
    np.testing.assert_array_equal(back.history.flux_njy, candidate.history.flux_njy)
    np.testing.assert_array_equal(back.history.band, candidate.history.band)


def test_the_schema_has_the_published_fields(shared_data: Path) -> None:
    published = SchemaFolder(shared_data / "lsst_schemas").schema(900).parsed
    assert shape(published) == shape(fastavro.parse_schema(lsst_alert_schema()))


def shape(kind: Any) -> Any:
    """Names and types alone: no documentation, versions or defaults."""
    if isinstance(kind, list):
        return [shape(branch) for branch in kind]
    if isinstance(kind, dict) and kind["type"] == "record":
        return kind["name"], [(field["name"], shape(field["type"])) for field in kind["fields"]]
    if isinstance(kind, dict):
        return kind["type"], shape(kind.get("items"))
    return kind


def test_messages_are_read_with_the_published_schema(shared_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "message.avro"
    path.write_bytes(encode_lsst_message(make_candidate()))
    (reading,) = read_alerts([path], schemas=SchemaFolder(shared_data / "lsst_schemas"))
    assert isinstance(reading.item, Candidate)
    assert reading.item.flux_njy == -512.5


@pytest.mark.parametrize(
    ("changes", "extra", "message"),
    [
        ({"object_id": "a"}, {}, "integers"),
        ({"candidate_id": "a"}, {}, "integers"),
        ({}, {"colour": 1}, "colour"),
    ],
)
def test_what_does_not_fit_is_refused(
    changes: dict[str, Any], extra: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        encode_lsst_alert(make_candidate(**changes), extra=extra)

"""Candidates to ZTF-shaped packets."""

from __future__ import annotations

import gzip
import io
from typing import Any

import fastavro
import numpy as np
import pytest
from astropy.io import fits

from skyvet.core.errors import InvalidInputError
from skyvet.io.surveys.ztf import ZtfAdapter
from skyvet.io.surveys.ztf_packets import encode_ztf_alert
from skyvet.records.candidate import Candidate
from skyvet.records.cutouts import Cutout, CutoutTriplet
from skyvet.records.flags import CandidateFlag
from skyvet.records.light_curve import LightCurve

FLOAT32 = float(np.finfo(np.float32).eps)  # packets hold magnitudes as float32


def make_candidate(shape: tuple[int, int] = (63, 63), **changes: Any) -> Candidate:
    rng = np.random.default_rng(5)
    images = [Cutout(pixels=rng.normal(100, 10, shape).astype(np.float32)) for _ in range(3)]
    history = LightCurve(
        mjd_tai=np.array([58990.0, 58995.0]),
        flux_njy=np.array([2e4, -3e4]),
        flux_err_njy=np.array([np.nan, 1e3]),
        band=np.array(["g", "i"]),
        is_upper_limit=np.array([True, False]),
        is_difference=True,
    )
    values: dict[str, Any] = {
        "survey": "ztf",
        "candidate_id": 1095578115815010002,
        "object_id": "ZTF20aabaesn",
        "mjd_tai": 59000.25,
        "ra_deg": 197.7255978,
        "dec_deg": -7.3260599,
        "band": "r",
        "flux_njy": -1.5e5,
        "flux_err_njy": 1e4,
        "snr": 15.0,
        "cutouts": CutoutTriplet(
            science=images[0],
            template=images[1],
            difference=images[2],
            pixel_scale_arcsec=1.01,
        ),
        "history": history,
        "survey_score": 0.75,
        "survey_score_version": "d6_m7",
        "edge_distance_px": 400.0,
        "features": {**dict.fromkeys(ZtfAdapter.feature_names, np.nan), "fwhm": 2.5, "nneg": 4.0},
    }
    return Candidate(**{**values, **changes})


def decode(packet: bytes) -> dict[str, Any]:
    (record,) = fastavro.reader(io.BytesIO(packet))
    assert isinstance(record, dict)
    return record


def test_plain_fastavro_reads_every_field_back() -> None:
    candidate = make_candidate()
    record = decode(encode_ztf_alert(candidate, extra={"rb": 0.5, "ndethist": 3}))
    alert = record["candidate"]
    assert record["candid"] == alert["candid"] == candidate.candidate_id
    assert record["objectId"] == "ZTF20aabaesn"
    assert record["schemavsn"] == "4.02"
    assert (alert["fid"], alert["isdiffpos"], alert["ndethist"]) == (2, "f", 3)
    assert alert["rb"] == pytest.approx(0.5, rel=FLOAT32)
    assert alert["magpsf"] == pytest.approx(31.4 - 2.5 * np.log10(1.5e5), rel=FLOAT32)
    assert alert["sigmapsf"] == pytest.approx(1.0857362 / 15, rel=1e-6)  # constant of 8 digits
    # Exposure start in UTC: 15 s and 37 leap seconds before mid-exposure in TAI.
    assert alert["jd"] == pytest.approx(2459000.75 - 52 / 86400, abs=1e-8)  # spacing of a JD
    assert alert["fwhm"] == 2.5
    assert alert["nneg"] == 4
    assert alert["chipsf"] is None
    assert [row["magpsf"] for row in record["prv_candidates"]] == [
        None,
        pytest.approx(31.4 - 2.5 * np.log10(3e4), rel=FLOAT32),
    ]


def test_astropy_reads_every_pixel_back() -> None:
    candidate = make_candidate()
    record = decode(encode_ztf_alert(candidate))
    assert candidate.cutouts is not None
    for kind, cutout in candidate.cutouts.items():
        data = gzip.decompress(record[f"cutout{kind.field.capitalize()}"]["stampData"])
        with fits.open(io.BytesIO(data)) as hdus:
            hdus.verify("exception")
            assert hdus[0].header["BUNIT"] == "DN"
            assert cutout is not None
            np.testing.assert_array_equal(hdus[0].data, cutout.pixels)


def test_adapter_reads_the_candidate_back() -> None:
    candidate = make_candidate()
    back = ZtfAdapter().to_candidate(decode(encode_ztf_alert(candidate)))
    assert back.candidate_id == candidate.candidate_id
    assert back.object_id == candidate.object_id
    assert back.mjd_tai == pytest.approx(candidate.mjd_tai, abs=1e-8)  # spacing of a JD
    assert (back.ra_deg, back.dec_deg) == (candidate.ra_deg, candidate.dec_deg)
    assert back.band == "r"
    # A magnitude near 18 in float32 has a spacing of 2e-6, so a flux of 2e-6.
    assert back.flux_njy == pytest.approx(candidate.flux_njy, rel=4e-6)
    assert back.flux_err_njy == pytest.approx(candidate.flux_err_njy, rel=4e-6)
    assert back.snr == pytest.approx(15.0, rel=1e-6)
    assert (back.survey_score, back.survey_score_version) == (0.75, "d6_m7")
    assert back.edge_distance_px == 400.0
    assert CandidateFlag.NEGATIVE_DIFFERENCE in back.flags
    assert back.history is not None
    assert candidate.history is not None
    np.testing.assert_allclose(back.history.flux_njy, [2e4, -3e4], rtol=4e-6)
    np.testing.assert_array_equal(back.history.is_upper_limit, [True, False])
    np.testing.assert_array_equal(back.history.band, ["g", "i"])


@pytest.mark.parametrize(
    ("shape", "centre"),
    [
        ((41, 63), (9, 31)),
        ((63, 50), (31, 31)),
        ((53, 63), (31, 31)),
        ((63, 44), (31, 12)),
        ((44, 50), (12, 31)),
    ],
)
def test_cut_stamps_keep_their_centre(shape: tuple[int, int], centre: tuple[int, int]) -> None:
    image = Cutout(pixels=np.ones(shape, dtype=np.float32), centre_row_col=centre)
    triplet = CutoutTriplet(science=image, template=None, difference=image, pixel_scale_arcsec=1.01)
    candidate = make_candidate(cutouts=triplet)
    back = ZtfAdapter().to_candidate(decode(encode_ztf_alert(candidate)))
    assert back.cutouts is not None
    assert back.cutouts.difference is not None
    assert back.cutouts.difference.shape == shape
    assert back.cutouts.difference.centre == centre
    assert CandidateFlag.EDGE in back.flags
    assert CandidateFlag.NO_TEMPLATE in back.flags


def test_equal_candidates_give_equal_bytes() -> None:
    assert encode_ztf_alert(make_candidate()) == encode_ztf_alert(make_candidate())


@pytest.mark.parametrize(
    ("changes", "extra", "message"),
    [
        ({"candidate_id": "a"}, {}, "an integer"),
        ({"band": "z"}, {}, "one of g, r, i"),
        ({}, {"colour": 1}, "colour"),
    ],
)
def test_what_does_not_fit_is_refused(
    changes: dict[str, Any], extra: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        encode_ztf_alert(make_candidate(**changes), extra=extra)

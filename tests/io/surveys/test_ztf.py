"""ZTF packets become candidates."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
from astropy.time import Time

from skyvet.core.errors import PacketError
from skyvet.io.alerts import read_alerts
from skyvet.io.surveys.ztf import ZtfAdapter, bright_star_radius_arcsec, centre_of_cut_stamp
from skyvet.records.candidate import Candidate
from skyvet.records.flags import CandidateFlag

# Stamps cut by the quadrant's edge: the whole set of them among the shared packets.
CUT_STAMPS = {
    2481172183015010003: ((63, 55), (31, 31)),
    2481247442315015000: ((57, 63), (25, 31)),
    2481458493315010007: ((53, 63), (31, 31)),
    396522680015040001: ((41, 63), (9, 31)),
    396522680015040002: ((45, 63), (13, 31)),
    472263571115115014: ((63, 53), (31, 31)),
    697252382115010005: ((63, 44), (31, 31)),
    697252382315010002: ((63, 60), (31, 31)),
    697252842615010004: ((63, 50), (31, 31)),
    697252844715015001: ((63, 48), (31, 31)),
}


def alert(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "jd": 2_459_000.5, "fid": 1, "isdiffpos": "t", "magpsf": 18.9, "sigmapsf": 0.1,
        "ra": 10.0, "dec": -5.0, "exptime": 30.0, "ssdistnr": -999.0, "drb": 0.5,
        "drbversion": "d6_m7",
    }  # fmt: skip
    return {"candid": 1, "objectId": "ZTF20aaaaaaa", "candidate": {**fields, **changes}}


def read(**changes: Any) -> Candidate:
    return ZtfAdapter().to_candidate(alert(**changes))


@pytest.fixture(scope="module")
def real(shared_data: Path) -> dict[Any, Candidate]:
    readings = read_alerts([shared_data / "ztf_alerts"])
    found = [reading.item for reading in readings if isinstance(reading.item, Candidate)]
    return {candidate.candidate_id: candidate for candidate in found}


@pytest.fixture(scope="module")
def records(shared_data: Path) -> dict[Any, dict[str, Any]]:
    """Plain fastavro records of a tenth of the packets."""
    paths = sorted((shared_data / "ztf_alerts").glob("*.avro"))[::10]
    found: dict[Any, dict[str, Any]] = {}
    for path in paths:
        for record in fastavro.reader(io.BytesIO(path.read_bytes())):
            assert isinstance(record, dict)
            found[record["candid"]] = record
    return found


def test_fields_equal_those_of_plain_fastavro(
    real: dict[Any, Candidate], records: dict[Any, dict[str, Any]]
) -> None:
    for candid in records.keys() & real.keys():
        candidate, fields = real[candid], records[candid]["candidate"]
        assert candidate.object_id == records[candid]["objectId"]
        assert (candidate.ra_deg, candidate.dec_deg) == (fields["ra"], fields["dec"])
        assert candidate.band == {1: "g", 2: "r", 3: "i"}[fields["fid"]]
        size = 10 ** (0.4 * (31.4 - fields["magpsf"]))
        sign = 1 if fields["isdiffpos"] in ("t", "1") else -1
        assert candidate.flux_njy == pytest.approx(sign * size, rel=1e-12)  # float64 throughout
        assert candidate.snr == pytest.approx(1.0857362047581296 / fields["sigmapsf"], rel=1e-12)
        for name, value in candidate.features.items():
            sent = fields.get(name)
            missing = sent is None or sent in (-999.0, -99.0)
            assert math.isnan(value) if missing else value == sent


def test_time_is_the_middle_of_the_exposure_in_tai(
    real: dict[Any, Candidate], records: dict[Any, dict[str, Any]]
) -> None:
    for candid in list(records.keys() & real.keys())[:20]:
        fields = records[candid]["candidate"]
        start = Time(fields["jd"], format="jd", scale="utc").tai.mjd
        middle = start + 0.5 * (fields.get("exptime") or 30.0) / 86_400
        assert real[candid].mjd_tai == pytest.approx(middle, abs=1e-8)  # spacing of a JD


def test_placeholder_scores_are_missing(real: dict[Any, Candidate]) -> None:
    scored = [c for c in real.values() if math.isfinite(c.survey_score)]
    assert {c.survey_score_version for c in scored} == {"d6_m7"}
    unscored = [c for c in real.values() if not math.isfinite(c.survey_score)]
    # drb is absent or a placeholder in 374 of 901 packets; 5 of these have no readable cutout.
    assert len(unscored) == 369
    assert all(c.survey_score_version == "" for c in unscored)


@pytest.mark.parametrize(
    ("drb", "version"), [(0.0, ""), (0.0, None), (None, "d6_m7"), (1.5, "d6_m7"), (math.nan, "a")]
)
def test_scores_without_version_or_range_are_missing(drb: Any, version: Any) -> None:
    candidate = read(drb=drb, drbversion=version)
    assert math.isnan(candidate.survey_score)
    assert candidate.survey_score_version == ""


@pytest.mark.parametrize(
    ("sent", "sign"), [("t", 1), ("1", 1), ("f", -1), ("0", -1), (1, 1), (0, -1), (True, 1)]
)
def test_sign_of_the_difference_is_the_sign_of_the_flux(sent: Any, sign: int) -> None:
    candidate = read(isdiffpos=sent)
    assert candidate.flux_njy == pytest.approx(sign * 1e5, rel=1e-12)
    assert (CandidateFlag.NEGATIVE_DIFFERENCE in candidate.flags) == (sign < 0)


def test_real_cut_stamps_are_all_found_and_flagged(real: dict[Any, Candidate]) -> None:
    found = {}
    for candid, candidate in real.items():
        if CandidateFlag.EDGE in candidate.flags:
            assert candidate.cutouts is not None
            assert candidate.cutouts.science is not None
            cutout = candidate.cutouts.science
            assert cutout.centre_row_col is not None
            found[candid] = (cutout.shape, cutout.centre)
    assert found == CUT_STAMPS


def test_every_cut_stamp_follows_from_its_position(real: dict[Any, Candidate]) -> None:
    """Brute force: mark the candidate's pixel on a whole quadrant and cut the stamp out."""
    for candid, (shape, centre) in CUT_STAMPS.items():
        assert real[candid].cutouts is not None
        x, y = POSITIONS[candid]
        rows = [row for row in range(round(y) - 31, round(y) + 32) if 1 <= row <= 3080]
        columns = [column for column in range(round(x) - 31, round(x) + 32) if 1 <= column <= 3072]
        assert (len(rows), len(columns)) == shape
        assert (rows.index(round(y)), columns.index(round(x))) == centre


# xpos and ypos in the packets.
POSITIONS = {
    2481172183015010003: (3049.404, 75.646),
    2481247442315015000: (2659.583, 26.167),
    2481458493315010007: (2387.811, 3058.557),
    396522680015040001: (2647.119, 10.392),
    396522680015040002: (94.355, 13.902),
    472263571115115014: (3051.059, 1214.155),
    697252382115010005: (3059.905, 2999.301),
    697252382315010002: (3043.953, 810.016),
    697252842615010004: (3053.532, 1249.368),
    697252844715015001: (3056.207, 894.922),
}


def test_the_source_sits_on_the_computed_centre(real: dict[Any, Candidate]) -> None:
    """A faint new source far from the stamp's middle: the difference peaks at its centre."""
    cutouts = real[2481247442315015000].cutouts
    assert cutouts is not None
    assert cutouts.difference is not None
    row, column = cutouts.difference.centre
    window = cutouts.difference.pixels[row - 6 : row + 7, column - 6 : column + 7]
    peak_row, peak_column = np.unravel_index(np.nanargmax(window), window.shape)
    assert (peak_row, peak_column) == (6, 6)


def test_positions_that_do_not_explain_the_shape_give_no_centre() -> None:
    assert centre_of_cut_stamp((41, 63), xpos=math.nan, ypos=math.nan) is None
    assert centre_of_cut_stamp((41, 63), xpos=1000.0, ypos=1000.0) is None


def test_distance_to_the_edge_falls_back_on_the_position() -> None:
    assert read(mindtoedge=12.5).edge_distance_px == 12.5
    assert read(mindtoedge=None, xpos=3000.0, ypos=50.0).edge_distance_px == 50.0
    assert math.isnan(read(mindtoedge=-999.0).edge_distance_px)


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"ssdistnr": 4.0}, CandidateFlag.SOLAR_SYSTEM),
        ({"neargaiabright": 8.0, "maggaiabright": 14.0}, CandidateFlag.NEAR_BRIGHT_STAR),
        ({"neargaiabright": 38.0, "maggaiabright": 10.0}, CandidateFlag.NEAR_BRIGHT_STAR),
    ],
)
def test_neighbours_are_flagged(changes: dict[str, Any], flag: CandidateFlag) -> None:
    assert flag in read(**changes).flags


@pytest.mark.parametrize(
    "changes",
    [
        {"ssdistnr": -999.0, "neargaiabright": -999.0, "maggaiabright": -999.0},
        {"ssdistnr": 6.0, "neargaiabright": 12.0, "maggaiabright": 14.0},
        {"ssdistnr": None, "neargaiabright": None},
    ],
)
def test_distant_and_missing_neighbours_are_not(changes: dict[str, Any]) -> None:
    assert read(**changes).flags == CandidateFlag.NONE


def test_brighter_stars_reach_further() -> None:
    radii = [bright_star_radius_arcsec(magnitude) for magnitude in (6.0, 9.0, 12.0, 14.0)]
    assert radii == sorted(radii, reverse=True)
    assert math.isnan(bright_star_radius_arcsec(-999.0))


def test_forced_photometry_goes_before_detections() -> None:
    record = alert()
    record["prv_candidates"] = [
        {"jd": 2_458_990.5, "fid": 1, "magpsf": 18.9, "sigmapsf": 0.1, "isdiffpos": "t"},
        {"jd": 2_458_980.5, "fid": 2, "magpsf": None, "diffmaglim": 20.0},
        {"jd": 2_459_000.5, "fid": 1, "magpsf": 18.9, "sigmapsf": 0.1, "isdiffpos": "t"},
    ]
    record["fp_hists"] = [
        {"jd": 2_458_990.5, "fid": 1, "magzpsci": 26.4, "forcediffimflux": -50.0,
         "forcediffimfluxunc": 5.0},
        {"jd": 2_458_991.5, "fid": 1, "magzpsci": 26.4, "forcediffimflux": -99999.0,
         "forcediffimfluxunc": 5.0},
    ]  # fmt: skip
    history = ZtfAdapter().to_candidate(record).history
    assert history is not None
    # A zero point of 26.4 makes 1 DN 100 nJy; the epoch of the alert itself is left out.
    np.testing.assert_allclose(history.flux_njy, [10 ** (0.4 * 11.4), -5000.0], rtol=1e-12)
    np.testing.assert_array_equal(history.is_upper_limit, [True, False])
    np.testing.assert_array_equal(history.band, ["r", "g"])


def test_no_history_is_none() -> None:
    assert read().history is None


def test_alerts_without_cutouts_are_candidates(real: dict[Any, Candidate]) -> None:
    without = [candidate for candidate in real.values() if candidate.cutouts is None]
    assert [candidate.object_id for candidate in without] == ["ZTF20abyfpze"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"jd": None}, "missing_field"),
        ({"jd": 5.0}, "bad_value"),
        ({"jd": math.nan}, "bad_value"),
        ({"jd": "x"}, "bad_value"),
    ],
)
def test_alerts_without_a_date_are_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(PacketError, match="jd") as caught:
        read(**changes)
    assert caught.value.reason == reason

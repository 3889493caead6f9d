"""Surveys described by mapping files."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
from astropy.time import Time

from skyvet.core.errors import InvalidInputError, PacketError
from skyvet.io.alerts import read_alerts
from skyvet.io.fits_stamps import encode_fits
from skyvet.io.surveys.mapped import MappedAdapter
from skyvet.io.surveys.mapping_config import load_mapping, mapping_from_toml
from skyvet.io.surveys.registry import built_in_mappings
from skyvet.records.candidate import Candidate
from skyvet.records.flags import CandidateFlag

MAPPING = """
name = "mysurvey"
schema_names = ["my.alert"]
stamp_px = 5
pixel_scale_arcsec = 0.5
candidate_id = "id"
object_id = "source.name"
snr = "source.sn"
sentinels = [-99.0]

[time]
field = "source.jd"
kind = "jd"
reference = "start"
exposure_s = 60.0

[band]
field = "source.filter"
names = { 1 = "g" }

[brightness]
kind = "magnitude"
value = "source.mag"
error = "source.mag_err"
sign = "field"
sign_field = "source.pos"

[score]
field = "source.rb"
version_field = "source.rbv"

[cutouts]
science = "images.sci"
difference = "images.diff"

[history]
field = "previous"
parent = "source"

[features]
width = "source.fwhm"
"""


def record(**changes: Any) -> dict[str, Any]:
    source = {
        "name": "obj", "jd": 2_459_000.5, "filter": 1, "mag": 18.9, "mag_err": 0.1, "pos": "t",
        "rb": 0.5, "rbv": "v1", "fwhm": 2.0,
    }  # fmt: skip
    stamp = encode_fits(np.ones((5, 5)))
    return {
        "id": 4,
        "source": {**source, **changes},
        "images": {"sci": stamp, "diff": stamp},
        "previous": [{**source, "jd": 2_458_999.5}, {**source, "jd": -99.0}],
    }


def read(mapping: str = MAPPING, **changes: Any) -> Candidate:
    adapter = MappedAdapter(mapping_from_toml(mapping, source="test"))
    return adapter.to_candidate(record(**changes))


def test_every_part_is_read() -> None:
    candidate = read()
    assert (candidate.survey, candidate.candidate_id, candidate.object_id) == ("mysurvey", 4, "obj")
    start = Time(2_459_000.5, format="jd", scale="utc").tai.mjd
    assert candidate.mjd_tai == pytest.approx(start + 30 / 86_400, abs=1e-8)  # spacing of a JD
    assert candidate.band == "g"
    assert candidate.flux_njy == pytest.approx(1e5, rel=1e-12)
    assert candidate.snr == pytest.approx(10.857362, rel=1e-6)
    assert (candidate.survey_score, candidate.survey_score_version) == (0.5, "v1")
    assert candidate.features == {"width": 2.0}
    assert candidate.flags == CandidateFlag.NO_TEMPLATE
    assert candidate.history is not None
    assert len(candidate.history) == 1


def test_sentinels_are_missing() -> None:
    candidate = read(fwhm=-99.0, mag_err=-99.0, rb=-99.0)
    assert math.isnan(candidate.features["width"])
    assert math.isnan(candidate.flux_err_njy)
    assert math.isnan(candidate.survey_score)


@pytest.mark.parametrize(
    ("section", "changes", "flux"),
    [
        ('sign = "field"', {"pos": "f"}, -1e5),
        ('sign = "field"', {"pos": False}, -1e5),
        ('sign = "value"', {"mag": -18.9}, -1e5),
        ('sign = "positive"', {"pos": "f"}, 1e5),
    ],
)
def test_signs_come_from_where_the_mapping_says(
    section: str, changes: dict[str, Any], flux: float
) -> None:
    candidate = read(MAPPING.replace('sign = "field"', section), **changes)
    assert candidate.flux_njy == pytest.approx(flux, rel=1e-12)


def test_fluxes_are_scaled_and_keep_their_sign() -> None:
    mapping = MAPPING.replace('kind = "magnitude"', 'kind = "flux"\nnjy_per_unit = 1000.0')
    candidate = read(mapping, mag=-2.0, mag_err=0.5)
    assert (candidate.flux_njy, candidate.flux_err_njy) == (-2000.0, 500.0)
    assert candidate.snr == pytest.approx(4.0, rel=1e-12)


def test_tai_times_are_not_converted() -> None:
    mapping = MAPPING.replace('kind = "jd"', 'kind = "mjd"\nscale = "tai"')
    mapping = mapping.replace('reference = "start"', 'reference = "middle"')
    assert read(mapping, jd=59_000.25).mjd_tai == 59_000.25


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"jd": None}, "missing_field"),
        ({"jd": 3.0}, "bad_value"),
        ({"name": ""}, "missing_field"),
        ({"name": 1.5}, "bad_value"),
    ],
)
def test_what_is_missing_or_wrong_is_a_packet_error(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(PacketError) as caught:
        read(**changes)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "mysurvey"', "", "name: Field required"),
        ('name = "mysurvey"', 'name = "My Survey"', "name: String should match"),
        ("stamp_px = 5", 'stamp_px = "big"', "stamp_px: Input should be a valid integer"),
        ('kind = "jd"', 'kind = "unix"', "time.kind: Input should be 'jd' or 'mjd'"),
        ('sign_field = "source.pos"', "", "sign = 'field' needs sign_field"),
        ("[features]", "colour = 1\n[features]", "history.colour: Extra inputs"),
        ('science = "images.sci"\ndifference = "images.diff"', "", "at least one of science"),
        ("stamp_px = 5", "stamp_px = ", "no valid TOML"),
        ('object_id = "source.name"', 'object_id = "source..name"', "object_id: String should"),
    ],
)
def test_faults_in_a_mapping_are_named(old: str, new: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as caught:
        mapping_from_toml(MAPPING.replace(old, new, 1), source="mine.toml")
    assert "mine.toml" in str(caught.value)


def test_mapping_files_are_loaded(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MAPPING)
    assert load_mapping(path).name == "mysurvey"
    with pytest.raises(InvalidInputError, match="cannot be read"):
        load_mapping(tmp_path / "absent.toml")


def test_the_built_in_mappings_are_named_like_their_surveys() -> None:
    assert [mapping.name for mapping in built_in_mappings()] == ["atlas", "decam", "pgir", "winter"]


def test_a_users_mapping_goes_first(tmp_path: Path) -> None:
    """The same packet is read by the built-in mapping, or by a user's for the same schema."""
    schema = {
        "type": "record", "name": "my.alert", "fields": [
            {"name": "id", "type": "long"},
            {"name": "source", "type": {"type": "record", "name": "s", "fields": [
                {"name": "name", "type": "string"}, {"name": "jd", "type": "double"}]}},
        ],
    }  # fmt: skip
    stream = io.BytesIO()
    packet = {"id": 4, "source": {"name": "obj", "jd": 2_459_000.5}}
    fastavro.writer(stream, fastavro.parse_schema(schema), [packet])
    (tmp_path / "a.avro").write_bytes(stream.getvalue())
    mapping = mapping_from_toml(MAPPING, source="test")
    (reading,) = read_alerts([tmp_path], mappings=[mapping])
    assert isinstance(reading.item, Candidate)
    assert reading.item.survey == "mysurvey"
    (forced,) = read_alerts([tmp_path], mappings=[mapping], survey="mysurvey")
    assert isinstance(forced.item, Candidate)


def test_atlas_fluxes_agree_with_those_in_the_packet(shared_data: Path) -> None:
    """The packet holds the flux in microjansky beside the magnitude that is read."""
    fluxes = []
    for path in sorted((shared_data / "other_alerts").glob("ATLAS_*.avro")):
        (packet,) = fastavro.reader(io.BytesIO(path.read_bytes()))
        assert isinstance(packet, dict)
        if "flux" in packet["candidate"]:
            (reading,) = read_alerts([path])
            assert isinstance(reading.item, Candidate)
            fluxes.append((reading.item.flux_njy, 1000 * packet["candidate"]["flux"]))
    found, expected = np.array(fluxes).T
    np.testing.assert_allclose(found, expected, rtol=1e-5)  # magnitudes are given to 3 decimals
    assert (expected < 0).any()
    assert (expected > 0).any()


def test_decam_fluxes_agree_with_the_magnitude_in_the_packet(shared_data: Path) -> None:
    (path,) = (shared_data / "other_alerts").glob("decam*.avro")
    (packet,) = fastavro.reader(io.BytesIO(path.read_bytes()))
    assert isinstance(packet, dict)
    (reading,) = read_alerts([path])
    assert isinstance(reading.item, Candidate)
    magnitude = packet["candidate"]["forcediffimmag"]
    assert reading.item.flux_njy == pytest.approx(10 ** (0.4 * (31.4 - magnitude)), rel=1e-5)

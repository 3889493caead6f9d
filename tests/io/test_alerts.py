"""Reading alerts of any survey from any kind of input."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import fastavro
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.io.alerts import AlertReading, read_alerts
from skyvet.io.schemas import schema_source
from skyvet.io.surveys.ztf_packets import encode_ztf_alert
from skyvet.io.surveys.ztf_schema import ztf_alert_schema
from skyvet.records.candidate import Candidate
from skyvet.records.rejections import Rejection, RejectionReason

JPEG, UNKNOWN = RejectionReason.UNREADABLE_CUTOUT, RejectionReason.UNKNOWN_SCHEMA


def encode(candid: int) -> bytes:
    return encode_ztf_alert(
        Candidate(
            survey="ztf", candidate_id=candid, object_id="ZTF20aaaaaaa", mjd_tai=59_000.0,
            band="g", flux_njy=1e4, flux_err_njy=1e3,
        )
    )  # fmt: skip


def many(candids: list[int], **options: Any) -> bytes:
    """Return one container with several records, as archives and brokers write."""
    records = [next(iter(fastavro.reader(io.BytesIO(encode(candid))))) for candid in candids]
    stream = io.BytesIO()
    fastavro.writer(stream, fastavro.parse_schema(ztf_alert_schema()), records, **options)
    return stream.getvalue()


def summary(readings: list[AlertReading]) -> list[tuple[int, int, str]]:
    return [
        (
            reading.i_file,
            reading.i_record,
            str(reading.item.candidate_id)
            if isinstance(reading.item, Candidate)
            else str(reading.item.reason),
        )
        for reading in readings
    ]


@pytest.fixture
def night(tmp_path: Path) -> Path:
    (tmp_path / "a.avro").write_bytes(encode(1))
    (tmp_path / "b.avro").write_bytes(many([2, 3, 4]))
    (tmp_path / "c.avro").write_bytes(b"noise")
    (tmp_path / "d.avro").write_bytes(many([5, 6, 7], sync_interval=1)[:-10])
    with tarfile.open(tmp_path / "e.tar.gz", "w:gz") as tar:
        for candid in (8, 9):
            member = tarfile.TarInfo(f"{candid}.avro")
            member.size = len(encode(candid))
            tar.addfile(member, io.BytesIO(encode(candid)))
    return tmp_path


NIGHT = [
    (0, 0, "1"),
    (1, 0, "2"),
    (1, 1, "3"),
    (1, 2, "4"),
    (2, 0, "unreadable_file"),
    (3, 0, "5"),
    (3, 1, "6"),
    (3, 2, "truncated_packet"),
    (4, 0, "8"),
    (5, 0, "9"),
]


def test_every_record_is_read_in_order_and_bad_ones_stop_nothing(night: Path) -> None:
    assert summary(list(read_alerts([night]))) == NIGHT


def test_reading_resumes_anywhere(night: Path) -> None:
    for i_reading, (i_file, i_record, _) in enumerate(NIGHT):
        assert summary(list(read_alerts([night], start=(i_file, i_record)))) == NIGHT[i_reading:]


def test_sources_name_file_member_and_record(night: Path) -> None:
    sources = [reading.source for reading in read_alerts([night])]
    assert [source.removeprefix(f"{night}/") for source in sources] == [
        "a.avro", "b.avro#0", "b.avro#1", "b.avro#2", "c.avro", "d.avro", "d.avro#1", "d.avro#2",
        "e.tar.gz/8.avro", "e.tar.gz/9.avro",
    ]  # fmt: skip


def test_a_rejection_names_survey_and_candidate(tmp_path: Path) -> None:
    record: Any = next(iter(fastavro.reader(io.BytesIO(encode(5)))))
    record["candidate"]["jd"] = 1.0
    stream = io.BytesIO()
    fastavro.writer(stream, fastavro.parse_schema(ztf_alert_schema()), [record])
    (tmp_path / "a.avro").write_bytes(stream.getvalue())
    (reading,) = read_alerts([tmp_path])
    assert isinstance(reading.item, Rejection)
    assert (reading.item.survey, reading.item.candidate_id) == ("ztf", 5)
    assert reading.item.reason == RejectionReason.BAD_VALUE
    assert reading.item.source == reading.source


def test_unknown_schemas_name_the_known_surveys(tmp_path: Path) -> None:
    stream = io.BytesIO()
    schema = {"type": "record", "name": "other", "fields": [{"name": "x", "type": "int"}]}
    fastavro.writer(stream, fastavro.parse_schema(schema), [{"x": 1}])
    (tmp_path / "a.avro").write_bytes(stream.getvalue())
    (reading,) = read_alerts([tmp_path])
    assert isinstance(reading.item, Rejection)
    assert reading.item.reason == UNKNOWN
    assert "'other'" in reading.item.detail
    assert "ztf, lsst, atlas" in reading.item.detail


def test_an_unknown_survey_raises_at_once(night: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"'auto' or one of ztf, lsst, .* got 'panstarrs'"):
        read_alerts([night], survey="panstarrs")


def test_standard_input_is_read() -> None:
    (reading,) = read_alerts(["-"], stdin=io.BytesIO(encode(5)))
    assert isinstance(reading.item, Candidate)
    assert reading.source == "<stdin>"


def test_empty_files_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.avro").write_bytes(b"")
    (reading,) = read_alerts([tmp_path])
    assert isinstance(reading.item, Rejection)
    assert reading.item.reason == RejectionReason.TRUNCATED_PACKET


def test_a_candidate_that_occurs_twice_is_read_twice(night: Path) -> None:
    readings = list(read_alerts([night / "a.avro", night / "a.avro"]))
    assert [reading.i_file for reading in readings] == [0, 1]


@pytest.mark.parametrize(
    ("folder", "with_schemas", "expected"),
    [
        # 901 alerts in 899 files; 5 early test packets carry JPEG images in place of FITS.
        ("ztf_alerts", False, {"ztf": 896, JPEG: 5}),
        ("lsst_alerts", False, {"lsst": 140, UNKNOWN: 1}),
        ("lsst_alerts", True, {"lsst": 141}),
        ("other_alerts", False, {"atlas": 16, "pgir": 8, "winter": 6, "decam": 1}),
    ],
)
def test_every_real_record_is_a_candidate_or_a_rejection(
    shared_data: Path, folder: str, with_schemas: bool, expected: dict[str, int]
) -> None:
    schemas = schema_source(shared_data / "lsst_schemas") if with_schemas else None
    items = [reading.item for reading in read_alerts([shared_data / folder], schemas=schemas)]
    found = Counter(
        item.survey if isinstance(item, Candidate) else str(item.reason) for item in items
    )
    assert found == expected


@pytest.mark.parametrize("error", [ValueError("odd"), TypeError("odd"), OverflowError("odd")])
def test_a_value_that_an_adapter_chokes_on_is_a_rejection(
    night: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def choke(*_: object) -> None:
        raise error

    monkeypatch.setattr("skyvet.io.surveys.ztf.ZtfAdapter.to_candidate", choke)
    items = [reading.item for reading in read_alerts([night / "a.avro"])]
    assert {item.reason.value for item in items} == {"bad_value"}
    assert all(item.candidate_id is not None for item in items)

"""Damaged packets become rejections: no other error, no hang, no memory beyond bounds."""

from __future__ import annotations

import io
import tarfile
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skyvet.core.errors import PacketError
from skyvet.io.alerts import AlertReading, read_alerts
from skyvet.io.avro import AvroWriter
from skyvet.io.fits_stamps import encode_fits, gzip_bytes, read_fits_images
from skyvet.io.schemas import AvroSchema, schema_from_document, schema_from_json
from skyvet.io.surveys.lsst_packets import encode_lsst_alert, encode_lsst_message
from skyvet.io.surveys.lsst_schema import lsst_alert_schema
from skyvet.io.surveys.ztf_packets import encode_ztf_alert
from skyvet.records.candidate import Candidate
from skyvet.records.cutouts import Cutout, CutoutTriplet
from skyvet.records.light_curve import LightCurve
from skyvet.records.rejections import Rejection

FUZZ = settings(
    max_examples=150,
    deadline=10_000,  # [ms] a packet takes about one; machines may be busy
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
MAX_BYTES = 64 << 20


def make_candidate(survey: str) -> Candidate:
    image = Cutout(pixels=np.arange(63 * 63, dtype=np.float32).reshape(63, 63))
    history = LightCurve(
        mjd_tai=np.arange(58_000.0, 58_004.0),
        flux_njy=np.ones(4),
        flux_err_njy=np.ones(4),
        band=np.array(["g"] * 4),
        is_upper_limit=np.zeros(4, dtype=bool),
        is_difference=True,
    )
    return Candidate(
        survey=survey,
        candidate_id=5,
        object_id=6,
        mjd_tai=59_000.0,
        band="g",
        flux_njy=100.0,
        flux_err_njy=10.0,
        history=history,
        cutouts=CutoutTriplet(
            science=image, template=image, difference=image, pixel_scale_arcsec=1.0
        ),
    )


class OneSchema:
    """Answers every id with the schema of an LSST alert."""

    def schema(self, schema_id: int) -> AvroSchema:
        return schema_from_document(lsst_alert_schema())


SCHEMAS = OneSchema()
PACKETS: dict[str, bytes] = {
    "ztf": encode_ztf_alert(make_candidate("ztf")),
    "lsst": encode_lsst_alert(make_candidate("lsst")),
    "wire": encode_lsst_message(make_candidate("lsst")),
}


def read_bytes(data: bytes) -> list[AlertReading]:
    """Read standard input that holds one packet in a tar archive."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo("packet.avro")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    archive.seek(0)
    return list(read_alerts(["-"], schemas=SCHEMAS, stdin=archive))


def mutate(data: bytes, edits: list[tuple[float, int]], *, span: float) -> bytes:
    """Replace bytes; positions are fractions of the first `span` of the packet."""
    mutated = bytearray(data)
    for position, value in edits:
        mutated[int(position * span * (len(data) - 1))] = value
    return bytes(mutated)


EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8)


@pytest.mark.parametrize("kind", PACKETS)
def test_whole_packets_are_candidates(kind: str) -> None:
    (reading,) = read_bytes(PACKETS[kind])
    assert isinstance(reading.item, Candidate)


@pytest.mark.parametrize("span", [1.0, 0.02])  # the whole packet; header and first fields
@pytest.mark.parametrize("kind", PACKETS)
@FUZZ
@given(edits=EDITS)
def test_mutated_packets_never_raise(
    kind: str, span: float, edits: list[tuple[float, int]]
) -> None:
    readings = read_bytes(mutate(PACKETS[kind], edits, span=span))
    assert readings
    assert all(isinstance(reading.item, (Candidate, Rejection)) for reading in readings)


@FUZZ
@given(i_packet=st.integers(0, 10**6), edits=EDITS, span=st.sampled_from([1.0, 0.4]))
def test_mutated_real_packets_never_raise(
    shared_data: Path, i_packet: int, edits: list[tuple[float, int]], span: float
) -> None:
    packets = sorted(shared_data.glob("*_alerts/**/*.avro"))
    readings = read_bytes(mutate(packets[i_packet % len(packets)].read_bytes(), edits, span=span))
    assert readings
    assert all(isinstance(reading.item, (Candidate, Rejection)) for reading in readings)


@pytest.mark.parametrize("kind", PACKETS)
@FUZZ
@given(fraction=st.floats(0, 1, exclude_max=True))
def test_truncated_packets_are_rejected(kind: str, fraction: float) -> None:
    packet = PACKETS[kind]
    readings = read_bytes(packet[: int(fraction * len(packet))])
    assert readings
    assert isinstance(readings[-1].item, Rejection)


@FUZZ
@given(data=st.binary(max_size=400))
def test_noise_is_rejected(data: bytes) -> None:
    readings = read_bytes(data)
    assert [type(reading.item) for reading in readings] == [Rejection]


@FUZZ
@given(edits=EDITS, is_gzipped=st.booleans())
def test_mutated_cutouts_are_images_or_packet_errors(
    edits: list[tuple[float, int]], is_gzipped: bool
) -> None:
    plain = encode_fits(np.ones((20, 30)), extensions={"UNCERT": np.ones((20, 30))})
    data = mutate(gzip_bytes(plain) if is_gzipped else plain, edits, span=1.0)
    reason = ""
    try:
        images = read_fits_images(data)
    except PacketError as error:
        images, reason = [], error.reason
    assert reason in ("", "unreadable_cutout")
    assert all(image.pixels.ndim == 2 for image in images)


@FUZZ
@given(edits=EDITS)
def test_mutated_archives_never_raise(edits: list[tuple[float, int]], tmp_path: Path) -> None:
    path = tmp_path / "night.tar.gz"
    if not path.exists():
        with tarfile.open(path, "w:gz") as tar:
            for name in ("a.avro", "b.avro"):
                member = tarfile.TarInfo(name)
                member.size = len(PACKETS["ztf"])
                tar.addfile(member, io.BytesIO(PACKETS["ztf"]))
        path.with_suffix(".whole").write_bytes(path.read_bytes())
    damaged = tmp_path / "damaged.tar.gz"
    damaged.write_bytes(mutate(path.read_bytes(), edits, span=1.0))
    for reading in read_alerts([damaged]):
        assert isinstance(reading.item, (Candidate, Rejection))


def _deflate_bomb() -> bytes:
    return _container(zlib.compress(bytes(400 << 20), 9)[2:-4], codec=b"deflate")


def _snappy_bomb() -> bytes:
    return _container(b"\xff\xff\xff\xff\x0f" + bytes(100), codec=b"snappy")


def _huge_block() -> bytes:
    return _container(b"", codec=b"null", n_bytes=1 << 40)


def _huge_array() -> bytes:
    schema = {"type": "record", "name": "a", "fields": [
        {"name": "x", "type": {"type": "array", "items": "int"}}]}  # fmt: skip
    packet = AvroWriter(schema).encode({"x": []})
    return packet.replace(
        b"\x02\x02\x00", b"\x02\x14" + b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"
    )


def _container(block: bytes, *, codec: bytes, n_bytes: int | None = None) -> bytes:
    head = encode_ztf_alert(make_candidate("ztf"))
    end = head.index(b"avro.codec") + len(b"avro.codec")
    body = head[:end] + bytes([2 * len(codec)]) + codec + b"\x00" + bytes(16)
    size = len(block) if n_bytes is None else n_bytes
    return body + b"\x02" + _varint(size) + block + bytes(16)


def _varint(value: int) -> bytes:
    value, out = value << 1, bytearray()
    while value > 0x7F:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    return bytes([*out, value])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (_snappy_bomb, "grows beyond"),
        (_huge_block, "1 records in 1099511627776 bytes"),
        (_huge_array, "does not follow its schema"),
    ],
)
def test_claimed_sizes_allocate_nothing(build: Callable[[], bytes], message: str) -> None:
    packet = build()
    tracemalloc.start()
    try:
        (reading,) = read_bytes(packet)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(reading.item, Rejection)
    assert message in reading.item.detail
    assert peak < MAX_BYTES


def test_a_deflate_bomb_is_rejected() -> None:
    (reading,) = read_bytes(_deflate_bomb())
    assert isinstance(reading.item, Rejection)
    assert "grows beyond" in reading.item.detail


def test_a_gzip_bomb_in_a_cutout_is_rejected_unread() -> None:
    bomb = gzip_bytes(bytes(100 << 20), level=1)
    tracemalloc.start()
    try:
        with pytest.raises(PacketError, match="claims to hold 104857600"):
            read_fits_images(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


def test_a_gzip_cutout_that_lies_about_its_size_is_rejected() -> None:
    honest = gzip_bytes(bytes(10 << 20))
    with pytest.raises(PacketError, match="damaged gzip"):
        read_fits_images(honest[:-4] + (1000).to_bytes(4, "little"))


NESTED = b'{"type":"record","name":"r","fields":[{"name":"x","type":'


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (NESTED + b'"r"}]}', "contains itself"),
        (NESTED + b'{"type":"array","items":"null"}}]}', "take no bytes"),
        (NESTED + b"[" * 5000 + b"]" * 5000 + b"}]}", "nested too deeply"),
        (b'{"type": "array", "items": "int"}', "not a record"),
        (b"[]", "Avro schema"),
        (b"nonsense", "not JSON"),
        (b'{"type":"record","name":"r","fields":[{"name":"x"}]}', "Avro schema"),
    ],
)
def test_dangerous_schemas_are_refused(document: bytes, message: str) -> None:
    with pytest.raises(PacketError, match=message):
        schema_from_json(document)


def test_schemas_that_explode_are_refused() -> None:
    inner: object = "null"
    for level in range(12):
        fields = [{"name": f"f{i}", "type": inner if i == 0 else f"r{level - 1}"} for i in range(9)]
        fields = fields if level else fields[:1]
        inner = {"type": "record", "name": f"r{level}", "fields": fields}
    with pytest.raises(PacketError, match="too many"):
        schema_from_document(inner)

"""Avro containers, written by another library."""

from __future__ import annotations

import io
from typing import Any

import fastavro
import pytest
import zstandard

from skyvet.core.errors import InvalidInputError, PacketError
from skyvet.io.avro import AvroWriter, decode_records, read_blocks

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "test.alert",
    "fields": [
        {"name": "candid", "type": "long"},
        {"name": "name", "type": ["null", "string"], "default": None},
        {"name": "child", "type": {"type": "record", "name": "test.child", "fields": [
            {"name": "x", "type": "double"}]}},
    ],
}  # fmt: skip
RECORDS = [
    {"candid": i, "name": f"n{i}" if i % 2 else None, "child": {"x": i / 3}} for i in range(9)
]


def container(codec: str = "null", **options: Any) -> bytes:
    if codec == "zstandard":
        return zstandard_container()
    stream = io.BytesIO()
    fastavro.writer(stream, fastavro.parse_schema(SCHEMA), RECORDS, codec=codec, **options)
    return stream.getvalue()


def zstandard_container() -> bytes:
    """Compress the block of a plain container, which fastavro cannot without another package."""
    plain = container()
    sync = plain[-16:]
    head = plain[: plain.index(sync)].replace(b"avro.codec\x08null", b"avro.codec\x12zstandard")
    (block,) = read_blocks(io.BytesIO(plain[4:]))
    data = zstandard.ZstdCompressor().compress(block.data)
    n_bytes = 2 * len(data)  # zigzag
    size = bytes([n_bytes & 0x7F | 0x80, n_bytes >> 7])
    return head + sync + bytes([2 * len(RECORDS)]) + size + data + sync


def read(data: bytes) -> list[dict[str, Any]]:
    blocks = read_blocks(io.BytesIO(data[4:]))
    return [record for block in blocks for record in decode_records(block)]


@pytest.mark.parametrize("codec", ["null", "deflate", "snappy", "zstandard"])
@pytest.mark.parametrize("sync_interval", [1, 16_000])
def test_every_codec_is_read(codec: str, sync_interval: int) -> None:
    assert read(container(codec, sync_interval=sync_interval)) == RECORDS


def test_unknown_codecs_are_named() -> None:
    data = container().replace(b"avro.codec\x08null", b"avro.codec\x08lzma")
    with pytest.raises(PacketError, match=r"'lzma'.* deflate, null, snappy, zstandard"):
        read(data)


def test_schemas_are_parsed_once() -> None:
    first, second = (next(read_blocks(io.BytesIO(container()[4:]))) for _ in range(2))
    assert first.schema is second.schema
    assert first.schema.field_names == {"candid", "name", "child", "child.x"}
    assert first.schema.name == "test.alert"


def test_a_wrong_sync_marker_is_noticed() -> None:
    data = bytearray(container())
    data[-1] ^= 1
    with pytest.raises(PacketError, match="sync marker"):
        read(bytes(data))


def test_records_before_the_damage_are_kept() -> None:
    data = container(sync_interval=1)[:-5]
    found: list[dict[str, Any]] = []

    def read_all() -> None:
        for block in read_blocks(io.BytesIO(data[4:])):
            found.extend(decode_records(block))

    with pytest.raises(PacketError, match="ends 5 bytes too early"):
        read_all()
    assert found == RECORDS[:8]


@pytest.mark.parametrize(("claimed", "message"), [(10, "holds 9 records"), (8, "left behind")])
def test_a_block_with_a_wrong_count_is_noticed(claimed: int, message: str) -> None:
    (block,) = list(read_blocks(io.BytesIO(container()[4:])))
    wrong = type(block)(schema=block.schema, n_records=claimed, data=block.data)
    with pytest.raises(PacketError, match=message):
        list(decode_records(wrong))


@pytest.mark.parametrize("codec", ["deflate", "snappy", "zstandard"])
def test_damaged_compression_is_refused(codec: str) -> None:
    data = bytearray(container(codec))
    middle = len(data) - 16 - 20
    data[middle : middle + 6] = b"\xff" * 6
    with pytest.raises(PacketError) as caught:
        read(bytes(data))
    assert caught.value.reason == "truncated_packet"


def test_a_wrong_checksum_is_noticed() -> None:
    data = bytearray(container("snappy"))
    data[-17] ^= 1  # the last byte before the sync marker
    with pytest.raises(PacketError, match="checksum"):
        read(bytes(data))


def test_an_empty_container_holds_nothing() -> None:
    stream = io.BytesIO()
    fastavro.writer(stream, fastavro.parse_schema(SCHEMA), [])
    assert read(stream.getvalue()) == []


def test_written_containers_are_read_by_another_library() -> None:
    data = AvroWriter(SCHEMA).encode(RECORDS[3])
    assert list(fastavro.reader(io.BytesIO(data))) == [RECORDS[3]]
    assert read(data) == [RECORDS[3]]


def test_records_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="does not fit its schema"):
        AvroWriter(SCHEMA).encode({"candid": "seven", "child": {"x": 1.0}})

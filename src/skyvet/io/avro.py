"""Avro packets: object containers and the Confluent wire format, guarded against damage.

A container carries its schema; the wire format is a zero byte, a 4-byte big-endian schema id and
the record. Parsed schemas are cached by their bytes, because alert packets repeat the same 27 kB
of schema in every packet. Whatever is wrong becomes a `PacketError`; sizes and counts are bounded
before anything is allocated.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import fastavro
import zstandard
from cramjam import DecompressionError, snappy
from fastavro.read import SchemaResolutionError

from skyvet.core.errors import InvalidInputError, PacketError
from skyvet.io.schemas import AvroSchema, schema_from_json
from skyvet.records.rejections import RejectionReason

__all__ = [
    "CONTAINER_MAGIC",
    "MAX_BLOCK_BYTES",
    "WIRE_MAGIC",
    "AvroBlock",
    "AvroWriter",
    "decode_record",
    "decode_records",
    "read_blocks",
]

CONTAINER_MAGIC = b"Obj\x01"
"""First bytes of an object container."""

WIRE_MAGIC = b"\x00"
"""First byte of a wire-format message."""

MAX_BLOCK_BYTES = 256 << 20
"""Largest block [bytes], after decompression: three 3072-px float stamps and a history fit."""

_MAX_METADATA_BYTES = 8 << 20
_MAX_METADATA_ENTRIES = 1000
_SYNC_BYTES = 16
_PIECE_BYTES = 1 << 20
_DECODE_ERRORS = (
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    AttributeError,
    MemoryError,
    struct.error,
    SchemaResolutionError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AvroBlock:
    """Some records of a container, still encoded.

    Parameters
    ----------
    schema : AvroSchema
        Schema they were written with.
    n_records : int
        Records that the block claims to hold.
    data : bytes
        The records, decompressed.
    """

    schema: AvroSchema
    n_records: int
    data: bytes


def read_blocks(stream: BinaryIO) -> Iterator[AvroBlock]:
    """Yield the blocks of an Avro container, one at a time.

    Parameters
    ----------
    stream : binary file
        Positioned just behind the four magic bytes.

    Raises
    ------
    PacketError
        If the container is cut, damaged, too large or of an unknown codec.
    """
    metadata = _read_metadata(stream)
    sync = _read_exactly(stream, _SYNC_BYTES)
    if "avro.schema" not in metadata:
        raise PacketError(RejectionReason.UNKNOWN_SCHEMA, "the container holds no avro.schema")
    schema = schema_from_json(metadata["avro.schema"])
    decompress = _codec(metadata.get("avro.codec", b"null"))
    while first := stream.read(1):
        n_records = _read_long(stream, first=first)
        n_bytes = _read_long(stream)
        if n_records < 0 or not 0 <= n_bytes <= MAX_BLOCK_BYTES:
            raise _truncated(f"a block claims {n_records} records in {n_bytes} bytes")
        data = _read_exactly(stream, n_bytes)
        if _read_exactly(stream, _SYNC_BYTES) != sync:
            raise _truncated("a block's sync marker is wrong")
        yield AvroBlock(schema=schema, n_records=n_records, data=decompress(data))


def decode_records(
    block: AvroBlock, *, wanted: dict[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the records of a block.

    Parameters
    ----------
    block : AvroBlock
        Records, still encoded.
    wanted : dict, optional
        Smaller schema from `skyvet.io.schemas.schema_without`: what it lacks is passed over.

    Raises
    ------
    PacketError
        At the first record that cannot be decoded (the rest of the block is lost with it), or at
        the end if bytes are left over.
    """
    stream = io.BytesIO(block.data)
    for i_record in range(block.n_records):
        if stream.tell() >= len(block.data):
            raise _truncated(f"a block holds {i_record} records, not {block.n_records}")
        yield decode_record(stream, block.schema, wanted=wanted)
    n_left = len(block.data) - stream.tell()
    if n_left:
        raise _truncated(f"{n_left} bytes are left behind {block.n_records} records")


def decode_record(
    stream: io.BytesIO, schema: AvroSchema, *, wanted: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Decode one record from its schemaless body; see `decode_records` for `wanted`.

    Raises
    ------
    PacketError
        If the bytes do not follow the schema.
    """
    try:
        record = fastavro.schemaless_reader(stream, schema.parsed, wanted)
    except _DECODE_ERRORS as error:
        raise _truncated(f"the record does not follow its schema ({error!r:.200})") from error
    if not isinstance(record, dict):
        raise _truncated("the record is no record")
    return record


class AvroWriter:
    """Writes records of one schema, each as a container of its own.

    Parameters
    ----------
    schema : dict
        Avro schema as a JSON document.

    Examples
    --------
    >>> writer = AvroWriter(
    ...     {"type": "record", "name": "a", "fields": [{"name": "x", "type": "int"}]})
    >>> block = next(read_blocks(io.BytesIO(writer.encode({"x": 5})[4:])))
    >>> list(decode_records(block))
    [{'x': 5}]
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        text = json.dumps(schema, separators=(",", ":")).encode()
        self._parsed = fastavro.parse_schema(schema)
        # A fixed marker, so that equal records give equal bytes.
        self._sync = hashlib.md5(text, usedforsecurity=False).digest()
        entries = {b"avro.schema": text, b"avro.codec": b"null"}
        body = b"".join(_sized(part) for entry in entries.items() for part in entry)
        self._head = CONTAINER_MAGIC + _long(len(entries)) + body + _long(0) + self._sync

    def encode(self, record: Mapping[str, Any]) -> bytes:
        """Return a container that holds one record.

        Raises
        ------
        InvalidInputError
            If the record does not fit the schema.
        """
        data = self.encode_body(record)
        return b"".join((self._head, _long(1), _long(len(data)), data, self._sync))

    def encode_body(self, record: Mapping[str, Any]) -> bytes:
        """Return the record alone, without a schema.

        Raises
        ------
        InvalidInputError
            If the record does not fit the schema.
        """
        stream = io.BytesIO()
        try:
            fastavro.schemaless_writer(stream, self._parsed, record)
        except (ValueError, TypeError, KeyError, OverflowError, AttributeError) as error:
            raise InvalidInputError(f"the record does not fit its schema: {error}") from error
        return stream.getvalue()


def _long(value: int) -> bytes:
    zigzag = (value << 1) ^ (value >> 63)
    encoded = bytearray()
    while zigzag > 0x7F:
        encoded.append((zigzag & 0x7F) | 0x80)
        zigzag >>= 7
    encoded.append(zigzag)
    return bytes(encoded)


def _sized(data: bytes) -> bytes:
    return _long(len(data)) + data


def _truncated(detail: str) -> PacketError:
    return PacketError(RejectionReason.TRUNCATED_PACKET, detail)


def _read_exactly(stream: BinaryIO, n_bytes: int) -> bytes:
    data = stream.read(n_bytes)
    if len(data) != n_bytes:
        raise _truncated(f"the packet ends {n_bytes - len(data)} bytes too early")
    return data


def _read_long(stream: BinaryIO, *, first: bytes = b"") -> int:
    value = 0
    for i_byte in range(10):
        byte = (first or _read_exactly(stream, 1))[0]
        first = b""
        value |= (byte & 0x7F) << (7 * i_byte)
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1)
    raise _truncated("an integer takes more than ten bytes")


def _read_metadata(stream: BinaryIO) -> dict[str, bytes]:
    metadata: dict[str, bytes] = {}
    while count := _read_long(stream):
        if count < 0:
            count = -count
            _read_long(stream)
        if count + len(metadata) > _MAX_METADATA_ENTRIES:
            raise _truncated(f"the header claims {count} metadata entries")
        for _ in range(count):
            key = _read_sized(stream).decode("utf-8", errors="replace")
            metadata[key] = _read_sized(stream)
    return metadata


def _read_sized(stream: BinaryIO) -> bytes:
    n_bytes = _read_long(stream)
    if not 0 <= n_bytes <= _MAX_METADATA_BYTES:
        raise _truncated(f"the header claims a text of {n_bytes} bytes")
    return _read_exactly(stream, n_bytes)


def _codec(name: bytes) -> Callable[[bytes], bytes]:
    try:
        return _CODECS[name]
    except KeyError:
        known = ", ".join(sorted(codec.decode() for codec in _CODECS))
        raise PacketError(
            RejectionReason.UNREADABLE_FILE,
            f"Avro codec {name.decode(errors='replace')!r:.40} is not known; known are {known}",
        ) from None


def _too_large() -> PacketError:
    return _truncated(f"a block grows beyond {MAX_BLOCK_BYTES} bytes when decompressed")


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(data, MAX_BLOCK_BYTES)
    except zlib.error as error:
        raise _truncated(f"a deflate block is damaged ({error})") from error
    if inflater.unconsumed_tail:
        raise _too_large()
    if not inflater.eof:
        raise _truncated("a deflate block is cut")
    return plain


def _unsnap(data: bytes) -> bytes:
    body, checksum = data[:-4], data[-4:]
    try:
        if snappy.decompress_raw_len(body) > MAX_BLOCK_BYTES:
            raise _too_large()
        plain = bytes(snappy.decompress_raw(body))
    except DecompressionError as error:
        raise _truncated(f"a snappy block is damaged ({error})") from error
    if zlib.crc32(plain).to_bytes(4, "big") != checksum:
        raise _truncated("the checksum of a snappy block is wrong")
    return plain


def _unzstd(data: bytes) -> bytes:
    pieces, n_bytes = [], 0
    try:
        with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(data) as reader:
            while piece := reader.read(_PIECE_BYTES):
                n_bytes += len(piece)
                if n_bytes > MAX_BLOCK_BYTES:
                    raise _too_large()
                pieces.append(piece)
    except zstandard.ZstdError as error:
        raise _truncated(f"a zstandard block is damaged ({error})") from error
    return b"".join(pieces)


_CODECS: dict[bytes, Callable[[bytes], bytes]] = {
    b"null": lambda data: data,
    b"deflate": _inflate,
    b"snappy": _unsnap,
    b"zstandard": _unzstd,
}

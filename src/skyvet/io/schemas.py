"""Avro schemas: parsed once, checked against absurd ones, found by id in a folder or registry."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from fastavro.schema import SchemaParseException, parse_schema

from skyvet.core.errors import PacketError
from skyvet.records.rejections import RejectionReason

__all__ = ["AvroSchema", "SchemaSource", "schema_from_document", "schema_from_json"]

_MAX_SCHEMA_BYTES = 4 << 20
_MAX_NODES = 20_000
_MAX_DEPTH = 40
_PRIMITIVES = frozenset(("null", "boolean", "int", "long", "float", "double", "bytes", "string"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AvroSchema:
    """A parsed schema with what adapters ask of it.

    Parameters
    ----------
    name : str
        Full name of the top-level record.
    field_names : frozenset of str
        Top-level names, and ``parent.child`` for the fields of records directly below.
    parsed : dict
        Schema as fastavro wants it; treat as read-only.
    """

    name: str
    field_names: frozenset[str]
    parsed: dict[str, Any]


class SchemaSource(Protocol):
    """Finds the schema of a wire-format message."""

    def schema(self, schema_id: int) -> AvroSchema:
        """Return a schema by its id.

        Raises
        ------
        PacketError
            ``unknown_schema``, naming the id and the known ids.
        """
        ...


@lru_cache(maxsize=64)
def schema_from_json(document: bytes) -> AvroSchema:
    """Parse an Avro schema, refusing those that could exhaust memory or the stack.

    The answer is cached by the document's bytes.

    Parameters
    ----------
    document : bytes
        Schema as JSON text.

    Raises
    ------
    PacketError
        If it is no schema of a record, recursive, too deep or too large, or has arrays of items
        that take no bytes.

    Examples
    --------
    >>> text = b'{"type": "record", "name": "a", "fields": [{"name": "x", "type": "int"}]}'
    >>> sorted(schema_from_json(text).field_names)
    ['x']
    """
    if len(document) > _MAX_SCHEMA_BYTES:
        raise _bad_schema(f"{len(document)} bytes of schema; at most {_MAX_SCHEMA_BYTES} accepted")
    try:
        raw = json.loads(document)
        return schema_from_document(raw)
    except RecursionError as error:
        raise _bad_schema("nested too deeply") from error
    except ValueError as error:
        raise _bad_schema(f"not JSON: {error}") from error


def schema_from_document(raw: Any) -> AvroSchema:  # noqa: ANN401 - any JSON document
    """Parse a schema that is already a JSON document; see `schema_from_json`."""
    _check_nesting(raw, depth=0)
    try:
        parsed = parse_schema(raw)
        walker = _SchemaWalker()
        walker.min_bytes(parsed, depth=0)
    except (SchemaParseException, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _bad_schema(f"{type(error).__name__}: {error}") from error
    if not isinstance(parsed, dict) or parsed.get("type") != "record":
        raise _bad_schema("the top level is not a record")
    return AvroSchema(
        name=str(parsed["name"]), field_names=frozenset(_names(parsed)), parsed=parsed
    )


def _bad_schema(detail: str) -> PacketError:
    return PacketError(RejectionReason.UNKNOWN_SCHEMA, f"unusable Avro schema: {detail}")


def _check_nesting(node: object, *, depth: int) -> None:
    if depth > 3 * _MAX_DEPTH:
        raise _bad_schema("nested too deeply")
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        _check_nesting(child, depth=depth + 1)


class _SchemaWalker:
    """Walks a schema as a decoder would, counting nodes with every reference expanded."""

    def __init__(self) -> None:
        self.n_nodes = 0
        self.named: dict[str, Any] = {}
        self.open_records: set[str] = set()

    def min_bytes(self, node: Any, *, depth: int) -> int:  # noqa: ANN401 - JSON node
        """Return the fewest bytes that a value of this type takes."""
        self.n_nodes += 1
        if self.n_nodes > _MAX_NODES or depth > _MAX_DEPTH:
            raise _bad_schema("too many or too deeply nested types")
        if isinstance(node, list):
            for branch in node:
                self.min_bytes(branch, depth=depth + 1)
            return 1
        if isinstance(node, str):
            if node in _PRIMITIVES:
                return {"null": 0, "float": 4, "double": 8}.get(node, 1)
            return self.min_bytes(self.named[node], depth=depth + 1)
        return self._complex_min_bytes(node, depth=depth)

    def _complex_min_bytes(self, node: dict[str, Any], *, depth: int) -> int:
        kind = node["type"]
        if kind in ("record", "error"):
            return self._record_min_bytes(node, depth=depth)
        if kind in ("array", "map"):
            items = node["items"] if kind == "array" else node["values"]
            if self.min_bytes(items, depth=depth + 1) == 0 and kind == "array":
                raise _bad_schema("an array of items that take no bytes")
            return 1
        if kind in ("enum", "fixed"):
            self.named[node["name"]] = node
            return 1 if kind == "enum" else int(node["size"])
        return self.min_bytes(kind, depth=depth + 1)

    def _record_min_bytes(self, node: dict[str, Any], *, depth: int) -> int:
        name = node["name"]
        if name in self.open_records:
            raise _bad_schema(f"record {name} contains itself")
        self.named[name] = node
        self.open_records.add(name)
        total = sum(self.min_bytes(field["type"], depth=depth + 1) for field in node["fields"])
        self.open_records.discard(name)
        return total


def _names(parsed: dict[str, Any]) -> list[str]:
    names = []
    for field in parsed["fields"]:
        names.append(field["name"])
        names += [f"{field['name']}.{child}" for child in _child_names(field["type"])]
    return names


def _child_names(node: Any) -> list[str]:  # noqa: ANN401 - JSON node
    branches = node if isinstance(node, list) else [node]
    records = [b for b in branches if isinstance(b, dict) and b.get("type") == "record"]
    return [field["name"] for record in records for field in record["fields"]]

"""Avro schemas: parsed once, checked against absurd ones, found by id in a folder or registry."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException
from pathlib import Path
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.request import urlopen

from fastavro.repository.base import SchemaRepositoryError
from fastavro.schema import SchemaParseException, load_schema, parse_schema

from skyvet.core.errors import InvalidInputError, PacketError
from skyvet.records.rejections import RejectionReason

__all__ = [
    "AvroSchema",
    "SchemaFolder",
    "SchemaRegistry",
    "SchemaSource",
    "schema_from_document",
    "schema_from_json",
    "schema_source",
    "schema_without",
]

_MAX_SCHEMA_BYTES = 4 << 20
_MAX_NODES = 20_000
_MAX_DEPTH = 40
_MAX_FAILURES = 1000
_VERSION = re.compile(r"v(\d+)_(\d+)")
_SCHEMA_ERRORS = (SchemaParseException, ValueError, TypeError, KeyError, AttributeError)
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

    @property
    def location(self) -> str:
        """Folder or address, for the settings of a run."""
        ...

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
    except _SCHEMA_ERRORS as error:
        raise _bad_schema(f"{type(error).__name__}: {error}") from error
    if not isinstance(parsed, dict) or parsed.get("type") != "record":
        raise _bad_schema("the top level is not a record")
    return AvroSchema(
        name=str(parsed["name"]), field_names=frozenset(_names(parsed)), parsed=parsed
    )


def schema_without(schema: AvroSchema, names: Collection[str]) -> dict[str, Any] | None:
    """Return a schema for reading records faster, without some of their top-level fields.

    Parameters
    ----------
    schema : AvroSchema
        Schema that the records were written with.
    names : collection of str
        Fields to leave out.

    Returns
    -------
    dict or None
        None where there is nothing to leave out, or other fields use types defined in these.

    Examples
    --------
    >>> text = b'{"type": "record", "name": "a", "fields": [{"name": "x", "type": "int"}]}'
    >>> schema_without(schema_from_json(text), ["x"])["fields"]
    []
    """
    fields = [field for field in schema.parsed["fields"] if field["name"] not in names]
    if len(fields) == len(schema.parsed["fields"]):
        return None
    try:
        smaller = parse_schema({"type": "record", "name": schema.name, "fields": fields})
    except _SCHEMA_ERRORS:
        return None
    return smaller if isinstance(smaller, dict) else None


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


class SchemaFolder:
    """Schemas in a local folder, found by their id: 100 x major + minor version.

    Finds files such as ``v9_0/lsst.v9_0.alert.avsc`` (id 900) at any depth; the records that
    they name lie beside them. Only the schemas asked for are parsed.

    Parameters
    ----------
    folder : Path
        The folder.

    Raises
    ------
    InvalidInputError
        If the folder does not exist or holds no alert schema.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InvalidInputError(f"schema folder {folder} does not exist")
        self._paths: dict[int, Path] = {}
        for path in sorted(folder.rglob("*.alert.avsc")):
            version = _VERSION.search(path.name)
            if version is not None:
                self._paths[100 * int(version[1]) + int(version[2])] = path
        if not self._paths:
            raise InvalidInputError(
                f"schema folder {folder} holds no file named like lsst.v9_0.alert.avsc"
            )
        self._folder = folder
        self._parsed: dict[int, AvroSchema] = {}

    @property
    def location(self) -> str:
        """The folder."""
        return str(self._folder)

    def schema(self, schema_id: int) -> AvroSchema:
        """Return a schema by its id; see `SchemaSource.schema`."""
        if schema_id not in self._paths:
            raise _unknown(schema_id, known=self._paths, where=f"the folder {self._folder}")
        if schema_id not in self._parsed:
            path = self._paths[schema_id]
            try:
                document = load_schema(str(path))
            except (OSError, SchemaRepositoryError, *_SCHEMA_ERRORS) as error:
                raise _bad_schema(f"{path}: {error}") from error
            self._parsed[schema_id] = schema_from_document(document)
        return self._parsed[schema_id]


class SchemaRegistry:
    """A Confluent schema registry, asked over HTTP once for each id.

    Parameters
    ----------
    url : str
        Address of the registry, ``http://`` or ``https://``.
    timeout_s : float, default 10
        Longest wait for an answer [s].
    retry_s : float, default 60
        A failed id is asked for again only after this time [s].

    Raises
    ------
    InvalidInputError
        If the address is no HTTP address.
    """

    def __init__(self, url: str, *, timeout_s: float = 10.0, retry_s: float = 60.0) -> None:
        if not url.startswith(("http://", "https://")):
            raise InvalidInputError(f"a schema registry needs an http(s) address, got {url!r}")
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._retry_s = retry_s
        self._parsed: dict[int, AvroSchema] = {}
        self._failed: dict[int, tuple[float, PacketError]] = {}

    @property
    def location(self) -> str:
        """The address."""
        return self._url

    def schema(self, schema_id: int) -> AvroSchema:
        """Return a schema by its id; see `SchemaSource.schema`."""
        if schema_id in self._parsed:
            return self._parsed[schema_id]
        failed_at, failure = self._failed.get(schema_id, (-math.inf, None))
        if failure is not None and time.monotonic() - failed_at < self._retry_s:
            raise failure
        try:
            parsed = self._fetch(schema_id)
        except PacketError as error:
            self._remember_failure(schema_id, error)
            raise
        self._parsed[schema_id] = parsed
        return parsed

    def _remember_failure(self, schema_id: int, error: PacketError) -> None:
        if len(self._failed) >= _MAX_FAILURES:
            self._failed.clear()
        self._failed[schema_id] = (time.monotonic(), error)

    def _fetch(self, schema_id: int) -> AvroSchema:
        address = f"{self._url}/schemas/ids/{schema_id}"
        try:
            with urlopen(address, timeout=self._timeout_s) as answer:  # noqa: S310 - checked above
                body = answer.read(_MAX_SCHEMA_BYTES + 1)
        except HTTPError as error:
            error.close()
            raise self._failure(schema_id, f"answered {error.code} {error.reason}") from error
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise self._failure(schema_id, f"cannot be reached ({reason})") from error
        try:
            document = json.loads(body)["schema"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise self._failure(schema_id, "did not answer with a schema") from error
        if not isinstance(document, str):
            raise self._failure(schema_id, "did not answer with a schema")
        return schema_from_json(document.encode())

    def _failure(self, schema_id: int, what: str) -> PacketError:
        return _unknown(
            schema_id, known=self._parsed, where=f"the schema registry {self._url}", what=what
        )


def schema_source(location: str | Path) -> SchemaSource:
    """Return a registry for an ``http(s)://`` address, else a folder.

    Raises
    ------
    InvalidInputError
        If the folder does not exist or holds no alert schema.
    """
    text = str(location)
    return SchemaRegistry(text) if "://" in text else SchemaFolder(Path(text))


def _unknown(schema_id: int, *, known: Iterable[int], where: str, what: str = "") -> PacketError:
    names = ", ".join(map(str, sorted(known))) or "none"
    why = f"{where} {what}" if what else f"it is not in {where}"
    return PacketError(
        RejectionReason.UNKNOWN_SCHEMA, f"no schema {schema_id}: {why}; known ids: {names}"
    )

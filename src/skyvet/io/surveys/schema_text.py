"""Avro record types from compact text: ``name:type``, nullable with a question mark."""

from __future__ import annotations

from typing import Any

__all__ = ["optional_field", "record_type"]


def record_type(name: str, fields: str) -> dict[str, Any]:
    """Return an Avro record type.

    Parameters
    ----------
    name : str
        Full name of the record.
    fields : str
        Entries ``name:type`` between blanks; ``type?`` may be null and is null by default.

    Examples
    --------
    >>> record_type("a", "x:int y:float?")["fields"][1]
    {'name': 'y', 'type': ['null', 'float'], 'default': None}
    """
    entries = [entry.split(":") for entry in fields.split()]
    return {"type": "record", "name": name, "fields": [_field(*entry) for entry in entries]}


def optional_field(name: str, kind: str | dict[str, Any]) -> dict[str, Any]:
    """Return a field that may be null and is null by default."""
    return {"name": name, "type": ["null", kind], "default": None}


def _field(name: str, kind: str) -> dict[str, Any]:
    if kind.endswith("?"):
        return optional_field(name, kind.removesuffix("?"))
    return {"name": name, "type": kind}

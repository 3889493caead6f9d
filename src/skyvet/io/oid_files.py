"""Lists of ZTF object identifiers: text (one a line), CSV or Parquet with a column ``oid``."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from skyvet.core.errors import InvalidInputError

__all__ = ["OidList", "read_oids"]

_COLUMNS = ("oid", "object_id", "objectid")
_WHOLE_NUMBER = re.compile(r"\d{1,18}")
_FLOAT_NUMBER = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class OidList:
    """What a list of identifiers holds.

    Parameters
    ----------
    oids : tuple of int
        Identifiers, each once, in the order of the file.
    unusable : tuple of str
        Entries that are no positive whole number.
    n_duplicates, n_blank : int
        Repeated and empty entries, left out.
    """

    oids: tuple[int, ...]
    unusable: tuple[str, ...] = ()
    n_duplicates: int = 0
    n_blank: int = 0


def read_oids(path: Path) -> OidList:
    r"""Read a list of identifiers.

    Parameters
    ----------
    path : Path
        ``.parquet``; ``.csv`` with a header; else text, one identifier a line, where ``#`` begins
        a comment and a first line ``oid`` is a heading.

    Raises
    ------
    InvalidInputError
        If it cannot be read, has no column ``oid``, holds floats (64-bit identifiers lose digits
        in them) or no usable identifier at all.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "oids.txt"
    >>> _ = path.write_text("633207400004730\n\n633207400004730\n")
    >>> found = read_oids(path)
    >>> found.oids, found.n_duplicates, found.n_blank
    ((633207400004730,), 1, 1)
    """
    entries = list(_entries(path))
    floats = [entry for entry in entries if _FLOAT_NUMBER.fullmatch(entry)]
    if floats:
        raise InvalidInputError(
            f"{path} holds identifiers as floats, such as {floats[0]}, which lose digits; write "
            "them as whole numbers"
        )
    filled = [entry for entry in entries if entry]
    numbers = [int(e) for e in filled if _WHOLE_NUMBER.fullmatch(e) and int(e) > 0]
    unusable = tuple(e for e in filled if not (_WHOLE_NUMBER.fullmatch(e) and int(e) > 0))
    oids = tuple(dict.fromkeys(numbers))
    if not oids:
        shown = f"; it begins with {unusable[0]!r:.60}" if unusable else ""
        raise InvalidInputError(f"{path} holds no object identifier (whole numbers){shown}")
    return OidList(
        oids=oids,
        unusable=unusable,
        n_duplicates=len(numbers) - len(oids),
        n_blank=len(entries) - len(filled),
    )


def _entries(path: Path) -> Iterable[str]:
    """Return the entries as stripped text, empty ones included."""
    if path.suffix == ".parquet":
        return _parquet_entries(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"list of objects {path} cannot be read: {error}") from error
    if path.suffix == ".csv":
        return _csv_entries(path, text)
    lines = [line.partition("#")[0].strip() for line in text.splitlines() if line[:1] != "#"]
    return lines[1:] if lines and lines[0].lower() in _COLUMNS else lines


def _csv_entries(path: Path, text: str) -> list[str]:
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    heading = [name.strip().lower() for name in rows[0]] if rows else []
    column = _column(path, heading)
    return [row[column].strip() if column < len(row) else "" for row in rows[1:]]


def _column(path: Path, names: list[str]) -> int:
    found = [names.index(name) for name in _COLUMNS if name in names]
    if not found:
        raise InvalidInputError(
            f"{path} needs a column 'oid', found {', '.join(names[:8]) or 'none'}"
        )
    return found[0]


def _parquet_entries(path: Path) -> list[str]:
    try:
        schema = pq.read_schema(path)
        column = _column(path, [name.lower() for name in schema.names])
        values = pq.read_table(path, columns=[schema.names[column]])[0]
    except (OSError, pa.ArrowInvalid) as error:
        raise InvalidInputError(f"list of objects {path} cannot be read: {error}") from error
    return ["" if value is None else str(value).strip() for value in values.to_pylist()]

"""Label events as tables and back, without loss: what export writes and import reads.

One row an event, in the order of arrival. Identifiers are text, and the columns
``candidate_id_type`` and ``object_id_type`` say ``number`` or ``text``; missing numbers are empty
(CSV) or null (Parquet); times are UTC.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet

from skyvet.core.errors import InvalidInputError, LabelError
from skyvet.core.files import atomic_path
from skyvet.io.label_cells import RowFaults, parse_label, parse_number, read_columns
from skyvet.io.label_store.tables import event_of_row, row_of_event
from skyvet.records.label_events import LabelAction, LabelEvent

__all__ = ["EVENT_COLUMNS", "is_event_file", "read_event_file", "write_event_file", "write_table"]

_TEXT, _REAL, _FLAG = pa.string(), pa.float64(), pa.bool_()
EVENT_COLUMNS: Final[Mapping[str, pa.DataType]] = {
    "event_key": _TEXT, "survey": _TEXT, "candidate_id": _TEXT, "candidate_id_type": _TEXT,
    "object_id": _TEXT, "object_id_type": _TEXT, "labeller": _TEXT, "action": _TEXT,
    "label": _TEXT, "undoes": _TEXT, "subclass": _TEXT, "confidence": _REAL, "comment": _TEXT,
    "labelled_at": pa.timestamp("us", tz="UTC"), "time_taken_s": _REAL, "bundle": _TEXT,
    "score": _REAL, "is_score_hidden": _FLAG, "page_version": _TEXT, "strategy": _TEXT,
}  # fmt: skip
"""Columns of a file of events and their types in Parquet."""

_TYPE_NAMES = {True: "number", False: "text"}
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def write_event_file(events: Sequence[LabelEvent], path: Path) -> None:
    """Write events to a ``.csv`` or ``.parquet`` file; whole or not at all.

    Raises
    ------
    InvalidInputError
        If the name ends otherwise.
    DatasetError
        If the file cannot be written.
    """
    rows = [_cells_of_event(event) for event in events]
    columns = {name: [row[name] for row in rows] for name in EVENT_COLUMNS}
    write_table(pa.table(columns, schema=pa.schema(EVENT_COLUMNS.items())), path)


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table to a ``.csv`` or ``.parquet`` file; whole or not at all.

    Raises
    ------
    InvalidInputError
        If the name ends otherwise.
    DatasetError
        If the file cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in (".csv", ".parquet"):
        raise InvalidInputError(f"labels are written to .csv or .parquet, got {path}")
    with atomic_path(path) as draft:
        if kind == ".parquet":
            pyarrow.parquet.write_table(table, draft)
            return
        with draft.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(table.column_names)
            for row in table.to_pylist():
                writer.writerow([_csv_cell(value) for value in row.values()])


def _csv_cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cells_of_event(event: LabelEvent) -> dict[str, Any]:
    row = row_of_event(event)
    for name in ("candidate_id", "object_id"):
        is_number = row.pop(f"{name}_is_number")
        row[f"{name}_type"] = None if is_number is None else _TYPE_NAMES[is_number]
    row["label"] = row.pop("value")
    return {name: None if value == "" else value for name, value in row.items()}


def is_event_file(path: Path) -> bool:
    """Say whether a file holds events, and not labels alone.

    Raises
    ------
    LabelError
        If it cannot be read.
    """
    names = {name: (name,) for name in ("event_key", "action")}
    return len(read_columns(path, names, needed=())) == len(names)


def read_event_file(path: Path) -> list[LabelEvent]:
    """Read a file that `write_event_file` wrote.

    Returns
    -------
    list of LabelEvent
        In the order of the file.

    Raises
    ------
    LabelError
        If it cannot be read, or rows are wrong: all are named with their reasons.
    """
    names = {name: (name,) for name in EVENT_COLUMNS}
    needed = ("event_key", "survey", "candidate_id", "labeller", "action", "label", "labelled_at")
    columns = read_columns(path, names, needed=needed)
    faults = RowFaults(path)
    events = []
    for i_row in range(len(columns["event_key"])):
        cells = {name: column[i_row] for name, column in columns.items()}
        try:
            events.append(_event_of_cells(cells))
        except InvalidInputError as error:
            faults.add(i_row, str(error))
    faults.raise_if_any()
    return events


def _event_of_cells(cells: Mapping[str, Any]) -> LabelEvent:
    row: dict[str, Any] = {
        name: _PARSERS[name](cells.get(name)) if name in _PARSERS else _text(cells.get(name))
        for name in EVENT_COLUMNS
    }
    label = row.pop("label")
    row["value"] = None if label == "" else parse_label(label)
    for name in ("candidate_id", "object_id"):
        kind = row.pop(f"{name}_type")
        if kind == "number" and not row[name].removeprefix("-").isdecimal():
            raise LabelError(f"{name} {row[name]!r} is no whole number")
        row[f"{name}_is_number"] = kind == "number"
    row["object_id"] = row["object_id"] or None
    return event_of_row(row)


def _text(cell: object) -> str:
    return "" if cell is None else str(cell)


def _flag(cell: object) -> bool:
    text = str(cell).strip().lower() if cell not in (None, "") else "false"
    if text not in _FLAGS:
        raise LabelError(f"is_score_hidden {cell!r} is neither true nor false")
    return _FLAGS[text]


def _time(cell: object) -> dt.datetime:
    try:
        time = cell if isinstance(cell, dt.datetime) else dt.datetime.fromisoformat(str(cell))
    except ValueError:
        raise LabelError(
            f"labelled_at {cell!r} is no time; write it as 2026-03-01T22:15:00+00:00"
        ) from None
    if time.tzinfo is None:
        raise LabelError(f"labelled_at {cell!r} lacks its time zone; add +00:00 for UTC")
    return time


def _action(cell: object) -> LabelAction:
    try:
        return LabelAction(str(cell))
    except ValueError:
        raise LabelError(f"action {cell!r} is neither label nor undo") from None


def _type_name(cell: object) -> str:
    text = _text(cell) or "text"
    if text not in _TYPE_NAMES.values():
        raise LabelError(f"type {cell!r} of an identifier is neither number nor text")
    return text


_PARSERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "candidate_id_type": _type_name,
    "object_id_type": _type_name,
    "action": _action,
    "labelled_at": _time,
    "is_score_hidden": _flag,
    "confidence": partial(parse_number, name="confidence", high=1.0),
    "time_taken_s": partial(parse_number, name="time_taken_s"),
    "score": partial(parse_number, name="score", high=1.0),
}

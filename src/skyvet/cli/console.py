"""What a command says: tables for people, one JSON object for machines."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.table import Table

__all__ = ["make_table", "note", "show_result", "to_plain"]


def to_plain(value: Any) -> Any:  # noqa: ANN401 - any value that a result may hold
    """Return a value as JSON knows it: NaN becomes null, records become objects.

    Parameters
    ----------
    value : object
        Numbers, text, paths, enums, NumPy scalars and arrays, dataclasses, configs, and
        mappings and sequences of these.

    Returns
    -------
    object
        Made of dict, list, str, int, float, bool and None.

    Examples
    --------
    >>> to_plain({"auc": float("nan"), "files": ("a", "b")})
    {'auc': None, 'files': ['a', 'b']}
    """
    if isinstance(value, BaseModel):
        return to_plain(value.model_dump(mode="json"))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (field.name for field in dataclasses.fields(value))
        return {name: to_plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(item) for item in value]
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:  # noqa: ANN401 - any value that a result may hold
    if isinstance(value, Enum):
        return to_plain(value.value)
    if hasattr(value, "tolist"):
        return to_plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int)) else str(value)


def make_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Return a table for `show_result`; numbers are set right, missing values are a dash.

    Parameters
    ----------
    title : str
        Stands above the table; may be empty.
    columns : sequence of str
        Headings, units in brackets.
    rows : sequence of sequences
        Cells. Floats get four significant digits; None and NaN become a dash.

    Returns
    -------
    rich.table.Table

    Examples
    --------
    >>> make_table("Counts", ["what", "n"], [["scored", 3]]).row_count
    1
    """
    table = Table(title=title or None, title_justify="left", min_width=len(title))
    for i_column, heading in enumerate(columns):
        cells = [row[i_column] for row in rows]
        is_number = bool(cells) and all(isinstance(cell, (int, float)) for cell in cells)
        table.add_column(heading, justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(_cell(cell) for cell in row))
    return table


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def show_result(
    document: Mapping[str, Any], *tables: RenderableType, as_json: bool = False
) -> None:
    """Write a command's result to standard output.

    Parameters
    ----------
    document : mapping
        All facts of the result, for machines.
    *tables : anything that rich can print
        The same for people.
    as_json : bool, default False
        Write `document` as one JSON object on one line, and nothing else.

    Examples
    --------
    >>> show_result({"n_scored": 3}, "3 scored", as_json=True)
    {"n_scored": 3}
    """
    if as_json:
        sys.stdout.write(json.dumps(to_plain(document), allow_nan=False) + "\n")
        sys.stdout.flush()
        return
    console = Console(file=sys.stdout, highlight=False)
    for table in tables:
        console.print(table, markup=False)


def note(text: str) -> None:
    """Say something to the person on standard error; standard output stays for results."""
    Console(file=sys.stderr, highlight=False).print(text, markup=False, soft_wrap=True)
